//! What there is to write, and who waits for it.

mod mark;
mod state;

use crate::error::{AddError, SaveError};
use crate::{MAX_NAME, MAX_TOPICS};
use mark::Mark;
pub(crate) use state::Job;
use state::{Known, Progress, State};
use std::collections::BTreeSet;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;
use tickwire_values::{Policy, Topic};

/// Between those that put and the one that writes.
pub(crate) struct Queue {
    state: Mutex<State>,
    /// Wakes what writes.
    due: Condvar,
    /// Wakes who waits for a flush.
    flushed: Condvar,
}

/// What is to be written at once.
pub(crate) struct Work {
    pub(crate) jobs: Vec<Job>,
    pub(crate) gone: BTreeSet<u64>,
    /// The last flush that this is the answer to.
    flush: u64,
    pub(crate) is_last: bool,
}

impl Queue {
    /// One in front of a file with these topics, and with something of those that are gone.
    pub(crate) fn new(
        topics: impl Iterator<Item = (u64, Arc<str>, Policy)>,
        gone: BTreeSet<u64>,
    ) -> Self {
        Self {
            state: Mutex::new(State::new(topics, gone)),
            due: Condvar::new(),
            flushed: Condvar::new(),
        }
    }

    /// Nothing panics in the middle of a change.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A topic is saved from here on, in place of what was saved under its name.
    pub(crate) fn add(self: &Arc<Self>, name: &str, topic: &Topic) -> Result<(), AddError> {
        if name.len() > MAX_NAME {
            return Err(AddError::NameTooLong);
        }
        let mut state = self.lock();
        if state.topics.len() >= MAX_TOPICS && !state.names.contains_key(name) {
            return Err(AddError::TooMany);
        }
        let before = state.remove(name);
        let id = state.next_id;
        state.next_id += 1;
        let mark = Mark::new(id, topic, self);
        let name: Arc<str> = name.into();
        state.names.insert(name.clone(), id);
        let progress = Progress {
            first: 1,
            is_empty: true,
            ..Progress::default()
        };
        let known = Known {
            name,
            policy: topic.policy(),
            progress,
            mark: Some(mark.clone()),
        };
        state.topics.insert(id, known);
        drop(state);
        drop(before);
        self.due.notify_one();
        mark.watch(topic, 0);
        Ok(())
    }

    /// A topic with what is in the file of this number is saved from here on. Returns whether it is; not
    /// where the number was given up.
    pub(crate) fn go_on(self: &Arc<Self>, id: u64, topic: &Topic, first: u64) -> bool {
        let version = topic.version();
        let mark = Mark::new(id, topic, self);
        let mut state = self.lock();
        let Some(known) = state.topics.get_mut(&id).filter(|it| it.mark.is_none()) else {
            return false;
        };
        known.mark = Some(mark.clone());
        known.progress = Progress {
            version,
            tried: version,
            first,
            is_written: true,
            is_empty: topic.is_empty(),
        };
        drop(state);
        mark.watch(topic, version);
        true
    }

    /// What was saved under this name is to go.
    pub(crate) fn remove(&self, name: &str) {
        let mut state = self.lock();
        let before = state.remove(name);
        drop(state);
        drop(before);
        self.due.notify_one();
    }

    /// Waits until all that was put before is on the disk.
    pub(crate) fn flush(&self) -> Result<(), SaveError> {
        let mut state = self.lock();
        state.asked += 1;
        let mine = state.asked;
        self.due.notify_one();
        while state.done < mine && !state.is_ended {
            let waited = self.flushed.wait(state);
            state = waited.unwrap_or_else(PoisonError::into_inner);
        }
        match &state.failure {
            Some(failure) => Err(failure.clone()),
            None if state.done < mine => Err(SaveError::Ended),
            None => Ok(()),
        }
    }

    /// All that is there is to be written, and then no more.
    pub(crate) fn close(&self) {
        self.lock().is_closing = true;
        self.due.notify_one();
    }

    /// Waits until there is something to write, and at least until `rested`, except for those that wait.
    pub(crate) fn next(&self, rested: Instant) -> Work {
        let mut state = self.lock();
        loop {
            if state.is_closing || state.asked > state.done {
                break;
            }
            let has_work = !state.changed.is_empty() || !state.gone.is_empty();
            let rest = rested.saturating_duration_since(Instant::now());
            state = if !has_work {
                self.due.wait(state).unwrap_or_else(PoisonError::into_inner)
            } else if rest.is_zero() {
                break;
            } else {
                let waited = self.due.wait_timeout(state, rest);
                waited.unwrap_or_else(PoisonError::into_inner).0
            };
        }
        let changed = std::mem::take(&mut state.changed);
        let mut unknown = Vec::new();
        let mut jobs = Vec::new();
        for (id, topic) in changed {
            let Some(topic) = topic else {
                state.left(id);
                continue;
            };
            match state.job(id, topic) {
                Ok(job) => jobs.push(job),
                Err(topic) => unknown.push(topic),
            }
        }
        let work = Work {
            jobs,
            gone: std::mem::take(&mut state.gone),
            flush: state.asked,
            is_last: state.is_closing,
        };
        drop(state);
        drop(unknown);
        work
    }

    /// This was written, or not.
    pub(crate) fn written(&self, mut work: Work, failure: Option<SaveError>) {
        let mut state = self.lock();
        for job in &work.jobs {
            let Some(known) = state.topics.get_mut(&job.id) else {
                continue;
            };
            if failure.is_none() {
                known.progress = job.progress;
                continue;
            }
            known.progress.tried = job.progress.tried;
            job.mark.is_queued.store(true, Ordering::Release);
            let topic = state.changed.entry(job.id);
            topic.or_insert_with(|| Some(job.topic.clone()));
        }
        if failure.is_some() {
            state.gone.append(&mut work.gone);
        }
        state.failure = failure;
        state.done = work.flush;
        drop(state);
        self.flushed.notify_all();
    }

    /// Nothing more is written: who waits is told.
    pub(crate) fn end(&self) {
        let mut state = self.lock();
        state.is_ended = true;
        let topics = std::mem::take(&mut state.topics);
        let changed = std::mem::take(&mut state.changed);
        drop(state);
        drop((topics, changed));
        self.flushed.notify_all();
    }
}
