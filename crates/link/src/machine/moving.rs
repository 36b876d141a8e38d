//! What becomes of a link that moves from one session to another.

use super::waiting::{lost, wait_for};
use super::{Action, BETTER_AFTER, Changed, Event, Moment};
use crate::{Attempt, Failure, LinkState, Reason, Try};

/// A link that has a session, and is trying for another to take its place.
pub struct Mover {
    pub reason: Reason,
    /// Which try is under way or comes next.
    pub attempt: u32,
    pub at: Moment,
}

impl Mover {
    /// At the first try.
    pub fn new(reason: Reason, at: Moment) -> Self {
        let attempt = 1;
        Self {
            reason,
            attempt,
            at,
        }
    }

    pub fn on_event(&self, attempted: Try, event: &Event) -> Changed {
        let at = self.at;
        let is_better = self.reason == Reason::Better;
        match (attempted, event) {
            (_, Event::Left) => Some(lost(Failure::Away, at)),
            (_, Event::Lost(failure)) => Some(self.left_behind(attempted, failure.clone())),
            // Another session is on its way: that is as good as another way for this one.
            (_, Event::Silent | Event::NoWay) => Some(self.left_behind(attempted, Failure::Silent)),
            (_, Event::GoAway) if is_better && at.reconnect => {
                Some(Self::new(Reason::GoAway, at).open())
            }
            // A WebSocket does not follow to another network.
            (_, Event::NetworkChanged) if is_better => Some(lost(Failure::Silent, at)),
            (_, Event::NetworkChanged) => {
                let (state, mut actions) = self.sooner(attempted);
                actions.insert(0, Action::Restart);
                Some((state, actions))
            }
            (Try::Waiting { .. }, Event::Seen) if !is_better => Some(self.sooner(attempted)),
            (Try::Waiting { until, .. }, Event::Time) if at.now >= until => Some(self.open()),
            (Try::Opening(opening), Event::NextReached(step)) if *step > opening.step => {
                let step = *step;
                let opening = Attempt { step, ..opening };
                Some((self.at_try(Try::Opening(opening)), Vec::new()))
            }
            (Try::Opening(_), Event::NextOpened) => Some((self.moved(), vec![Action::Move])),
            (Try::Opening(_), Event::NextLost(failure)) => Some(self.again(failure)),
            (Try::Opening(opening), Event::Time) if at.now >= opening.until => {
                Some(self.again(&opening.step.failure()))
            }
            _ => None,
        }
    }

    pub fn at_try(&self, attempted: Try) -> LinkState {
        LinkState::Moving {
            reason: self.reason,
            attempt: self.attempt,
            attempted,
        }
    }

    pub fn open(&self) -> (LinkState, Vec<Action>) {
        let action = match self.reason {
            Reason::GoAway => Action::OpenNext,
            Reason::Better => Action::OpenBetter,
        };
        let opening = Try::Opening(Attempt::alone(self.at));
        (self.at_try(opening), vec![action])
    }

    /// Tries in a while.
    pub fn later(&self) -> LinkState {
        self.at_try(Try::Waiting {
            until: self.at.after(BETTER_AFTER),
            not_before: 0.0,
        })
    }

    /// The other session is open. One that was opened by the same way as one by WebSocket is by WebSocket.
    fn moved(&self) -> LinkState {
        match self.reason {
            Reason::GoAway if self.at.is_by_socket => Self::new(Reason::Better, self.at).later(),
            _ => LinkState::Connected,
        }
    }

    /// Tries now, or as soon as the server lets it.
    fn sooner(&self, attempted: Try) -> (LinkState, Vec<Action>) {
        match attempted {
            Try::Waiting { not_before, .. } if self.at.now < not_before => {
                let until = not_before;
                (self.at_try(Try::Waiting { until, not_before }), Vec::new())
            }
            _ => self.open(),
        }
    }

    /// The try has failed. Where another makes no sense, the session is as good as any.
    fn again(&self, failure: &Failure) -> (LinkState, Vec<Action>) {
        let next = Self {
            attempt: self.attempt.saturating_add(1),
            ..*self
        };
        let state = match self.reason {
            Reason::Better => next.later(),
            Reason::GoAway if !failure.is_passing() => self.moved(),
            Reason::GoAway => next.at_try(wait_for(next.attempt, failure, self.at)),
        };
        (state, vec![Action::CloseNext])
    }

    /// The session is lost before there is another: the try goes on.
    fn left_behind(&self, attempted: Try, cause: Failure) -> (LinkState, Vec<Action>) {
        // What is tried because it is better may be of a server that is gone.
        if self.reason == Reason::Better || !self.at.reconnect || !cause.is_passing() {
            return lost(cause, self.at);
        }
        let attempt = self.attempt;
        let action = match attempted {
            Try::Waiting { .. } => Action::Close,
            Try::Opening(_) => Action::Replace,
        };
        (
            LinkState::Reconnecting {
                attempt,
                attempted,
                cause,
            },
            vec![action],
        )
    }
}
