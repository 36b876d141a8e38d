//! What is known of one reader of a log: how far it has read.

use super::{Wanted, age};
use crate::topic::Topic;
use std::time::Instant;
use tickwire_wire::control::Position;
use tickwire_wire::values::LogEntry;

/// What is said to a reader on an ordered and reliable channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ToSay {
    /// It has all that was there when this subscription began.
    Complete {
        /// The subscription's number.
        id: u64,
    },
    /// The entries of a log that follow are those after this position.
    After {
        /// The subscription's number.
        id: u64,
        /// The position.
        at: Position,
        /// Whether entries between what the reader has, or has asked for, and this are gone.
        is_gap: bool,
    },
    /// An entry, to be sent as it is: [`LogEntry`].
    Entry(Vec<u8>),
}

/// One reader's subscription to a log.
#[derive(Debug)]
pub(crate) struct Log {
    id: u64,
    topic: Topic,
    epoch: u64,
    wanted: Wanted,
    /// The next entry.
    next: u64,
    /// The topic's version at the subscription.
    begun: u64,
    /// Whether the reader knows where it is, and that nothing is left out.
    is_told: bool,
    is_gap: bool,
    is_complete: bool,
}

impl Log {
    pub(crate) fn new(id: u64, topic: Topic, epoch: u64, wanted: Wanted) -> Self {
        let begun = topic.version();
        // A position that was never reached is of another log.
        let after = wanted.after;
        let known = after.filter(|after| after.epoch == epoch && after.position <= begun);
        Self {
            id,
            topic,
            epoch,
            next: known.map_or(1, |known| known.position + 1),
            is_gap: after.is_some() && known.is_none(),
            is_told: false,
            is_complete: false,
            begun,
            wanted,
        }
    }

    /// Whether there may be something to say.
    pub(crate) fn has_due(&self) -> bool {
        !self.is_told || !self.is_complete || self.topic.version() >= self.next
    }

    /// The next thing to say.
    pub(crate) fn poll(&mut self, now: Instant) -> Option<ToSay> {
        let topic = self.topic.clone();
        let ring = topic.ring(now)?;
        let first = ring.first();
        if self.next < first {
            // Who asks for all that is kept misses nothing by what is not.
            self.is_gap |= self.is_told || self.wanted.after.is_some();
            self.is_told = false;
            self.next = first;
        }
        if !std::mem::replace(&mut self.is_told, true) {
            let at = Position {
                epoch: self.epoch,
                position: self.next - 1,
            };
            return Some(ToSay::After {
                id: self.id,
                at,
                is_gap: std::mem::take(&mut self.is_gap),
            });
        }
        while let Some(item) = ring.get(self.next) {
            let position = self.next;
            if position > self.begun && !self.is_complete {
                break;
            }
            self.next += 1;
            if self.wanted.has(&item.key) {
                let entry = LogEntry {
                    subscription: self.id,
                    position,
                    age: age(now, item.changed),
                    key: &item.key,
                    about: item.value.about(),
                    value: &item.value.bytes,
                };
                return Some(ToSay::Entry(entry.write()));
            }
        }
        let is_new = !std::mem::replace(&mut self.is_complete, true);
        is_new.then_some(ToSay::Complete { id: self.id })
    }
}
