//! The link in the server's render: idle, and nothing to start. The browser's own replaces it
//! when it hydrates the page, and first shows the same.

mod frame;
mod runner;
mod vantage;

use crate::link::{Link, LinkOptions, LinkState, OpenError};
use crate::trial::Pair;
pub use frame::Frame;
use leptos::prelude::*;
pub use runner::Runner;
use std::time::Duration;
pub use vantage::Vantage;

/// A link that stays [`LinkState::Idle`].
pub fn use_link() -> Link {
    use_link_with_options(LinkOptions::default())
}

/// The same, whatever the options.
pub fn use_link_with_options(_options: LinkOptions) -> Link {
    Link {
        state: Signal::stored(LinkState::Idle),
        steps: Signal::stored(Vec::new()),
        path: Signal::stored(None),
        round_trip: Signal::stored(None),
        channels: Signal::stored(Vec::new()),
        advertised: Signal::stored(Vec::new()),
        start: Callback::new(|()| {}),
        stop: Callback::new(|()| {}),
        send: Callback::new(|_| false),
        open: Callback::new(|_| Err(OpenError::NoLink)),
        looking: RwSignal::new(0),
    }
}

/// Runs that never begin.
pub fn use_runner(_link: Link, _draw: impl Fn(&Pair, f64) + 'static) -> Runner {
    Runner {
        is_running: Signal::stored(false),
        start: Callback::new(|_| {}),
        stop: Callback::new(|()| {}),
    }
}

/// Markup that never changes: the page is rendered with it.
pub fn rendered(markup: &'static str) -> &'static str {
    markup
}

/// A drawing that is never drawn.
pub fn use_drawing(_draw: impl Fn(Frame) -> Option<Duration> + 'static) -> Callback<()> {
    Callback::new(|()| {})
}

/// A timer that never runs out.
pub struct Timer;

impl Timer {
    pub fn after(_milliseconds: f64, _then: impl FnOnce() + 'static) -> Self {
        Self
    }
}

/// The clock of a device that is not there: it stands still, since the first paint shows none.
pub mod clock {
    pub fn now() -> f64 {
        0.0
    }

    pub fn resolution() -> f64 {
        0.0
    }

    pub fn time_of_day(_at: f64) -> String {
        String::new()
    }
}

/// JSON as serde_json parses it.
pub mod json {
    pub fn parse(text: &str) -> Option<serde_json::Value> {
        serde_json::from_str(text).ok()
    }
}

/// What a page asks of a browser that is not there: the server's render asks nothing.
pub mod page {
    use super::Vantage;

    pub fn vantage() -> Vantage {
        Vantage::default()
    }

    pub async fn is_answered() -> bool {
        false
    }

    pub async fn can_send_udp() -> bool {
        false
    }

    pub async fn copy(_text: String) -> bool {
        false
    }

    pub fn typed(_id: &str) -> String {
        String::new()
    }

    pub fn is_checked(_id: &str) -> bool {
        false
    }

    pub fn correct(_ids: &[&str], _wrong: &[String], _is_used: bool) {}
}
