//! A topic: keys and values, one copy for all readers.

mod latest;
mod replica;
mod ring;
mod saved;
mod value;
mod watch;

pub(crate) use latest::State;
use replica::Follows;
pub(crate) use ring::Ring;
pub use saved::{Row, Saved};
pub use value::{About, Value};
pub use watch::{Watcher, WeakTopic};

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};
use tickwire_wire::values::{MAX_ABOUT, MAX_KEY, MAX_VALUE};

/// Why a value is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PutError {
    /// The key is longer than [`MAX_KEY`] bytes.
    #[error("the key is longer than {MAX_KEY} bytes")]
    KeyTooLong,
    /// The value is longer than so many bytes.
    #[error("the value is longer than {0} bytes")]
    ValueTooLong(usize),
    /// The media type, or the name of who has put it, is longer than [`MAX_ABOUT`] bytes.
    #[error("what is said of the value is longer than {MAX_ABOUT} bytes")]
    AboutTooLong,
    /// The topic has as many keys as it may.
    #[error("the topic has as many keys as it may")]
    Full,
    /// The topic is kept elsewhere, and that cannot be reached, or takes no more at present.
    #[error("what keeps the topic cannot be reached at present")]
    Unreachable,
    /// The topic is kept elsewhere, where several changes cannot be made all or none.
    #[error("several changes cannot be made all or none where a topic is kept by an engine")]
    NotAtomic,
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
        /// What tells this log from another of the same name: positions hold within it. A topic that
        /// follows another has that one's.
        epoch: u64,
    },
}

/// What is allowed in a topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How many keys there may be; of values that count each by itself, how many are kept at most.
    pub max: usize,
    /// How long a value may be, in bytes; never more than [`MAX_VALUE`].
    pub max_value: usize,
    /// How long a key that a reader was sent waits at least before it is sent again.
    pub interval: Duration,
    /// How old a value gets before it is removed by [`Topic::expire`].
    pub max_age: Option<Duration>,
}

impl Limits {
    /// Those of `max` keys or values, and no other.
    pub fn new(max: usize) -> Self {
        Self {
            max,
            max_value: MAX_VALUE,
            interval: Duration::ZERO,
            max_age: None,
        }
    }
}

/// A change of a key: its new value, or `None` where it is to be removed.
pub type Change = (String, Option<Value>);

/// What a topic has at a time.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// The version of the newest change.
    pub version: u64,
    /// Whether the values count each by itself, so that a key may be there more than once, in order.
    pub is_ordered: bool,
    /// The values, with their keys.
    pub values: Vec<(Arc<str>, Value)>,
}

/// Keys and their values. Copies are the same topic.
#[derive(Clone)]
pub struct Topic(Arc<Shared>);

struct Shared {
    policy: Policy,
    limits: Limits,
    kept: Kept,
    /// Of one that follows another: whether it has caught up, and what has it do so.
    follows: Option<Follows>,
    /// Who is woken by a change, for as long as somebody else keeps it.
    watchers: Mutex<Vec<Weak<dyn Watcher>>>,
}

enum Kept {
    Newest(Mutex<State>),
    Last(Mutex<Ring>),
}

impl Topic {
    /// An empty one. Of values that count each by itself and are more than may be, the oldest go.
    pub fn new(policy: Policy, limits: Limits) -> Self {
        Self::of(policy, limits, None)
    }

    fn of(policy: Policy, limits: Limits, follows: Option<Follows>) -> Self {
        let kept = match policy {
            Policy::Latest => Kept::Newest(Mutex::new(State::new(limits.max))),
            Policy::Deadline(_) => Kept::Last(Mutex::new(Ring::new(limits.max, 0))),
            Policy::Log { epoch } => Kept::Last(Mutex::new(Ring::new(limits.max, epoch))),
        };
        let limits = Limits {
            max_value: limits.max_value.min(MAX_VALUE),
            ..limits
        };
        Self(Arc::new(Shared {
            policy,
            limits,
            kept,
            follows,
            watchers: Mutex::default(),
        }))
    }

    /// An empty one with [`Policy::Latest`], for at most so many keys at a time.
    pub fn latest(max_keys: usize) -> Self {
        Self::new(Policy::Latest, Limits::new(max_keys))
    }

    /// What is allowed in it.
    pub fn limits(&self) -> Limits {
        self.0.limits
    }

    /// What is promised of its values.
    pub fn policy(&self) -> Policy {
        self.0.policy
    }

    /// Sets a key's value at the time `now`, or adds one, and returns the version of this change.
    ///
    /// # Errors
    /// Where the key or the value is too long, or the key another and there is no room for it.
    pub fn put(&self, now: Instant, key: &str, value: impl Into<Value>) -> Result<u64, PutError> {
        let value = value.into();
        self.check(key, Some(&value))?;
        let version = match &self.0.kept {
            Kept::Newest(state) => lock(state).put(now, key, value)?,
            Kept::Last(ring) => {
                let mut ring = lock(ring);
                self.clear(now, &mut ring);
                ring.put(now, key, value)
            }
        };
        self.0.tell();
        Ok(version)
    }

    /// Makes all of these changes at the time `now`, in their order and with no other between them; a
    /// removal from a topic whose values count each by itself is none.
    ///
    /// # Errors
    /// For the first that cannot be made, with its index: then none is.
    pub fn change(&self, now: Instant, changes: Vec<Change>) -> Result<(), (usize, PutError)> {
        for (index, (key, value)) in changes.iter().enumerate() {
            let checked = self.check(key, value.as_ref());
            checked.map_err(|cause| (index, cause))?;
        }
        match &self.0.kept {
            Kept::Newest(state) => {
                let mut state = lock(state);
                if let Some(index) = state.lacks_room(&changes) {
                    return Err((index, PutError::Full));
                }
                for (key, value) in changes {
                    match value {
                        // There is room, as was seen.
                        Some(value) => drop(state.put(now, &key, value)),
                        None => drop(state.remove(now, &key)),
                    }
                }
            }
            Kept::Last(ring) => {
                let mut ring = lock(ring);
                self.clear(now, &mut ring);
                for (key, value) in changes {
                    if let Some(value) = value {
                        ring.put(now, &key, value);
                    }
                }
            }
        }
        self.0.tell();
        Ok(())
    }

    /// Whether a key and a value may be put into it, as far as their lengths go.
    ///
    /// # Errors
    /// For what is too long.
    pub fn check(&self, key: &str, value: Option<&Value>) -> Result<(), PutError> {
        let max_value = self.0.limits.max_value;
        if key.len() > MAX_KEY {
            return Err(PutError::KeyTooLong);
        }
        let about = value.and_then(|value| value.about.as_deref());
        if about.is_some_and(|it| it.content_type.len().max(it.by.len()) > MAX_ABOUT) {
            return Err(PutError::AboutTooLong);
        }
        if value.is_some_and(|value| value.bytes.len() > max_value) {
            return Err(PutError::ValueTooLong(max_value));
        }
        Ok(())
    }

    /// Removes what is too old at `now`, for readers too. Returns how much that was.
    pub fn expire(&self, now: Instant) -> usize {
        let Some(max_age) = self.0.limits.max_age else {
            return 0;
        };
        let removed = match &self.0.kept {
            // What is removed there is removed here, with the version that it has there.
            Kept::Newest(_) if self.0.follows.is_some() => 0,
            Kept::Newest(state) => lock(state).expire(now, max_age),
            // Of an event or an entry its reader has no notion that it is gone.
            Kept::Last(ring) => lock(ring).expire(now, max_age),
        };
        if removed > 0 {
            self.0.tell();
        }
        removed
    }

    /// Removes a key, and returns the version of this change; nothing, where there is none, or the
    /// topic's values count each by itself.
    pub fn remove(&self, now: Instant, key: &str) -> Option<u64> {
        let Kept::Newest(state) = &self.0.kept else {
            return None;
        };
        let version = lock(state).remove(now, key)?;
        self.0.tell();
        Some(version)
    }

    /// A key's newest value, if it has one.
    pub fn get(&self, key: &str) -> Option<Value> {
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
                    version: state.origin,
                    is_ordered: false,
                    values: state.slots.iter().filter_map(value).collect(),
                }
            }
            Kept::Last(ring) => {
                let mut ring = lock(ring);
                self.clear(now, &mut ring);
                Snapshot {
                    version: ring.version,
                    is_ordered: true,
                    values: ring
                        .items()
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

    /// Of values that count each by itself, what tells a log from others of its name, and the version of the
    /// newest.
    pub fn log_position(&self) -> Option<(u64, u64)> {
        match &self.0.kept {
            Kept::Newest(_) => None,
            Kept::Last(ring) => {
                let ring = lock(ring);
                Some((ring.epoch, ring.version))
            }
        }
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
        self.clear(now, &mut ring);
        Some(ring)
    }

    /// Drops what is past its deadline.
    fn clear(&self, now: Instant, ring: &mut Ring) {
        if let Policy::Deadline(within) = self.0.policy {
            ring.expire(now, within);
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
