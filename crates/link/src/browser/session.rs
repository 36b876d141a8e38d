//! One session as the link has it: from the offer until it is lost or ended.

use super::channel::{Channel, Message, Role};
use super::connection::Connection;
use super::negotiation;
use crate::Failure;
use crate::silence::{LIMIT, SOCKET_LIMIT, Silence};
use crate::steps::Steps;
use gloo_timers::callback::Timeout;
use leptos::task::spawn_local;
use std::rc::Rc;
use web_sys::{AbortController, AbortSignal};

/// The largest id that is given to a channel: Chromium has 1,024 streams.
const MAX_ID: u16 = 1_023;

/// A connection, and what belongs to it. Dropping it removes all that it made here.
pub struct Session {
    /// Tells it from those before and after it.
    pub number: u32,
    pub connection: Rc<Connection>,
    /// Where it can be changed and ended, once the server has answered.
    pub url: Option<String>,
    /// The token that goes with each request about it.
    pub token: Option<String>,
    /// Why data channels were not, where it is tried in their place.
    pub instead_of: Option<Failure>,
    /// How it was opened, and the addresses that the answer named: to be shown once it is the
    /// link's present one.
    pub steps: Steps,
    pub advertised: Vec<String>,
    /// Where it is opened beside another: what has come on the channels that the page starts with.
    pub early: Vec<(Rc<str>, Message)>,
    pub silence: Silence,
    /// Looks whether the server is silent.
    pub look: Option<Timeout>,
    /// Channels that have closed while others are open, and what looks at them.
    closed: Vec<Rc<Channel>>,
    settle: Option<Timeout>,
    /// The ICE restart that is under way.
    restart: Option<Abort>,
    /// Begins another where the server could not be asked, or looks at what one has led to.
    pub again: Option<Timeout>,
    /// The id that a channel was given last.
    last_id: u16,
}

impl Session {
    pub fn new(number: u32, connection: Rc<Connection>, steps: Steps) -> Self {
        let limit = match connection.is_by_socket() {
            true => SOCKET_LIMIT,
            false => LIMIT,
        };
        Self {
            number,
            connection,
            steps,
            instead_of: None,
            advertised: Vec::new(),
            early: Vec::new(),
            url: None,
            token: None,
            silence: Silence::new(limit),
            look: None,
            closed: Vec::new(),
            settle: None,
            restart: None,
            again: None,
            last_id: 0,
        }
    }

    /// Asks the server for a word.
    pub fn ask(&self) {
        let channels = self.connection.channels();
        let mut pulses = channels.iter().filter(|it| matches!(it.role, Role::Pulse));
        if let Some(pulse) = pulses.next() {
            // It may have closed, and then nothing answers.
            let _ = pulse.send_binary(&[0]);
        }
    }

    /// Keeps a channel that has closed. `settle` makes what calls [`Session::settled`] later.
    pub fn keep_closed(&mut self, channel: Rc<Channel>, settle: impl FnOnce() -> Timeout) {
        self.closed.push(channel);
        self.settle.get_or_insert_with(settle);
    }

    /// The channels that have closed, and the timer that has run, to be dropped by the caller.
    pub fn settled(&mut self) -> (Vec<Rc<Channel>>, Option<Timeout>) {
        (std::mem::take(&mut self.closed), self.settle.take())
    }

    /// An id that no channel has: as long as there are others, one that none had. `None` where
    /// all are taken.
    pub fn free_id(&mut self) -> Option<u16> {
        let channels = self.connection.channels();
        let is_free = |id: &u16| !channels.iter().any(|channel| channel.init.id == *id);
        let id = (self.last_id + 1..=MAX_ID)
            .chain(0..=self.last_id)
            .find(is_free)?;
        self.last_id = id;
        Some(id)
    }

    /// Begins an ICE restart, in place of one that is under way. Returns what ends its request.
    pub fn begin_restart(&mut self) -> Option<AbortSignal> {
        let abort = Abort(AbortController::new().ok()?);
        let signal = abort.0.signal();
        self.restart = Some(abort);
        Some(signal)
    }

    /// Ends a session that its server wants left: the server sees the connection close. A request for its
    /// end may come to another server by now.
    pub fn leave(mut self) {
        self.url = None;
        self.end();
    }

    /// Ends the session on the server too. The connection is closed after the server has done
    /// so: otherwise the server sees it close first, and knows of no session to end.
    pub fn end(mut self) {
        self.connection.silence();
        self.look = None;
        self.settle = None;
        self.restart = None;
        self.again = None;
        if let Some(url) = self.url.take() {
            let ended = negotiation::end_session(&url, self.token.as_deref());
            spawn_local(async move {
                ended.await;
                drop(self);
            });
        }
    }
}

/// Ends a request when it is dropped.
struct Abort(AbortController);

impl Drop for Abort {
    fn drop(&mut self) {
        self.0.abort();
    }
}
