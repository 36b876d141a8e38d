//! Channels that were opened on the link, and their halves on its sessions.

use super::channel::{Channel, Message, Role};
use super::session::Session;
use crate::{ChannelEvent, ChannelOptions};
use std::cell::RefCell;
use std::rc::Rc;
use tickwire_wire::signaling::ChannelInit;

/// How many messages wait until it is said that their channel is open; with more of them it is.
pub const MAX_EARLY: usize = 256;

/// A channel, and its half on a session, or what the browser has against it.
pub type Begun = (Rc<Opened>, Result<Rc<Channel>, String>);

/// Is told of a channel, and on which session.
pub type OnSessionEvent = Rc<dyn Fn(u32, ChannelEvent)>;

/// A channel that was opened on the link: what remains of it when the session changes.
pub struct Opened {
    /// As it was asked for; the id is that on the newest session.
    init: RefCell<ChannelInit>,
    /// Whether it is told of the session that is being left, too, while that lasts.
    follows: bool,
    on_event: OnSessionEvent,
    pub halves: RefCell<Vec<Half>>,
}

/// A channel's half on a session.
pub struct Half {
    /// The session's number.
    pub session: u32,
    pub channel: Rc<Channel>,
    /// Whether the server has its half too.
    is_shared: bool,
    /// Whether its session is being opened beside another: then nothing is told of it yet.
    is_held: bool,
    /// Whether it was said that it is open.
    is_told: bool,
    /// Whether the server has closed it before that.
    pub is_closed: bool,
    /// What came before that: Chromium tells of a message first where it comes soon.
    pub early: Vec<Message>,
}

impl Opened {
    /// A channel without halves.
    pub fn new(options: ChannelOptions, on_event: OnSessionEvent, follows: bool) -> Self {
        Self {
            init: RefCell::new(options.negotiated(0)),
            follows,
            on_event,
            halves: RefCell::default(),
        }
    }

    /// Creates its half on a session, where there is an id for it.
    pub fn begin_on(self: &Rc<Self>, session: &mut Session, is_held: bool) -> Option<Begun> {
        let id = session.free_id()?;
        self.init.borrow_mut().id = id;
        let init = self.init.borrow().clone();
        let role = Role::Opened(Rc::downgrade(self));
        let channel = session.connection.add(init, role);
        if let Ok(channel) = &channel {
            self.halves.borrow_mut().push(Half {
                session: session.number,
                channel: channel.clone(),
                is_shared: false,
                is_held,
                is_told: false,
                is_closed: false,
                early: Vec::new(),
            });
        }
        Some((self.clone(), channel))
    }

    pub fn with_half<T>(&self, session: u32, look: impl FnOnce(&mut Half) -> T) -> Option<T> {
        let mut halves = self.halves.borrow_mut();
        halves.iter_mut().find(|it| it.session == session).map(look)
    }

    /// Its half on the session of this number, once both sides have theirs.
    pub fn channel(&self, session: u32) -> Option<Rc<Channel>> {
        let shared = |half: &mut Half| half.is_shared.then(|| half.channel.clone());
        self.with_half(session, shared).flatten()
    }

    pub fn is_on(&self, session: u32) -> bool {
        self.with_half(session, |_| ()).is_some()
    }

    /// The server has its half of this channel too.
    pub fn has_both_halves(&self, session: u32) {
        self.with_half(session, |half| half.is_shared = true);
        self.opened(session);
    }

    /// Says so, if the channel is open and the server has its half.
    pub fn opened(&self, session: u32) {
        let is_open = |half: &mut Half| half.is_shared && !half.is_held && half.channel.is_open();
        if self.with_half(session, is_open) == Some(true) {
            self.tell_opened(session);
        }
    }

    pub fn tell_opened(&self, session: u32) {
        let was_told = |half: &mut Half| std::mem::replace(&mut half.is_told, true);
        if self.with_half(session, was_told) != Some(false) {
            return;
        }
        self.tell(session, ChannelEvent::Opened);
        let early = self.with_half(session, |half| std::mem::take(&mut half.early));
        for message in early.into_iter().flatten() {
            self.tell(session, message.into());
        }
    }

    /// A message has come: so the server has its half, whatever the answer over HTTP is doing.
    /// Returns whether so many wait for the session to be the link's that it should be.
    pub fn received(&self, session: u32, message: Message) -> bool {
        self.has_both_halves(session);
        let taken = self.with_half(session, |half| {
            if half.is_told {
                return Err(message);
            }
            half.early.push(message);
            Ok((half.early.len() >= MAX_EARLY, half.is_held))
        });
        match taken {
            Some(Err(message)) => self.tell(session, message.into()),
            Some(Ok((true, false))) => self.tell_opened(session),
            Some(Ok((true, true))) => return true,
            Some(Ok((false, _))) | None => {}
        }
        false
    }

    /// Nothing is told any more of the session of this number, since another is the link's.
    pub fn hold(&self, session: u32) {
        self.with_half(session, |half| half.is_held = true);
    }

    /// The session of this number is the link's. Returns whether the server has closed the channel
    /// on it before.
    pub fn release(&self, session: u32) -> bool {
        self.with_half(session, |half| half.is_held = false);
        self.opened(session);
        self.with_half(session, |half| half.is_closed) == Some(true)
    }

    /// The session of this number is being left. Whoever does not follow it there has lost it.
    pub fn leave(&self, session: u32) {
        if !self.follows {
            self.lose(session);
        }
    }

    /// The session of this number is over.
    pub fn lose(&self, session: u32) {
        let lost = {
            let mut halves = self.halves.borrow_mut();
            let at = halves.iter().position(|it| it.session == session);
            at.map(|at| halves.remove(at))
        };
        let Some(half) = lost else { return };
        half.channel.silence();
        if half.is_shared && half.is_told {
            self.tell(session, ChannelEvent::Lost);
        }
    }

    /// All sessions are over, the oldest first.
    pub fn lose_all(&self) {
        let sessions: Vec<_> = self.halves.borrow().iter().map(|it| it.session).collect();
        for session in sessions {
            self.lose(session);
        }
    }

    pub fn tell(&self, session: u32, event: ChannelEvent) {
        (self.on_event)(session, event);
    }
}
