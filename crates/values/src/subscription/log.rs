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
    wanted: Wanted,
    /// Where it is, once the topic was filled.
    at: Option<Place>,
    /// Whether the reader knows where it is, and that nothing is left out.
    is_told: bool,
    is_gap: bool,
    is_complete: bool,
}

/// How far a log was read.
#[derive(Clone, Copy, Debug)]
struct Place {
    epoch: u64,
    /// The next entry.
    next: u64,
    /// The topic's version when it was begun to be read.
    begun: u64,
}

impl Log {
    pub(crate) fn new(id: u64, topic: Topic, wanted: Wanted) -> Self {
        let mut log = Self {
            id,
            topic,
            at: None,
            is_gap: false,
            is_told: false,
            is_complete: false,
            wanted,
        };
        log.place();
        log
    }

    /// Where it is; where it begins, as soon as that can be told, and again where the log is another.
    fn place(&mut self) -> Option<Place> {
        if !self.topic.is_filled() {
            return None;
        }
        let (epoch, begun) = self.topic.log_position()?;
        if let Some(at) = self.at.filter(|at| at.epoch == epoch) {
            return Some(at);
        }
        // A position that was never reached is of another log.
        let after = self.wanted.after;
        let known = after.filter(|after| after.epoch == epoch && after.position <= begun);
        self.is_gap = self.at.is_some() || (after.is_some() && known.is_none());
        self.is_told = false;
        self.at = Some(Place {
            epoch,
            next: known.map_or(1, |known| known.position + 1),
            begun,
        });
        self.at
    }

    /// Whether there may be something to say.
    pub(crate) fn has_due(&self) -> bool {
        if !self.topic.is_filled() {
            return false;
        }
        let (Some(at), Some((epoch, version))) = (self.at, self.topic.log_position()) else {
            return true;
        };
        let is_behind = epoch != at.epoch || version >= at.next;
        is_behind || !self.is_told || !self.is_complete
    }

    /// The next thing to say.
    pub(crate) fn poll(&mut self, now: Instant) -> Option<ToSay> {
        let topic = self.topic.clone();
        let mut at = self.place()?;
        let ring = topic.ring(now)?;
        // It has become another since, and that is told by the next call.
        if ring.epoch != at.epoch {
            return None;
        }
        let first = ring.first();
        if at.next < first {
            // Who asks for all that is kept misses nothing by what is not.
            self.is_gap |= self.is_told || self.wanted.after.is_some();
            self.is_told = false;
            at.next = first;
        }
        if !std::mem::replace(&mut self.is_told, true) {
            self.at = Some(at);
            let position = Position {
                epoch: at.epoch,
                position: at.next - 1,
            };
            return Some(ToSay::After {
                id: self.id,
                at: position,
                is_gap: std::mem::take(&mut self.is_gap),
            });
        }
        while let Some(item) = ring.from(at.next) {
            let position = item.version;
            if position > at.begun && !self.is_complete {
                break;
            }
            at.next = position + 1;
            self.at = Some(at);
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
