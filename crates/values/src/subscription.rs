//! What is known of one reader of one topic: of each key a few bytes.

use crate::topic::{State, Topic};
use std::collections::VecDeque;
use std::time::Instant;
use tickwire_wire::values::{Entry, Writer};

/// What the reader has of a key.
#[derive(Clone, Copy, Debug, Default)]
struct Known {
    /// The version that was sent last; 0 before there was one.
    sent: u64,
    /// The naming of the slot that the reader knows of: with which version it was given to its key.
    named: u64,
    /// The packet that carries `sent`, while nothing is known of it.
    packet: Option<u64>,
    /// Whether `sent` has arrived.
    has_arrived: bool,
    /// Whether it waits for its turn.
    is_due: bool,
    /// Whether the snapshot is not complete without it.
    is_awaited: bool,
}

/// An entry of a packet that was sent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Carried {
    pub(crate) subscription: u64,
    slot: u32,
    version: u64,
    /// The naming that it told.
    named: Option<u64>,
}

/// One reader's subscription to one topic.
#[derive(Debug)]
pub(crate) struct Subscription {
    pub(crate) id: u64,
    topic: Topic,
    /// The topic's version at the subscription: what is not newer is its snapshot.
    begun: u64,
    /// Up to which version it was looked for what has changed.
    seen: u64,
    known: Vec<Known>,
    /// Slots in the order in which they became due.
    due: VecDeque<u32>,
    /// Keys of the snapshot that have not arrived.
    awaited: usize,
    is_complete: bool,
}

impl Subscription {
    pub(crate) fn new(id: u64, topic: Topic) -> Self {
        let begun = topic.version();
        Self {
            id,
            topic,
            begun,
            seen: 0,
            known: Vec::new(),
            due: VecDeque::new(),
            awaited: 0,
            is_complete: false,
        }
    }

    /// Whether something waits to be sent.
    pub(crate) fn has_due(&self) -> bool {
        !self.due.is_empty() || self.topic.version() > self.seen
    }

    /// Adds what is due to a packet of the number `packet`, as long as it gets no longer than `room`;
    /// but the first entry of a packet however long it is. Returns whether all that is due is in it.
    pub(crate) fn fill(
        &mut self,
        now: Instant,
        packet: u64,
        room: usize,
        writer: &mut Writer,
        carried: &mut Vec<Carried>,
    ) -> bool {
        let topic = self.topic.clone();
        let state = topic.state();
        self.look(&state);
        while let Some(&number) = self.due.front() {
            let slot = &state.slots[number as usize];
            let known = &mut self.known[number as usize];
            let is_new = known.sent != slot.version;
            if !is_new && (known.has_arrived || known.packet.is_some()) {
                known.is_due = false;
                self.due.pop_front();
                continue;
            }
            let name = (known.named != slot.named).then_some(&*slot.key);
            let age = now.saturating_duration_since(slot.changed).as_millis();
            let entry = Entry {
                subscription: self.id,
                alias: number.into(),
                name,
                version: slot.version,
                age: u64::try_from(age).unwrap_or(u64::MAX),
                is_snapshot: slot.version <= self.begun,
                value: slot.value.as_deref(),
            };
            if !carried.is_empty() && writer.len() + entry.len() > room {
                return false;
            }
            entry.write(writer);
            carried.push(Carried {
                subscription: self.id,
                slot: number,
                version: slot.version,
                named: name.map(|_| slot.named),
            });
            known.sent = slot.version;
            known.packet = Some(packet);
            known.has_arrived = false;
            known.is_due = false;
            self.due.pop_front();
        }
        true
    }

    /// A packet with this entry has arrived.
    pub(crate) fn arrived(&mut self, carried: &Carried) {
        let Some(known) = self.known.get_mut(carried.slot as usize) else {
            return;
        };
        if let Some(named) = carried.named {
            known.named = known.named.max(named);
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
        if known.packet == Some(packet) {
            known.packet = None;
            if !std::mem::replace(&mut known.is_due, true) {
                // It has waited for longer than all that has changed meanwhile.
                self.due.push_front(carried.slot);
            }
        }
    }

    /// Whether the reader has all that was there when it subscribed: told once.
    pub(crate) fn take_complete(&mut self) -> bool {
        let is_complete = self.seen >= self.begun && self.awaited == 0;
        is_complete && !std::mem::replace(&mut self.is_complete, true)
    }

    /// Notes what has changed since it was looked last.
    fn look(&mut self, state: &State) {
        if self.known.len() < state.slots.len() {
            self.known.resize(state.slots.len(), Known::default());
        }
        for (&version, &number) in state.changes.range(self.seen + 1..) {
            let known = &mut self.known[number as usize];
            if version <= self.begun {
                // A reader that has never had the key need not be told that it is gone.
                if state.slots[number as usize].value.is_none() {
                    continue;
                }
                if !std::mem::replace(&mut known.is_awaited, true) {
                    self.awaited += 1;
                }
            }
            if !std::mem::replace(&mut known.is_due, true) {
                self.due.push_back(number);
            }
        }
        self.seen = state.version;
    }
}
