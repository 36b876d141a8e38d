//! What travels between a Tickwire server and its clients, without I/O: for the server, for the
//! browser, and for whoever writes a client of their own.
//!
//! | module | where it travels |
//! |---|---|
//! | [`signaling`] | over HTTP, before the data channels open |
//! | [`feed`] | on data channels, to and from the feeds that come with the server |
//! | [`control`] | on the data channel of that name: which topics a reader wants |
//! | [`values`] | on the data channel of that name: packets of values, and acknowledgements |
//! | [`socket`] | on a WebSocket, in place of data channels |
//!
//! What the server says can be read from JSON that any parser has parsed ([`Fields`]), so that a
//! page of WebAssembly can use the browser's and need not bring another.

pub mod control;
pub mod feed;
mod fields;
pub mod signaling;
pub mod socket;
pub mod values;

pub use fields::Fields;
