//! What a subscription tells of two sessions, while the link moves from one to the other: of both
//! together no more and no less than of one. No clock.
//!
//! The sessions may be of two servers, so versions cannot be compared, but values can.

use crate::TopicUpdate;
use std::collections::{HashMap, HashSet, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

/// How many values are remembered while the link moves; with more the oldest go, and may be told
/// twice.
const MOST: usize = 10_000;

/// Which session something comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The one that there is.
    Only,
    /// The one that is being left.
    Old,
    /// The one that takes its place.
    New,
}

/// What is known of a subscription's values, whichever session has told it.
#[derive(Debug, Default)]
pub struct Merge {
    /// The keys that have a value: its version, and what tells it from others.
    keys: HashMap<Arc<str>, (u64, u64)>,
    /// Of which keys the session that began last has told, until it is known which it does not have.
    heard: Option<HashSet<Arc<str>>>,
    /// What that session has told of a key that the one before had told earlier.
    behind: HashMap<Arc<str>, TopicUpdate>,
    told: Option<Told>,
    /// Whether that session has begun beside the one before.
    is_move: bool,
}

/// By what tells them from others: what keys were before, as the old session has told; of values that
/// count each by itself, how often that has told of one more than the new session.
#[derive(Debug, Default)]
struct Told {
    counts: HashMap<u64, i64>,
    oldest: VecDeque<u64>,
}

impl Told {
    /// Counts something, and returns how often it was counted before.
    fn count(&mut self, name: u64, one: i64) -> i64 {
        if let Some(count) = self.counts.get_mut(&name) {
            *count += one;
            return *count - one;
        }
        if self.counts.len() >= MOST
            && let Some(oldest) = self.oldest.pop_front()
        {
            self.counts.remove(&oldest);
        }
        self.counts.insert(name, one);
        self.oldest.push_back(name);
        0
    }
}

impl Merge {
    /// Another session is being opened, while the present one goes on.
    pub fn watch(&mut self) {
        self.told.get_or_insert_default();
    }

    /// A session begins, in which all that is there comes again: beside the one before, or in its
    /// place.
    pub fn restart(&mut self, is_move: bool) {
        self.heard = Some(HashSet::new());
        self.behind.clear();
        self.is_move = is_move;
        if is_move {
            self.watch();
        } else {
            self.told = None;
        }
    }

    /// Something has come. Returns it if it is to be told.
    pub fn take(&mut self, update: TopicUpdate, from: Origin) -> Option<TopicUpdate> {
        let name = name(&update);
        if update.is_event {
            let Some(told) = &mut self.told else {
                return Some(update);
            };
            let one = if from == Origin::New { -1 } else { 1 };
            // The other session has told of it.
            let is_told = told.count(name, one) * one < 0;
            return (!is_told).then_some(update);
        }
        let key = &update.key;
        let is_first = self
            .heard
            .as_ref()
            .is_some_and(|heard| !heard.contains(key));
        // A key is the new session's from when that tells of it.
        if from == Origin::Old && !is_first {
            return None;
        }
        let before = self.keys.get(key).map(|(_, name)| *name);
        let is_same = before == update.value.as_ref().map(|_| name);
        let was_told = |told: &Told| told.counts.contains_key(&name);
        if from == Origin::New && is_first && !is_same && self.told.as_ref().is_some_and(was_told) {
            // It is behind: the key stays as it is, or the old one's, until that is left.
            self.behind.insert(key.clone(), update);
            return None;
        }
        if from != Origin::Old {
            self.behind.remove(key);
            if let Some(heard) = &mut self.heard {
                heard.insert(key.clone());
            }
        }
        if from != Origin::New
            && !is_same
            && let Some(told) = &mut self.told
            && let Some(before) = before
        {
            told.count(before, 1);
        }
        self.keep(&update, name);
        let is_known = is_same && is_first && self.is_move && from != Origin::Old;
        (!is_known).then_some(update)
    }

    /// There is one session again, and all that is there has come in it. Returns what is to be told:
    /// what has not come again was removed meanwhile, and what seemed to be behind is as it is.
    pub fn settle(&mut self) -> Vec<TopicUpdate> {
        self.told = None;
        let Some(heard) = self.heard.take() else {
            return Vec::new();
        };
        let behind = std::mem::take(&mut self.behind);
        let is_gone = |key: &Arc<str>| !heard.contains(key) && !behind.contains_key(key);
        let gone = self.keys.iter().filter(|(key, _)| is_gone(key));
        let mut updates: Vec<_> = gone
            .map(|(key, (version, _))| removal(key, *version))
            .collect();
        updates.extend(behind.into_values());
        for update in &updates {
            self.keep(update, name(update));
        }
        updates
    }

    /// There is one session again, in which not all has come: it is known with the rest what is gone.
    pub fn alone(&mut self) {
        self.told = None;
    }

    fn keep(&mut self, update: &TopicUpdate, name: u64) {
        match update.value {
            Some(_) => drop(self.keys.insert(update.key.clone(), (update.version, name))),
            None => drop(self.keys.remove(&update.key)),
        }
    }
}

/// What tells a value, or that there is none, from a key's others.
fn name(update: &TopicUpdate) -> u64 {
    let mut hasher = DefaultHasher::new();
    (&update.key, &update.about.content_type, &update.value).hash(&mut hasher);
    hasher.finish()
}

fn removal(key: &Arc<str>, version: u64) -> TopicUpdate {
    TopicUpdate {
        subscription: 0,
        key: key.clone(),
        version,
        age: std::time::Duration::ZERO,
        is_snapshot: true,
        is_event: false,
        about: Default::default(),
        value: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Origin::{New, Old, Only};

    fn update(key: &str, value: Option<&str>, is_event: bool) -> TopicUpdate {
        TopicUpdate {
            value: value.map(|value| value.as_bytes().to_vec()),
            is_event,
            is_snapshot: false,
            ..removal(&key.into(), 1)
        }
    }

    /// Whether the value of a key is told.
    fn tells(merge: &mut Merge, from: Origin, key: &str, value: &str) -> bool {
        let value = Some(value).filter(|value| !value.is_empty());
        merge.take(update(key, value, false), from).is_some()
    }

    fn tells_event(merge: &mut Merge, from: Origin, value: &str) -> bool {
        merge.take(update("k", Some(value), true), from).is_some()
    }

    /// What is told when the old session is left.
    fn settled(merge: &mut Merge) -> Vec<(String, Option<Vec<u8>>)> {
        let updates = merge.settle().into_iter();
        let mut told: Vec<_> = updates.map(|it| (it.key.to_string(), it.value)).collect();
        told.sort();
        told
    }

    /// One that has `a` at 2, after 1, and `b` at 1, and moves.
    fn moving() -> Merge {
        let mut merge = Merge::default();
        merge.restart(false);
        assert!(tells(&mut merge, Only, "a", "1"));
        assert!(tells(&mut merge, Only, "b", "1"));
        assert_eq!(settled(&mut merge), []);
        merge.watch();
        assert!(tells(&mut merge, Only, "a", "2"));
        merge.restart(true);
        merge
    }

    #[test]
    fn a_key_is_the_new_sessions_from_when_that_tells_of_it() {
        let mut merge = moving();
        // The old one goes on meanwhile.
        assert!(tells(&mut merge, Old, "b", "2"));
        // What is known is not told again.
        assert!(!tells(&mut merge, New, "b", "2"));
        assert!(tells(&mut merge, New, "b", "3"));
        assert!(!tells(&mut merge, Old, "b", "4"));
        // It may be what it was.
        assert!(tells(&mut merge, New, "b", "2"));
        assert!(tells(&mut merge, New, "a", "3"));
        assert_eq!(settled(&mut merge), []);
        assert!(tells(&mut merge, Only, "a", "4"));
    }

    #[test]
    fn a_session_that_is_behind_does_not_take_a_key_back() {
        let mut merge = moving();
        assert!(!tells(&mut merge, New, "a", "1"));
        assert!(tells(&mut merge, Old, "a", "3"));
        assert!(!tells(&mut merge, New, "a", "2"));
        assert!(!tells(&mut merge, New, "a", "3"));
        assert!(!tells(&mut merge, Old, "a", "5"));
        // That of the other key never catches up: it is what there is.
        assert!(tells(&mut merge, Old, "b", "2"));
        assert!(!tells(&mut merge, New, "b", "1"));
        let told = settled(&mut merge);
        assert_eq!(told, [("b".to_owned(), Some(b"1".to_vec()))]);
    }

    #[test]
    fn what_does_not_come_again_is_gone_when_the_old_session_is_left() {
        let mut merge = moving();
        assert!(tells(&mut merge, New, "c", "1"));
        assert!(tells(&mut merge, Old, "a", ""));
        assert_eq!(settled(&mut merge), [("b".to_owned(), None)]);
        assert_eq!(settled(&mut merge), []);
        // The same where the link was lost, and everything is told again.
        merge.restart(false);
        assert!(tells(&mut merge, Only, "a", "7"));
        assert_eq!(settled(&mut merge), [("c".to_owned(), None)]);
    }

    #[test]
    fn where_the_old_session_is_lost_early_the_new_one_goes_on_alone() {
        let mut merge = moving();
        assert!(!tells(&mut merge, New, "a", "2"));
        merge.alone();
        assert!(!tells(&mut merge, Only, "b", "1"));
        assert!(tells(&mut merge, Only, "a", "1"));
        assert_eq!(settled(&mut merge), []);
    }

    #[test]
    fn what_counts_by_itself_is_told_once_whichever_session_brings_it_first() {
        let mut merge = Merge::default();
        merge.restart(false);
        assert!(tells_event(&mut merge, Only, "x"));
        merge.watch();
        assert!(tells_event(&mut merge, Only, "x"));
        merge.restart(true);
        assert!(tells_event(&mut merge, Old, "x"));
        // Twice the old one has told of it, so twice it is known.
        assert!(!tells_event(&mut merge, New, "x"));
        assert!(!tells_event(&mut merge, New, "x"));
        assert!(tells_event(&mut merge, New, "x"));
        assert!(!tells_event(&mut merge, Old, "x"));
        merge.settle();
        assert!(tells_event(&mut merge, Only, "x"));
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut merge = moving();
        for event in 0..2 * MOST {
            assert!(tells_event(&mut merge, Old, &event.to_string()));
        }
        let told = merge.told.as_ref().unwrap();
        assert_eq!((told.counts.len(), told.oldest.len()), (MOST, MOST));
        assert!(!tells_event(&mut merge, New, &(2 * MOST - 1).to_string()));
        assert!(tells_event(&mut merge, New, "0"));
    }
}
