//! What is known of one reader of values that each count by themselves, for a time.

use super::{Carried, Packing, Wanted, age};
use crate::topic::Topic;
use std::collections::VecDeque;
use std::time::Duration;
use tickwire_wire::values::Entry;

/// One reader's subscription to values that come within a time, or not at all. It gets those that come
/// after it has begun.
#[derive(Debug)]
pub(crate) struct Events {
    id: u64,
    topic: Topic,
    within: Duration,
    wanted: Wanted,
    /// Up to which version all was sent.
    seen: u64,
    /// Those that were lost, to be sent again.
    again: VecDeque<u64>,
    is_complete: bool,
}

impl Events {
    pub(crate) fn new(id: u64, topic: Topic, within: Duration, wanted: Wanted) -> Self {
        let seen = topic.version();
        Self {
            id,
            topic,
            within,
            wanted,
            seen,
            again: VecDeque::new(),
            is_complete: false,
        }
    }

    /// Whether there may be something to send.
    pub(crate) fn has_due(&self) -> bool {
        !self.again.is_empty() || self.topic.version() > self.seen
    }

    /// Adds what is due to a packet. Returns whether all of it is in there.
    pub(crate) fn fill(&mut self, packing: &mut Packing<'_>) -> bool {
        let topic = self.topic.clone();
        let Some(ring) = topic.ring(packing.now) else {
            return true;
        };
        loop {
            let version = match self.again.front() {
                Some(version) => *version,
                // What has gone by now comes no more.
                None => match ring.from(self.seen + 1) {
                    Some(item) => item.version,
                    None => {
                        self.seen = ring.version;
                        return true;
                    }
                },
            };
            let item = ring.get(version).filter(|item| {
                let arrives = packing.now.saturating_duration_since(item.changed) + packing.way;
                arrives <= self.within && self.wanted.has(&item.key)
            });
            if let Some(item) = item {
                let entry = Entry {
                    subscription: self.id,
                    alias: 0,
                    name: Some(&item.key),
                    version,
                    age: age(packing.now, item.changed),
                    is_snapshot: false,
                    is_event: true,
                    about: item.value.about(),
                    value: Some(&item.value.bytes),
                };
                if !packing.has_room(&entry) {
                    return false;
                }
                packing.add(&entry, 0, version);
            }
            if self.again.pop_front().is_none() {
                self.seen = version;
            }
        }
    }

    /// A packet with this entry is lost, or may be.
    pub(crate) fn lost(&mut self, carried: &Carried) {
        self.again.push_back(carried.version);
    }

    /// Whether the reader has all that was there: at once, since there is nothing. Told once.
    pub(crate) fn take_complete(&mut self) -> bool {
        !std::mem::replace(&mut self.is_complete, true)
    }
}
