//! The report, to hand on.

use crate::app::diagnosis::Report;
use crate::browser::{Vantage, page};
use leptos::html;
use leptos::prelude::*;
use leptos::task::{spawn_local, tick};
use tickwire_link::Link;
use tickwire_link::clock::now;

/// The button that copies the report, and the text itself where the browser does not let it.
/// `ready` turns true once the page is hydrated.
#[component]
pub fn CopyReport(link: Link, vantage: RwSignal<Vantage>, ready: Signal<bool>) -> impl IntoView {
    let text_area = NodeRef::<html::Textarea>::new();
    let with_addresses = RwSignal::new(false);
    let said = RwSignal::new("");
    let not_copied = RwSignal::new(None::<String>);
    let copy = move |_| {
        let text = report(link, vantage, with_addresses.get_untracked());
        // What was said before is said again.
        said.set("");
        not_copied.set(None);
        spawn_local(async move {
            if page::copy(text.clone()).await {
                said.try_set("Copied.");
                return;
            }
            said.try_set("This browser does not let the page copy. Here it is, selected:");
            not_copied.try_set(Some(text));
            tick().await;
            if let Some(text_area) = text_area.try_get_untracked().flatten() {
                let _ = text_area.focus();
                text_area.select();
            }
        });
    };
    view! {
        <div class="report">
            <button type="button" class="secondary" disabled=move || !ready.get() on:click=copy>
                "Copy report"
            </button>
            <label>
                <input
                    type="checkbox"
                    name="with-addresses"
                    autocomplete="off"
                    disabled=move || !ready.get()
                    on:change=move |event| with_addresses.set(event_target_checked(&event))
                />
                "with addresses"
            </label>
            <span aria-live="polite">{said}</span>
            <textarea
                aria-label="Report"
                readonly
                node_ref=text_area
                hidden=move || not_copied.with(Option::is_none)
                prop:value=move || not_copied.get().unwrap_or_default()
            ></textarea>
        </div>
    }
}

/// As of now.
fn report(link: Link, vantage: RwSignal<Vantage>, with_addresses: bool) -> String {
    let path = link.path.get_untracked();
    Report {
        at: now(),
        state: &link.state.get_untracked(),
        steps: &link.steps.get_untracked(),
        path: path.as_ref(),
        round_trip: link.round_trip.get_untracked(),
        channels: &link.channels.get_untracked(),
        advertised: &link.advertised.get_untracked(),
        vantage: &vantage.get_untracked(),
    }
    .text(with_addresses)
}
