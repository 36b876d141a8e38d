//! A topic, as a program has it.

use super::{Policy, Saving};
use crate::stats::Count;
use bytes::Bytes;
use std::sync::Arc;
use std::time::Instant;
use tickwire_values::{PutError, Snapshot, Value};

/// Keys and their values, which come to whoever subscribes: as its [`Policy`](crate::Policy) has it.
/// Copies are the same topic.
#[derive(Clone, Debug)]
pub struct Topic {
    pub(super) values: tickwire_values::Topic,
    policy: Policy,
    /// Who reads it.
    presence: Option<tickwire_values::Topic>,
    /// Changes of all topics of the server.
    puts: Arc<Count>,
}

impl Topic {
    /// The topic of this name; saved, where that is wanted.
    pub(super) fn new(
        name: &str,
        policy: Policy,
        saving: Option<&Saving>,
        puts: &Arc<Count>,
    ) -> Self {
        let saved = saving.map(|saving| saving.topic(name, policy));
        Self {
            values: saved.unwrap_or_else(|| policy.topic()),
            policy,
            presence: policy.presence_topic(),
            puts: puts.clone(),
        }
    }

    pub(super) fn presence(&self) -> Option<&tickwire_values::Topic> {
        self.presence.as_ref()
    }

    /// The topic of those who read this one, if that is told.
    pub(super) fn of_presence(&self) -> Option<Self> {
        Some(Self {
            values: self.presence.clone()?,
            policy: Policy::latest(),
            presence: None,
            puts: self.puts.clone(),
        })
    }

    /// Whether nobody has it any more, and nothing is in it.
    pub(super) fn is_unused(&self, now: Instant) -> bool {
        let presence = self.presence.as_ref();
        self.values.is_unused(now) && presence.is_none_or(|it| it.is_unused(now))
    }

    /// Whether clients may put values into it.
    pub fn takes_from_clients(&self) -> bool {
        self.policy.takes_from_clients()
    }

    /// Sets a key's value, or adds one where each counts by itself. It never waits, whoever reads
    /// slowly, and can be called from any thread.
    ///
    /// # Errors
    /// Where the key is longer than 1,024 bytes or the value than the topic allows, or there is no room
    /// for another key.
    pub fn put(&self, key: &str, value: impl Into<Value>) -> Result<(), PutError> {
        self.puts.add(1);
        self.values.put(Instant::now(), key, value).map(drop)
    }

    /// Makes all of these changes or none, with no other between them: each a key with its new value, or
    /// with `None` where it is to be removed.
    ///
    /// # Errors
    /// As [`Topic::put`] for the first that cannot be made, with its index.
    pub fn change(&self, changes: Vec<(String, Option<Value>)>) -> Result<(), (usize, PutError)> {
        self.puts.add(changes.len() as u64);
        self.values.change(Instant::now(), changes)
    }

    /// Removes a key, for its readers too; nothing, where there is none, or each value counts by itself.
    pub fn remove(&self, key: &str) {
        self.values.remove(Instant::now(), key);
    }

    /// A key's newest value, if it has one.
    pub fn get(&self, key: &str) -> Option<Bytes> {
        Some(self.values.get(key)?.bytes)
    }

    /// The same, with what is said of it.
    pub fn value(&self, key: &str) -> Option<Value> {
        self.values.get(key)
    }

    pub(crate) fn snapshot(&self) -> Snapshot {
        self.values.snapshot(Instant::now())
    }

    /// How many sessions and streams have subscribed to it.
    pub fn readers(&self) -> usize {
        self.values.watchers()
    }

    /// How many keys there are; where each value counts by itself, how many values.
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }
}
