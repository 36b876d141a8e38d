//! Where a link is in its life, and why one does not connect. No browser types.

use std::time::Duration;
use tickwire_wire::signaling::SignalingError;

/// Where a link is in its life. Times are milliseconds since 1970-01-01T00:00:00Z by the device's
/// clock, as [`crate::clock::now`] gives them.
///
/// A link that was asked to start and was never connected ends in [`LinkState::Failed`]: somebody
/// has just pressed a button, is told why, and decides. One that has been connected is brought
/// back by itself, however long that takes, until it is stopped.
#[derive(Clone, Debug, PartialEq)]
pub enum LinkState {
    /// Not started, or stopped by the user.
    Idle,
    /// Opening for the first time since it was started.
    Connecting(Attempt),
    /// All data channels are open, or were before the server closed some of them.
    Connected,
    /// The server is not heard, or the network has changed: the session is given some seconds
    /// to come back, its channels and feeds with it.
    Interrupted(Interruption),
    /// There is a reason for another session. This one goes on, with all its channels, while the other is opened
    /// and takes its place: then the link is [`LinkState::Connected`] again.
    Moving {
        /// Why.
        reason: Reason,
        /// Which try is under way or comes next: the first is 1.
        attempt: u32,
        /// When it comes, or how far it is.
        attempted: Try,
    },
    /// The session is lost, and a new one is tried for until one opens.
    Reconnecting {
        /// Which try is under way or comes next: the first is 1.
        attempt: u32,
        /// When it comes, or how far it is.
        attempted: Try,
        /// Why the session was lost, or why the try before this one failed.
        cause: Failure,
    },
    /// The link never opened, or cannot come back: why.
    Failed(Failure),
}

/// How far an interrupted session is on its way back.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Interruption {
    /// ICE hears nothing. It may be a hiccup, and nothing is done before `until`.
    Doubtful {
        /// When an ICE restart begins.
        until: f64,
    },
    /// ICE restarts (RFC 8445 section 9): a new way is looked for, for the same session.
    Restarting {
        /// When the session is given up.
        until: f64,
    },
}

/// How far a try for a new session is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Try {
    /// It waits.
    Waiting {
        /// When it begins.
        until: f64,
        /// Until when the server has asked not to be tried (`Retry-After`): what else would
        /// bring it forward does not bring it before this. 0 where it has not asked.
        not_before: f64,
    },
    /// It is under way.
    Opening(Attempt),
}

/// A session that is being opened.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Attempt {
    /// How far it is.
    pub step: Step,
    /// When it will have taken too long.
    pub until: f64,
    /// What is tried beside it.
    pub beside: Beside,
}

/// A WebSocket beside a session by data channels that is being opened. Whichever is open first is the link's; a
/// WebSocket only until the data channels are.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Beside {
    /// It is tried then.
    At(f64),
    /// It is being opened.
    Opening,
    /// There is none, or none any more.
    Over,
}

/// Why a link that has a session opens another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The server wants it elsewhere.
    GoAway,
    /// It has come by WebSocket, and data channels are better.
    Better,
}

/// What is under way while a session opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// The offer and its answer, over HTTP.
    Signalling,
    /// ICE looks for a pair of addresses that datagrams get through.
    Checking,
    /// The DTLS handshake.
    Securing,
    /// SCTP and the data channels.
    Opening,
}

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

impl LinkState {
    /// Whether there is something to stop.
    pub fn is_active(&self) -> bool {
        !matches!(self, Self::Idle | Self::Failed(_))
    }

    /// Whether there is a session with open channels, be it heard at this moment or not.
    pub fn has_session(&self) -> bool {
        matches!(
            self,
            Self::Connected | Self::Interrupted(_) | Self::Moving { .. }
        )
    }

    /// Whether there is a session that is heard.
    pub fn is_connected(&self) -> bool {
        matches!(self, Self::Connected | Self::Moving { .. })
    }

    /// How far a session that is being opened is: the first since the start, or a later one, where
    /// there is none beside it.
    pub fn step(&self) -> Option<Step> {
        match self {
            Self::Connecting(attempt)
            | Self::Reconnecting {
                attempted: Try::Opening(attempt),
                ..
            } => Some(attempt.step),
            _ => None,
        }
    }

    /// When the next try for a new session begins, while there is none and one waits for that.
    pub fn next_try(&self) -> Option<f64> {
        match self {
            Self::Reconnecting {
                attempted: Try::Waiting { until, .. },
                ..
            } => Some(*until),
            _ => None,
        }
    }

    /// Why there is no session, where that is so.
    pub fn failure(&self) -> Option<&Failure> {
        match self {
            Self::Reconnecting { cause, .. } | Self::Failed(cause) => Some(cause),
            _ => None,
        }
    }

    /// The state in a word or two.
    pub fn label(&self) -> &'static str {
        match self {
            Self::Idle => "Not connected",
            Self::Connecting(_) => "Connecting…",
            Self::Connected | Self::Moving { .. } => "Connected",
            Self::Interrupted(_) => "Interrupted",
            Self::Reconnecting { .. } => "Reconnecting…",
            Self::Failed(_) => "Failed",
        }
    }

    /// Why, or what comes next, where there is something to say: a sentence or two.
    pub fn reason(&self) -> String {
        match self {
            Self::Idle
            | Self::Connecting(_)
            | Self::Connected
            | Self::Moving {
                reason: Reason::Better,
                ..
            } => String::new(),
            Self::Interrupted(Interruption::Doubtful { .. }) => {
                "The server has not answered for a moment. Waiting for it.".into()
            }
            Self::Interrupted(Interruption::Restarting { .. }) => {
                "The server is not heard. Looking for another way to it.".into()
            }
            Self::Moving {
                reason: Reason::GoAway,
                ..
            } => "The server is about to stop. Another session is being opened.".into(),
            Self::Reconnecting { cause, .. } | Self::Failed(cause) => cause.message(),
        }
    }
}

impl Step {
    /// The step in a word.
    pub fn label(self) -> &'static str {
        match self {
            Self::Signalling => "signalling",
            Self::Checking => "checking",
            Self::Securing => "securing",
            Self::Opening => "opening",
        }
    }

    /// Why a session did not open that came no further than this.
    pub fn failure(self) -> Failure {
        match self {
            Self::Signalling => Failure::NoAnswer,
            Self::Checking => Failure::NoPath,
            Self::Securing => Failure::Dtls,
            Self::Opening => Failure::NoChannel,
        }
    }
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
