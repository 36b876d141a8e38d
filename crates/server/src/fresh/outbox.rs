//! Values that wait for the gate, in bounded memory.

use super::lock;
use crate::message::{Message, SendError};
use bytes::Bytes;
use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::hash::Hash;
use std::sync::Mutex;
use std::time::Duration;
use tickwire_peer::sctp::Kind;
use tokio::sync::Notify;
use tokio::time::Instant;

/// What an entry takes besides its message, about, so that small values count too.
const ENTRY: usize = 64;
/// So many entries are kept room for when none waits.
const KEPT: usize = 64;

/// What became of a channel's values.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Values that left.
    pub sent: u64,
    /// Values that a newer one of their key took the place of before they left.
    pub replaced: u64,
    /// Values that were not sent in time.
    pub expired: u64,
    /// Values that had to make room for newer ones.
    pub overflowed: u64,
    /// How old the newest value that left was by then.
    pub age: Duration,
    /// How old the oldest one ever was.
    pub longest_age: Duration,
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} sent, {} replaced, {} expired, {} overflowed, left after {:?} at most",
            self.sent, self.replaced, self.expired, self.overflowed, self.longest_age
        )
    }
}

/// Values in the order in which they leave.
pub trait Outbox: Send + Sync {
    /// How many bytes the next value has, now that those are gone whose time is over.
    fn next(&self, now: Instant) -> Option<usize>;
    /// Hands the next value over. It stays the next, unless a newer one takes its place, where
    /// `hand_over` has no room for it: then this is false. True too where there is none.
    ///
    /// # Errors
    /// As `hand_over`.
    fn leave(&self, now: Instant, hand_over: &mut HandOver<'_>) -> Result<bool, SendError>;
    /// Told when a value is put into an empty outbox.
    fn filled(&self) -> &Notify;
    fn counts(&self) -> Counts;
}

/// Takes a message if there is room for it.
pub type HandOver<'a> = dyn FnMut(Kind, &Bytes) -> Result<bool, SendError> + 'a;

/// A value, and since when it waits.
struct Waiting {
    since: Instant,
    kind: Kind,
    data: Bytes,
}

impl Waiting {
    fn new(since: Instant, message: Message) -> Self {
        let (kind, data) = message.into_parts();
        Self { since, kind, data }
    }

    fn size(&self) -> usize {
        self.data.len() + ENTRY
    }
}

impl Counts {
    fn left(&mut self, value: &Waiting, now: Instant) {
        self.sent += 1;
        self.age = now.duration_since(value.since);
        self.longest_age = self.longest_age.max(self.age);
    }
}

/// One value a key: a newer one takes an unsent one's place, and its turn.
pub struct ByKey<K> {
    state: Mutex<Slots<K>>,
    filled: Notify,
    limit: usize,
}

struct Slots<K> {
    waiting: HashMap<K, Waiting>,
    turns: VecDeque<K>,
    bytes: usize,
    counts: Counts,
}

impl<K: Hash + Eq + Clone> ByKey<K> {
    /// An outbox of at most so many bytes.
    pub fn new(limit: usize) -> Self {
        Self {
            state: Mutex::new(Slots {
                waiting: HashMap::new(),
                turns: VecDeque::new(),
                bytes: 0,
                counts: Counts::default(),
            }),
            filled: Notify::new(),
            limit,
        }
    }

    /// Where the values of all keys leave no room, those go whose turn is next: they are the
    /// oldest.
    pub fn put(&self, since: Instant, key: K, message: Message) {
        let value = Waiting::new(since, message);
        let state = &mut *lock(&self.state);
        state.bytes += value.size();
        if let Some(before) = state.waiting.insert(key.clone(), value) {
            state.bytes -= before.size();
            state.counts.replaced += 1;
        } else {
            state.turns.push_back(key);
            self.filled.notify_one();
        }
        while state.bytes > self.limit && state.waiting.len() > 1 {
            state.remove_next();
            state.counts.overflowed += 1;
        }
    }
}

impl<K: Hash + Eq> Slots<K> {
    fn next(&self) -> Option<&Waiting> {
        self.waiting.get(self.turns.front()?)
    }

    fn remove_next(&mut self) -> Option<Waiting> {
        let value = self.waiting.remove(&self.turns.pop_front()?)?;
        self.bytes -= value.size();
        if self.waiting.is_empty() {
            self.waiting.shrink_to(KEPT);
            self.turns.shrink_to(KEPT);
        }
        Some(value)
    }
}

impl<K: Hash + Eq + Clone + Send + 'static> Outbox for ByKey<K> {
    fn next(&self, _now: Instant) -> Option<usize> {
        lock(&self.state).next().map(|value| value.data.len())
    }

    fn leave(&self, now: Instant, hand_over: &mut HandOver<'_>) -> Result<bool, SendError> {
        let state = &mut *lock(&self.state);
        if let Some(value) = state.next() {
            if !hand_over(value.kind, &value.data)? {
                return Ok(false);
            }
            let left = state.remove_next();
            left.inspect(|value| state.counts.left(value, now));
        }
        Ok(true)
    }

    fn filled(&self) -> &Notify {
        &self.filled
    }

    fn counts(&self) -> Counts {
        lock(&self.state).counts
    }
}

/// Values in the order in which they came, each for so long.
pub struct InTime {
    state: Mutex<Queue>,
    filled: Notify,
    lifetime: Duration,
    limit: usize,
}

#[derive(Default)]
struct Queue {
    waiting: VecDeque<Waiting>,
    bytes: usize,
    counts: Counts,
}

impl InTime {
    /// An outbox of at most so many bytes.
    pub fn new(lifetime: Duration, limit: usize) -> Self {
        Self {
            state: Mutex::default(),
            filled: Notify::new(),
            lifetime,
            limit,
        }
    }

    /// Where there is no room, the oldest values go.
    pub fn put(&self, since: Instant, message: Message) {
        let value = Waiting::new(since, message);
        let state = &mut *lock(&self.state);
        state.bytes += value.size();
        state.waiting.push_back(value);
        while state.bytes > self.limit && state.waiting.len() > 1 {
            state.drop_oldest();
            state.counts.overflowed += 1;
        }
        self.filled.notify_one();
    }
}

impl Queue {
    fn drop_oldest(&mut self) -> Option<Waiting> {
        let oldest = self.waiting.pop_front()?;
        self.bytes -= oldest.size();
        Some(oldest)
    }
}

impl Outbox for InTime {
    fn next(&self, now: Instant) -> Option<usize> {
        let state = &mut *lock(&self.state);
        while let Some(oldest) = state.waiting.front() {
            if now.duration_since(oldest.since) < self.lifetime {
                return Some(oldest.data.len());
            }
            state.drop_oldest();
            state.counts.expired += 1;
        }
        None
    }

    fn leave(&self, now: Instant, hand_over: &mut HandOver<'_>) -> Result<bool, SendError> {
        let state = &mut *lock(&self.state);
        if let Some(value) = state.waiting.front() {
            if !hand_over(value.kind, &value.data)? {
                return Ok(false);
            }
            let left = state.drop_oldest();
            left.inspect(|value| state.counts.left(value, now));
        }
        Ok(true)
    }

    fn filled(&self) -> &Notify {
        &self.filled
    }

    fn counts(&self) -> Counts {
        lock(&self.state).counts
    }
}

#[cfg(test)]
mod tests;
