#![doc = include_str!("../README.md")]
//! ## The map
//!
//! - [`sdp`] reads an offer and writes the answer to it (RFC 8866, RFC 9429);
//! - [`stun`] and [`ice`] prove a client's address and follow it (RFC 8489, RFC 8445);
//! - [`dtls`] encrypts (RFC 6347, RFC 9147);
//! - [`sctp`] carries messages on channels (RFC 9260, RFC 8831, RFC 8832);
//! - [`peer`] puts these together, as a state machine: datagrams and time in, datagrams, events
//!   and the next deadline out;
//! - [`port`] carries thousands of peers over one UDP port. It alone does I/O.

pub mod dtls;
pub mod ice;
pub mod path;
pub mod peer;
pub mod port;
pub mod sctp;
pub mod sdp;
pub mod stun;
