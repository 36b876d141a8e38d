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
    pub(crate) changed: Instant,
    pub(crate) value: Value,
}

#[derive(Debug)]
pub(crate) struct Ring {
    /// That of the newest; each has one more than the one before.
    pub(crate) version: u64,
    items: VecDeque<Item>,
    max: usize,
}

impl Ring {
    pub(super) fn new(max: usize) -> Self {
        Self {
            version: 0,
            items: VecDeque::new(),
            max: max.max(1),
        }
    }

    /// One with the newest of these rows that have no hole between them. Returns whether those are all.
    pub(super) fn restore(&mut self, version: u64, mut rows: Vec<Held>) -> bool {
        let count = rows.len();
        rows.sort_unstable_by_key(|row| Reverse(row.place));
        self.version = version;
        for row in rows {
            // Of the same position twice the second is not the one before the first.
            let is_next = row.place > 0 && row.place == self.first() - 1;
            if !is_next || self.items.len() >= self.max {
                break;
            }
            self.items.push_front(Item {
                key: row.key,
                changed: row.changed,
                value: row.value,
            });
        }
        self.items.len() == count
    }

    /// The entries after a position: at most so many.
    pub(super) fn saved_since(&self, now: Instant, version: u64, most: usize) -> Saved {
        let first = self.first();
        let rows: Vec<_> = (version.saturating_add(1).max(first)..=self.version)
            .take(most)
            .filter_map(|place| {
                let item = self.get(place)?;
                Some(Row {
                    place,
                    version: place,
                    age: now.saturating_duration_since(item.changed),
                    key: item.key.clone(),
                    value: Some(item.value.clone()),
                })
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
        if self.items.len() >= self.max {
            self.items.pop_front();
        }
        self.items.push_back(Item {
            key: key.into(),
            changed: now,
            value,
        });
        self.version += 1;
        self.version
    }

    /// Drops those that are older than this, and returns how many they were.
    pub(super) fn expire(&mut self, now: Instant, within: Duration) -> usize {
        let is_old = |item: &Item| now.saturating_duration_since(item.changed) > within;
        let mut count = 0;
        while self.items.pop_front_if(|item| is_old(item)).is_some() {
            count += 1;
        }
        count
    }

    /// The version of the oldest that is there; the next one's, where there is none.
    pub(crate) fn first(&self) -> u64 {
        self.version + 1 - self.items.len() as u64
    }

    pub(crate) fn get(&self, version: u64) -> Option<&Item> {
        let index = version.checked_sub(self.first())?;
        self.items.get(usize::try_from(index).ok()?)
    }

    pub(super) fn newest(&self, key: &str) -> Option<&Item> {
        self.items.iter().rev().find(|item| *item.key == *key)
    }

    pub(super) fn len(&self) -> usize {
        self.items.len()
    }
}
