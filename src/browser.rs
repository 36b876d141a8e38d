//! A connection to the server as signals and callbacks, for any component of any Leptos app that
//! is served by a Tickwire server.
//!
//! ```ignore
//! use tickwire::browser::{use_link, use_link_with_options};
//! use tickwire::link::{ChannelEvent, ChannelOptions, LinkOptions, LinkState};
//!
//! /// The newest price, and a button.
//! #[component]
//! fn Price() -> impl IntoView {
//!     let link = use_link();
//!     let price = RwSignal::new(String::new());
//!     // It stays open, over every session, for as long as it is kept.
//!     let channel = link.open(ChannelOptions::newest_only("prices"), move |event| {
//!         if let ChannelEvent::Text(text) = event {
//!             price.set(text);
//!         }
//!     });
//!     let _kept = StoredValue::new_local(channel);
//!     view! {
//!         <button on:click=move |_| link.start()>"Start"</button>
//!         <button on:click=move |_| link.stop()>"Stop"</button>
//!         <p role="status">{move || link.state.with(LinkState::label)}</p>
//!         <p>{price}</p>
//!     }
//! }
//! ```
//!
//! **Channels.** Those of [`LinkOptions::channels`] open with each session, and what arrives on
//! them is told in one place ([`LinkOptions::on_event`]); [`Link::open`] opens one more at any
//! time, and gives it an owner. Both keep the reliability that they were given, in both
//! directions, and come back with it. The link itself adds the channel `pulse`, on which the
//! server says something each second.
//!
//! **When something goes wrong.** [`LinkState`](crate::link::LinkState) says what is done about
//! it, [`machine`](crate::link::machine) when. In short: where the server is not heard for 3 s,
//! ICE reports a loss that lasts 2 s, or the device's network changes, ICE is restarted, and the
//! session goes on with its channels and feeds; where that does not help within 5 s, or the
//! server has forgotten the session, another is opened, after a wait that grows to 30 s and that
//! a network which is there again, or a look at the page, cuts short. A server's `Retry-After` is
//! kept to. A link that was stopped stays stopped.
//!
//! **What is left behind.** Nothing: what the link creates (connection, channels, listeners,
//! timers, requests) it removes when it stops, and when the component that called [`use_link`]
//! goes; then the session ends on the server too.

mod channel;
pub mod clock;
mod connection;
mod drawing;
mod driver;
mod frame;
pub mod json;
mod listener;
mod negotiation;
mod opened;
pub mod page;
mod runner;
mod running;
mod session;
mod stats;
mod surroundings;
mod timer;
mod vantage;

use crate::link::machine::Event;
use crate::link::{Link, LinkOptions};
pub use drawing::use_drawing;
use driver::Driver;
pub use frame::Frame;
use leptos::prelude::*;
pub use runner::Runner;
pub use running::use_runner;
pub use timer::Timer;
pub use vantage::Vantage;

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
    driver.link()
}

/// Markup that never changes, for `inner_html`. The server has rendered it, and hydration leaves
/// what is there: so the browser's half does not need to carry it a second time.
pub fn rendered(_markup: &'static str) -> &'static str {
    ""
}
