//! What is shown of a link: its steps, its path, its channels.

use super::driver::Driver;
use super::{clock, stats, timer};
use crate::machine::Event;
use crate::steps::Steps;
use crate::{LinkState, Milestone, Outcome, Path};
use leptos::prelude::*;
use leptos::task::spawn_local;

/// How often what is shown of a link is brought up to date while somebody looks, in milliseconds.
const LOOK: f64 = 1_000.0;

impl Driver {
    /// The try has come as far as this.
    pub(super) fn reached(self, number: u32, milestone: Milestone) {
        let now = clock::now();
        if self.is_current(number) {
            self.change_steps(|steps| steps.reach(milestone, now));
        } else {
            self.with_session_of(number, |session| session.steps.reach(milestone, now));
        }
    }

    /// Shows the steps of a try that is the link's from now on.
    pub(super) fn show_steps(self, steps: &Steps) {
        self.reports.try_set(steps.reports());
        self.steps.try_set_value(steps.clone());
    }

    pub(super) fn end_steps(self, event: &Event, after: &LinkState) {
        let now = clock::now();
        let outcome = match (event, after.failure()) {
            (Event::Lost(_) | Event::Time, Some(failure)) => Outcome::Failed(failure.clone()),
            _ => Outcome::Stopped,
        };
        self.change_steps(|steps| steps.end(now, outcome));
    }

    pub(super) fn change_steps(self, change: impl FnOnce(&mut Steps)) {
        let reports = self.steps.try_update_value(|steps| {
            change(steps);
            steps.reports()
        });
        if let Some(reports) = reports
            && self.reports.try_with_untracked(|shown| *shown != reports) == Some(true)
        {
            self.reports.try_set(reports);
        }
    }

    /// Brings up to date what is shown, and again in a second.
    pub(super) fn poll(self) {
        self.look_once();
        let again = timer::after(LOOK, move || self.poll());
        drop(
            self.polling
                .try_update_value(|polling| polling.replace(again)),
        );
    }

    pub(super) fn look_once(self) {
        self.show_channels();
        let peer = self.with_session(|session| (session.number, session.connection.peer()));
        let Some((number, peer)) = peer else { return };
        let Some(peer) = peer else {
            self.path.try_set(Some(Path::by_socket()));
            self.round_trip.try_set(None);
            return;
        };
        spawn_local(async move {
            if let Some((path, round_trip)) = stats::path(&peer).await
                && self.is_current(number)
            {
                self.path.try_set(Some(path));
                self.round_trip.try_set(round_trip);
            }
        });
    }

    pub(super) fn show_channels(self) {
        let reports = self.with_session(|session| {
            let channels = session.connection.channels();
            channels.iter().map(|channel| channel.report()).collect()
        });
        self.channels.try_set(reports.unwrap_or_default());
    }
}
