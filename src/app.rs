//! The page: a connection to start and stop, what its feeds say, and a message to send.
//!
//! The server renders what the browser first shows: no clock, no check of what the browser can
//! do, and every control that needs the connection disabled.

mod clock;
mod composer;
mod connection;
mod diagnosis;
mod feeds;
mod live;
mod log;
mod machine;
mod markup;
mod reading;
mod readings;
mod status;
mod text;
mod trial;

use clock::Clock;
use composer::Composer;
use connection::Connection;
use feeds::use_feeds;
use leptos::prelude::*;
use live::Live;
use log::{Announcement, Lines, Log};
use machine::Machine;
use status::Status;
use trial::Trial;

/// What the page shows, in one sentence.
pub const SUMMARY: &str = "Values that stay new, the server’s clock and load, live over WebRTC data channels, and an echo of what you send.";

/// Writes a signal where that changes it: who reads it is not called for nothing.
fn set_if_changed<T: PartialEq + Send + Sync + 'static>(signal: RwSignal<T>, value: T) {
    if signal.with_untracked(|shown| *shown != value) {
        signal.set(value);
    }
}

/// The whole page.
#[component]
pub fn App() -> impl IntoView {
    let lines = Lines::new();
    let feeds = use_feeds(lines);
    let link = feeds.link;
    let ready = RwSignal::new(false);
    // Runs in the browser alone: from here on the button does something.
    Effect::new(move |_| ready.set(true));

    view! {
        <main class="page">
            <header class="masthead">
                <img src="favicon.svg" alt="" width="44" height="44" />
                <h1>"Tickwire"</h1>
                <p class="summary">{SUMMARY}</p>
            </header>
            <noscript>
                <p class="notice">
                    "This page needs JavaScript and WebAssembly: they make the connection to the server. Please turn them on and reload."
                </p>
            </noscript>
            <div class="panels">
                <div class="panel link-card">
                    <Status link ready=ready.into() />
                    <Connection link ready=ready.into() />
                </div>
                <Live feeds />
                <Clock feeds />
                <Machine machine=feeds.machine />
                <div class="panel talk">
                    <Log lines />
                    <Composer link />
                </div>
                <Trial link ready=ready.into() />
            </div>
            <Announcement lines />
        </main>
    }
}
