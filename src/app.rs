//! The page: a connection to start and stop, its log, and a message to send.
//!
//! The server renders what the browser first shows: no clock, no check of what the browser can
//! do, and every control that needs the connection disabled.

mod composer;
mod log;
mod status;

use crate::browser::use_link;
use crate::link::{LinkEvent, LinkEventKind};
use composer::Composer;
use leptos::prelude::*;
use log::{Announcement, Lines, Log};
use status::Status;

/// What the page shows, in one sentence.
pub const SUMMARY: &str =
    "The server’s clock, live over a WebRTC data channel, and an echo of what you send.";

/// The whole page.
#[component]
pub fn App() -> impl IntoView {
    let lines = Lines::new();
    let link = use_link(move |event: LinkEvent| lines.record(event));
    let ready = RwSignal::new(false);
    // Runs in the browser alone: from here on the button does something.
    Effect::new(move |_| ready.set(true));

    view! {
        <main class="page">
            <header class="masthead">
                <h1>"Tickwire"</h1>
                <p class="summary">{SUMMARY}</p>
            </header>
            <noscript>
                <p class="notice">
                    "This page needs JavaScript and WebAssembly: they make the connection to the server. Please turn them on and reload."
                </p>
            </noscript>
            <div class="panel">
                <Status link ready=ready.into() />
                <Log lines />
                <Composer link />
            </div>
            <Announcement lines />
        </main>
    }
}

/// Where a line of the log came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Source {
    Time,
    Echo,
    Server,
    You,
    Link,
}

impl Source {
    fn of(kind: &LinkEventKind) -> Self {
        use crate::wire::FromData;
        match kind {
            LinkEventKind::Received(text) => match FromData::parse(text) {
                Some(FromData::Time(_)) => Self::Time,
                Some(FromData::Echo(_)) => Self::Echo,
                Some(FromData::Refused(_)) | None => Self::Server,
            },
            LinkEventKind::ReceivedBinary(_) => Self::Server,
            LinkEventKind::Sent(_) => Self::You,
            LinkEventKind::State(_) => Self::Link,
        }
    }
}
