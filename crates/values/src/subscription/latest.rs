//! What is known of one reader of the newest values of a topic: of each key a few bytes.

use super::{Carried, Packing, Wanted, age};
use crate::topic::Value;
use crate::topic::{State, Topic};
use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::num::NonZeroU64;
use std::time::Instant;
use tickwire_wire::values::Entry;

/// What the reader has of a key.
#[derive(Clone, Copy, Debug, Default)]
struct Known {
    /// The version that was sent last; 0 before there was one.
    sent: u64,
    /// Up to which version the reader knows whose the slot is.
    named: u64,
    /// The packet that carries `sent`, while nothing is known of it.
    packet: Option<NonZeroU64>,
    /// Whether `sent` has arrived.
    has_arrived: bool,
    /// Whether `sent` told that the key is gone.
    is_gone: bool,
    /// Whether it waits for its turn.
    is_due: bool,
    /// Whether the snapshot is not complete without it.
    is_awaited: bool,
}

/// A packet's number, in half the room.
fn in_packet(number: u64) -> Option<NonZeroU64> {
    NonZeroU64::new(number + 1)
}

/// One reader's subscription to the newest values of a topic.
#[derive(Debug)]
pub(crate) struct Newest {
    id: u64,
    topic: Topic,
    wanted: Wanted,
    /// The topic's version at the subscription, or since when it was filled: what is not newer is its
    /// snapshot.
    begun: Option<u64>,
    /// Up to which version it was looked for what has changed.
    seen: u64,
    known: Vec<Known>,
    /// Before when a newer value does not leave, by slot; of none, where nothing rests.
    rests_until: Vec<Option<Instant>>,
    /// Slots in the order in which they became due.
    due: VecDeque<u32>,
    /// Those that rest, by when they may leave.
    resting: BinaryHeap<Reverse<(Instant, u32)>>,
    /// Keys of the snapshot that have not arrived.
    awaited: usize,
    is_complete: bool,
    /// Changes that a newer one took the place of while they waited, since that was last asked.
    superseded: u64,
}

impl Newest {
    pub(crate) fn new(id: u64, topic: Topic, wanted: Wanted) -> Self {
        let begun = topic.is_filled().then(|| topic.version());
        Self {
            id,
            topic,
            wanted,
            begun,
            seen: 0,
            known: Vec::new(),
            rests_until: Vec::new(),
            due: VecDeque::new(),
            resting: BinaryHeap::new(),
            awaited: 0,
            is_complete: false,
            superseded: 0,
        }
    }

    /// Of how many keys something is known, or will be.
    pub(crate) fn keys(&self) -> usize {
        self.known.len().max(self.topic.len())
    }

    /// How many changes were superseded since this was last asked.
    pub(crate) fn take_superseded(&mut self) -> u64 {
        std::mem::take(&mut self.superseded)
    }

    /// Whether there may be something to send.
    pub(crate) fn has_due(&self) -> bool {
        let has_filled = self.begun.is_none() && self.topic.is_filled();
        has_filled || !self.due.is_empty() || self.topic.version() > self.seen
    }

    /// When a key has rested.
    pub(crate) fn rested_at(&self) -> Option<Instant> {
        self.resting.peek().map(|Reverse((at, _))| *at)
    }

    /// Adds what is due to a packet. Returns whether all of it is in there.
    pub(crate) fn fill(&mut self, packing: &mut Packing<'_>) -> bool {
        let topic = self.topic.clone();
        let Some(state) = topic.state() else {
            return true;
        };
        let now = packing.now;
        self.look(now, &state);
        while let Some(&number) = self.due.front() {
            let entry = self.entry(now, &state, number);
            if let Some(entry) = &entry
                && !packing.has_room(entry)
            {
                return false;
            }
            self.due.pop_front();
            let known = &mut self.known[number as usize];
            known.is_due = false;
            let Some(entry) = entry else {
                // What was awaited has gone before it was sent.
                if known.packet.is_none() && std::mem::take(&mut known.is_awaited) {
                    self.awaited -= 1;
                }
                continue;
            };
            let version = state.slots[number as usize].version;
            known.sent = version;
            known.packet = in_packet(packing.number);
            known.has_arrived = false;
            known.is_gone = entry.value.is_none();
            if !self.wanted.interval.is_zero() {
                self.rests_until.resize(self.known.len(), None);
                self.rests_until[number as usize] = Some(now + self.wanted.interval);
            }
            packing.add(&entry, number, version);
        }
        true
    }

    /// A packet with this entry has arrived.
    pub(crate) fn arrived(&mut self, carried: &Carried) {
        let Some(known) = self.known.get_mut(carried.slot as usize) else {
            return;
        };
        if carried.is_named {
            // Another key would have been given the slot with a later version.
            known.named = known.named.max(carried.version);
        }
        if known.sent == carried.version {
            known.has_arrived = true;
            known.packet = None;
        }
        if std::mem::take(&mut known.is_awaited) {
            self.awaited -= 1;
        }
    }

    /// The packet of this number, with this entry, is lost.
    pub(crate) fn lost(&mut self, packet: u64, carried: &Carried) {
        let Some(known) = self.known.get_mut(carried.slot as usize) else {
            return;
        };
        if known.packet == in_packet(packet) {
            known.packet = None;
            // What was lost was not seen, so nothing has to rest.
            if let Some(until) = self.rests_until.get_mut(carried.slot as usize) {
                *until = None;
            }
            if !std::mem::replace(&mut known.is_due, true) {
                // It has waited for longer than all that has changed meanwhile.
                self.due.push_front(carried.slot);
            }
        }
    }

    /// The packet of this number, with this entry, may be lost: it is sent once more, unless there is a
    /// newer value.
    pub(crate) fn doubted(&mut self, packet: u64, carried: &Carried) {
        let newest = self
            .topic
            .state()
            .and_then(|state| Some(state.slots.get(carried.slot as usize)?.version));
        let Some(known) = self.known.get_mut(carried.slot as usize) else {
            return;
        };
        if known.packet == in_packet(packet) && newest == Some(carried.version) {
            known.packet = None;
            if !std::mem::replace(&mut known.is_due, true) {
                self.due.push_back(carried.slot);
            }
        }
    }

    /// Whether the reader has all that was there when it subscribed: told once.
    pub(crate) fn take_complete(&mut self) -> bool {
        let has_all = self.begun.is_some_and(|begun| self.seen >= begun);
        let is_complete = has_all && self.awaited == 0;
        is_complete && !std::mem::replace(&mut self.is_complete, true)
    }

    /// What is to be sent of a slot, and the naming that it tells; `None` where the reader has it, or
    /// it is under way.
    fn entry<'a>(&self, now: Instant, state: &'a State, number: u32) -> Option<Entry<'a>> {
        let slot = &state.slots[number as usize];
        let known = &self.known[number as usize];
        let is_new = known.sent != slot.version;
        if !is_new && (known.has_arrived || known.packet.is_some()) {
            return None;
        }
        let is_wanted = self.wanted.has(&slot.key);
        if !is_wanted {
            // The slot was perhaps another key's that the reader has, and is now one's that it does not
            // want: then the reader has to know, once.
            let knows = known.is_gone && (known.has_arrived || known.packet.is_some());
            if known.sent == 0 || knows {
                return None;
            }
        }
        let value = slot.value.as_ref().filter(|_| is_wanted);
        // A removal is of whichever key the alias was.
        let is_named = value.is_some() && known.named < slot.named;
        Some(Entry {
            subscription: self.id,
            alias: number.into(),
            name: is_named.then_some(&*slot.key),
            version: slot.origin,
            age: age(now, slot.changed),
            is_snapshot: self.is_snapshot(slot.version),
            is_event: false,
            about: value.map(Value::about).unwrap_or_default(),
            value: value.map(|value| &*value.bytes),
        })
    }

    fn is_snapshot(&self, version: u64) -> bool {
        self.begun.is_none_or(|begun| version <= begun)
    }

    /// Notes what has changed since it was looked last, and what has rested.
    fn look(&mut self, now: Instant, state: &State) {
        while let Some(Reverse((at, number))) = self.resting.peek().copied()
            && at <= now
        {
            self.resting.pop();
            self.due.push_back(number);
        }
        if self.known.len() < state.slots.len() {
            self.known.resize(state.slots.len(), Known::default());
        }
        for (&version, &number) in state.changes.range(self.seen + 1..) {
            let is_snapshot = self.is_snapshot(version);
            let known = &mut self.known[number as usize];
            let slot = &state.slots[number as usize];
            if is_snapshot {
                // A reader that has never had the key need not be told that it is gone.
                if slot.value.is_none() || !self.wanted.has(&slot.key) {
                    continue;
                }
                if !std::mem::replace(&mut known.is_awaited, true) {
                    self.awaited += 1;
                }
            }
            if std::mem::replace(&mut known.is_due, true) {
                self.superseded += 1;
            } else {
                let until = self.rests_until.get(number as usize).copied().flatten();
                match until.filter(|until| *until > now) {
                    Some(until) => self.resting.push(Reverse((until, number))),
                    None => self.due.push_back(number),
                }
            }
        }
        self.seen = state.version;
        if self.begun.is_none() && self.topic.is_filled() {
            self.begun = Some(self.seen);
        }
    }
}
