//! A peer's place in a port: the peer, who waits for what, and when it is due.

use crate::path::{Datagrams, Path};
use crate::peer::{End, Event, Peer, Room};
use crate::sctp;
use std::collections::{HashMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{Notify, SetOnce};
use tracing::error;

/// Events that may wait for whoever holds the peer. Its client can only make one more by a round
/// trip, so it takes a session that does not look for seconds to reach it, and then the peer ends.
const MAX_EVENTS: usize = 1_024;

/// A client that was heard so short a time before SCTP's timer ran out is there: not the path is
/// gone, but a word of what was given up is lost. Half of the least timeout.
const ALIVE: Duration = Duration::from_millis(100);

/// What a channel's holder is told by.
#[derive(Default)]
pub struct Waiting {
    /// There may be a message to take, or the channel has closed. One waits for it.
    pub readable: Notify,
    /// Since when there may be one, or when the last was taken, in milliseconds of the slot.
    pub unread_since: AtomicU64,
    /// Something has been acknowledged or given up, or the channel has closed. Any number wait.
    pub released: Notify,
    /// That nothing can be sent any more.
    pub closed: SetOnce<()>,
    /// Is called whenever some of what a channel has outstanding is released.
    pub on_released: std::sync::OnceLock<Box<dyn Fn(Released) + Send + Sync>>,
}

/// Something that was outstanding is not any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Released {
    /// What still is, in bytes.
    pub outstanding: usize,
    /// Whether the client was not heard since SCTP's timer ran out: then it was given up.
    pub is_given_up: bool,
    /// Whether that is so, and the client had not been heard shortly before either.
    pub is_silent: bool,
}

impl Waiting {
    pub fn close(&self) {
        // It may have been before.
        let _ = self.closed.set(());
        self.readable.notify_one();
        self.released.notify_waiters();
    }
}

/// What is told of a path, and to whom.
#[derive(Clone)]
pub struct Listener(pub Arc<dyn Fn(OnPath) + Send + Sync>);

/// What happens on a peer's path beside its data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnPath {
    /// ICE has sent so many bytes on it.
    Beside(usize),
    /// It is another, of which nothing is known but whether it is TCP's.
    Moved { is_tcp: bool },
}

/// A peer and what belongs to it.
pub struct State {
    pub peer: Peer,
    pub channels: HashMap<u16, Arc<Waiting>>,
    events: VecDeque<Event>,
    pub listener: Option<Listener>,
    /// SCTP's timeouts so far, and when the client had been heard at the last.
    timeouts: u64,
    lost_at: Option<Instant>,
    was_silent: bool,
    /// When a loop is going to look at it.
    armed: Option<Instant>,
}

impl State {
    /// The next event for whoever holds the peer. They are rare, so no room is kept for more.
    pub fn next_event(&mut self) -> Option<Event> {
        let event = self.events.pop_front();
        if self.events.is_empty() {
            self.events = VecDeque::new();
        }
        event
    }
}

/// A peer's place in a port.
pub struct Slot {
    state: Mutex<State>,
    /// What whoever holds the peer waits for.
    pub told: Notify,
    /// Which loop does what is due: the one at which its path ends.
    home: AtomicUsize,
    /// Whether that loop knows that there is something to send.
    is_marked: AtomicBool,
    /// Whether nobody holds the peer any more.
    is_gone: AtomicBool,
    epoch: Instant,
    /// When its client was heard, in milliseconds from `epoch`.
    heard: AtomicU64,
}

impl Slot {
    pub fn new(peer: Peer, home: usize, now: Instant) -> Arc<Self> {
        Arc::new(Self {
            state: Mutex::new(State {
                peer,
                channels: HashMap::new(),
                events: VecDeque::new(),
                listener: None,
                timeouts: 0,
                lost_at: None,
                was_silent: false,
                armed: None,
            }),
            told: Notify::new(),
            home: AtomicUsize::new(home),
            is_marked: AtomicBool::new(false),
            is_gone: AtomicBool::new(false),
            epoch: now,
            heard: AtomicU64::new(u64::MAX),
        })
    }

    pub fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing is changed in steps that a panic could part.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn home(&self) -> usize {
        self.home.load(Ordering::Relaxed)
    }

    /// A datagram has come at a loop. It is the peer's from here on if the path is.
    pub fn came(&self, state: &State, path: Path, home: usize) {
        if state.peer.ice().path() == Some(path) {
            self.home.store(home, Ordering::Relaxed);
        }
    }

    /// Whether the peer's loop has to be told that there is something to send: not where it has
    /// been.
    pub fn mark(&self) -> bool {
        !self.is_marked.swap(true, Ordering::AcqRel)
    }

    /// From here on it has to be told again.
    pub fn unmark(&self) {
        self.is_marked.store(false, Ordering::Release);
    }

    /// Nobody holds the peer any more: it gets no more routes.
    pub fn leave(&self) {
        self.is_gone.store(true, Ordering::Release);
    }

    pub fn is_gone(&self) -> bool {
        self.is_gone.load(Ordering::Acquire)
    }

    /// How long ago something came that only the client can have sent; for ever where nothing did.
    pub fn silent_for(&self, now: Instant) -> Duration {
        self.heard(now).unwrap_or(Duration::MAX)
    }

    /// The same; `None` where nothing came yet.
    pub fn heard(&self, now: Instant) -> Option<Duration> {
        let at = self.heard.load(Ordering::Relaxed);
        let at = (at != u64::MAX).then(|| self.epoch + Duration::from_millis(at))?;
        Some(now.saturating_duration_since(at))
    }

    /// A time as it is kept in one word.
    pub fn milliseconds(&self, at: Instant) -> u64 {
        let since = at.saturating_duration_since(self.epoch).as_millis();
        u64::try_from(since).unwrap_or(u64::MAX)
    }

    /// Has the peer do something, and tells all that follows from it. Returns when the loop that
    /// asks has to look again, where none knows yet.
    pub fn drive(
        &self,
        room: &mut Room,
        act: impl FnOnce(&mut State, &mut Room),
    ) -> Option<Instant> {
        let mut state = self.lock();
        // What strangers send goes through crates that are not ours. One peer's end is enough.
        let acted = catch_unwind(AssertUnwindSafe(|| act(&mut state, room)));
        if acted.is_err() {
            error!("a peer's state machine panicked, and the peer ends");
            state.peer.fail();
        }
        self.tell(&mut state);
        let due = state.peer.poll_timeout()?;
        if state.armed.is_some_and(|armed| armed <= due) {
            return None;
        }
        state.armed = Some(due);
        Some(due)
    }

    /// Whether a loop that was to look at `due` still is to. Then it is not any more.
    pub fn disarm(&self, due: Instant) -> bool {
        let mut state = self.lock();
        let is_meant = state.armed == Some(due);
        if is_meant {
            state.armed = None;
        }
        is_meant
    }

    /// Takes what has happened to the peer, and tells those who wait for it.
    pub fn tell(&self, state: &mut State) {
        let heard = state.peer.ice().heard();
        if state.peer.ice().path().is_some() {
            self.heard
                .store(self.milliseconds(heard), Ordering::Relaxed);
        }
        let timeouts = state.peer.timeouts();
        if std::mem::replace(&mut state.timeouts, timeouts) != timeouts {
            state.lost_at = Some(heard);
            state.was_silent = heard.elapsed() >= ALIVE;
        }
        let is_given_up = state.lost_at == Some(heard);
        let is_silent = is_given_up && state.was_silent;
        while let Some(event) = state.peer.poll_event() {
            match event {
                Event::Sctp(sctp::Event::Readable(id)) => {
                    if let Some(waiting) = state.channels.get(&id) {
                        let at = self.milliseconds(heard);
                        waiting.unread_since.store(at, Ordering::Relaxed);
                        waiting.readable.notify_one();
                    }
                }
                Event::Sctp(sctp::Event::Released(id)) => {
                    let State { peer, channels, .. } = state;
                    if let Some(waiting) = channels.get(&id) {
                        if let Some(on_released) = waiting.on_released.get() {
                            on_released(Released {
                                outstanding: peer.buffered(id),
                                is_given_up,
                                is_silent,
                            });
                        }
                        waiting.released.notify_waiters();
                    }
                }
                Event::Moved => {
                    let is_tcp = state.peer.is_by_tcp();
                    if let Some(Listener(tell)) = &state.listener {
                        tell(OnPath::Moved { is_tcp });
                    }
                }
                event => self.keep(state, event),
            }
        }
    }

    fn keep(&self, state: &mut State, event: Event) {
        match &event {
            Event::Sctp(sctp::Event::Closing(id)) => {
                if let Some(waiting) = state.channels.get(id) {
                    waiting.close();
                }
            }
            Event::Sctp(sctp::Event::Closed(id)) => {
                if let Some(waiting) = state.channels.remove(id) {
                    waiting.close();
                }
            }
            Event::Ended(_) => state.channels.values().for_each(|waiting| waiting.close()),
            _ => {}
        }
        match state.events.len() {
            MAX_EVENTS => return,
            last if last == MAX_EVENTS - 1 => {
                let end = End::Sctp("more channels came and went than can be looked at");
                state.events.push_back(Event::Ended(end));
            }
            _ => state.events.push_back(event),
        }
        self.told.notify_one();
    }
}

/// Takes note of what ICE has sent on the path of a peer's data.
pub fn beside(state: &State, path: Path, out: &Datagrams, before: usize) {
    if let (Some(Listener(tell)), true) = (&state.listener, state.peer.ice().path() == Some(path)) {
        let bytes = out
            .iter()
            .skip(before)
            .map(|(_, datagram)| datagram.len())
            .sum();
        tell(OnPath::Beside(bytes));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dtls::Identity;
    use crate::ice::Credentials;
    use crate::peer::PeerConfig;
    use crate::sctp::SctpLimits;
    use crate::sdp::Offer;
    use std::time::SystemTime;

    #[test]
    fn a_panic_ends_one_peer_and_goes_no_farther() {
        let now = Instant::now();
        let offer = include_str!("../../tests/offers/02-chromium-152-sctp-init.sdp");
        let config = PeerConfig::new(SctpLimits::default(), Duration::from_secs(30)).unwrap();
        let identity = Identity::generate(SystemTime::now()).unwrap();
        let offer = Offer::read(offer).unwrap();
        let local = Credentials::random();
        let peer = Peer::new(config.into(), identity.into(), &offer, local, now);
        let slot = Slot::new(peer, 0, now);
        let mut room = Room::default();
        let due = slot.drive(&mut room, |_, _| panic!("on purpose"));
        assert_eq!(due, None);
        let mut state = slot.lock();
        assert_eq!(state.events.pop_front(), Some(Event::Ended(End::Failed)));
        assert_eq!(state.peer.poll_timeout(), None);
    }
}
