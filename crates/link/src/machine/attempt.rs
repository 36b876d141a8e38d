//! A session that is being opened, and what is tried beside it.

use super::moving::Mover;
use super::{Action, BESIDE_AFTER, Event, Moment, OPEN_LIMIT};
use crate::{Attempt, Beside, Failure, LinkState, Reason, Step, Try};

/// What becomes of a session that is being opened.
pub enum Outcome {
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
    pub fn begin(at: Moment) -> Self {
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
    pub fn alone(at: Moment) -> Self {
        Self {
            step: Step::Signalling,
            until: at.after(OPEN_LIMIT),
            beside: Beside::Over,
        }
    }

    pub fn on_event(self, event: &Event, at: Moment) -> Outcome {
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
