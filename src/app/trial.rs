//! Try it: what the network does to messages of a size and a rate, over a channel of some
//! reliability. Two runs stand side by side.

mod charts;
mod form;
mod table;
mod words;

use super::markup::escape;
use super::set_if_changed;
use crate::browser::{rendered, use_runner};
use crate::trial::Pair;
use form::Form;
use leptos::prelude::*;
use tickwire_link::Link;

/// The panel. What shows the runs is text and markup, made as a whole each time it is drawn. `ready`
/// turns true once the page is hydrated.
#[component]
pub fn Trial(link: Link, ready: Signal<bool>) -> impl IntoView {
    let shown = show(&Pair::default(), 0.0).map(RwSignal::new);
    let runner = use_runner(link, move |pair, now| {
        for (shown, new) in shown.into_iter().zip(show(pair, now)) {
            set_if_changed(shown, new);
        }
    });
    let [news, table, charts] = shown.map(Signal::<String>::from);
    view! {
        <section class="panel trial" aria-labelledby="trial-title">
            <div class="feed-head">
                <h2 id="trial-title">"Try it"</h2>
            </div>
            <p class="trial-what">
                "Learn what your network does: messages go to the server’s echo over a channel of their own, and come back, or do not. Run it twice, once reliable and once not, or once by WebSocket, and compare."
            </p>
            <Form link runner ready />
            <div class="trial-results">
                <p class="trial-news" aria-live="polite" inner_html=news></p>
                <table class="table" inner_html=table></table>
                <details class="terms" inner_html=rendered(include_str!("trial/terms.html"))></details>
            </div>
            <div class="trial-plots" inner_html=charts></div>
        </section>
    }
}

/// What was said of the newest run, the table and the pictures.
fn show(pair: &Pair, now: f64) -> [String; 3] {
    [
        escape(&words::news(pair)),
        table::table(pair, now),
        charts::charts(pair),
    ]
}
