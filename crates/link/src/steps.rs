//! Keeps the book of the steps of a try. No clock: times are inputs, in milliseconds.

use crate::{Milestone, Outcome, StepReport};

const ORDER: [Milestone; 6] = [
    Milestone::PageLoaded,
    Milestone::OfferSent,
    Milestone::AnswerReceived,
    Milestone::PairsChecked,
    Milestone::Secured,
    Milestone::ChannelsOpen,
];

/// The steps of one try to open a session.
#[derive(Clone, Debug, Default)]
pub struct Steps(Vec<StepReport>);

impl Steps {
    /// A try that begins at `now`, on a page that was asked for at `asked` and loaded at
    /// `loaded`.
    pub fn begin(asked: f64, loaded: f64, now: f64) -> Self {
        let mut steps = Self::default();
        steps.add(Milestone::PageLoaded, asked);
        steps.end(loaded, Outcome::Done);
        steps.add(Milestone::OfferSent, now);
        steps
    }

    /// The try has come as far as this: the step that led to it is done, and any before it that
    /// nothing was heard of, and the next begins. What was reached before changes nothing.
    pub fn reach(&mut self, milestone: Milestone, now: f64) {
        while self
            .0
            .last()
            .is_some_and(|last| last.milestone <= milestone)
            && self.is_pending()
        {
            self.end(now, Outcome::Done);
            if let Some(next) = ORDER.get(self.0.len()) {
                self.add(*next, now);
            }
        }
    }

    /// The try has ended: what was under way ended with it.
    pub fn end(&mut self, now: f64, outcome: Outcome) {
        if let Some(last) = self.0.last_mut()
            && last.outcome == Outcome::Pending
        {
            last.ended = Some(now);
            last.outcome = outcome;
        }
    }

    /// What there is to show.
    pub fn reports(&self) -> Vec<StepReport> {
        self.0.clone()
    }

    fn is_pending(&self) -> bool {
        self.0
            .last()
            .is_some_and(|last| last.outcome == Outcome::Pending)
    }

    fn add(&mut self, milestone: Milestone, began: f64) {
        self.0.push(StepReport {
            milestone,
            began,
            ended: None,
            outcome: Outcome::Pending,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::super::Failure;
    use super::*;

    fn outcomes(steps: &Steps) -> Vec<(Milestone, f64, Option<f64>, Outcome)> {
        steps
            .reports()
            .into_iter()
            .map(|step| (step.milestone, step.began, step.ended, step.outcome))
            .collect()
    }

    #[test]
    fn a_try_that_succeeds_has_six_steps_without_gaps() {
        let mut steps = Steps::begin(0.0, 1.0, 2.0);
        for (milestone, now) in ORDER.into_iter().zip([2.0, 3.0, 4.0, 5.0, 6.0, 7.0]) {
            steps.reach(milestone, now);
        }
        steps.end(9.0, Outcome::Stopped);
        let reports = steps.reports();
        assert_eq!(reports.len(), 6);
        assert!(reports.iter().all(|step| step.outcome == Outcome::Done));
        for pair in reports[1..].windows(2) {
            assert_eq!(pair[0].ended, Some(pair[1].began));
        }
        assert_eq!(reports[5].ended, Some(7.0));
    }

    #[test]
    fn what_was_not_heard_of_is_done_with_what_comes_after_it() {
        let mut steps = Steps::begin(0.0, 1.0, 2.0);
        steps.reach(Milestone::Secured, 5.0);
        steps.reach(Milestone::AnswerReceived, 6.0);
        let reports = steps.reports();
        assert_eq!(reports.len(), 6);
        assert_eq!(reports[4].ended, Some(5.0));
        assert_eq!(reports[5].outcome, Outcome::Pending);
    }

    #[test]
    fn the_step_under_way_ends_with_the_try() {
        let mut steps = Steps::begin(0.0, 1.0, 2.0);
        steps.reach(Milestone::OfferSent, 3.0);
        steps.end(4.0, Outcome::Failed(Failure::Unreachable));
        steps.reach(Milestone::ChannelsOpen, 5.0);
        assert_eq!(
            outcomes(&steps)[1..],
            [
                (Milestone::OfferSent, 2.0, Some(3.0), Outcome::Done),
                (
                    Milestone::AnswerReceived,
                    3.0,
                    Some(4.0),
                    Outcome::Failed(Failure::Unreachable)
                ),
            ]
        );
    }
}
