//! What becomes of a link that has lost its session: how long it waits, and what it tries.

use super::attempt::Outcome;
use super::{Action, Changed, Event, FIRST_WAIT, LONGEST_WAIT, Moment, milliseconds};
use crate::{Attempt, Failure, LinkState, Try};
use std::time::Duration;

/// The session is lost: another is tried for, unless that is not wanted or makes no sense.
pub fn lost(cause: Failure, at: Moment) -> (LinkState, Vec<Action>) {
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

pub fn wait_for(attempt: u32, cause: &Failure, at: Moment) -> Try {
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
pub struct Waiter<'a> {
    pub attempt: u32,
    pub cause: &'a Failure,
    pub at: Moment,
}

impl Waiter<'_> {
    pub fn on_event(&self, attempted: Try, event: &Event) -> Changed {
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
