//! The link in the server's render: idle, and nothing to start. The browser's own replaces it
//! when it hydrates the page, and first shows the same.

use crate::{AddError, Link, LinkOptions, LinkState, OpenError, Topics};
use leptos::prelude::*;

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
        open_by_websocket: Callback::new(|_| None),
        looking: RwSignal::new(0),
        topics: Topics {
            refused: Signal::stored(None),
            stale: Signal::stored(None),
            subscribe: Callback::new(|_| 0),
            unsubscribe: Callback::new(|_| {}),
            put: Callback::new(|_| Ok(())),
            add: Callback::new(|_| Err(AddError::NotOpen)),
        },
    }
}

/// The clock of a device that is not there: it stands still, since the first paint shows none.
pub mod clock {
    /// 0.
    pub fn now() -> f64 {
        0.0
    }
}

/// JSON as serde_json parses it.
pub mod json {
    use tickwire_wire::Fields;

    /// Parses an object; `None` for what is none.
    pub fn parse(text: &str) -> Option<impl Fields + use<>> {
        let value = serde_json::from_str::<serde_json::Value>(text).ok()?;
        value.is_object().then_some(value)
    }
}
