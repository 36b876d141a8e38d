//! The status, and the one button.

use crate::link::{Link, LinkState};
use leptos::prelude::*;

/// What the link is doing, and the button that starts and stops it. `ready` turns true once the
/// page is hydrated.
#[component]
pub fn Status(link: Link, ready: Signal<bool>) -> impl IntoView {
    let state = link.state;
    let is_active = Memo::new(move |_| state.with(LinkState::is_active));
    let toggle = move |_| {
        if is_active.get_untracked() {
            link.stop()
        } else {
            link.start()
        }
    };
    view! {
        <div class="panel status-bar">
            <p class="status" role="status" data-state=move || state.with(key)>
                <span class="lamp" aria-hidden="true"></span>
                <span class="state">{move || state.with(LinkState::label)}</span>
                <span class="reason">{move || state.with(|state| state.reason().to_owned())}</span>
            </p>
            <button
                type="button"
                class="toggle"
                class:active=is_active
                disabled=move || !ready.get()
                on:click=toggle
            >
                // Both in one place, so that the button keeps its size and its text does not move.
                <span class="label" class:shown=move || !is_active.get()>"Start Connection"</span>
                <span class="label" class:shown=is_active>"Stop"</span>
            </button>
        </div>
    }
}

/// What the style sheet goes by.
fn key(state: &LinkState) -> &'static str {
    match state {
        LinkState::Idle => "idle",
        LinkState::Connecting => "connecting",
        LinkState::Connected => "connected",
        LinkState::Interrupted => "interrupted",
        LinkState::Disconnected(_) => "disconnected",
        LinkState::Failed(_) => "failed",
    }
}
