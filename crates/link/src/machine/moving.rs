//! What becomes of a link that moves from one session to another.

use super::{Action, Changed, Event, Moment, lost, opening, wait_for};
use crate::{Failure, LinkState, Try};

/// A link that has a session, and is trying for another to take its place.
pub struct Mover {
    /// Which try is under way or comes next.
    pub attempt: u32,
    pub at: Moment,
}

impl Mover {
    pub fn on_event(&self, attempted: Try, event: &Event) -> Changed {
        let at = self.at;
        match (attempted, event) {
            (_, Event::Left) => Some(lost(Failure::Away, at)),
            (_, Event::Lost(failure)) => Some(self.left_behind(attempted, failure.clone())),
            // Another session is on its way: that is as good as another way for this one.
            (_, Event::Silent | Event::NoWay) => Some(self.left_behind(attempted, Failure::Silent)),
            (_, Event::NetworkChanged) => {
                let (state, mut actions) = self.sooner(attempted);
                actions.insert(0, Action::Restart);
                Some((state, actions))
            }
            (Try::Waiting { .. }, Event::Seen) => Some(self.sooner(attempted)),
            (Try::Waiting { until, .. }, Event::Time) if at.now >= until => Some(self.open()),
            (Try::Opening { step, until }, Event::NextReached(reached)) if *reached > step => {
                let step = *reached;
                Some((self.at_try(Try::Opening { step, until }), Vec::new()))
            }
            (Try::Opening { .. }, Event::NextOpened) => {
                Some((LinkState::Connected, vec![Action::Move]))
            }
            (Try::Opening { .. }, Event::NextLost(failure)) => Some(self.again(failure)),
            (Try::Opening { step, until }, Event::Time) if at.now >= until => {
                Some(self.again(&step.failure()))
            }
            _ => None,
        }
    }

    fn at_try(&self, attempted: Try) -> LinkState {
        let attempt = self.attempt;
        LinkState::Moving { attempt, attempted }
    }

    pub fn open(&self) -> (LinkState, Vec<Action>) {
        (self.at_try(opening(self.at)), vec![Action::OpenNext])
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
        if !failure.is_passing() {
            return (LinkState::Connected, vec![Action::CloseNext]);
        }
        let attempt = self.attempt.saturating_add(1);
        let attempted = wait_for(attempt, failure, self.at);
        (
            LinkState::Moving { attempt, attempted },
            vec![Action::CloseNext],
        )
    }

    /// The session is lost before there is another: the try goes on.
    fn left_behind(&self, attempted: Try, cause: Failure) -> (LinkState, Vec<Action>) {
        if !self.at.reconnect || !cause.is_passing() {
            return lost(cause, self.at);
        }
        let action = match attempted {
            Try::Waiting { .. } => Action::Close,
            Try::Opening { .. } => Action::Replace,
        };
        let attempt = self.attempt;
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
