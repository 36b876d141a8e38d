//! What the browser tells of a session, and what that means for the link.

use super::channel::{Channel, Message, Role};
use super::connection::Happening;
use super::driver::Driver;
use super::session::Session;
use super::{clock, timer};
use crate::machine::Event;
use crate::{Failure, LinkEventKind, LinkState, Milestone, Step};
use leptos::prelude::*;
use std::rc::Rc;
use web_sys::RtcPeerConnectionState;

/// How long it may take, in milliseconds, until all channels of a session that has ended say so.
/// The browser tells of one after the other.
const SETTLE: f64 = 100.0;

impl Driver {
    pub(super) fn happened(self, number: u32, happening: Happening) {
        if !self.is_current(number) {
            return;
        }
        match happening {
            Happening::Message(channel, message) => self.received(number, &channel, message),
            Happening::Opened(channel) => {
                if let Role::Opened(opened) = &channel.role
                    && let Some(opened) = opened.upgrade()
                {
                    opened.opened(&channel);
                }
                self.look_whether_open(number);
            }
            Happening::Closed(channel) => {
                if self.with_session(|session| session.connection.is_closed()) == Some(true) {
                    return self.on_session(number, Event::Lost(Failure::Ended));
                }
                self.with_session(|session| {
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
        }
    }

    /// Some channels have closed, and not all: the server has closed them, one by one.
    pub(super) fn settle(self, number: u32) {
        if !self.is_current(number) {
            return;
        }
        let settled = self.with_session(Session::settled);
        for channel in settled.iter().flat_map(|(closed, _)| closed) {
            self.channel_closed(channel);
        }
        self.look_whether_open(number);
    }

    pub(super) fn look_whether_open(self, number: u32) {
        if self.with_session(|session| session.connection.is_open()) == Some(true) {
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
                let has_pair = self.with_session(|session| session.connection.has_pair());
                let was_open = self.state.try_with_untracked(LinkState::has_session);
                let event = match (has_pair, was_open) {
                    (Some(true), _) => Event::Lost(Failure::Dtls),
                    (_, Some(true)) => Event::NoWay,
                    _ => Event::Lost(Failure::NoPath),
                };
                self.on_session(number, event);
            }
            _ => {}
        }
    }

    pub(super) fn received(self, number: u32, channel: &Rc<Channel>, message: Message) {
        self.hear(number, matches!(channel.role, Role::Pulse));
        match &channel.role {
            Role::Pulse => {}
            Role::Page(label) => self.tell(match message {
                Message::Text(text) => LinkEventKind::Received(label.clone(), text),
                Message::Binary(bytes) => {
                    LinkEventKind::ReceivedBinary(label.clone(), bytes.byte_length())
                }
            }),
            Role::Opened(opened) => {
                if let Some(opened) = opened.upgrade() {
                    opened.received(channel, message);
                }
            }
        }
    }

    /// The server is heard.
    pub(super) fn hear(self, number: u32, is_pulse: bool) {
        let now = clock::now();
        let look = self.with_session(|session| {
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
            if !self.is_current(number) {
                return;
            }
            let now = clock::now();
            match self.with_session(|session| session.silence.look(now)) {
                Some(Some(at)) => self.listen_until(number, at),
                _ => self.on_session(number, Event::Silent),
            }
        };
        let timer = timer::after(at - clock::now(), listen);
        // The one before is dropped when nothing is borrowed: it may be what is running.
        drop(self.with_session(|session| session.look.replace(timer)));
    }
}
