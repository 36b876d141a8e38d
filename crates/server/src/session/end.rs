//! Why sessions end.

use crate::socket;
use crate::stats::Ended;
use std::fmt;
use tickwire_peer::peer;

/// Why a session ended.
#[derive(Debug)]
pub enum End {
    /// `DELETE`, or the server is shutting down.
    Asked,
    /// The last channel closed.
    LastChannelClosed,
    /// Nothing came in time of the client that the answer was for.
    NeverReached,
    /// It has proven its path when no place was free any more.
    Full,
    /// What has let its user in has ended.
    Expired,
    /// No channel opened in time.
    NeverOpened,
    /// The connection has ended.
    Lost(peer::End),
    /// The WebSocket has.
    SocketLost(socket::End),
}

impl End {
    /// As it is counted.
    pub fn kind(&self) -> Ended {
        match self {
            Self::Asked => Ended::Asked,
            Self::LastChannelClosed
            | Self::Lost(peer::End::Closed)
            | Self::SocketLost(socket::End::Closed) => Ended::Closed,
            Self::NeverReached => Ended::NeverReached,
            Self::Full => Ended::Full,
            Self::Expired => Ended::Expired,
            Self::NeverOpened => Ended::NeverOpened,
            Self::Lost(peer::End::Silent(_)) | Self::SocketLost(socket::End::Silent(_)) => {
                Ended::Silent
            }
            Self::Lost(_) | Self::SocketLost(_) => Ended::Failed,
        }
    }
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Asked => f.write_str("asked to end"),
            Self::LastChannelClosed => f.write_str("its last channel closed"),
            Self::NeverReached => f.write_str("no connectivity check came in time"),
            Self::Full => f.write_str("all places were taken when it connected"),
            Self::Expired => f.write_str("its token has ended"),
            Self::NeverOpened => f.write_str("no channel opened in time"),
            Self::Lost(cause) => cause.fmt(f),
            Self::SocketLost(cause) => cause.fmt(f),
        }
    }
}
