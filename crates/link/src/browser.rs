//! The link in the browser, over `RTCPeerConnection`.

mod alone;
mod channel;
pub mod clock;
mod connection;
mod driver;
mod halves;
mod hearing;
pub mod json;
mod memory;
mod moving;
mod negotiation;
mod opened;
mod opening;
mod session;
mod showing;
mod socket;
mod stats;
mod surroundings;
mod timer;
mod token;
mod topics;

use crate::machine::Event;
use crate::{Link, LinkOptions};
use driver::Driver;
use leptos::prelude::*;

/// A link to the server that served the page, idle at first, without channels but those that are
/// opened on it.
pub fn use_link() -> Link {
    use_link_with_options(LinkOptions::default())
}

/// A link to the server that served the page, idle at first.
pub fn use_link_with_options(options: LinkOptions) -> Link {
    let driver = Driver::new(options);
    // The listeners live as long as the component that owns them.
    StoredValue::new_local(surroundings::listen(move |event| driver.on(event)));
    on_cleanup(move || driver.on(Event::Stop));
    driver.link(topics::of(driver))
}
