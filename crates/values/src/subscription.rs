//! One reader's subscription to one topic.

mod events;
mod latest;
mod log;

use crate::tally::UNCOUNTED;
use crate::topic::{Policy, Topic};
use events::Events;
use latest::Newest;
pub(crate) use log::Log;
pub use log::ToSay;
use std::collections::HashSet;
use std::time::{Duration, Instant};
use tickwire_wire::control::Position;
use tickwire_wire::values::{Entry, Packet, Writer};

/// What a reader wants of a topic. The default is all of it, as soon as it changes.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// These keys alone.
    pub keys: Option<HashSet<String>>,
    /// How long a key that has been sent waits at least before it is sent again with another value.
    pub interval: Duration,
    /// Of a log, what follows this position of this epoch; all that is kept without it.
    pub after: Option<Position>,
}

impl Wanted {
    fn has(&self, key: &str) -> bool {
        self.keys.as_ref().is_none_or(|keys| keys.contains(key))
    }
}

/// How old a value is at `now`, in milliseconds, as it travels.
fn age(now: Instant, changed: Instant) -> u64 {
    let age = now.saturating_duration_since(changed).as_millis();
    u64::try_from(age).unwrap_or(u64::MAX)
}

/// An entry of a packet that was sent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Carried {
    pub(crate) subscription: u64,
    slot: u32,
    version: u64,
    /// How old the value was when it was sent, in milliseconds.
    pub(crate) age: u32,
    /// Whether it told the key.
    is_named: bool,
}

/// A packet that is being made.
pub(crate) struct Packing<'a> {
    /// Its number.
    pub(crate) number: u64,
    pub(crate) now: Instant,
    /// How long it is under way, as far as that is known.
    pub(crate) way: Duration,
    room: usize,
    writer: Writer,
    carried: &'a mut Vec<Carried>,
}

impl<'a> Packing<'a> {
    /// One of at most `room` bytes, or one value that is longer.
    pub(crate) fn new(
        number: u64,
        now: Instant,
        way: Duration,
        room: usize,
        carried: &'a mut Vec<Carried>,
    ) -> Self {
        let writer = Packet::begin(number, room);
        Self {
            number,
            now,
            way,
            room,
            writer,
            carried,
        }
    }

    fn has_room(&self, entry: &Entry<'_>) -> bool {
        self.carried.is_empty() || self.writer.len() + entry.size() <= self.room
    }

    /// Adds what is this version of a slot here.
    fn add(&mut self, entry: &Entry<'_>, slot: u32, version: u64) {
        entry.write(&mut self.writer);
        self.carried.push(Carried {
            subscription: entry.subscription,
            slot,
            version,
            age: match entry.is_snapshot {
                true => UNCOUNTED,
                false => u32::try_from(entry.age).unwrap_or(UNCOUNTED - 1),
            },
            is_named: entry.name.is_some(),
        });
    }

    pub(crate) fn finish(self) -> Vec<u8> {
        self.writer.finish()
    }
}

/// A subscription, by its topic's policy.
#[derive(Debug)]
pub(crate) struct Subscription {
    pub(crate) id: u64,
    topic: Topic,
    of: Of,
}

#[derive(Debug)]
enum Of {
    Newest(Newest),
    Events(Events),
    Log(Log),
}

impl Subscription {
    pub(crate) fn new(id: u64, topic: Topic, wanted: Wanted) -> Self {
        let read = topic.clone();
        let of = match topic.policy() {
            Policy::Latest => Of::Newest(Newest::new(id, read, wanted)),
            Policy::Deadline(within) => Of::Events(Events::new(id, read, within, wanted)),
            Policy::Log { .. } => Of::Log(Log::new(id, read, wanted)),
        };
        Self { id, topic, of }
    }

    pub(crate) fn topic(&self) -> &Topic {
        &self.topic
    }

    /// Of how many keys something is known, or will be.
    pub(crate) fn keys(&self) -> usize {
        match &self.of {
            Of::Newest(newest) => newest.keys(),
            Of::Events(_) | Of::Log(_) => 0,
        }
    }

    /// Whether there may be something to send in packets.
    pub(crate) fn has_due(&self) -> bool {
        match &self.of {
            Of::Newest(newest) => newest.has_due(),
            Of::Events(events) => events.has_due(),
            Of::Log(_) => false,
        }
    }

    /// When a key has rested.
    pub(crate) fn rested_at(&self) -> Option<Instant> {
        match &self.of {
            Of::Newest(newest) => newest.rested_at(),
            Of::Events(_) | Of::Log(_) => None,
        }
    }

    /// Adds what is due to a packet. Returns whether all of it is in there.
    pub(crate) fn fill(&mut self, packing: &mut Packing<'_>) -> bool {
        match &mut self.of {
            Of::Newest(newest) => newest.fill(packing),
            Of::Events(events) => events.fill(packing),
            Of::Log(_) => true,
        }
    }

    /// A packet with this entry has arrived.
    pub(crate) fn arrived(&mut self, carried: &Carried) {
        if let Of::Newest(newest) = &mut self.of {
            newest.arrived(carried);
        }
    }

    /// The packet of this number, with this entry, is lost.
    pub(crate) fn lost(&mut self, packet: u64, carried: &Carried) {
        match &mut self.of {
            Of::Newest(newest) => newest.lost(packet, carried),
            Of::Events(events) => events.lost(carried),
            Of::Log(_) => {}
        }
    }

    /// The packet of this number, with this entry, may be lost: it is sent once more, unless there is a
    /// newer value.
    pub(crate) fn doubted(&mut self, packet: u64, carried: &Carried) {
        match &mut self.of {
            Of::Newest(newest) => newest.doubted(packet, carried),
            Of::Events(events) => events.lost(carried),
            Of::Log(_) => {}
        }
    }

    /// Whether the reader has all that was there when it subscribed, as far as packets bring it: told
    /// once.
    pub(crate) fn take_complete(&mut self) -> bool {
        match &mut self.of {
            Of::Newest(newest) => newest.take_complete(),
            Of::Events(events) => events.take_complete(),
            Of::Log(_) => false,
        }
    }

    /// How many changes a newer one took the place of while they waited, since this was last asked.
    pub(crate) fn take_superseded(&mut self) -> u64 {
        match &mut self.of {
            Of::Newest(newest) => newest.take_superseded(),
            Of::Events(_) | Of::Log(_) => 0,
        }
    }

    /// Where the topic is a log.
    pub(crate) fn log(&self) -> Option<&Log> {
        match &self.of {
            Of::Log(log) => Some(log),
            Of::Newest(_) | Of::Events(_) => None,
        }
    }

    /// The same, to be asked what is next.
    pub(crate) fn log_mut(&mut self) -> Option<&mut Log> {
        match &mut self.of {
            Of::Log(log) => Some(log),
            Of::Newest(_) | Of::Events(_) => None,
        }
    }
}
