//! A connection to a Tickwire server as signals and callbacks, for any component of any Leptos app
//! that is served by one. In the browser it drives `RTCPeerConnection`; in the server's render it
//! is there too, and idle, so that the same component serves both.
//!
//! ```
//! use leptos::prelude::*;
//! use tickwire_link::{ChannelEvent, ChannelOptions, LinkState, use_link};
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
//! **Topics.** [`use_topics`] reads what the server keeps, over the link, and comes back with it:
//!
//! ```
//! use leptos::prelude::*;
//! use tickwire_link::{Link, TopicOptions, use_topics};
//!
//! /// One price of the topic `prices`.
//! #[component]
//! fn Price(link: Link) -> impl IntoView {
//!     let prices = use_topics(link).values(TopicOptions::new("prices").keys(["EURUSD"]));
//!     let price = move || prices.with(|prices| prices.get("EURUSD").cloned());
//!     let text = move || String::from_utf8(price().unwrap_or_default()).ok();
//!     view! { <p>{text}</p> }
//! }
//! ```
//!
//! They are published over it as well: [`Topics::put`] and [`Topics::remove`] for the newest values,
//! [`Topics::add`], which is answered, for logs.
//!
//! **Tokens.** Where the server asks who its users are, [`LinkOptions::token`] gives it a token. It is
//! asked for each session, and again before the server says that one ends; a session goes on with the
//! new one.
//!
//! ```
//! # use tickwire_link::{Link, LinkOptions, use_link_with_options};
//! # async fn fetch_token() -> Option<String> { None }
//! # fn link() -> Link {
//! use_link_with_options(LinkOptions::default().token(fetch_token))
//! # }
//! ```
//!
//! **When something goes wrong.** [`LinkState`] says what is done about it, [`machine`] when. In
//! short: where the server is not heard for 3 s, ICE reports a loss that lasts 2 s, or the
//! device's network changes, ICE is restarted, and the session goes on with its channels and
//! feeds; where that does not help within 5 s, or the server has forgotten the session, another is
//! opened, after a wait that grows to 30 s and that a network which is there again, or a look at
//! the page, cuts short. A server's `Retry-After` is kept to. A link that was stopped stays
//! stopped.
//!
//! **Where UDP is blocked.** Data comes by TCP then, or a TURN server, if the server has them. Where data
//! channels have not opened after 1.5 s, a WebSocket is tried beside them, or at once where it was the way
//! through within a day; it has all of the link's channels, which are reliable and in order on it. As soon as
//! data channels open, the link moves to them; they are tried again every five minutes.
//!
//! Where the server says that it is about to stop, another session is opened before this one is left
//! ([`LinkState::Moving`]). Topics are read in both until all is there in the new one, so nothing is
//! missed and nothing told twice; other channels are [`ChannelEvent::Lost`] and [`ChannelEvent::Opened`]
//! in the same instant.
//!
//! **What is left behind.** Nothing: what the link creates (connection, channels, listeners,
//! timers, requests) it removes when it stops, and when the component that called [`use_link`]
//! goes; then the session ends on the server too.
//!
//! | module | |
//! |---|---|
//! | [`machine`] | what becomes of a link when something happens: a function, without a clock or a browser |
//! | [`clock`] | the clock by which [`LinkEvent::at`] and the times of a [`LinkState`] are told |
//! | [`json`] | reads what built-in feeds send, without a parser of its own in the page |

#[cfg(target_arch = "wasm32")]
mod browser;
#[cfg(not(target_arch = "wasm32"))]
#[path = "prerender.rs"]
mod browser;
mod channel;
mod failure;
mod link;
pub mod machine;
#[cfg(any(target_arch = "wasm32", test))]
mod merge;
#[cfg(any(target_arch = "wasm32", test))]
mod relays;
mod report;
#[cfg(any(target_arch = "wasm32", test))]
mod silence;
mod state;
#[cfg(any(target_arch = "wasm32", test))]
mod steps;
mod topics;

pub use browser::{clock, json, use_link, use_link_with_options};
pub use channel::{ChannelEvent, ChannelOptions, LinkChannel, NotSent, OpenError};
pub use failure::Failure;
pub use link::{Link, LinkEvent, LinkEventKind, LinkOptions, TokenSource};
pub use report::{
    CandidateKind, ChannelReport, Family, Milestone, Outcome, Path, StepReport, Tally,
};
pub use state::{Attempt, Beside, Interruption, LinkState, Reason, Step, Try};
pub use tickwire_values::{PublishError, Update as TopicUpdate};
pub use topics::{AddError, TopicEvent, TopicOptions, TopicSubscription, Topics, use_topics};
