//! The link in the server's render: idle, and nothing to start. The browser's own replaces it
//! when it hydrates the page, and first shows the same.

use crate::link::{Link, LinkEvent, LinkState};
use leptos::prelude::*;

/// A link that stays [`LinkState::Idle`].
pub fn use_link(_on_event: impl Fn(LinkEvent) + 'static) -> Link {
    Link {
        state: Signal::stored(LinkState::Idle),
        start: Callback::new(|()| {}),
        stop: Callback::new(|()| {}),
        send: Callback::new(|_| false),
    }
}
