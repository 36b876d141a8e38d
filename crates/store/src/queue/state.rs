//! Which topics there are, how far each is saved, and what is to be done.

use super::mark::Mark;
use crate::error::SaveError;
use crate::file::MAX_ID;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tickwire_values::{Policy, Topic};

/// It is locked for a few moves at a time, and no topic is dropped meanwhile: that comes back here.
pub(super) struct State {
    pub(super) names: HashMap<Arc<str>, u64>,
    /// By their number: as many as there are names.
    pub(super) topics: BTreeMap<u64, Known>,
    pub(super) next_id: u64,
    /// Topics that have changed, which stay until that is written; `None` where nobody has one any more.
    pub(super) changed: BTreeMap<u64, Option<Topic>>,
    /// The numbers of topics that are to be removed from the file.
    pub(super) gone: BTreeSet<u64>,
    /// How many flushes were asked for, and how many are done.
    pub(super) asked: u64,
    pub(super) done: u64,
    /// Why the last writing failed.
    pub(super) failure: Option<SaveError>,
    pub(super) is_closing: bool,
    pub(super) is_ended: bool,
}

/// A topic that is in the file, or will be.
pub(super) struct Known {
    pub(super) name: Arc<str>,
    pub(super) policy: Policy,
    pub(super) progress: Progress,
    /// `None` where the program does not have the topic.
    pub(super) mark: Option<Arc<Mark>>,
}

/// How far a topic is saved.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Progress {
    /// Up to which version.
    pub(crate) version: u64,
    /// Up to which version it was tried, and may be.
    pub(crate) tried: u64,
    /// Of a log, the first position that may be there.
    pub(crate) first: u64,
    /// Whether there may be anything of it in the file.
    pub(crate) is_written: bool,
    /// Whether it had no values.
    pub(crate) is_empty: bool,
}

/// A topic that is to be written.
pub(crate) struct Job {
    pub(crate) id: u64,
    pub(crate) name: Arc<str>,
    pub(crate) policy: Policy,
    pub(crate) topic: Topic,
    pub(crate) progress: Progress,
    pub(super) mark: Arc<Mark>,
}

impl State {
    /// That of a file with these topics, and with something of those that are gone.
    pub(super) fn new(
        topics: impl Iterator<Item = (u64, Arc<str>, Policy)>,
        gone: BTreeSet<u64>,
    ) -> Self {
        let (mut names, mut known) = (HashMap::new(), BTreeMap::new());
        for (id, name, policy) in topics {
            names.insert(name.clone(), id);
            let progress = Progress {
                is_written: true,
                ..Progress::default()
            };
            let topic = Known {
                name,
                policy,
                progress,
                mark: None,
            };
            known.insert(id, topic);
        }
        let ids = known.keys().chain(&gone).copied();
        let last = ids.filter(|id| *id < MAX_ID).max();
        Self {
            names,
            topics: known,
            next_id: last.map_or(0, |last| last + 1),
            changed: BTreeMap::new(),
            gone,
            asked: 0,
            done: 0,
            failure: None,
            is_closing: false,
            is_ended: false,
        }
    }

    /// Forgets a topic. What is returned is to be dropped without the lock.
    pub(super) fn remove(&mut self, name: &str) -> Option<Topic> {
        let id = self.names.remove(name)?;
        let known = self.topics.remove(&id)?;
        if known.progress.is_written {
            self.gone.insert(id);
        }
        self.changed.remove(&id).flatten()
    }

    /// Nobody has this topic any more: it goes where it is empty, and otherwise comes back with the file.
    pub(super) fn left(&mut self, id: u64) {
        let Some(known) = self.topics.get_mut(&id) else {
            return;
        };
        known.mark = None;
        if known.progress.is_empty {
            let name = known.name.clone();
            self.remove(&name);
        }
    }

    pub(super) fn job(&mut self, id: u64, topic: Topic) -> Result<Job, Topic> {
        let known = self.topics.get_mut(&id);
        let Some((known, mark)) = known.and_then(|known| {
            let mark = known.mark.clone()?;
            Some((known, mark))
        }) else {
            return Err(topic);
        };
        known.progress.is_written = true;
        // What changes from here on is told again.
        mark.is_queued.store(false, Ordering::Release);
        Ok(Job {
            id,
            name: known.name.clone(),
            policy: known.policy,
            topic,
            progress: known.progress,
            mark,
        })
    }
}
