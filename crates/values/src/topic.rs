//! A topic: keys and values, one copy for all readers.

mod latest;
mod ring;

pub(crate) use latest::State;
pub(crate) use ring::Ring;

use bytes::Bytes;
use ring::Item;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};
use tickwire_wire::values::{MAX_KEY, MAX_VALUE};

/// Why a value is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PutError {
    /// The key is longer than [`MAX_KEY`] bytes.
    #[error("the key is longer than {MAX_KEY} bytes")]
    KeyTooLong,
    /// The value is longer than [`MAX_VALUE`] bytes.
    #[error("the value is longer than {MAX_VALUE} bytes")]
    ValueTooLong,
    /// The topic has as many keys as it may.
    #[error("the topic has as many keys as it may")]
    Full,
}

/// What a topic promises of its values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// The newest value of each key, and of that the last one whatever is lost.
    Latest,
    /// Each value within this time, in any order, or not at all.
    Deadline(Duration),
    /// All values, in order, from the oldest that is kept.
    Log {
        /// How many are kept.
        keep: usize,
        /// What tells this log from another of the same name: positions hold within it.
        epoch: u64,
    },
}

/// What a topic has at a time.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// The version of the newest change.
    pub version: u64,
    /// Whether the values count each by itself, so that a key may be there more than once, in order.
    pub is_ordered: bool,
    /// The values, with their keys.
    pub values: Vec<(Arc<str>, Bytes)>,
}

/// Keys and their values. Copies are the same topic.
#[derive(Clone)]
pub struct Topic(Arc<Shared>);

struct Shared {
    policy: Policy,
    kept: Kept,
    /// Who is woken by a change, for as long as somebody else keeps it.
    watchers: Mutex<Vec<Weak<dyn Watcher>>>,
}

enum Kept {
    Newest(Mutex<State>),
    Last(Mutex<Ring>),
}

/// Is told that a topic has changed: at each change, so it should be cheap, and cheaper where it was
/// told before and has not looked since.
pub trait Watcher: Send + Sync {
    /// A topic of this policy has changed.
    fn changed(&self, policy: Policy);
}

impl Topic {
    /// An empty one with [`Policy::Latest`], for at most so many keys at a time.
    pub fn latest(max_keys: usize) -> Self {
        let kept = Kept::Newest(Mutex::new(State::new(max_keys)));
        Self::new(Policy::Latest, kept)
    }

    /// An empty one with [`Policy::Deadline`]. Of more than `max` values that are not past it, the
    /// oldest go.
    pub fn deadline(within: Duration, max: usize) -> Self {
        let kept = Kept::Last(Mutex::new(Ring::new(max)));
        Self::new(Policy::Deadline(within), kept)
    }

    /// An empty one with [`Policy::Log`].
    pub fn log(keep: usize, epoch: u64) -> Self {
        let kept = Kept::Last(Mutex::new(Ring::new(keep)));
        Self::new(Policy::Log { keep, epoch }, kept)
    }

    fn new(policy: Policy, kept: Kept) -> Self {
        Self(Arc::new(Shared {
            policy,
            kept,
            watchers: Mutex::default(),
        }))
    }

    /// What is promised of its values.
    pub fn policy(&self) -> Policy {
        self.0.policy
    }

    /// Tells `watcher` of each change from here on, until it is dropped.
    pub fn watch(&self, watcher: &Arc<dyn Watcher>) {
        let mut watchers = lock(&self.0.watchers);
        watchers.retain(|watcher| watcher.strong_count() > 0);
        watchers.push(Arc::downgrade(watcher));
    }

    /// Sets a key's value at the time `now`, or adds one, and returns the version of this change.
    ///
    /// # Errors
    /// Where the key or the value is too long, or the key another and there is no room for it.
    pub fn put(&self, now: Instant, key: &str, value: impl Into<Bytes>) -> Result<u64, PutError> {
        if key.len() > MAX_KEY {
            return Err(PutError::KeyTooLong);
        }
        let value = value.into();
        if value.len() > MAX_VALUE {
            return Err(PutError::ValueTooLong);
        }
        let version = match &self.0.kept {
            Kept::Newest(state) => lock(state).put(now, key, value)?,
            Kept::Last(ring) => {
                let mut ring = lock(ring);
                self.expire(now, &mut ring);
                ring.push(Item {
                    key: key.into(),
                    changed: now,
                    value,
                })
            }
        };
        self.tell();
        Ok(version)
    }

    /// Removes a key, and returns the version of this change; nothing, where there is none, or the
    /// topic's values count each by itself.
    pub fn remove(&self, now: Instant, key: &str) -> Option<u64> {
        let Kept::Newest(state) = &self.0.kept else {
            return None;
        };
        let version = lock(state).remove(now, key)?;
        self.tell();
        Some(version)
    }

    /// A key's newest value, if it has one.
    pub fn get(&self, key: &str) -> Option<Bytes> {
        match &self.0.kept {
            Kept::Newest(state) => lock(state).get(key),
            Kept::Last(ring) => lock(ring).newest(key).map(|item| item.value.clone()),
        }
    }

    /// What there is at `now`.
    pub fn snapshot(&self, now: Instant) -> Snapshot {
        match &self.0.kept {
            Kept::Newest(state) => {
                let state = lock(state);
                let value = |slot: &latest::Slot| Some((slot.key.clone(), slot.value.clone()?));
                Snapshot {
                    version: state.version,
                    is_ordered: false,
                    values: state.slots.iter().filter_map(value).collect(),
                }
            }
            Kept::Last(ring) => {
                let mut ring = lock(ring);
                self.expire(now, &mut ring);
                let values = (ring.first()..=ring.version).filter_map(|version| ring.get(version));
                Snapshot {
                    version: ring.version,
                    is_ordered: true,
                    values: values
                        .map(|item| (item.key.clone(), item.value.clone()))
                        .collect(),
                }
            }
        }
    }

    /// How many keys there are; of values that count each by itself, how many values.
    pub fn len(&self) -> usize {
        match &self.0.kept {
            Kept::Newest(state) => lock(state).index.len(),
            Kept::Last(ring) => lock(ring).len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The version of the newest change.
    pub fn version(&self) -> u64 {
        match &self.0.kept {
            Kept::Newest(state) => lock(state).version,
            Kept::Last(ring) => lock(ring).version,
        }
    }

    /// Whether there is nothing in it at `now`, and no other copy of it.
    pub fn is_unused(&self, now: Instant) -> bool {
        drop(self.ring(now));
        self.is_empty() && Arc::strong_count(&self.0) == 1
    }

    /// Whether somebody watches it.
    pub fn is_watched(&self) -> bool {
        let watchers = lock(&self.0.watchers);
        watchers.iter().any(|watcher| watcher.strong_count() > 0)
    }

    /// What is kept of a topic whose newest values count.
    pub(crate) fn state(&self) -> Option<MutexGuard<'_, State>> {
        match &self.0.kept {
            Kept::Newest(state) => Some(lock(state)),
            Kept::Last(_) => None,
        }
    }

    /// What is kept, at `now`, of a topic whose values count each by itself.
    pub(crate) fn ring(&self, now: Instant) -> Option<MutexGuard<'_, Ring>> {
        let Kept::Last(ring) = &self.0.kept else {
            return None;
        };
        let mut ring = lock(ring);
        self.expire(now, &mut ring);
        Some(ring)
    }

    fn expire(&self, now: Instant, ring: &mut Ring) {
        if let Policy::Deadline(within) = self.0.policy {
            ring.expire(now, within);
        }
    }

    fn tell(&self) {
        for watcher in lock(&self.0.watchers).iter() {
            if let Some(watcher) = watcher.upgrade() {
                watcher.changed(self.0.policy);
            }
        }
    }
}

impl fmt::Debug for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut topic = f.debug_struct("Topic");
        topic
            .field("policy", &self.0.policy)
            .field("version", &self.version())
            .field("len", &self.len());
        topic.finish_non_exhaustive()
    }
}

/// Nothing here panics in the middle of a change.
fn lock<T>(state: &Mutex<T>) -> MutexGuard<'_, T> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}
