//! The side that reads values: it keeps the newest of each key, and says what has come.

use crate::recovery::MAX_HELD;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tickwire_wire::values::{Acknowledgement, FrameError, MAX_RANGES, Packet};

/// A key has another value, or none any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Update {
    /// Which subscription it is for.
    pub subscription: u64,
    /// The key.
    pub key: Arc<str>,
    /// The topic's version with which it changed. Of a removal that another key in its place has told,
    /// the version of the value that is gone.
    pub version: u64,
    /// How long ago it had changed when the packet left.
    pub age: Duration,
    /// Whether it was there before the subscription.
    pub is_snapshot: bool,
    /// The value; `None` where the key was removed.
    pub value: Option<Vec<u8>>,
}

/// What is known of a subscription's keys.
#[derive(Debug, Default)]
struct Keys {
    /// Which key an alias is, and since which version.
    aliases: HashMap<u64, (Arc<str>, u64)>,
    /// The newest version of each key, the alias that it came with, and whether it has a value. A key
    /// that was removed stays until its alias is another's, so that nothing late brings it back.
    newest: HashMap<Arc<str>, (u64, u64, bool)>,
}

/// All subscriptions of one reader.
#[derive(Debug, Default)]
pub struct Receiver {
    subscriptions: HashMap<u64, Keys>,
    /// The packets that have come, from and to which number, the highest first.
    ranges: Vec<(u64, u64)>,
    /// When the packet with the highest number came.
    largest_at: Option<Instant>,
    /// Packets that are not acknowledged, and until when they may wait.
    waiting: u32,
    acknowledge_at: Option<Instant>,
    /// Entries that named nothing that is known.
    unknown: u64,
}

impl Receiver {
    /// Without subscriptions.
    pub fn new() -> Self {
        Self::default()
    }

    /// Begins a subscription of this number, which was not used before.
    pub fn subscribe(&mut self, id: u64) {
        self.subscriptions.insert(id, Keys::default());
    }

    /// Ends a subscription. What still comes of it is passed over.
    pub fn unsubscribe(&mut self, id: u64) {
        self.subscriptions.remove(&id);
    }

    /// Takes in a packet, and returns what is new by it.
    ///
    /// # Errors
    /// Where it cannot be read. Nothing was changed then.
    pub fn handle(&mut self, now: Instant, message: &[u8]) -> Result<Vec<Update>, FrameError> {
        let packet = Packet::read(message)?;
        let is_next = self
            .ranges
            .first()
            .is_none_or(|(_, last)| packet.number == last + 1);
        let is_new = self.came(now, packet.number);
        self.waiting += 1;
        // RFC 9000 section 13.2: at once for each second one, and for what is out of order.
        let at = if self.waiting >= 2 || !is_next {
            now
        } else {
            now + MAX_HELD
        };
        self.acknowledge_at = Some(self.acknowledge_at.map_or(at, |before| before.min(at)));
        let mut updates = Vec::new();
        if !is_new {
            return Ok(updates);
        }
        for entry in packet.entries {
            let Some(keys) = self.subscriptions.get_mut(&entry.subscription) else {
                continue;
            };
            let mut update = |key: &Arc<str>, version: u64, value: Option<&[u8]>| {
                updates.push(Update {
                    subscription: entry.subscription,
                    key: key.clone(),
                    version,
                    age: Duration::from_millis(entry.age),
                    is_snapshot: entry.is_snapshot,
                    value: value.map(<[u8]>::to_vec),
                });
            };
            if let Some(name) = entry.name {
                let before = keys.aliases.get(&entry.alias);
                if before.is_some_and(|(_, since)| *since > entry.version) {
                    continue;
                }
                let is_same = before.is_some_and(|(key, _)| **key == *name);
                if !is_same {
                    // The alias was another key's: that one has been removed.
                    if let Some((gone, _)) = keys.aliases.remove(&entry.alias)
                        && keys.newest.get(&gone).is_some_and(|it| it.1 == entry.alias)
                        && let Some((version, _, true)) = keys.newest.remove(&gone)
                    {
                        update(&gone, version, None);
                    }
                    let known = keys.newest.get_key_value(name);
                    let key = known.map_or_else(|| name.into(), |(key, _)| key.clone());
                    keys.aliases.insert(entry.alias, (key, entry.version));
                }
            }
            let Some((key, since)) = keys.aliases.get(&entry.alias) else {
                self.unknown += 1;
                continue;
            };
            let newest = keys.newest.get(key);
            if entry.version < *since
                || newest.is_some_and(|(version, ..)| *version >= entry.version)
            {
                continue;
            }
            let key = key.clone();
            let had_value = newest.is_some_and(|(.., has_value)| *has_value);
            if had_value || entry.value.is_some() {
                update(&key, entry.version, entry.value);
            }
            let has_value = entry.value.is_some();
            keys.newest
                .insert(key, (entry.version, entry.alias, has_value));
        }
        Ok(updates)
    }

    /// The acknowledgement that is due at `now`, if one is.
    pub fn poll_acknowledgement(&mut self, now: Instant) -> Option<Vec<u8>> {
        if self.acknowledge_at.is_none_or(|at| at > now) {
            return None;
        }
        self.acknowledge_at = None;
        self.waiting = 0;
        let held = now.saturating_duration_since(self.largest_at?);
        let acknowledgement = Acknowledgement {
            held: u64::try_from(held.as_micros()).unwrap_or(u64::MAX),
            ranges: self.ranges.clone(),
        };
        Some(acknowledgement.write())
    }

    /// When [`Receiver::poll_acknowledgement`] gives one.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.acknowledge_at
    }

    /// How many entries named nothing that is known: of a sender that keeps to the protocol, none.
    pub fn unknown(&self) -> u64 {
        self.unknown
    }

    /// Notes a packet. Returns whether it is new.
    fn came(&mut self, now: Instant, number: u64) -> bool {
        if self.ranges.first().is_none_or(|(_, last)| number > *last) {
            self.largest_at = Some(now);
        }
        let at = self.ranges.partition_point(|(first, _)| *first > number);
        if self.ranges.get(at).is_some_and(|(_, last)| *last >= number) {
            return false;
        }
        let touches_below = self
            .ranges
            .get(at)
            .is_some_and(|(_, last)| last + 1 == number);
        let touches_above = at > 0 && self.ranges[at - 1].0 == number + 1;
        match (touches_above, touches_below) {
            (true, true) => {
                self.ranges[at - 1].0 = self.ranges[at].0;
                self.ranges.remove(at);
            }
            (true, false) => self.ranges[at - 1].0 = number,
            (false, true) => self.ranges[at].1 = number,
            (false, false) if at == MAX_RANGES => return false,
            (false, false) => {
                self.ranges.insert(at, (number, number));
                self.ranges.truncate(MAX_RANGES);
            }
        }
        true
    }
}
