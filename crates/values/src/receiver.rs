//! The side that reads values: it keeps the newest of each key, and says what has come.

use crate::recovery::{MAX_HELD, MAX_PACKETS};
use crate::topic::About;
use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;
use tickwire_wire::values::{
    self, Acknowledgement, Entry, FrameError, LogEntry, MAX_RANGES, Packet,
};
use web_time::Instant;

/// For how many packets it is remembered which values have come that count by themselves: one that is
/// taken for lost is sent again within as many as a sender remembers, and may be as many late.
const EVENT_PACKETS: u64 = 4 * MAX_PACKETS as u64;

/// A key has another value, or none any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Update {
    /// Which subscription it is for.
    pub subscription: u64,
    /// The key.
    pub key: Arc<str>,
    /// The topic's version with which it changed; of a removal, that of the value that is gone.
    pub version: u64,
    /// How long ago it had changed when the packet left.
    pub age: Duration,
    /// Whether it was there before the subscription.
    pub is_snapshot: bool,
    /// Whether it counts by itself, and takes no other value's place.
    pub is_event: bool,
    /// What is said of the value.
    pub about: About,
    /// The value; `None` where the key was removed.
    pub value: Option<Vec<u8>>,
}

fn owned(about: values::About<'_>) -> About {
    About {
        content_type: about.content_type.into(),
        by: about.by.into(),
    }
}

/// An entry of a log: its version is its position.
impl From<LogEntry<'_>> for Update {
    fn from(entry: LogEntry<'_>) -> Self {
        Self {
            subscription: entry.subscription,
            key: entry.key.into(),
            version: entry.position,
            age: Duration::from_millis(entry.age),
            is_snapshot: false,
            is_event: true,
            about: owned(entry.about),
            value: Some(entry.value.to_vec()),
        }
    }
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

/// What is known of a subscription's keys.
#[derive(Debug, Default)]
struct Keys {
    /// Which key an alias is, if it is one's, and since which version.
    aliases: HashMap<u64, (Option<Arc<str>>, u64)>,
    newest: HashMap<Arc<str>, Newest>,
    /// Keys that have none any more, and with which packet that was told.
    gone: VecDeque<(u64, Arc<str>)>,
    /// The versions of values that count by themselves and have come, by the packet that brought each:
    /// what was sent twice is told once.
    events: HashSet<u64>,
    events_by_packet: VecDeque<(u64, u64)>,
}

/// The newest value of a key that has come.
#[derive(Debug)]
struct Newest {
    version: u64,
    alias: u64,
    /// The packet that told that it is gone. It stays for a while, so that nothing late brings the key
    /// back.
    gone: Option<u64>,
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
        let mut updates = Vec::new();
        if self.came(now, packet.number) {
            for entry in packet.entries {
                if let Some(keys) = self.subscriptions.get_mut(&entry.subscription) {
                    let is_known = keys.take(packet.number, &entry, &mut updates);
                    self.unknown += u64::from(!is_known);
                }
            }
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

    /// Notes a packet, and when to acknowledge it. Returns whether it is new.
    fn came(&mut self, now: Instant, number: u64) -> bool {
        let largest = self.ranges.first().map(|(_, last)| *last);
        self.waiting += 1;
        // RFC 9000 section 13.2: at once for each second one, and for what is out of order.
        let is_next = largest.is_none_or(|largest| number == largest + 1);
        let at = if self.waiting >= 2 || !is_next {
            now
        } else {
            now + MAX_HELD
        };
        self.acknowledge_at = Some(self.acknowledge_at.map_or(at, |before| before.min(at)));
        // The sender has forgotten it, and sent what was in it again.
        if largest.is_some_and(|largest| number + MAX_PACKETS as u64 <= largest) {
            return false;
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
            // It could not be acknowledged, and comes again.
            (false, false) if at == MAX_RANGES => return false,
            (false, false) => {
                self.ranges.insert(at, (number, number));
                self.ranges.truncate(MAX_RANGES);
            }
        }
        if largest.is_none_or(|largest| number > largest) {
            self.largest_at = Some(now);
            for keys in self.subscriptions.values_mut() {
                keys.forget(number);
            }
        }
        true
    }
}

impl Keys {
    /// Takes in an entry of the packet of this number. False where its alias is not known.
    fn take(&mut self, packet: u64, entry: &Entry<'_>, updates: &mut Vec<Update>) -> bool {
        if entry.is_event {
            return self.event(packet, entry, updates);
        }
        let alias = self.aliases.get(&entry.alias);
        if alias.is_some_and(|(_, since)| *since > entry.version) {
            // What the alias was before.
            return true;
        }
        let mut update = |key: Arc<str>, version: u64, value: Option<&[u8]>| {
            updates.push(Update {
                subscription: entry.subscription,
                key,
                version,
                age: Duration::from_millis(entry.age),
                is_snapshot: entry.is_snapshot,
                is_event: false,
                about: value.map(|_| owned(entry.about)).unwrap_or_default(),
                value: value.map(<[u8]>::to_vec),
            });
        };
        let Some(value) = entry.value else {
            if let Some((key, version)) = self.free(packet, entry) {
                update(key, version, None);
            }
            return true;
        };
        let known = alias.and_then(|(key, _)| key.clone());
        let key = match (known, entry.name) {
            (Some(known), None) => known,
            (None, None) => return false,
            (Some(known), Some(name)) if *known == *name => {
                // It may have been given to the same key once more: a removal before that is over.
                self.aliases
                    .insert(entry.alias, (Some(known.clone()), entry.version));
                known
            }
            (_, Some(name)) => {
                // Another key's until now: that one has been removed.
                if let Some((key, version)) = self.free(packet, entry) {
                    update(key, version, None);
                }
                let key: Arc<str> = match self.newest.get_key_value(name) {
                    Some((key, _)) => key.clone(),
                    None => name.into(),
                };
                self.aliases
                    .insert(entry.alias, (Some(key.clone()), entry.version));
                key
            }
        };
        if self
            .newest
            .get(&key)
            .is_none_or(|newest| newest.version < entry.version)
        {
            let newest = Newest {
                version: entry.version,
                alias: entry.alias,
                gone: None,
            };
            self.newest.insert(key.clone(), newest);
            update(key, entry.version, Some(value));
        }
        true
    }

    /// Takes in a value that counts by itself. False where it has no key, or is none.
    fn event(&mut self, packet: u64, entry: &Entry<'_>, updates: &mut Vec<Update>) -> bool {
        let (Some(name), Some(value)) = (entry.name, entry.value) else {
            return false;
        };
        if self.events.insert(entry.version) {
            self.events_by_packet.push_back((packet, entry.version));
            updates.push(Update {
                subscription: entry.subscription,
                key: name.into(),
                version: entry.version,
                age: Duration::from_millis(entry.age),
                is_snapshot: false,
                is_event: true,
                about: owned(entry.about),
                value: Some(value.to_vec()),
            });
        }
        true
    }

    /// From this version on the alias is no key's. Returns the key that is gone by it, if it had a
    /// value, and that one's version.
    fn free(&mut self, packet: u64, entry: &Entry<'_>) -> Option<(Arc<str>, u64)> {
        let (key, _) = self.aliases.insert(entry.alias, (None, entry.version))?;
        let key = key?;
        let newest = self.newest.get_mut(&key)?;
        if newest.alias != entry.alias || newest.gone.is_some() {
            return None;
        }
        newest.gone = Some(packet);
        self.gone.push_back((packet, key.clone()));
        Some((key, newest.version))
    }

    /// Forgets keys that are gone, and values that have come, for so long that no packet can name them
    /// any more.
    fn forget(&mut self, largest: u64) {
        while let Some((packet, version)) = self.events_by_packet.front()
            && packet + EVENT_PACKETS <= largest
        {
            self.events.remove(version);
            self.events_by_packet.pop_front();
        }
        while let Some((packet, key)) = self.gone.front()
            && packet + (MAX_PACKETS as u64) <= largest
        {
            if self
                .newest
                .get(key)
                .is_some_and(|newest| newest.gone == Some(*packet))
            {
                self.newest.remove(key);
            }
            self.gone.pop_front();
        }
    }
}
