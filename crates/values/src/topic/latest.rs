//! The newest value of each key.

use super::saved::Held;
use super::{Change, PutError, Row, Saved, Value};
use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::Bound::{Excluded, Unbounded};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How many slots of those that are restored may be free beside as many as are not.
const MAX_FREE: u64 = 1_000;

#[derive(Debug)]
pub(crate) struct State {
    /// Counts the changes.
    pub(crate) version: u64,
    /// The highest version of those that readers are told.
    pub(crate) origin: u64,
    pub(crate) slots: Vec<Slot>,
    pub(super) index: HashMap<Arc<str>, u32>,
    /// Slots whose key was removed. They are given to other keys, which tells a reader of the removal
    /// too; so a removal is remembered for as long as it matters, and costs no more than its key did.
    free: Vec<u32>,
    /// The slots in the order of their newest change.
    pub(crate) changes: BTreeMap<u64, u32>,
    max_keys: usize,
}

/// A key and its newest value.
#[derive(Debug)]
pub(crate) struct Slot {
    pub(crate) key: Arc<str>,
    /// With which version the slot was given to this key.
    pub(crate) named: u64,
    /// Which change of this topic, here, was its newest.
    pub(crate) version: u64,
    /// The version that readers are told: the same, but where the topic follows another.
    pub(crate) origin: u64,
    pub(crate) changed: Instant,
    /// `None` where the key was removed.
    pub(crate) value: Option<Value>,
}

impl State {
    pub(super) fn new(max_keys: usize) -> Self {
        Self {
            version: 0,
            origin: 0,
            slots: Vec::new(),
            index: HashMap::new(),
            free: Vec::new(),
            changes: BTreeMap::new(),
            max_keys,
        }
    }

    /// One with these rows. Returns whether each is in it, at its place.
    pub(super) fn restore(&mut self, now: Instant, version: u64, mut rows: Vec<Held>) -> bool {
        let count = rows.len();
        // The newest of each key, and of all of them.
        rows.sort_unstable_by_key(|row| Reverse(row.version));
        let (mut last, mut keys) = (version + 1, HashSet::new());
        rows.retain(|row| {
            let is_next = row.version > 0 && row.version < last && keys.insert(row.key.clone());
            if is_next {
                last = row.version;
            }
            is_next
        });
        rows.truncate(self.max_keys);
        let mut places = HashSet::new();
        let most = (2 * rows.len() as u64 + MAX_FREE).min(u32::MAX.into());
        let mut is_placed = |row: &Held| row.place < most && places.insert(row.place);
        let is_exact = rows.len() == count && rows.iter().all(&mut is_placed);
        if !is_exact {
            (0..).zip(&mut rows).for_each(|(at, row)| row.place = at);
        }
        (self.version, self.origin) = (version, version);
        let slots = rows.iter().map(|row| row.place + 1).max().unwrap_or(0);
        let nobody: Arc<str> = "".into();
        let free = |_| Slot {
            key: nobody.clone(),
            named: 0,
            version: 0,
            origin: 0,
            changed: now,
            value: None,
        };
        self.slots = (0..slots).map(free).collect();
        for row in rows {
            // It is below `most`, or below the number of rows, which are no more than keys may be.
            let number = row.place as u32;
            self.index.insert(row.key.clone(), number);
            self.changes.insert(row.version, number);
            self.slots[number as usize] = Slot {
                key: row.key,
                // Of those before it no reader knows.
                named: row.version,
                version: row.version,
                origin: row.version,
                changed: row.changed,
                value: Some(row.value),
            };
        }
        let numbers = (0..slots as u32).rev();
        self.free = numbers
            .filter(|number| self.slots[*number as usize].value.is_none())
            .collect();
        is_exact
    }

    /// What has changed after a version: at most so many rows.
    pub(super) fn saved_since(&self, now: Instant, version: u64, most: usize) -> Saved {
        let changes = self.changes.range((Excluded(version), Unbounded));
        let rows: Vec<_> = changes
            .take(most)
            .map(|(&version, &number)| {
                let slot = &self.slots[number as usize];
                Row {
                    place: number.into(),
                    version,
                    age: now.saturating_duration_since(slot.changed),
                    key: slot.key.clone(),
                    value: slot.value.clone(),
                }
            })
            .collect();
        let last = rows.last().filter(|_| rows.len() == most);
        Saved {
            version: last.map_or(self.version, |row| row.version),
            first: 0,
            rows,
        }
    }

    pub(super) fn put(&mut self, now: Instant, key: &str, value: Value) -> Result<u64, PutError> {
        let slot = match self.index.get(key) {
            Some(slot) => *slot,
            None => self.add(now, key)?,
        };
        Ok(self.change(now, slot, self.origin + 1, Some(value)))
    }

    pub(super) fn remove(&mut self, now: Instant, key: &str) -> Option<u64> {
        let slot = self.index.remove(key)?;
        self.free.push(slot);
        Some(self.change(now, slot, self.origin + 1, None))
    }

    /// Takes over a change that was made elsewhere, with its version, unless what is here is as new.
    /// Returns whether something has changed.
    pub(super) fn apply(
        &mut self,
        changed: Instant,
        key: &str,
        version: u64,
        value: Option<Value>,
    ) -> Result<bool, PutError> {
        let known = self.index.get(key).copied();
        if known.is_some_and(|slot| self.slots[slot as usize].origin >= version) {
            return Ok(false);
        }
        let slot = match (known, &value) {
            (Some(slot), _) => slot,
            (None, Some(_)) => self.add(changed, key)?,
            (None, None) => return Ok(false),
        };
        if value.is_none() {
            self.index.remove(key);
            self.free.push(slot);
        }
        self.change(changed, slot, version, value);
        Ok(true)
    }

    /// The version that readers are told of a key.
    pub(super) fn version_of(&self, key: &str) -> Option<u64> {
        let slot = *self.index.get(key)?;
        Some(self.slots[slot as usize].origin)
    }

    /// Forgets all, which no reader may know anything of. Changes are counted on.
    pub(super) fn clear(&mut self) {
        *self = Self {
            version: self.version,
            origin: self.origin,
            ..Self::new(self.max_keys)
        };
    }

    /// The first of these changes, made in their order, for which there is no room.
    pub(super) fn lacks_room(&self, changes: &[Change]) -> Option<usize> {
        let mut room = self.max_keys.saturating_sub(self.index.len());
        let (mut added, mut removed) = (HashSet::new(), HashSet::new());
        for (at, (key, value)) in changes.iter().enumerate() {
            let key = key.as_str();
            let is_there =
                added.contains(key) || (self.index.contains_key(key) && !removed.contains(key));
            match value {
                Some(_) if !is_there => {
                    room = match room.checked_sub(1) {
                        Some(room) => room,
                        None => return Some(at),
                    };
                    added.insert(key);
                }
                None if is_there => {
                    room += 1;
                    added.remove(key);
                    removed.insert(key);
                }
                _ => {}
            }
        }
        None
    }

    /// Removes the keys whose newest value is older than this, and returns how many they were.
    pub(super) fn expire(&mut self, now: Instant, max_age: Duration) -> usize {
        let slots = self
            .changes
            .values()
            .map(|slot| &self.slots[*slot as usize]);
        let is_old = |slot: &&Slot| now.saturating_duration_since(slot.changed) > max_age;
        // They are in the order of their changes.
        let old: Vec<_> = slots
            .take_while(is_old)
            .filter(|slot| slot.value.is_some())
            .map(|slot| slot.key.clone())
            .collect();
        for key in &old {
            self.remove(now, key);
        }
        old.len()
    }

    pub(super) fn get(&self, key: &str) -> Option<Value> {
        let slot = *self.index.get(key)?;
        self.slots[slot as usize].value.clone()
    }

    fn add(&mut self, now: Instant, key: &str) -> Result<u32, PutError> {
        if self.index.len() >= self.max_keys {
            return Err(PutError::Full);
        }
        let key: Arc<str> = key.into();
        let slot = match self.free.pop() {
            Some(slot) => {
                let given = &mut self.slots[slot as usize];
                given.key = key.clone();
                given.named = self.version + 1;
                slot
            }
            None => {
                let slot = u32::try_from(self.slots.len()).map_err(|_| PutError::Full)?;
                self.slots.push(Slot {
                    key: key.clone(),
                    named: self.version + 1,
                    version: 0,
                    origin: 0,
                    changed: now,
                    value: None,
                });
                slot
            }
        };
        self.index.insert(key, slot);
        Ok(slot)
    }

    fn change(&mut self, now: Instant, number: u32, origin: u64, value: Option<Value>) -> u64 {
        self.version += 1;
        self.origin = self.origin.max(origin);
        let slot = &mut self.slots[number as usize];
        self.changes.remove(&slot.version);
        self.changes.insert(self.version, number);
        (slot.version, slot.origin) = (self.version, origin);
        (slot.changed, slot.value) = (now, value);
        self.version
    }
}
