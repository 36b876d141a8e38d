//! A topic: keys and their newest values, one copy for all readers.

use bytes::Bytes;
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Instant;
use tickwire_wire::values::MAX_KEY;

/// Why a value is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PutError {
    /// The key is longer than [`MAX_KEY`] bytes.
    #[error("the key is longer than {MAX_KEY} bytes")]
    KeyTooLong,
    /// The topic has as many keys as it may.
    #[error("the topic has as many keys as it may")]
    Full,
}

/// Keys and their newest values. Copies are the same topic.
#[derive(Clone)]
pub struct Topic(Arc<Shared>);

struct Shared {
    state: Mutex<State>,
    /// Who is woken by a change, for as long as somebody else keeps it.
    watchers: Mutex<Vec<Weak<dyn Watcher>>>,
}

/// Is told that a topic has changed: at each change, so it should be cheap, and cheaper where it was
/// told before and has not looked since.
pub trait Watcher: Send + Sync {
    /// The topic has changed.
    fn changed(&self);
}

#[derive(Debug)]
pub(crate) struct State {
    /// Counts the changes.
    pub(crate) version: u64,
    pub(crate) slots: Vec<Slot>,
    index: HashMap<Arc<str>, u32>,
    /// Slots whose key was removed. They are given to other keys, which tells a reader of the removal
    /// too; so a removal is remembered for as long as it matters, and costs no more than its key did.
    free: Vec<u32>,
    /// The slots in the order of their newest change.
    pub(crate) changes: BTreeMap<u64, u32>,
    max_keys: usize,
}

/// A key and its newest value.
#[derive(Debug)]
pub(crate) struct Slot {
    pub(crate) key: Arc<str>,
    /// With which version the slot was given to this key.
    pub(crate) named: u64,
    pub(crate) version: u64,
    pub(crate) changed: Instant,
    /// `None` where the key was removed.
    pub(crate) value: Option<Bytes>,
}

impl Topic {
    /// An empty one, for at most so many keys at a time.
    pub fn new(max_keys: usize) -> Self {
        Self(Arc::new(Shared {
            state: Mutex::new(State {
                version: 0,
                slots: Vec::new(),
                index: HashMap::new(),
                free: Vec::new(),
                changes: BTreeMap::new(),
                max_keys,
            }),
            watchers: Mutex::default(),
        }))
    }

    /// Tells `watcher` of each change from here on, until it is dropped.
    pub fn watch(&self, watcher: &Arc<dyn Watcher>) {
        let mut watchers = lock(&self.0.watchers);
        watchers.retain(|watcher| watcher.strong_count() > 0);
        watchers.push(Arc::downgrade(watcher));
    }

    /// Sets a key's value at the time `now`, and returns the version of this change.
    ///
    /// # Errors
    /// Where the key is too long, or another and there is no room for it.
    pub fn put(&self, now: Instant, key: &str, value: impl Into<Bytes>) -> Result<u64, PutError> {
        if key.len() > MAX_KEY {
            return Err(PutError::KeyTooLong);
        }
        let mut state = self.state();
        let slot = match state.index.get(key) {
            Some(slot) => *slot,
            None => state.add(now, key)?,
        };
        let version = state.change(now, slot, Some(value.into()));
        drop(state);
        self.tell();
        Ok(version)
    }

    /// Removes a key; nothing, where there is none.
    pub fn remove(&self, now: Instant, key: &str) -> Option<u64> {
        let mut state = self.state();
        let slot = state.index.remove(key)?;
        state.free.push(slot);
        let version = state.change(now, slot, None);
        drop(state);
        self.tell();
        Some(version)
    }

    /// A key's value, if it has one.
    pub fn get(&self, key: &str) -> Option<Bytes> {
        let state = self.state();
        let slot = *state.index.get(key)?;
        state.slots[slot as usize].value.clone()
    }

    /// How many keys there are.
    pub fn len(&self) -> usize {
        self.state().index.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The version of the newest change.
    pub fn version(&self) -> u64 {
        self.state().version
    }

    /// Whether somebody watches it.
    pub fn is_watched(&self) -> bool {
        let watchers = lock(&self.0.watchers);
        watchers.iter().any(|watcher| watcher.strong_count() > 0)
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.0.state)
    }

    fn tell(&self) {
        for watcher in lock(&self.0.watchers).iter() {
            if let Some(watcher) = watcher.upgrade() {
                watcher.changed();
            }
        }
    }
}

impl fmt::Debug for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.state();
        let mut topic = f.debug_struct("Topic");
        topic
            .field("version", &state.version)
            .field("keys", &state.index.len());
        topic.finish_non_exhaustive()
    }
}

/// Nothing here panics in the middle of a change.
fn lock<T>(state: &Mutex<T>) -> MutexGuard<'_, T> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

impl State {
    fn add(&mut self, now: Instant, key: &str) -> Result<u32, PutError> {
        if self.index.len() >= self.max_keys {
            return Err(PutError::Full);
        }
        let key: Arc<str> = key.into();
        let slot = match self.free.pop() {
            Some(slot) => {
                let given = &mut self.slots[slot as usize];
                given.key = key.clone();
                given.named = self.version + 1;
                slot
            }
            None => {
                let slot = u32::try_from(self.slots.len()).map_err(|_| PutError::Full)?;
                self.slots.push(Slot {
                    key: key.clone(),
                    named: self.version + 1,
                    version: 0,
                    changed: now,
                    value: None,
                });
                slot
            }
        };
        self.index.insert(key, slot);
        Ok(slot)
    }

    fn change(&mut self, now: Instant, number: u32, value: Option<Bytes>) -> u64 {
        self.version += 1;
        let slot = &mut self.slots[number as usize];
        self.changes.remove(&slot.version);
        self.changes.insert(self.version, number);
        (slot.version, slot.changed, slot.value) = (self.version, now, value);
        self.version
    }
}
