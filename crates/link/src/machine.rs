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

mod moving;

use crate::{Attempt, Beside, Failure, Interruption, LinkState, Reason, Step, Try};
use moving::Mover;
use std::time::Duration;

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

/// The session is lost: another is tried for, unless that is not wanted or makes no sense.
fn lost(cause: Failure, at: Moment) -> (LinkState, Vec<Action>) {
    (waiting(1, cause, at), vec![Action::Close])
}

/// The wait before a try.
fn waiting(attempt: u32, cause: Failure, at: Moment) -> LinkState {
    if !at.reconnect || !cause.is_passing() {
        return LinkState::Failed(cause);
    }
    LinkState::Reconnecting {
        attempt,
        attempted: wait_for(attempt, &cause, at),
        cause,
    }
}

fn wait_for(attempt: u32, cause: &Failure, at: Moment) -> Try {
    let asked = cause.retry_after();
    let until = match cause {
        // Nobody knows when: it is seen then.
        Failure::Away => f64::INFINITY,
        _ => at.now + wait(attempt, asked.unwrap_or_default(), at.random),
    };
    Try::Waiting {
        until,
        not_before: asked.map_or(0.0, |asked| at.after(asked)),
    }
}

/// What becomes of a session that is being opened.
enum Outcome {
    /// It goes on, and this is to be done.
    GoesOn(Attempt, Vec<Action>),
    /// There is a session.
    Open(LinkState, Vec<Action>),
    Failed(Failure),
    /// That is up to the link.
    Nothing,
}

impl Attempt {
    /// One that begins now.
    fn begin(at: Moment) -> Self {
        let beside = if at.prefers_socket {
            at.now
        } else {
            at.after(BESIDE_AFTER)
        };
        Self {
            beside: Beside::At(beside),
            ..Self::alone(at)
        }
    }

    /// The same without a WebSocket beside it.
    fn alone(at: Moment) -> Self {
        Self {
            step: Step::Signalling,
            until: at.after(OPEN_LIMIT),
            beside: Beside::Over,
        }
    }

    fn on_event(self, event: &Event, at: Moment) -> Outcome {
        let over = Self {
            beside: Beside::Over,
            ..self
        };
        match (event, self.beside) {
            (Event::Reached(step), _) if *step > self.step => Outcome::GoesOn(
                Self {
                    step: *step,
                    ..self
                },
                Vec::new(),
            ),
            (Event::Opened, beside) => {
                let is_beside = beside == Beside::Opening;
                let actions = is_beside.then_some(Action::CloseNext);
                Outcome::Open(connected(at), actions.into_iter().collect())
            }
            (Event::Time, _) if at.now >= self.until => Outcome::Failed(self.step.failure()),
            (Event::Time, Beside::At(due)) if at.now >= due => {
                let beside = Beside::Opening;
                Outcome::GoesOn(Self { beside, ..self }, vec![Action::OpenSocket])
            }
            (Event::NextOpened, Beside::Opening) => {
                let mover = Mover::new(Reason::Better, at);
                let moving = mover.at_try(Try::Opening(over));
                Outcome::Open(moving, vec![Action::Swap])
            }
            (Event::NextLost(_), Beside::Opening) => Outcome::GoesOn(over, vec![Action::CloseNext]),
            // The server is there, and a WebSocket may get through.
            (Event::Lost(failure), Beside::At(_)) if failure.is_of_way() => {
                let actions = vec![Action::OpenSocket, Action::Replace];
                Outcome::GoesOn(Self::alone(at), actions)
            }
            (Event::Lost(failure), Beside::Opening) if failure.is_of_way() => {
                Outcome::GoesOn(Self::alone(at), vec![Action::Replace])
            }
            (Event::Lost(failure), _) => Outcome::Failed(failure.clone()),
            _ => Outcome::Nothing,
        }
    }
}

/// The link has a session. One by WebSocket is left for a better one in time.
fn connected(at: Moment) -> LinkState {
    if at.is_by_socket {
        Mover::new(Reason::Better, at).later()
    } else {
        LinkState::Connected
    }
}

/// How long to wait before a try, in milliseconds: exponential backoff with full jitter, so that
/// the browsers that a server has lost do not all come back at once. Those that it has told when to
/// come back are told the same, so they spread over as long again, or over the backoff where that
/// is longer.
fn wait(attempt: u32, asked: Duration, random: f64) -> f64 {
    let doublings = attempt.saturating_sub(1).min(16);
    let backoff = (FIRST_WAIT * 2_u32.pow(doublings)).min(LONGEST_WAIT);
    milliseconds(asked) + milliseconds(asked.max(backoff)) * random
}

/// A link that is trying for a new session.
struct Waiter<'a> {
    attempt: u32,
    cause: &'a Failure,
    at: Moment,
}

impl Waiter<'_> {
    fn on_event(&self, attempted: Try, event: &Event) -> Changed {
        let at = self.at;
        match (attempted, event) {
            (Try::Waiting { until, .. }, Event::Time) if at.now >= until => Some(self.open()),
            // What has changed may be what was in the way.
            (Try::Waiting { not_before, .. }, Event::NetworkChanged | Event::Seen) => {
                if at.now >= not_before {
                    return Some(self.open());
                }
                let until = not_before;
                Some((self.at_try(Try::Waiting { until, not_before }), Vec::new()))
            }
            (Try::Opening(opening), event) => self.on_opening(opening, event),
            _ => None,
        }
    }

    fn on_opening(&self, opening: Attempt, event: &Event) -> Changed {
        Some(match (opening.on_event(event, self.at), event) {
            (Outcome::GoesOn(opening, actions), _) => (self.at_try(Try::Opening(opening)), actions),
            (Outcome::Open(state, actions), _) => (state, actions),
            (Outcome::Failed(failure), _) => self.again(failure),
            (Outcome::Nothing, Event::NetworkChanged) => self.open(),
            (Outcome::Nothing, Event::Left) => (
                waiting(self.attempt, Failure::Away, self.at),
                vec![Action::Close],
            ),
            (Outcome::Nothing, _) => return None,
        })
    }

    fn at_try(&self, attempted: Try) -> LinkState {
        LinkState::Reconnecting {
            attempt: self.attempt,
            attempted,
            cause: self.cause.clone(),
        }
    }

    fn open(&self) -> (LinkState, Vec<Action>) {
        let opening = Try::Opening(Attempt::begin(self.at));
        (self.at_try(opening), vec![Action::Open])
    }

    fn again(&self, failure: Failure) -> (LinkState, Vec<Action>) {
        let attempt = self.attempt.saturating_add(1);
        (waiting(attempt, failure, self.at), vec![Action::Close])
    }
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
