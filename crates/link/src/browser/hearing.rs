//! What the browser tells of a session, and what that means for the link.

use super::channel::{Channel, Message, Role};
use super::connection::Happening;
use super::driver::Driver;
use super::halves::MAX_EARLY;
use super::session::Session;
use super::{clock, timer};
use crate::machine::Event;
use crate::silence::Look;
use crate::{Failure, LinkEventKind, LinkState, Milestone, Step};
use leptos::prelude::*;
use std::rc::Rc;
use web_sys::RtcPeerConnectionState;

/// How long it may take, in milliseconds, until all channels of a session that has ended say so.
/// The browser tells of one after the other.
const SETTLE: f64 = 100.0;

impl Driver {
    pub(super) fn happened(self, number: u32, happening: Happening) {
        if !self.has_session(number) {
            return;
        }
        match happening {
            Happening::Message(channel, message) => self.received(number, &channel, message),
            Happening::Opened(channel) => {
                if let Role::Opened(opened) = &channel.role
                    && let Some(opened) = opened.upgrade()
                {
                    opened.opened(number);
                }
                self.look_whether_open(number);
            }
            Happening::Closed(channel) => {
                let is_closed = |session: &mut Session| session.connection.is_closed();
                if self.with_session_of(number, is_closed) == Some(true) {
                    return self.on_session(number, Event::Lost(Failure::Ended));
                }
                self.with_session_of(number, |session| {
                    session.keep_closed(channel, || {
                        timer::after(SETTLE, move || self.settle(number))
                    });
                });
                self.show_channels();
            }
            Happening::PairWorks => {
                self.reached(number, Milestone::PairsChecked);
                self.on_session(number, Event::Reached(Step::Securing));
            }
            Happening::State(state) => self.state_changed(number, state),
            Happening::Lost(failure) => {
                // That nothing gets through by this way either says less than what became of the other.
                let first = self.with_session_of(number, |session| session.instead_of.take());
                let failure = match (failure, first.flatten()) {
                    (Failure::NoPath, Some(first)) => first,
                    (failure, _) => failure,
                };
                self.on_session(number, Event::Lost(failure));
            }
        }
    }

    /// Some channels have closed, and not all: the server has closed them, one by one.
    pub(super) fn settle(self, number: u32) {
        let settled = self.with_session_of(number, Session::settled);
        for channel in settled.iter().flat_map(|(closed, _)| closed) {
            self.channel_closed(number, channel);
        }
        self.look_whether_open(number);
    }

    pub(super) fn look_whether_open(self, number: u32) {
        let is_open = |session: &mut Session| session.connection.is_open();
        if self.with_session_of(number, is_open) == Some(true) {
            self.reached(number, Milestone::ChannelsOpen);
            self.on_session(number, Event::Opened);
        }
        self.show_channels();
    }

    pub(super) fn state_changed(self, number: u32, state: RtcPeerConnectionState) {
        match state {
            RtcPeerConnectionState::Connected => {
                self.reached(number, Milestone::Secured);
                self.on_session(number, Event::Reached(Step::Opening));
                self.hear(number, false);
            }
            RtcPeerConnectionState::Disconnected => self.on_session(number, Event::Doubt),
            RtcPeerConnectionState::Failed => {
                let has_pair = |session: &mut Session| session.connection.has_pair();
                let has_pair = self.with_session_of(number, has_pair);
                let is_open = self.state.try_with_untracked(LinkState::has_session) == Some(true)
                    && !self.is_next(number);
                let event = match (has_pair, is_open) {
                    (Some(true), _) => Event::Lost(Failure::Dtls),
                    (_, true) => Event::NoWay,
                    _ => Event::Lost(Failure::NoPath),
                };
                self.on_session(number, event);
            }
            _ => {}
        }
    }

    pub(super) fn received(self, number: u32, channel: &Rc<Channel>, message: Message) {
        self.hear(number, matches!(channel.role, Role::Pulse));
        let is_full = match &channel.role {
            Role::Pulse => false,
            Role::Page(label) if self.is_next(number) => {
                let label = label.clone();
                let keep = |session: &mut Session| {
                    session.early.push((label, message));
                    session.early.len() >= MAX_EARLY
                };
                self.with_session_of(number, keep) == Some(true)
            }
            Role::Page(label) => {
                self.page_received(label.clone(), message);
                false
            }
            Role::Opened(opened) => opened
                .upgrade()
                .is_some_and(|opened| opened.received(number, message)),
        };
        if is_full {
            // What has come is told when the session is the link's: so much of it says that it works.
            self.on_session(number, Event::Opened);
        }
    }

    pub(super) fn page_received(self, label: Rc<str>, message: Message) {
        self.tell(match message {
            Message::Text(text) => LinkEventKind::Received(label, text),
            Message::Binary(bytes) => LinkEventKind::ReceivedBinary(label, bytes.byte_length()),
        });
    }

    /// The server is heard.
    pub(super) fn hear(self, number: u32, is_pulse: bool) {
        let now = clock::now();
        let look = self.with_session_of(number, |session| {
            if is_pulse {
                session.silence.pulse(now)
            } else {
                session.silence.hear(now)
            }
        });
        if let Some(Some(at)) = look {
            self.listen_until(number, at);
        }
        let is_missed = self
            .state
            .try_with_untracked(|state| matches!(state, LinkState::Interrupted(_)));
        if is_missed == Some(true) {
            self.on_session(number, Event::Heard);
        }
    }

    pub(super) fn listen_until(self, number: u32, at: f64) {
        let listen = move || {
            let now = clock::now();
            match self.with_session_of(number, |session| session.silence.look(now)) {
                Some(Some(Look::Later(at))) => self.listen_until(number, at),
                Some(Some(Look::Ask(at))) => {
                    self.with_session_of(number, |session| session.ask());
                    self.listen_until(number, at);
                }
                Some(Some(Look::Silent)) => self.on_session(number, Event::Silent),
                Some(None) | None => {}
            }
        };
        let timer = timer::after(at - clock::now(), listen);
        // The one before is dropped when nothing is borrowed: it may be what is running.
        drop(self.with_session_of(number, |session| session.look.replace(timer)));
    }
}
