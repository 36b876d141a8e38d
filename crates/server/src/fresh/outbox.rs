//! Values that wait for the gate, in bounded memory.

use crate::lock::lock;
use crate::message::{Message, SendError};
use bytes::Bytes;
use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::hash::Hash;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tickwire_peer::sctp::Kind;
use tokio::sync::Notify;
use tokio::time::Instant;

/// What an entry takes besides its message, about, so that small values count too.
const ENTRY: usize = 64;
/// So many entries are kept room for when none waits.
const KEPT: usize = 64;
/// How long after each copy of a key's last value the next one leaves, on a channel that loses
/// messages, while there is no newer value: six in all, of which one at 10 % loss is lost less often
/// than once in a million times.
const AGAIN_AFTER: [Duration; 5] = [
    Duration::from_millis(200),
    Duration::from_millis(400),
    Duration::from_millis(800),
    Duration::from_millis(1_600),
    Duration::from_millis(3_200),
];

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
    /// When there is a next value again where there is none now.
    fn wakes_at(&self) -> Option<Instant> {
        None
    }
    fn counts(&self) -> Counts;
}

/// Takes a message if there is room for it.
pub type HandOver<'a> = dyn FnMut(Kind, &Bytes) -> Result<bool, SendError> + 'a;

/// A value, and since when it waits.
struct Waiting {
    since: Instant,
    kind: Kind,
    data: Bytes,
    /// How many copies of it have left.
    copies: usize,
}

impl Waiting {
    fn new(since: Instant, message: Message) -> Self {
        let (kind, data) = message.into_parts();
        Self {
            since,
            kind,
            data,
            copies: 0,
        }
    }

    fn size(&self) -> usize {
        self.data.len() + ENTRY
    }
}

impl Counts {
    fn left(&mut self, value: &Waiting, now: Instant) {
        if value.copies > 0 {
            return;
        }
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
    /// Whether what leaves may be lost, and leaves again if it stays the last.
    is_lossy: AtomicBool,
}

struct Slots<K> {
    waiting: HashMap<K, Waiting>,
    turns: VecDeque<K>,
    /// The last values of quiet keys, which leave again.
    quiet: HashMap<K, (Instant, Waiting)>,
    /// When, by how many copies have left: each in the order of time.
    again: [VecDeque<(Instant, K)>; AGAIN_AFTER.len()],
    bytes: usize,
    counts: Counts,
}

impl<K: Hash + Eq + Clone> ByKey<K> {
    /// An outbox of at most so many bytes, for a channel that may lose what leaves, or does not.
    pub fn new(limit: usize, is_lossy: bool) -> Self {
        Self {
            state: Mutex::new(Slots {
                waiting: HashMap::new(),
                turns: VecDeque::new(),
                quiet: HashMap::new(),
                again: Default::default(),
                bytes: 0,
                counts: Counts::default(),
            }),
            filled: Notify::new(),
            limit,
            is_lossy: AtomicBool::new(is_lossy),
        }
    }

    /// From here on each value leaves once.
    pub fn once(&self) {
        self.is_lossy.store(false, Ordering::Relaxed);
    }

    /// Where the values of all keys leave no room, those go whose turn is next: they are the
    /// oldest.
    pub fn put(&self, since: Instant, key: K, message: Message) {
        let value = Waiting::new(since, message);
        let state = &mut *lock(&self.state);
        state.bytes += value.size();
        if let Some((_, quiet)) = state.quiet.remove(&key) {
            state.bytes -= quiet.size();
        }
        if let Some(before) = state.waiting.insert(key.clone(), value) {
            state.bytes -= before.size();
            state.counts.replaced += u64::from(before.copies == 0);
        } else {
            state.turns.push_back(key);
            self.filled.notify_one();
        }
        if state.bytes > self.limit {
            state.forget_quiet();
        }
        while state.bytes > self.limit && state.waiting.len() > 1 {
            state.remove_next();
            state.counts.overflowed += 1;
        }
    }
}

impl<K: Hash + Eq + Clone> Slots<K> {
    fn next(&self) -> Option<&Waiting> {
        self.waiting.get(self.turns.front()?)
    }

    /// Lets a quiet key's last value leave again whose time has come, where nothing else waits.
    fn revive(&mut self, now: Instant) {
        while self.turns.is_empty() {
            let due = self
                .again
                .iter_mut()
                .find_map(|queue| queue.pop_front_if(|(at, _)| *at <= now));
            let Some((at, key)) = due else {
                return;
            };
            // Otherwise it has changed since.
            if self.quiet.get(&key).is_some_and(|(due, _)| *due == at)
                && let Some((_, value)) = self.quiet.remove(&key)
            {
                self.waiting.insert(key.clone(), value);
                self.turns.push_back(key);
            }
        }
    }

    /// A value has left, and leaves again if it stays the last of its key.
    fn keep(&mut self, now: Instant, key: K, mut value: Waiting) {
        let Some(after) = AGAIN_AFTER.get(value.copies) else {
            return;
        };
        let (due, quiet) = (now + *after, &self.quiet);
        let queue = &mut self.again[value.copies];
        if queue.len() > 2 * quiet.len() + KEPT {
            // Keys that have changed since, while there was always something else to send.
            queue.retain(|(at, key)| quiet.get(key).is_some_and(|(due, _)| due == at));
        }
        queue.push_back((due, key.clone()));
        value.copies += 1;
        self.bytes += value.size();
        self.quiet.insert(key, (due, value));
    }

    /// Makes room: what has left once is the first to go.
    fn forget_quiet(&mut self) {
        let quiet = self.quiet.values().map(|(_, value)| value.size());
        self.bytes -= quiet.sum::<usize>();
        self.quiet = HashMap::new();
        self.again = Default::default();
    }

    fn remove_next(&mut self) -> Option<(K, Waiting)> {
        let key = self.turns.pop_front()?;
        let value = self.waiting.remove(&key)?;
        self.bytes -= value.size();
        if self.waiting.is_empty() {
            self.waiting.shrink_to(KEPT);
            self.turns.shrink_to(KEPT);
        }
        Some((key, value))
    }
}

impl<K: Hash + Eq + Clone + Send + 'static> Outbox for ByKey<K> {
    fn next(&self, now: Instant) -> Option<usize> {
        let mut state = lock(&self.state);
        state.revive(now);
        state.next().map(|value| value.data.len())
    }

    fn leave(&self, now: Instant, hand_over: &mut HandOver<'_>) -> Result<bool, SendError> {
        let state = &mut *lock(&self.state);
        if let Some(value) = state.next() {
            if !hand_over(value.kind, &value.data)? {
                return Ok(false);
            }
            if let Some((key, value)) = state.remove_next() {
                state.counts.left(&value, now);
                if self.is_lossy.load(Ordering::Relaxed) {
                    state.keep(now, key, value);
                }
            }
        }
        Ok(true)
    }

    fn filled(&self) -> &Notify {
        &self.filled
    }

    fn wakes_at(&self) -> Option<Instant> {
        let state = lock(&self.state);
        let first = state.again.iter().filter_map(|queue| queue.front());
        first.map(|(at, _)| *at).min()
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
