//! Moves from one session to another, while both are there.

use super::channel::Role;
use super::driver::Driver;
use super::session::Session;
use super::{clock, timer};
use crate::machine::Event;
use crate::{Failure, Outcome};
use leptos::prelude::*;

/// How long at most a session goes on beside the one that has taken its place, in milliseconds.
const MOVE_LIMIT: f64 = 5_000.0;

impl Driver {
    /// Closes the session that is being opened beside the current one.
    pub(super) fn close_next(self) {
        let Some(next) = self.next.try_update_value(Option::take).flatten() else {
            return;
        };
        let number = next.number;
        next.end();
        for opened in self.opened_channels() {
            opened.lose(number);
        }
    }

    /// The next session is open, and takes the place of the current one. That is heard on by who
    /// follows it, until it is left; to all others it is lost.
    pub(super) fn move_over(self) {
        let Some(old) = self.take_next() else {
            return;
        };
        let number = old.number;
        for channel in old.connection.channels() {
            if matches!(channel.role, Role::Page(_)) {
                channel.silence();
            }
        }
        let before = self
            .leaving
            .try_update_value(|leaving| leaving.replace(old));
        if let Some(before) = before.flatten() {
            self.end_left(before);
        }
        let leave = timer::after(MOVE_LIMIT, move || self.leave(number));
        drop(
            self.leave_by
                .try_update_value(|leave_by| leave_by.replace(leave)),
        );
        let opened = self.opened_channels();
        for opened in &opened {
            opened.leave(number);
        }
        if !opened.iter().any(|opened| opened.is_on(number)) {
            self.leave(number);
        }
    }

    /// The next session, by WebSocket, takes the place of the current one, which goes on to be opened beside it.
    pub(super) fn swap(self) {
        let Some(next) = self.next.try_update_value(Option::take).flatten() else {
            return;
        };
        let old = self.current.try_update_value(|it| it.replace(next));
        if let Some(old) = old.flatten() {
            for opened in self.opened_channels() {
                opened.hold(old.number);
            }
            self.next.try_set_value(Some(old));
        }
        self.show_channels();
    }

    /// The current session is lost, by this event, and the next takes its place, as far as it is.
    pub(super) fn replace(self, event: &Event) {
        let is_by_socket = |next: &Option<Session>| {
            let next = next.as_ref();
            next.is_some_and(|it| it.connection.is_by_socket())
        };
        match event {
            Event::Lost(failure) if self.next.try_with_value(is_by_socket) == Some(true) => {
                self.take_socket(failure);
            }
            _ => {
                if let Some(old) = self.take_next() {
                    self.end_left(old);
                }
            }
        }
        self.path.try_set(None);
        self.round_trip.try_set(None);
        self.release();
    }

    /// The next session, by WebSocket, is tried in place of the current one, which ends. What is shown stays how
    /// that was tried.
    fn take_socket(self, failure: &Failure) {
        let (now, outcome) = (clock::now(), Outcome::Failed(failure.clone()));
        self.change_steps(|steps| steps.end(now, outcome));
        let Some(mut next) = self.next.try_update_value(Option::take).flatten() else {
            return;
        };
        next.instead_of = Some(failure.clone());
        let old = self.current.try_update_value(|it| it.replace(next));
        if let Some(old) = old.flatten() {
            let number = old.number;
            old.end();
            for opened in self.opened_channels() {
                opened.lose(number);
            }
        }
        self.show_channels();
    }

    /// Leaves a session in whose place another has come; nothing where that is done.
    pub(super) fn leave(self, number: u32) {
        let left = self.leaving.try_update_value(|leaving| {
            let is_it = leaving.as_ref().is_some_and(|it| it.number == number);
            if is_it { leaving.take() } else { None }
        });
        if let Some(left) = left.flatten() {
            drop(self.leave_by.try_update_value(Option::take));
            self.end_left(left);
        }
    }

    fn end_left(self, session: Session) {
        let number = session.number;
        session.leave();
        for opened in self.opened_channels() {
            opened.lose(number);
        }
    }

    /// What is shown is of the next session from now on. Returns the one before.
    fn take_next(self) -> Option<Session> {
        let next = self.next.try_update_value(Option::take).flatten()?;
        self.show_steps(&next.steps);
        self.advertised.try_set(next.advertised.clone());
        let old = self.current.try_update_value(|it| it.replace(next));
        self.show_channels();
        old.flatten()
    }

    /// Tells what has come on the current session while it was being opened beside another.
    pub(super) fn release(self) {
        let early =
            self.with_session(|session| (session.number, std::mem::take(&mut session.early)));
        let Some((number, early)) = early else { return };
        for (label, message) in early {
            self.page_received(label, message);
        }
        for opened in self.opened_channels() {
            if opened.release(number) {
                self.opened_closed(number, &opened);
            }
        }
    }
}
