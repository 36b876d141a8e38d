//! The newest value of each key.

use super::PutError;
use bytes::Bytes;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Instant;

#[derive(Debug)]
pub(crate) struct State {
    /// Counts the changes.
    pub(crate) version: u64,
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
    pub(crate) version: u64,
    pub(crate) changed: Instant,
    /// `None` where the key was removed.
    pub(crate) value: Option<Bytes>,
}

impl State {
    pub(super) fn new(max_keys: usize) -> Self {
        Self {
            version: 0,
            slots: Vec::new(),
            index: HashMap::new(),
            free: Vec::new(),
            changes: BTreeMap::new(),
            max_keys,
        }
    }

    pub(super) fn put(&mut self, now: Instant, key: &str, value: Bytes) -> Result<u64, PutError> {
        let slot = match self.index.get(key) {
            Some(slot) => *slot,
            None => self.add(now, key)?,
        };
        Ok(self.change(now, slot, Some(value)))
    }

    pub(super) fn remove(&mut self, now: Instant, key: &str) -> Option<u64> {
        let slot = self.index.remove(key)?;
        self.free.push(slot);
        Some(self.change(now, slot, None))
    }

    pub(super) fn get(&self, key: &str) -> Option<Bytes> {
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
                    changed: now,
                    value: None,
                });
                slot
            }
        };
        self.index.insert(key, slot);
        Ok(slot)
    }

    fn change(&mut self, now: Instant, number: u32, value: Option<Bytes>) -> u64 {
        self.version += 1;
        let slot = &mut self.slots[number as usize];
        self.changes.remove(&slot.version);
        self.changes.insert(self.version, number);
        (slot.version, slot.changed, slot.value) = (self.version, now, value);
        self.version
    }
}
