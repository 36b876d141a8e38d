//! What becomes of a link when something happens: one function from a state and an event to the
//! next state and what is to be done. No clock, no chance and no browser: the time and a random
//! number are inputs.
//!
//! ```text
//!             start                    opened
//!     Idle ──────────▶ Connecting ───────────────▶ Connected ◀──────────────┐
//!      ▲                   │                       │       ▲                │
//!      │ stop          too long, refused    silent │       │ heard          │ opened
//!      │                   ▼                       ▼       │                │
//!   (all)               Failed                  Interrupted ──────▶ Reconnecting ⟲ again
//!                                                      no luck in 5 s, or gone
//! ```
//!
//! Where the server wants the link to be elsewhere, a connected one is `Moving` until another session
//! is open, which is tried for beside the present one, and is `Connected` by that one then. Where the
//! present one is lost before, the try under way is that of a link that is `Reconnecting`.
//!
//! A session is by data channels. Where those take long, a WebSocket is tried beside them; where that
//! is open first, the link has a session, and is `Moving` until the data channels are there.

mod attempt;
mod moving;
mod waiting;

use crate::{Attempt, Beside, Failure, Interruption, LinkState, Reason, Step, Try};
use attempt::Outcome;
use moving::Mover;
use std::time::Duration;
use waiting::{Waiter, lost};

/// How long opening a session may take. ICE gives up later than people do.
pub const OPEN_LIMIT: Duration = Duration::from_secs(15);
/// How long data channels may take before a WebSocket is tried beside them.
pub const BESIDE_AFTER: Duration = Duration::from_millis(1_500);
/// How long a link that has come by WebSocket waits before it tries data channels again.
pub const BETTER_AFTER: Duration = Duration::from_secs(300);
/// How long ICE may be `disconnected` before it restarts: most hiccups are over by then.
pub const DOUBT: Duration = Duration::from_secs(2);
/// How long an ICE restart may take before the session is given up.
pub const RESTART_LIMIT: Duration = Duration::from_secs(5);
/// The longest wait before the first try for a new session. It doubles with each.
pub const FIRST_WAIT: Duration = Duration::from_millis(500);
/// The longest wait before any, but for what the server asks for.
pub const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// Something that happened to a link.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// The user, or the page, wants a connection.
    Start,
    /// The user, or the page, wants none.
    Stop,
    /// The session that is being opened has come as far as this.
    Reached(Step),
    /// The session that is being opened is open.
    Opened,
    /// The session is lost, or could not be opened. It is of no use any more.
    Lost(Failure),
    /// ICE hears nothing (`disconnected`).
    Doubt,
    /// ICE has given up (`failed`) where the session was open: another way may be found for it.
    NoWay,
    /// The server wants the link to be elsewhere: it is about to stop.
    GoAway,
    /// The session that is being opened beside the present one has come as far as this.
    NextReached(Step),
    /// It is open.
    NextOpened,
    /// It could not be opened.
    NextLost(Failure),
    /// Nothing has arrived on any channel for so long that something is wrong.
    Silent,
    /// Something has arrived, or ICE hears the server again.
    Heard,
    /// The device's network is another one, or is there again.
    NetworkChanged,
    /// Somebody looks at the page, or it runs again after it was suspended.
    Seen,
    /// The page is put away, perhaps for ever.
    Left,
    /// The time has come that [`deadline`] says, or it has passed.
    Time,
}

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Open a new session, in place of whatever there is.
    Open,
    /// Open a new session beside the present one, by the same way, in place of any other that is being opened
    /// there.
    OpenNext,
    /// The same by data channels.
    OpenBetter,
    /// The same by WebSocket, where the present session is being opened itself.
    OpenSocket,
    /// The session by WebSocket that was opened beside the present one takes its place, and the present one, which
    /// is being opened, goes on beside it.
    Swap,
    /// Close the session that is being opened beside the present one.
    CloseNext,
    /// The session that was opened beside the present one takes its place.
    Move,
    /// The present session is lost: close it. The one that is being opened beside it is the present
    /// one from now on.
    Replace,
    /// Restart ICE on the session that there is.
    Restart,
    /// Close the session that there is, or is being opened, here and on the server, and any beside it.
    Close,
}

/// What the outcome of an event depends on besides the state.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Moment {
    /// The time, in milliseconds by the clock of [`LinkState`].
    pub now: f64,
    /// A random number, at least 0 and below 1.
    pub random: f64,
    /// Whether a lost session is followed by another.
    pub reconnect: bool,
    /// Whether a WebSocket was the way through of late, so that it is tried at once.
    pub prefers_socket: bool,
    /// Whether the present session is by WebSocket.
    pub is_by_socket: bool,
}

/// When the state changes by itself: then [`Event::Time`] is due.
pub fn deadline(state: &LinkState) -> Option<f64> {
    match state {
        LinkState::Connecting(attempt)
        | LinkState::Moving {
            attempted: Try::Opening(attempt),
            ..
        }
        | LinkState::Reconnecting {
            attempted: Try::Opening(attempt),
            ..
        } => Some(match attempt.beside {
            Beside::At(at) => at.min(attempt.until),
            _ => attempt.until,
        }),
        LinkState::Interrupted(
            Interruption::Doubtful { until } | Interruption::Restarting { until },
        )
        | LinkState::Moving {
            attempted: Try::Waiting { until, .. },
            ..
        }
        | LinkState::Reconnecting {
            attempted: Try::Waiting { until, .. },
            ..
        } => until.is_finite().then_some(*until),
        LinkState::Idle | LinkState::Connected | LinkState::Failed(_) => None,
    }
}

/// The state after an event, and what is to be done, in order. An event that means nothing in a
/// state leaves it as it is.
pub fn next(state: &LinkState, event: &Event, at: Moment) -> (LinkState, Vec<Action>) {
    if *event == Event::Stop {
        return match state {
            LinkState::Idle | LinkState::Failed(_) => (state.clone(), Vec::new()),
            _ => (LinkState::Idle, vec![Action::Close]),
        };
    }
    let changed = match state {
        LinkState::Idle | LinkState::Failed(_) => {
            (*event == Event::Start).then(|| (connecting(at), vec![Action::Open]))
        }
        LinkState::Connecting(attempt) => on_connecting(*attempt, event, at),
        LinkState::Connected => on_connected(event, at),
        LinkState::Interrupted(interruption) => on_interrupted(*interruption, event, at),
        LinkState::Moving {
            reason,
            attempt,
            attempted,
        } => {
            let moving = Mover {
                reason: *reason,
                attempt: *attempt,
                at,
            };
            moving.on_event(*attempted, event)
        }
        LinkState::Reconnecting {
            attempt,
            attempted,
            cause,
        } => Waiter {
            attempt: *attempt,
            cause,
            at,
        }
        .on_event(*attempted, event),
    };
    changed.unwrap_or_else(|| (state.clone(), Vec::new()))
}

/// `None` where nothing changes.
type Changed = Option<(LinkState, Vec<Action>)>;

fn connecting(at: Moment) -> LinkState {
    LinkState::Connecting(Attempt::begin(at))
}

fn on_connecting(attempt: Attempt, event: &Event, at: Moment) -> Changed {
    let failed = |failure| Some((LinkState::Failed(failure), vec![Action::Close]));
    match attempt.on_event(event, at) {
        Outcome::GoesOn(attempt, actions) => {
            return Some((LinkState::Connecting(attempt), actions));
        }
        Outcome::Open(state, actions) => return Some((state, actions)),
        Outcome::Failed(failure) => return failed(failure),
        Outcome::Nothing => {}
    }
    match event {
        // The try that is under way was made on a network that is gone.
        Event::NetworkChanged => Some((connecting(at), vec![Action::Open])),
        Event::Left => Some(lost(Failure::Away, at)),
        _ => None,
    }
}

fn on_connected(event: &Event, at: Moment) -> Changed {
    match event {
        Event::Doubt => {
            let until = at.after(DOUBT);
            let doubtful = Interruption::Doubtful { until };
            Some((LinkState::Interrupted(doubtful), Vec::new()))
        }
        Event::Silent | Event::NoWay | Event::NetworkChanged => Some(restarting(at)),
        Event::GoAway if at.reconnect => Some(Mover::new(Reason::GoAway, at).open()),
        Event::Lost(failure) => Some(lost(failure.clone(), at)),
        Event::Left => Some(lost(Failure::Away, at)),
        _ => None,
    }
}

fn on_interrupted(interruption: Interruption, event: &Event, at: Moment) -> Changed {
    match (interruption, event) {
        (_, Event::Heard) => Some((LinkState::Connected, Vec::new())),
        (_, Event::NetworkChanged)
        | (Interruption::Doubtful { .. }, Event::Silent | Event::NoWay | Event::Seen) => {
            Some(restarting(at))
        }
        (Interruption::Doubtful { until }, Event::Time) if at.now >= until => Some(restarting(at)),
        (Interruption::Restarting { until }, Event::Time) if at.now >= until => {
            Some(lost(Failure::Silent, at))
        }
        (_, Event::Lost(failure)) => Some(lost(failure.clone(), at)),
        (_, Event::Left) => Some(lost(Failure::Away, at)),
        _ => None,
    }
}

fn restarting(at: Moment) -> (LinkState, Vec<Action>) {
    let until = at.after(RESTART_LIMIT);
    (
        LinkState::Interrupted(Interruption::Restarting { until }),
        vec![Action::Restart],
    )
}

impl Moment {
    fn after(self, wait: Duration) -> f64 {
        self.now + milliseconds(wait)
    }
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

#[cfg(test)]
mod tests;
