//! Where a link is in its life. No browser types.

use crate::Failure;

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
