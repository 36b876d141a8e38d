//! Channels that were opened on the link: they outlive its sessions.

use super::channel::{Channel, Message, Opened, Role};
use super::driver::Driver;
use super::negotiation;
use super::session::Session;
use crate::channel::ChannelHandle;
use crate::link::OnChannelEvent;
use crate::machine::Event;
use crate::{
    ChannelEvent, ChannelOptions, Failure, LinkChannel, LinkEventKind, LinkState, NotSent,
    OpenError,
};
use leptos::prelude::*;
use leptos::task::spawn_local;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use tickwire_wire::signaling::Change;
use web_sys::AbortSignal;

/// How long the server may take to add channels, in milliseconds.
const ADD_LIMIT: u32 = 10_000;
/// How many channels may be opened on a link: as many as Chromium has streams for, less those
/// that are being closed.
const MAX_OPENED: usize = 512;
/// How many messages wait until it is said that their channel is open; with more of them it is.
const MAX_EARLY: usize = 256;

/// A channel, and its half on the present session, or what the browser has against it.
pub type Begun = (Rc<Opened>, Result<Rc<Channel>, String>);

impl Opened {
    /// Creates its half on a session, where there is an id for it.
    pub fn begin_on(self: &Rc<Self>, session: &mut Session) -> Option<Begun> {
        let id = session.free_id()?;
        self.asked_on.set(session.number);
        self.init.borrow_mut().id = id;
        let init = self.init.borrow().clone();
        let role = Role::Opened(Rc::downgrade(self));
        Some((self.clone(), session.connection.add(init, role)))
    }

    /// The server has its half of this channel too.
    fn has_both_halves(&self, channel: &Rc<Channel>) {
        let is_new = self.channel.replace(Some(channel.clone())).is_none();
        if is_new {
            self.opened(channel);
        }
    }

    /// Says so, if the channel is open and the server has its half.
    pub fn opened(&self, channel: &Rc<Channel>) {
        let is_open = channel.is_open() && self.channel.borrow().is_some();
        if is_open && !self.is_told.get() {
            self.tell_opened();
        }
    }

    fn tell_opened(&self) {
        self.is_told.set(true);
        self.tell(ChannelEvent::Opened);
        for message in self.early.take() {
            self.tell(event(message));
        }
    }

    /// A message has come: so the server has its half, whatever the answer over HTTP is doing.
    pub fn received(&self, channel: &Rc<Channel>, message: Message) {
        self.has_both_halves(channel);
        if self.is_told.get() {
            return self.tell(event(message));
        }
        self.early.borrow_mut().push(message);
        if self.early.borrow().len() >= MAX_EARLY {
            self.tell_opened();
        }
    }

    /// Its session is over.
    pub fn lose(&self) {
        self.early.take();
        let was_told = self.is_told.take();
        if self.channel.take().is_some() && was_told {
            self.tell(ChannelEvent::Lost);
        }
    }

    fn tell(&self, event: ChannelEvent) {
        (self.on_event)(event);
    }
}

fn event(message: Message) -> ChannelEvent {
    match message {
        Message::Text(text) => ChannelEvent::Text(text),
        Message::Binary(bytes) => ChannelEvent::Binary(js_sys::Uint8Array::new(&bytes).to_vec()),
    }
}

impl Driver {
    pub(super) fn open_channel(
        self,
        options: ChannelOptions,
        on_event: OnChannelEvent,
    ) -> Result<LinkChannel, OpenError> {
        let opened = Rc::new(Opened {
            init: RefCell::new(options.negotiated(0)),
            on_event,
            channel: RefCell::default(),
            asked_on: Cell::new(0),
            is_told: Cell::new(false),
            early: RefCell::default(),
        });
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
        Ok(LinkChannel(Rc::new(Handle {
            opened,
            driver: self,
        })))
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
        let begun = self.with_session(|session| {
            let url = session.url.clone()?;
            missing.retain(|opened| opened.asked_on.get() != session.number);
            let begun: Vec<_> = missing
                .drain(..)
                .filter_map(|opened| opened.begin_on(session))
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
                            opened.has_both_halves(&channel);
                        } else {
                            self.with_session(|session| session.connection.remove(&channel));
                        }
                    }
                }
                Err(failure) if negotiation::is_gone(&failure) => {
                    self.on_session(number, Event::Lost(Failure::Ended));
                }
                Err(failure) => {
                    for (opened, channel) in begun {
                        self.forget(&opened, Some(&channel));
                        opened.tell(ChannelEvent::Closed(Some(failure.message())));
                    }
                }
            }
            self.show_channels();
        });
    }

    /// Those channels that the browser has created. The others are told, when what is under way is
    /// done, that they have ended.
    pub(super) fn without_refused(self, begun: Vec<Begun>) -> Vec<(Rc<Opened>, Rc<Channel>)> {
        let mut created = Vec::new();
        for (opened, channel) in begun {
            match channel {
                Ok(channel) => created.push((opened, channel)),
                Err(cause) => {
                    self.forget(&opened, None);
                    spawn_local(async move { opened.tell(ChannelEvent::Closed(Some(cause))) });
                }
            }
        }
        created
    }

    /// The server has closed a channel; others are open.
    pub(super) fn channel_closed(self, channel: &Rc<Channel>) {
        match &channel.role {
            Role::Pulse => {}
            Role::Page(label) => self.tell(LinkEventKind::Closed(label.clone())),
            Role::Opened(opened) => {
                if let Some(opened) = opened.upgrade() {
                    self.forget(&opened, Some(channel));
                    // It closed before the browser told that it was open: what came comes first.
                    if !opened.early.borrow().is_empty() {
                        opened.tell_opened();
                    }
                    opened.tell(ChannelEvent::Closed(None));
                }
            }
        }
    }

    /// The channel does not come back.
    fn forget(self, opened: &Rc<Opened>, channel: Option<&Rc<Channel>>) {
        let had = opened.channel.take();
        self.opened
            .try_update_value(|all| all.retain(|other| !Rc::ptr_eq(other, opened)));
        if let Some(channel) = channel.or(had.as_ref()) {
            self.with_session(|session| session.connection.remove(channel));
        }
    }
}

/// The page's half of a channel that it has opened.
struct Handle {
    opened: Rc<Opened>,
    driver: Driver,
}

impl Handle {
    fn channel(&self) -> Option<Rc<Channel>> {
        self.opened.channel.borrow().clone()
    }
}

impl ChannelHandle for Handle {
    fn send_text(&self, text: &str) -> Result<(), NotSent> {
        self.channel().ok_or(NotSent::NotOpen)?.send_text(text)
    }

    fn send_binary(&self, bytes: &[u8]) -> Result<(), NotSent> {
        self.channel().ok_or(NotSent::NotOpen)?.send_binary(bytes)
    }

    fn buffered_amount(&self) -> u32 {
        self.channel()
            .map_or(0, |channel| channel.buffered_amount())
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.driver.forget(&self.opened, None);
        self.driver.show_channels();
    }
}
