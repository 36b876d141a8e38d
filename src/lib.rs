//! Tickwire: a server that is itself a WebRTC peer.
//!
//! A browser opens a page, presses **Start Connection**, and from then on the server pushes
//! live data to it over data channels, and answers what it sends. There are two phases:
//!
//! 1. **Signalling**: one `POST /sdp` carries the browser's offer to the server and the
//!    server's answer back ([`signaling`]).
//! 2. **Data**: everything else travels on data channels, over UDP ([`wire`]).
//!
//! The library is the page and what both sides share; the binary is the server. What the browser
//! gets is made of the library by the package in `page/`.
//!
//! | module | compiled for | what it is |
//! |---|---|---|
//! | [`app`] | both | the page |
//! | [`link`] | both | a connection as the page sees it |
//! | [`estimate`] | both | offset, jitter, age: what arrives, made into numbers |
//! | [`fields`] | both | JSON as the one or the other half parses it |
//! | [`browser`] | both | [`browser::use_link`]: over `RTCPeerConnection` in the browser, inert in the server's render |
//! | [`trial`] | both | what messages of a size and a rate come to over a channel of some reliability |
//! | [`signaling`] | both | what travels over HTTP: offer, answer, errors |
//! | [`wire`] | both | what travels on a data channel |
//! | `server` | feature `ssr` | HTTP, sessions, peers, feeds |

pub mod app;
#[cfg(feature = "hydrate")]
pub mod browser;
#[cfg(not(feature = "hydrate"))]
#[path = "browser/prerender.rs"]
pub mod browser;
pub mod estimate;
pub mod fields;
#[cfg(feature = "hydrate")]
pub mod hydrate;
pub mod link;
#[cfg(feature = "ssr")]
pub mod server;
pub mod signaling;
pub mod trial;
pub mod wire;
