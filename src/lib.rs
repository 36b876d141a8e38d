//! Tickwire: a server that is itself a WebRTC peer.
//!
//! A browser opens a page, presses **Start Connection**, and from then on the server pushes
//! live data to it over data channels, and answers what it sends. There are two phases:
//!
//! 1. **Signalling**: one `POST /sdp` carries the browser's offer to the server and the
//!    server's answer back ([`tickwire_wire::signaling`]).
//! 2. **Data**: everything else travels on data channels, over UDP ([`tickwire_wire::feed`]).
//!
//! The library is the page and what both sides share; the binary is the server. What the browser
//! gets is made of the library by the package in `page/`.
//!
//! | module | compiled for | what it is |
//! |---|---|---|
//! | [`app`] | both | the page |
//! | [`estimate`] | both | offset, jitter, age: what arrives, made into numbers |
//! | [`browser`] | both | what the page asks of its browser; in the server's render, of none |
//! | [`trial`] | both | what messages of a size and a rate come to over a channel of some reliability |
//! | [`prices`] | both | the demonstration topic |
//! | [`connect`] | both | the server function that opens a session |
//! | `server` | feature `ssr` | the page around the server of [`tickwire_server`](https://docs.rs/tickwire-server) |

pub mod app;
#[cfg(feature = "hydrate")]
pub mod browser;
#[cfg(not(feature = "hydrate"))]
#[path = "browser/prerender.rs"]
pub mod browser;
pub mod connect;
pub mod estimate;
#[cfg(feature = "hydrate")]
pub mod hydrate;
pub mod prices;
#[cfg(feature = "ssr")]
pub mod server;
pub mod trial;
