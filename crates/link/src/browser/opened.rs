//! Channels that were opened on the link: they outlive its sessions.

use super::channel::{Channel, Role};
use super::driver::Driver;
use super::halves::{Begun, OnSessionEvent, Opened};
use super::negotiation;
use crate::channel::ChannelHandle;
use crate::link::OnChannelEvent;
use crate::machine::Event;
use crate::{
    ChannelEvent, ChannelOptions, Failure, LinkChannel, LinkEventKind, LinkState, NotSent,
    OpenError,
};
use leptos::prelude::*;
use leptos::task::spawn_local;
use std::rc::Rc;
use tickwire_wire::signaling::Change;
use web_sys::AbortSignal;

/// How long the server may take to add channels, in milliseconds.
const ADD_LIMIT: u32 = 10_000;
/// How many channels may be opened on a link: as many as Chromium has streams for, less those
/// that are being closed.
const MAX_OPENED: usize = 512;

impl Driver {
    pub(super) fn open_channel(
        self,
        options: ChannelOptions,
        on_event: OnChannelEvent,
    ) -> Result<LinkChannel, OpenError> {
        let on_event = Rc::new(move |_, event| on_event(event));
        let handle = self.open_handle(options, on_event, false)?;
        Ok(LinkChannel(Rc::new(handle)))
    }

    /// Opens a channel that is told of each session, of the one that is being left as well.
    pub(super) fn follow_channel(
        self,
        options: ChannelOptions,
        on_event: OnSessionEvent,
    ) -> Result<Handle, OpenError> {
        self.open_handle(options, on_event, true)
    }

    fn open_handle(
        self,
        options: ChannelOptions,
        on_event: OnSessionEvent,
        follows: bool,
    ) -> Result<Handle, OpenError> {
        let opened = Rc::new(Opened::new(options, on_event, follows));
        let added = self.opened.try_update_value(|all| {
            let has_room = all.len() < MAX_OPENED;
            if has_room {
                all.push(opened.clone());
            }
            has_room
        });
        match added {
            None => return Err(OpenError::NoLink),
            Some(false) => return Err(OpenError::TooMany),
            Some(true) => self.ask_for_channels(),
        }
        Ok(Handle {
            opened,
            driver: self,
        })
    }

    pub(super) fn opened_channels(self) -> Vec<Rc<Opened>> {
        self.opened.try_get_value().unwrap_or_default()
    }

    /// Asks the server for the channels that the session does not have yet. Its half comes
    /// first: what arrives on a stream without one would make it reliable and ordered.
    pub(super) fn ask_for_channels(self) {
        if self.state.try_with_untracked(LinkState::has_session) != Some(true) {
            return;
        }
        let mut missing = self.opened_channels();
        if self.is_by_socket() {
            return self.open_on_socket(&missing);
        }
        let begun = self.with_session(|session| {
            let url = session.url.clone()?;
            missing.retain(|opened| !opened.is_on(session.number));
            let begun: Vec<_> = missing
                .drain(..)
                .filter_map(|opened| opened.begin_on(session, false))
                .collect();
            Some((session.number, url, session.token.clone(), begun))
        });
        let Some((number, url, token, begun)) = begun.flatten() else {
            return;
        };
        let begun = self.without_refused(begun);
        if begun.is_empty() {
            return;
        }
        let inits = begun.iter().map(|(_, channel)| channel.init.clone());
        let change = Change::channels(inits.collect());
        spawn_local(async move {
            let signal = AbortSignal::timeout_with_u32(ADD_LIMIT);
            let added = negotiation::change_session(&url, token.as_deref(), change, &signal).await;
            if !self.is_current(number) {
                return;
            }
            match added {
                Ok(_) => {
                    let wanted = self.opened_channels();
                    for (opened, channel) in begun {
                        if wanted.iter().any(|other| Rc::ptr_eq(other, &opened)) {
                            opened.has_both_halves(number);
                        } else {
                            self.with_session(|session| session.connection.remove(&channel));
                        }
                    }
                }
                Err(failure) if negotiation::is_gone(&failure) => {
                    self.on_session(number, Event::Lost(Failure::Ended));
                }
                Err(failure) => {
                    for (opened, _) in begun {
                        self.forget(&opened);
                        opened.tell(number, ChannelEvent::Closed(Some(failure.message())));
                    }
                }
            }
            self.show_channels();
        });
    }

    /// The same on a WebSocket, where the server has its half at once.
    fn open_on_socket(self, all: &[Rc<Opened>]) {
        for opened in all {
            let begun = self.with_session(|session| {
                let is_missing = !opened.is_on(session.number);
                let begun = is_missing.then(|| opened.begin_on(session, false));
                begun.flatten().map(|_| session.number)
            });
            if let Some(Some(number)) = begun {
                opened.has_both_halves(number);
            }
        }
        self.show_channels();
    }

    /// Those channels that the browser has created. The others are told, when what is under way is
    /// done, that they have ended.
    pub(super) fn without_refused(self, begun: Vec<Begun>) -> Vec<(Rc<Opened>, Rc<Channel>)> {
        let mut created = Vec::new();
        for (opened, channel) in begun {
            match channel {
                Ok(channel) => created.push((opened, channel)),
                Err(cause) => {
                    self.forget(&opened);
                    spawn_local(async move { opened.tell(0, ChannelEvent::Closed(Some(cause))) });
                }
            }
        }
        created
    }

    /// The server has closed a channel; others are open.
    pub(super) fn channel_closed(self, number: u32, channel: &Rc<Channel>) {
        let is_current = self.is_current(number);
        match &channel.role {
            Role::Pulse => {}
            Role::Page(label) if is_current => self.tell(LinkEventKind::Closed(label.clone())),
            Role::Page(_) => {}
            Role::Opened(opened) => {
                let Some(opened) = opened.upgrade() else {
                    return;
                };
                if is_current {
                    self.opened_closed(number, &opened);
                } else if self.is_next(number) {
                    // It is told when that session is the link's.
                    opened.with_half(number, |half| half.is_closed = true);
                } else {
                    opened.lose(number);
                }
            }
        }
    }

    pub(super) fn opened_closed(self, number: u32, opened: &Rc<Opened>) {
        // It closed before the browser told that it was open: what came comes first.
        if opened.with_half(number, |half| !half.early.is_empty()) == Some(true) {
            opened.tell_opened(number);
        }
        self.forget(opened);
        opened.tell(number, ChannelEvent::Closed(None));
    }

    /// The channel does not come back.
    fn forget(self, opened: &Rc<Opened>) {
        self.opened
            .try_update_value(|all| all.retain(|other| !Rc::ptr_eq(other, opened)));
        for half in opened.halves.take() {
            self.with_session_of(half.session, |session| {
                session.connection.remove(&half.channel);
            });
        }
    }
}

/// The page's half of a channel that it has opened. Dropping it closes the channel.
pub struct Handle {
    opened: Rc<Opened>,
    driver: Driver,
}

impl Handle {
    /// Its half on the session of this number.
    ///
    /// # Errors
    /// Where it is not open there.
    pub fn on(&self, session: u32) -> Result<Rc<Channel>, NotSent> {
        self.opened.channel(session).ok_or(NotSent::NotOpen)
    }

    fn present(&self) -> Result<Rc<Channel>, NotSent> {
        let number = self.driver.with_session(|session| session.number);
        self.on(number.ok_or(NotSent::NotOpen)?)
    }
}

impl ChannelHandle for Handle {
    fn send_text(&self, text: &str) -> Result<(), NotSent> {
        self.present()?.send_text(text)
    }

    fn send_binary(&self, bytes: &[u8]) -> Result<(), NotSent> {
        self.present()?.send_binary(bytes)
    }

    fn buffered_amount(&self) -> u32 {
        self.present()
            .map_or(0, |channel| channel.buffered_amount())
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.driver.forget(&self.opened);
        self.driver.show_channels();
    }
}
