//! Session descriptions: reads a client's offer and writes the server's answer (RFC 8866, RFC
//! 3264, RFC 8841).
//!
//! The answer is written from what was understood, never copied from the offer: an attribute
//! that is unknown here does not get into it. Only the offer's media kinds, protos, formats and
//! mids come back, because RFC 3264 section 6 wants them, and only after a check of their
//! characters.
//!
//! One data channel section is accepted: the first that is switched on. Every other section is
//! rejected with port 0, and the data goes on without it.
//!
//! The offer's candidates are counted and then forgotten. The server's own are in the answer, so
//! the client's checks find the server and are answered where they come from; and an offer cannot
//! make the server send to an address that never sent anything to it.

mod answer;
mod candidate;
mod error;
mod fingerprint;
mod lines;
mod offer;
mod section;

pub use answer::Local;
pub use error::OfferError;
pub use fingerprint::{Fingerprint, Hash};
pub use offer::{Offer, Role};

#[cfg(test)]
mod tests;
