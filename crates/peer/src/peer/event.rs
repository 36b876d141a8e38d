//! What happens to a peer.

use crate::sctp;
use std::time::Duration;

/// Something that happened to a peer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// What happened to its channels.
    Sctp(sctp::Event),
    /// Another path is in use, of which nothing is known yet.
    Moved,
    /// It has ended, and no other event follows.
    Ended(End),
}

/// Why a peer has ended.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum End {
    /// Its client has closed the connection.
    #[error("the client closed the connection")]
    Closed,
    /// Nothing came from the client for so long.
    #[error("the client was silent for {0:?}")]
    Silent(Duration),
    /// The client has another certificate than its offer says.
    #[error("the client's certificate is not the one that its offer names")]
    Certificate,
    /// DTLS could not go on.
    #[error("DTLS failed: {0}")]
    Dtls(String),
    /// SCTP could not go on.
    #[error("SCTP failed: {0}")]
    Sctp(&'static str),
    /// The server's side has failed.
    #[error("its state machine panicked")]
    Failed,
}
