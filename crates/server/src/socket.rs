//! A session's channels over a WebSocket, for clients that UDP does not reach: the machine that tells them
//! apart ([`mux`]), and who moves its messages ([`drive`]).
//!
//! **What a client can make the server hold.** On the way in, what the channels of a peer may
//! ([`Limits::unread`]): while more waits for the feeds, nothing is read. On the way out, what each channel
//! may have outstanding.

mod bulk;
mod channel;
mod drive;
mod mux;

pub use channel::SocketChannel;
pub use drive::{Patience, closing, drive};
pub use mux::Limits;

use crate::lock::lock;
use channel::Waiting;
use mux::{Effect, Incoming, Mux, Outgoing};
use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tickwire_peer::sctp::ChannelInit;
use tokio::sync::Notify;

/// Why the connection has ended.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum End {
    /// The client has closed it.
    #[error("the client closed the connection")]
    Closed,
    /// Nothing came from the client for so long.
    #[error("the client was silent for {0:?}")]
    Silent(Duration),
    /// It was lost, or the client does what it may not, or takes nothing.
    #[error("the WebSocket failed: {0}")]
    Failed(String),
}

/// What happens to it, for its session.
#[derive(Debug)]
pub enum Event {
    /// The first.
    Begun,
    Opened(ChannelInit),
    Ended(End),
}

/// The server's side of a WebSocket, as its session and its channels see it.
pub struct Socket {
    state: Mutex<State>,
    /// There may be something to send, or it is to be closed.
    out: Notify,
    /// There may be room for what comes.
    room: Notify,
    /// There is an event.
    told: Notify,
}

struct State {
    mux: Mux,
    waiting: HashMap<u16, Arc<Waiting>>,
    events: VecDeque<Event>,
    heard: Instant,
    /// With what words the server closes it.
    closing: Option<String>,
    is_over: bool,
}

impl Socket {
    pub fn new(limits: Limits) -> Arc<Self> {
        let now = Instant::now();
        let socket = Arc::new(Self {
            state: Mutex::new(State {
                mux: Mux::new(limits),
                waiting: HashMap::new(),
                events: VecDeque::new(),
                heard: now,
                closing: None,
                is_over: false,
            }),
            out: Notify::new(),
            room: Notify::new(),
            told: Notify::new(),
        });
        socket.begin();
        socket
    }

    /// The next event, for one who waits. None is lost by a call that is dropped.
    pub async fn event(&self) -> Event {
        loop {
            let told = self.told.notified();
            if let Some(event) = lock(&self.state).events.pop_front() {
                return event;
            }
            told.await;
        }
    }

    /// Opens those channels that clients need not ask for.
    fn begin(&self) {
        let mut state = lock(&self.state);
        state.events.push_back(Event::Begun);
        let effects = state.mux.begin();
        drop(state);
        self.apply(effects);
    }

    /// The channel that an event has told of.
    pub fn channel(self: &Arc<Self>, init: ChannelInit) -> SocketChannel {
        let waiting = Arc::new(Waiting::default());
        // What has come already was told to nobody.
        waiting.readable.notify_one();
        let mut state = lock(&self.state);
        if state.is_over || state.mux.is_closed(init.id) {
            waiting.close();
        }
        state.waiting.insert(init.id, waiting.clone());
        drop(state);
        SocketChannel::new(self.clone(), waiting, init)
    }

    /// How long ago the client was heard.
    pub fn heard_ago(&self) -> Duration {
        lock(&self.state).heard.elapsed()
    }

    /// Closes it, in these words, after what was sent before.
    pub fn close(&self, why: String) {
        lock(&self.state).closing.get_or_insert(why);
        self.out.notify_one();
    }

    /// Takes what the client has sent.
    ///
    /// # Errors
    /// Where it does too much that it may not.
    fn take(&self, message: Incoming<'_>) -> Result<(), End> {
        let now = Instant::now();
        let mut state = lock(&self.state);
        state.heard = now;
        let effects = state.mux.take(now, message)?;
        drop(state);
        self.apply(effects);
        Ok(())
    }

    /// In which words it is to be closed, if it is.
    fn is_to_close(&self) -> Option<String> {
        lock(&self.state).closing.clone()
    }

    /// The client has answered a ping.
    fn hear(&self) {
        lock(&self.state).heard = Instant::now();
    }

    /// The next that is to be sent.
    fn next(&self) -> Option<Outgoing> {
        lock(&self.state).mux.next(Instant::now())
    }

    /// Completes when there is room for what comes.
    async fn has_room(&self) {
        loop {
            let room = self.room.notified();
            if lock(&self.state).mux.has_room() {
                return;
            }
            room.await;
        }
    }

    fn end(&self, end: End) {
        let mut state = lock(&self.state);
        state.is_over = true;
        state.waiting.values().for_each(|waiting| waiting.close());
        state.events.push_back(Event::Ended(end));
        drop(state);
        self.told.notify_one();
    }

    fn apply(&self, effects: Vec<Effect>) {
        let mut state = lock(&self.state);
        for effect in effects {
            match effect {
                Effect::Opened(init) => {
                    state.events.push_back(Event::Opened(init));
                    self.told.notify_one();
                }
                Effect::Readable(id) => state.with(id, |waiting| waiting.readable.notify_one()),
                Effect::Released(id, outstanding) => {
                    state.with(id, |waiting| waiting.released(outstanding));
                }
                Effect::Closed(id) => state.with(id, Waiting::close),
                Effect::Forgotten(id) => {
                    state.with(id, Waiting::close);
                    state.waiting.remove(&id);
                }
            }
        }
        drop(state);
        self.out.notify_one();
        self.room.notify_one();
    }
}

impl State {
    fn with(&self, id: u16, told: impl FnOnce(&Waiting)) {
        if let Some(waiting) = self.waiting.get(&id) {
            told(waiting);
        }
    }
}

impl fmt::Debug for Socket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Socket").finish_non_exhaustive()
    }
}
