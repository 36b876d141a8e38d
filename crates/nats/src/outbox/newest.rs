//! The newest values of a topic that were put here.

use super::{NoRoom, Outgoing, Refill, Reply, TopicId, What};
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::time::Instant;
use tickwire_values::Value;

#[derive(Debug)]
pub struct Newest {
    max_keys: usize,
    keys: HashMap<String, Slot>,
    /// Keys with something to be sent.
    due: VecDeque<String>,
    /// What is not known to be in the stream, by the number of the oldest put of a key.
    waiting: BTreeMap<u64, String>,
    refills: HashMap<String, Refilling>,
    /// Those of them that are to be sent.
    due_refills: VecDeque<String>,
    /// How many keys are in the stream by what was put here.
    owned: usize,
}

#[derive(Debug)]
struct Slot {
    /// What was put last, or `None` where the key was removed.
    value: Option<Value>,
    put_at: Instant,
    /// The number of the newest put.
    number: u64,
    /// The number of the oldest put since which nothing of the key is known to be in the stream.
    waits_since: Option<u64>,
    /// What carries it, and the number of the put that it carries.
    flight: Option<(u64, u64)>,
    /// The version of what of it is in the stream, if `value` is.
    stored: Option<u64>,
    was_sent: bool,
}

#[derive(Debug)]
struct Refilling {
    value: Value,
    refill: Refill,
    flight: Option<u64>,
    was_sent: bool,
}

impl Newest {
    pub fn new(max_keys: usize) -> Self {
        Self {
            max_keys,
            keys: HashMap::new(),
            due: VecDeque::new(),
            waiting: BTreeMap::new(),
            refills: HashMap::new(),
            due_refills: VecDeque::new(),
            owned: 0,
        }
    }

    pub fn put(
        &mut self,
        key: &str,
        value: Option<Value>,
        number: u64,
        now: Instant,
    ) -> Result<(), NoRoom> {
        if !self.keys.contains_key(key) && self.keys.len() >= self.max_keys {
            // What is in the stream may be gone there, or be another's by now.
            let stored = self.keys.iter().find(|(_, slot)| slot.stored.is_some());
            let stored = stored.map(|(key, _)| key.clone()).ok_or(NoRoom)?;
            self.keys.remove(&stored);
            self.owned -= 1;
        }
        // What is put now is newer than whatever was in a stream.
        self.refills.remove(key);
        let slot = self.keys.entry(key.to_owned()).or_insert_with(|| Slot {
            value: None,
            put_at: now,
            number,
            waits_since: None,
            flight: None,
            stored: None,
            was_sent: false,
        });
        self.owned -= usize::from(slot.stored.take().is_some());
        (slot.value, slot.put_at, slot.number) = (value, now, number);
        let is_new = slot.waits_since.is_none();
        if is_new {
            slot.waits_since = Some(number);
            self.waiting.insert(number, key.to_owned());
            slot.was_sent = false;
            if slot.flight.is_none() {
                self.due.push_back(key.to_owned());
            }
        }
        Ok(())
    }

    pub fn refill(&mut self, key: &str, value: Value, refill: Refill) {
        let is_newer = self
            .keys
            .get(key)
            .is_some_and(|it| it.waits_since.is_some());
        if is_newer || (!self.refills.contains_key(key) && self.refills.len() >= self.max_keys) {
            return;
        }
        let refilling = Refilling {
            value,
            refill,
            flight: None,
            was_sent: false,
        };
        self.refills.insert(key.to_owned(), refilling);
        self.due_refills.push_back(key.to_owned());
    }

    pub fn poll(&mut self, token: u64, topic: TopicId) -> Option<(What, Outgoing)> {
        while let Some(key) = self.due.pop_front() {
            let Some(slot) = self.keys.get_mut(&key) else {
                continue;
            };
            if slot.waits_since.is_none() || slot.flight.is_some() {
                continue;
            }
            slot.flight = Some((token, slot.number));
            let outgoing = Outgoing {
                token,
                topic,
                key: key.clone(),
                value: slot.value.clone(),
                refill: None,
                entry: None,
                is_again: std::mem::replace(&mut slot.was_sent, true),
            };
            return Some((What::Key(key), outgoing));
        }
        while let Some(key) = self.due_refills.pop_front() {
            let Some(refilling) = self.refills.get_mut(&key) else {
                continue;
            };
            if refilling.flight.is_some() {
                continue;
            }
            refilling.flight = Some(token);
            let outgoing = Outgoing {
                token,
                topic,
                key: key.clone(),
                value: Some(refilling.value.clone()),
                refill: Some(refilling.refill),
                entry: None,
                is_again: std::mem::replace(&mut refilling.was_sent, true),
            };
            return Some((What::Refill(key), outgoing));
        }
        None
    }

    /// Returns whether there is something to be sent.
    pub fn landed(&mut self, key: &str, token: u64, reply: Reply) -> bool {
        let Some(slot) = self.keys.get_mut(key) else {
            return false;
        };
        let Some((_, carried)) = slot.flight.filter(|(flight, _)| *flight == token) else {
            return false;
        };
        slot.flight = None;
        let is_newest = slot.number == carried;
        let is_done = match reply {
            Reply::Stored(version) => {
                if is_newest {
                    slot.stored = slot.value.is_some().then_some(version);
                    self.owned += usize::from(slot.stored.is_some());
                }
                true
            }
            Reply::Outdated | Reply::Refused => true,
            Reply::Busy => false,
        };
        if is_done {
            if let Some(since) = slot.waits_since.take() {
                self.waiting.remove(&since);
            }
            if is_newest {
                // A key that is gone, and one that is not taken, costs nothing.
                if slot.stored.is_none() {
                    self.keys.remove(key);
                }
                return false;
            }
            slot.waits_since = Some(slot.number);
            slot.was_sent = false;
            self.waiting.insert(slot.number, key.to_owned());
        }
        self.due.push_back(key.to_owned());
        true
    }

    /// Returns whether there is something to be sent.
    pub fn refilled(&mut self, key: &str, token: u64, reply: Reply) -> bool {
        let refilling = self.refills.get_mut(key);
        let Some(refilling) = refilling.filter(|it| it.flight == Some(token)) else {
            return false;
        };
        if reply == Reply::Busy {
            refilling.flight = None;
            self.due_refills.push_back(key.to_owned());
            return true;
        }
        let old = refilling.refill.version;
        self.refills.remove(key);
        if let (Reply::Stored(version), Some(slot)) = (reply, self.keys.get_mut(key))
            && slot.stored == Some(old)
        {
            slot.stored = Some(version);
        }
        false
    }

    pub fn own(&self) -> Vec<(String, Value, u64)> {
        let own = self.keys.iter().filter_map(|(key, slot)| {
            let value = slot.value.clone()?;
            Some((key.clone(), value, slot.stored?))
        });
        own.collect()
    }

    pub fn has_own(&self) -> bool {
        self.owned > 0
    }

    pub fn heard(&mut self, key: &str, version: u64) {
        let slot = self.keys.get(key);
        if slot.is_some_and(|slot| slot.stored.is_some_and(|stored| stored < version)) {
            self.keys.remove(key);
            self.owned -= 1;
        }
    }

    pub fn expire(&mut self, before: Instant) {
        let is_old = |slot: &Slot| slot.stored.is_some() && slot.put_at < before;
        let before = self.keys.len();
        self.keys.retain(|_, slot| !is_old(slot));
        self.owned -= before - self.keys.len();
    }

    pub fn oldest(&self) -> Option<u64> {
        self.waiting.keys().next().copied()
    }

    pub fn pending(&self) -> usize {
        self.waiting.len()
    }

    pub fn is_unused(&self) -> bool {
        self.keys.is_empty() && self.refills.is_empty()
    }
}
