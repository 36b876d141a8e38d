//! A topic, as a program has it.

use super::attendance::SUFFIX;
use super::{Policy, Saving};
use crate::engine::{Engine, Here, Kept, PATIENCE};
use crate::stats::Count;
use bytes::Bytes;
use std::sync::Arc;
use std::time::Instant;
use tickwire_values::{PutError, Snapshot, Value, Watcher};
use tokio::sync::Notify;
use tokio::time::timeout;

/// Keys and their values, which come to whoever subscribes: as its [`Policy`](crate::Policy) has it.
/// Copies are the same topic.
#[derive(Clone, Debug)]
pub struct Topic {
    kept: Arc<dyn Kept>,
    policy: Policy,
    /// Who reads it.
    presence: Option<Arc<dyn Kept>>,
    /// Changes of all topics of the server.
    puts: Arc<Count>,
}

/// Where topics are kept.
#[derive(Clone, Debug)]
pub(super) enum Keeping {
    /// By the engine.
    Engine,
    /// In this process.
    Here,
    /// In this process, and saved to a file.
    Saved(Saving),
}

impl Topic {
    /// The topic of this name, of a name or pattern that was added, kept as that is.
    pub(super) fn new(
        name: &str,
        of: &str,
        policy: Policy,
        keeping: &Keeping,
        engine: &dyn Engine,
        puts: &Arc<Count>,
    ) -> Self {
        let kept = match keeping {
            Keeping::Engine => engine.topic(name, of, policy.setup()),
            Keeping::Here => Arc::new(Here(policy.topic())),
            Keeping::Saved(saving) => Arc::new(Here(saving.topic(name, policy))),
        };
        let presence = || engine.topic(&format!("{name}{SUFFIX}"), of, Policy::of_presence());
        Self {
            kept,
            policy,
            presence: policy.has_presence().then(presence),
            puts: puts.clone(),
        }
    }

    /// What this server has of it.
    pub(super) fn values(&self) -> &tickwire_values::Topic {
        self.kept.values()
    }

    pub(super) fn presence(&self) -> Option<&Arc<dyn Kept>> {
        self.presence.as_ref()
    }

    /// The topic of those who read this one, if that is told.
    pub(super) fn of_presence(&self) -> Option<Self> {
        Some(Self {
            kept: self.presence.clone()?,
            policy: Policy::latest(),
            presence: None,
            puts: self.puts.clone(),
        })
    }

    /// Whether nobody has it any more, and nothing is in it.
    pub(super) fn is_unused(&self, now: Instant) -> bool {
        let is_unused = |kept: &Arc<dyn Kept>| Arc::strong_count(kept) == 1 && kept.is_unused(now);
        is_unused(&self.kept) && self.presence.as_ref().is_none_or(is_unused)
    }

    /// Whether clients may put values into it.
    pub fn takes_from_clients(&self) -> bool {
        self.policy.takes_from_clients()
    }

    /// Sets a key's value, or adds one where each counts by itself. It never waits, whoever reads
    /// slowly, and can be called from any thread. Where an engine keeps the topic and cannot be reached, the
    /// newest value of each key goes there as soon as it can.
    ///
    /// # Errors
    /// Where the key is longer than 1,024 bytes or the value than the topic allows, or there is no room
    /// for another key; of a value that counts by itself, where the engine that keeps the topic cannot be
    /// reached.
    pub fn put(&self, key: &str, value: impl Into<Value>) -> Result<(), PutError> {
        self.puts.add(1);
        self.kept.put(key, value.into())
    }

    /// Makes all of these changes or none, with no other between them: each a key with its new value, or
    /// with `None` where it is to be removed.
    ///
    /// # Errors
    /// As [`Topic::put`] for the first that cannot be made, with its index; where an engine keeps the topic.
    pub fn change(&self, changes: Vec<(String, Option<Value>)>) -> Result<(), (usize, PutError)> {
        self.puts.add(changes.len() as u64);
        self.kept.change(changes)
    }

    /// Removes a key, for its readers too; nothing, where there is none, or each value counts by itself.
    pub fn remove(&self, key: &str) {
        self.kept.remove(key);
    }

    /// Waits until what was put before is with the engine that keeps the topic, for at most 2 s.
    ///
    /// # Errors
    /// Where it is not: it may come to be later.
    pub async fn confirmed(&self) -> Result<(), PutError> {
        self.kept.confirmed().await
    }

    /// The same, where the topic is to be [durable](Policy::durable); otherwise it does not wait.
    pub(crate) async fn settled(&self) -> Result<(), PutError> {
        match self.policy.is_durable() {
            true => self.confirmed().await,
            false => Ok(()),
        }
    }

    /// Has what this server's readers would have, while the result is kept: an engine brings it, if one keeps
    /// the topic. `None` where that is not so within 2 s.
    pub async fn followed(&self) -> Option<Followed> {
        let filled = Arc::new(Filled::default());
        let followed = Followed(filled.clone());
        self.values().watch(&followed.0);
        let is_filled = async {
            while !self.values().is_filled() {
                filled.0.notified().await;
            }
        };
        timeout(PATIENCE, is_filled).await.ok()?;
        Some(followed)
    }

    /// A key's newest value, if it has one. Where an engine keeps the topic, it is there while somebody reads
    /// it here: [`Topic::followed`].
    pub fn get(&self, key: &str) -> Option<Bytes> {
        Some(self.values().get(key)?.bytes)
    }

    /// The same, with what is said of it.
    pub fn value(&self, key: &str) -> Option<Value> {
        self.values().get(key)
    }

    /// All values with their keys: where each counts by itself, in order.
    pub fn entries(&self) -> Vec<(Arc<str>, Value)> {
        self.snapshot().values
    }

    pub(crate) fn snapshot(&self) -> Snapshot {
        self.values().snapshot(Instant::now())
    }

    /// How many sessions and streams have subscribed to it.
    pub fn readers(&self) -> usize {
        self.values().watchers()
    }

    /// How many keys there are; where each value counts by itself, how many values.
    pub fn len(&self) -> usize {
        self.values().len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.values().is_empty()
    }
}

/// Keeps a topic's values here, as a reader does.
pub struct Followed(Arc<dyn Watcher>);

#[derive(Default)]
struct Filled(Notify);

impl Watcher for Filled {
    fn changed(&self, _: tickwire_values::Policy) {
        self.0.notify_one();
    }
}
