//! Why a link does not connect. No browser types.

use std::time::Duration;
use tickwire_wire::signaling::SignalingError;

/// Why a session did not open, or was lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The browser makes no WebRTC connection, or no offer: what it says.
    NoWebRtc(String),
    /// The browser does not create one of the link's own channels: a label that is too long, an id
    /// that is taken or too large, two limits at once.
    BadChannel {
        /// The channel's label.
        label: String,
        /// What the browser says.
        cause: String,
    },
    /// The offer got no answer: no server is there, or the device is offline.
    Unreachable,
    /// The server took too long to answer the offer.
    NoAnswer,
    /// What answered is not a Tickwire server: a proxy's error page, for instance.
    NotTickwire {
        /// The HTTP status of the answer.
        status: u16,
    },
    /// The server refused the offer, for a reason that another try would not change.
    Refused(SignalingError),
    /// The server has as many sessions as it may.
    Full {
        /// What the server says, for people.
        message: String,
        /// When to come back, if the server said so (`Retry-After`).
        retry_after: Option<Duration>,
    },
    /// The server is shutting down, or is not ready yet.
    ShuttingDown {
        /// When to come back, if the server said so (`Retry-After`).
        retry_after: Option<Duration>,
    },
    /// The server failed, through no fault of the offer.
    ServerFailed(SignalingError),
    /// The browser does not accept the server's answer: what it says.
    BadAnswer(String),
    /// The offer was answered over HTTP, and no datagram got through.
    NoPath,
    /// Datagrams got through, and the DTLS handshake did not complete.
    Dtls,
    /// The connection is there, and the data channels did not open.
    NoChannel,
    /// The server ended the session: it restarts, or all its feeds are done.
    Ended,
    /// The server is not heard any more.
    Silent,
    /// The page was put away, and closed its session.
    Away,
}

impl Failure {
    /// Whether it may pass without anybody's doing, so that another try makes sense.
    pub fn is_passing(&self) -> bool {
        !matches!(
            self,
            Self::NoWebRtc(_) | Self::BadChannel { .. } | Self::Refused(_)
        )
    }

    /// Whether it may be the way's own, so that a WebSocket may get through all the same.
    pub(crate) fn is_of_way(&self) -> bool {
        matches!(
            self,
            Self::NoWebRtc(_) | Self::BadAnswer(_) | Self::NoPath | Self::Dtls | Self::NoChannel
        )
    }

    /// When the server has asked to be tried again.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Full { retry_after, .. } | Self::ShuttingDown { retry_after } => *retry_after,
            _ => None,
        }
    }

    /// What happened, and what to do about it if there is something: a sentence or two.
    pub fn message(&self) -> String {
        match self {
            Self::NoWebRtc(cause) => format!(
                "This browser did not make a WebRTC connection ({cause}). A setting or an extension may block it."
            ),
            Self::BadChannel { label, cause } => {
                format!("This browser does not create the channel “{label}”: {cause}")
            }
            Self::Unreachable => {
                "The server could not be reached. Check that it is running and that you are online."
                    .into()
            }
            Self::NoAnswer => "The server did not answer in time. It may be busy.".into(),
            Self::NotTickwire { .. } => {
                "The answer did not come from a Tickwire server. Check the address and any proxy in between.".into()
            }
            Self::Refused(error) | Self::ServerFailed(error) => error.message.clone(),
            Self::Full { message, .. } => message.clone(),
            Self::ShuttingDown { .. } => "The server is shutting down or restarting.".into(),
            Self::BadAnswer(cause) => {
                format!("This browser does not accept the server’s answer: {cause}")
            }
            Self::NoPath => {
                "The page reached the server, but data did not, not by WebSocket either. UDP between here and the server may be blocked.".into()
            }
            Self::Dtls => {
                "Datagrams get through, but the encrypted connection was not established.".into()
            }
            Self::NoChannel => "The connection was established, but no data channel opened.".into(),
            Self::Ended => "The server ended the connection.".into(),
            Self::Silent => "The server stopped answering.".into(),
            Self::Away => "The page was put away.".into(),
        }
    }
}
