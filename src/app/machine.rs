//! The server's load: a chart of its processors, and what else there is in numbers.

use super::reading::Reading;
use super::readings::MachineTexts;
use leptos::prelude::*;

/// The panel of the machine feed.
#[component]
pub fn Machine(machine: Signal<MachineTexts>) -> impl IntoView {
    let text = move |part: fn(&MachineTexts) -> &String| {
        Memo::new(move |_| machine.with(|texts| part(texts).clone()))
    };
    view! {
        <section class="panel feed machine" aria-labelledby="machine-title">
            <div class="feed-head">
                <h2 id="machine-title">"Server load"</h2>
                <span class="what">"Processors in use"</span>
            </div>
            <div class="chart">
                <div class="values" aria-hidden="true">
                    <span>"100 %"</span>
                    <span>"50 %"</span>
                    <span>"0 %"</span>
                </div>
                <svg
                    role="img"
                    aria-label=text(|texts| &texts.description)
                    viewBox="0 0 3000 1000"
                    preserveAspectRatio="none"
                >
                    <path class="grid" d="M0,0H3000M0,500H3000M0,1000H3000" />
                    <path class="load" d=text(|texts| &texts.path) />
                </svg>
                <div class="times" aria-hidden="true">
                    <span>"30 s ago"</span>
                    <span>"15 s"</span>
                    <span>"now"</span>
                </div>
            </div>
            <dl class="readings tiles">
                <Reading name="Processors" value=text(|texts| &texts.processors) />
                <Reading name="Memory" value=text(|texts| &texts.memory) />
                <Reading name="Sessions" value=text(|texts| &texts.sessions) />
            </dl>
        </section>
    }
}
