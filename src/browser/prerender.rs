//! What the page asks of a browser, in the server's render: there is none yet.

#[cfg(test)]
mod fragment;
mod frame;
mod runner;
mod vantage;

use crate::trial::Pair;
pub use frame::Frame;
use leptos::prelude::*;
pub use runner::Runner;
use std::time::Duration;
use tickwire_link::Link;
pub use vantage::Vantage;

/// Runs that never begin.
pub fn use_runner(_link: Link, _draw: impl Fn(&Pair, f64) + 'static) -> Runner {
    Runner {
        is_running: Signal::stored(false),
        start: Callback::new(|_| {}),
        stop: Callback::new(|()| {}),
    }
}

/// The server's render has no token: what is in a fragment does not come to it.
pub fn use_token() -> StoredValue<Option<String>> {
    StoredValue::new(None)
}

/// Markup that never changes: the page is rendered with it.
pub fn rendered(markup: &'static str) -> &'static str {
    markup
}

/// A drawing that is never drawn.
pub fn use_drawing(_draw: impl Fn(Frame) -> Option<Duration> + 'static) -> Callback<()> {
    Callback::new(|()| {})
}

/// The step of a clock that is not there.
pub fn resolution() -> f64 {
    0.0
}

/// The first paint shows no time of day.
pub fn time_of_day(_at: f64) -> String {
    String::new()
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
