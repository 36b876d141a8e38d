//! The entries of a log that were added here.

use super::{MAX_ENTRIES, NoRoom, Outgoing, Reply, TopicId, What};
use std::collections::BTreeMap;
use tickwire_values::Value;

#[derive(Debug, Default)]
pub struct Entries {
    /// What is not known to be in the stream, by number.
    waiting: BTreeMap<u64, Entry>,
    /// What is below this is under way, if it is not to be sent again.
    next: u64,
}

#[derive(Debug)]
struct Entry {
    key: String,
    value: Value,
    flight: Option<u64>,
    was_sent: bool,
}

impl Entries {
    pub fn add(&mut self, key: &str, value: Option<Value>, number: u64) -> Result<(), NoRoom> {
        if self.waiting.len() >= MAX_ENTRIES {
            return Err(NoRoom);
        }
        // Nothing is removed from a log.
        if let Some(value) = value {
            let entry = Entry {
                key: key.to_owned(),
                value,
                flight: None,
                was_sent: false,
            };
            self.waiting.insert(number, entry);
        }
        Ok(())
    }

    pub fn poll(&mut self, token: u64, topic: TopicId) -> Option<(What, Outgoing)> {
        let (&number, entry) = self.waiting.range_mut(self.next..).next()?;
        self.next = number + 1;
        entry.flight = Some(token);
        let outgoing = Outgoing {
            token,
            topic,
            key: entry.key.clone(),
            value: Some(entry.value.clone()),
            refill: None,
            entry: Some(number),
            is_again: std::mem::replace(&mut entry.was_sent, true),
        };
        Some((What::Entry(number), outgoing))
    }

    /// Returns whether there is something to be sent.
    pub fn landed(&mut self, number: u64, token: u64, reply: Reply) -> bool {
        let entry = self.waiting.get_mut(&number);
        let Some(entry) = entry.filter(|it| it.flight == Some(token)) else {
            return false;
        };
        if reply != Reply::Busy {
            self.waiting.remove(&number);
            return false;
        }
        // Those after it leave again too, so that none of them comes to be before it; NATS knows again
        // what it has.
        entry.flight = None;
        for later in self.waiting.range_mut(number..) {
            later.1.flight = None;
        }
        self.next = self.next.min(number);
        true
    }

    pub fn oldest(&self) -> Option<u64> {
        self.waiting.keys().next().copied()
    }

    pub fn pending(&self) -> usize {
        self.waiting.len()
    }
}
