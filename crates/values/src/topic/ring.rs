//! Values each of which counts by itself: the last of them, in order.

use super::saved::Held;
use super::{Row, Saved, Value};
use std::cmp::Reverse;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A value that no later one takes the place of.
#[derive(Debug)]
pub(crate) struct Item {
    pub(crate) key: Arc<str>,
    /// Its position.
    pub(crate) version: u64,
    pub(crate) changed: Instant,
    pub(crate) value: Value,
}

#[derive(Debug)]
pub(crate) struct Ring {
    /// That of the newest; each has one more than the one before, but where the topic follows another.
    pub(crate) version: u64,
    /// That of the last one that is gone; all that were after it are there.
    before: u64,
    /// What tells this log from another of the same name.
    pub(crate) epoch: u64,
    items: VecDeque<Item>,
    max: usize,
}

impl Ring {
    pub(super) fn new(max: usize, epoch: u64) -> Self {
        Self {
            version: 0,
            before: 0,
            epoch,
            items: VecDeque::new(),
            max: max.max(1),
        }
    }

    /// One with the newest of these rows that have no hole between them. Returns whether those are all.
    pub(super) fn restore(&mut self, version: u64, mut rows: Vec<Held>) -> bool {
        let count = rows.len();
        rows.sort_unstable_by_key(|row| Reverse(row.place));
        (self.version, self.before) = (version, version);
        for row in rows {
            // Of the same position twice the second is not the one before the first.
            let is_next = row.place > 0 && row.place == self.before;
            if !is_next || self.items.len() >= self.max {
                break;
            }
            self.before -= 1;
            self.items.push_front(Item {
                key: row.key,
                version: row.place,
                changed: row.changed,
                value: row.value,
            });
        }
        self.items.len() == count
    }

    /// The entries after a position: at most so many.
    pub(super) fn saved_since(&self, now: Instant, version: u64, most: usize) -> Saved {
        let first = self.first();
        let items = self.items.range(self.index(version.saturating_add(1))..);
        let rows: Vec<_> = items
            .take(most)
            .map(|item| Row {
                place: item.version,
                version: item.version,
                age: now.saturating_duration_since(item.changed),
                key: item.key.clone(),
                value: Some(item.value.clone()),
            })
            .collect();
        let last = rows.last().filter(|_| rows.len() == most);
        Saved {
            version: last.map_or(self.version, |row| row.version),
            first,
            rows,
        }
    }

    /// Adds one; where there are as many as may be, the oldest goes.
    pub(super) fn put(&mut self, now: Instant, key: &str, value: Value) -> u64 {
        self.add(now, key, self.version + 1, value);
        self.version
    }

    /// Takes over one that was added elsewhere, with its position, unless it is there. Returns whether it
    /// was not.
    pub(super) fn apply(
        &mut self,
        changed: Instant,
        key: &str,
        version: u64,
        value: Value,
    ) -> bool {
        let is_new = version > self.version;
        if is_new {
            self.add(changed, key, version, value);
        }
        is_new
    }

    /// Forgets all: what follows is the log of this epoch, of which all up to this position is gone.
    pub(super) fn begin(&mut self, epoch: u64, before: u64) {
        self.items.clear();
        (self.version, self.before, self.epoch) = (before, before, epoch);
    }

    fn add(&mut self, now: Instant, key: &str, version: u64, value: Value) {
        if self.items.len() >= self.max {
            self.drop_oldest();
        }
        self.items.push_back(Item {
            key: key.into(),
            version,
            changed: now,
            value,
        });
        self.version = version;
    }

    fn drop_oldest(&mut self) {
        if let Some(oldest) = self.items.pop_front() {
            self.before = oldest.version;
        }
    }

    /// Drops those that are older than this, and returns how many they were.
    pub(super) fn expire(&mut self, now: Instant, within: Duration) -> usize {
        let is_old = |item: &Item| now.saturating_duration_since(item.changed) > within;
        let mut count = 0;
        while self.items.front().is_some_and(is_old) {
            self.drop_oldest();
            count += 1;
        }
        count
    }

    /// From which version on all are there.
    pub(crate) fn first(&self) -> u64 {
        self.before + 1
    }

    /// The one of this version.
    pub(crate) fn get(&self, version: u64) -> Option<&Item> {
        self.from(version).filter(|item| item.version == version)
    }

    /// The first of this version or a later one.
    pub(crate) fn from(&self, version: u64) -> Option<&Item> {
        self.items.get(self.index(version))
    }

    fn index(&self, version: u64) -> usize {
        // As a rule there are no holes.
        let direct = usize::try_from(version.saturating_sub(self.first()));
        let direct = direct.unwrap_or(usize::MAX);
        if self
            .items
            .get(direct)
            .is_some_and(|it| it.version == version)
        {
            return direct;
        }
        self.items.partition_point(|item| item.version < version)
    }

    /// All that are there, the oldest first.
    pub(super) fn items(&self) -> impl Iterator<Item = &Item> {
        self.items.iter()
    }

    pub(super) fn newest(&self, key: &str) -> Option<&Item> {
        self.items.iter().rev().find(|item| *item.key == *key)
    }

    pub(super) fn len(&self) -> usize {
        self.items.len()
    }
}
