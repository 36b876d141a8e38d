//! Topics: keys and values that are kept here, and brought to whoever subscribes.
//!
//! A reader says on the channel `control` what it wants ([`tickwire_wire::control`]), and has the
//! values on the channel `values` ([`tickwire_wire::values`]). What it has, what is under way to it and
//! what is due, and when it may leave, is known by [`tickwire_values`]; here it meets the session's
//! channels and the clock.

mod feeds;

pub use feeds::{control, values};
pub use tickwire_values::PutError;

use crate::fresh::lock;
use bytes::Bytes;
use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};
use std::time::Instant;
use tickwire_values::{Sender, Watcher};
use tokio::sync::Notify;

/// How many keys a topic may have, unless it is told otherwise.
const MAX_KEYS: usize = 100_000;
/// How many subscriptions a session may have.
const MAX_SUBSCRIPTIONS: usize = 64;
/// How many keys all topics may have to which a session subscribes: some 60 bytes are kept of each.
const MAX_READ_KEYS: usize = 250_000;

/// Keys and their newest values. Each reader gets what is there when it subscribes, and from then on
/// the newest value of each key that changes: never an older one after a newer, and the last one
/// whatever is lost on the way. Copies are the same topic.
#[derive(Clone, Debug)]
pub struct Topic(tickwire_values::Topic);

impl Topic {
    /// A topic whose readers get the newest value of each key. It may have 100,000 keys at a time.
    pub fn latest() -> Self {
        Self::with_max_keys(MAX_KEYS)
    }

    /// The same, for so many keys.
    pub fn with_max_keys(max: usize) -> Self {
        Self(tickwire_values::Topic::new(max))
    }

    /// Sets a key's value. It never waits, whoever reads slowly, and can be called from any thread.
    ///
    /// # Errors
    /// Where the key is longer than 1,024 bytes, or there is no room for another.
    pub fn put(&self, key: &str, value: impl Into<Bytes>) -> Result<(), PutError> {
        self.0.put(Instant::now(), key, value).map(drop)
    }

    /// Removes a key, for its readers too; nothing, where there is none.
    pub fn remove(&self, key: &str) {
        self.0.remove(Instant::now(), key);
    }

    /// A key's value, if it has one.
    pub fn get(&self, key: &str) -> Option<Bytes> {
        self.0.get(key)
    }

    /// Whether a session is open that has subscribed to it.
    pub fn has_readers(&self) -> bool {
        self.0.is_watched()
    }

    /// How many keys there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// The topics of a server, by name.
#[derive(Clone, Debug, Default)]
pub struct Topics(HashMap<String, Topic>);

impl Topics {
    /// Adds a topic. False where there is one of this name.
    pub fn add(&mut self, name: &str, topic: Topic) -> bool {
        let is_new = !self.0.contains_key(name);
        self.0.insert(name.to_owned(), topic);
        is_new
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Each with its name.
    pub fn into_iter(self) -> impl Iterator<Item = (String, Topic)> {
        self.0.into_iter()
    }

    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    fn get(&self, name: &str) -> Option<&tickwire_values::Topic> {
        self.0.get(name).map(|topic| &topic.0)
    }
}

/// What a session has to do with topics; next to nothing, until it has.
#[derive(Clone, Default)]
pub struct Reading(Arc<OnceLock<Arc<Subscriptions>>>);

impl Reading {
    fn subscriptions(&self) -> Arc<Subscriptions> {
        self.0
            .get_or_init(|| Arc::new(Subscriptions::new()))
            .clone()
    }
}

/// A session's subscriptions, between its two channels.
struct Subscriptions {
    sender: Mutex<Sender>,
    /// Something has changed since it was looked what is due.
    has_changed: AtomicBool,
    /// Tells the channel `values` that something may be due.
    filled: Notify,
    /// Why what came on `values` could not be taken, to be said on `control`.
    refusals: Mutex<VecDeque<String>>,
    /// Tells the channel `control` that there is something to say: of these, or of a snapshot that is
    /// complete.
    to_say: Notify,
    /// Whether a channel `values` is open, and one of `control`.
    has_values: AtomicBool,
    has_control: AtomicBool,
}

impl Subscriptions {
    fn new() -> Self {
        Self {
            sender: Mutex::new(Sender::new(
                Instant::now(),
                MAX_SUBSCRIPTIONS,
                MAX_READ_KEYS,
            )),
            has_changed: AtomicBool::new(false),
            filled: Notify::new(),
            refusals: Mutex::default(),
            to_say: Notify::new(),
            has_values: AtomicBool::new(false),
            has_control: AtomicBool::new(false),
        }
    }

    fn sender(&self) -> MutexGuard<'_, Sender> {
        lock(&self.sender)
    }

    /// Something may be due.
    fn fill(&self) {
        if !self.has_changed.swap(true, Ordering::AcqRel) {
            self.filled.notify_one();
        }
    }
}

impl Watcher for Subscriptions {
    fn changed(&self) {
        self.fill();
    }
}
