//! A topic that follows another, which is kept elsewhere.

use super::{Kept, Limits, Policy, PutError, Topic, Value, lock};
use std::collections::HashSet;
use std::fmt;
use std::sync::Weak;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

/// What a topic knows of the one that it follows.
pub(super) struct Follows {
    is_filled: AtomicBool,
    /// Is told that somebody watches the topic.
    wanted: Box<dyn Fn() + Send + Sync>,
}

impl fmt::Debug for Follows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.is_filled.fmt(f)
    }
}

impl Topic {
    /// One that follows another: empty, and to be filled by [`Topic::apply`] while somebody watches it.
    /// `wanted` is told each time that somebody begins to. Readers have no snapshot before
    /// [`Topic::set_filled`], and get the versions of the one that is followed.
    pub fn following(
        policy: Policy,
        limits: Limits,
        wanted: impl Fn() + Send + Sync + 'static,
    ) -> Self {
        let follows = Follows {
            is_filled: AtomicBool::new(false),
            wanted: Box::new(wanted),
        };
        Self::of(policy, limits, Some(follows))
    }

    pub(super) fn follow(&self) {
        if let Some(follows) = &self.0.follows {
            (follows.wanted)();
        }
    }

    /// Whether all that there was is here: always, where it follows none.
    pub fn is_filled(&self) -> bool {
        let follows = self.0.follows.as_ref();
        follows.is_none_or(|it| it.is_filled.load(Ordering::Acquire))
    }

    /// All that there was is here.
    pub fn set_filled(&self) {
        if let Some(follows) = &self.0.follows {
            follows.is_filled.store(true, Ordering::Release);
            self.0.tell();
        }
    }

    /// Takes over a change that was made elsewhere at the time `changed`, with the version that it has
    /// there, unless what is here is as new: a value, or `None` where the key was removed. Returns whether
    /// something has changed. Of those of one key, and of a log, they come in the order of their versions.
    ///
    /// # Errors
    /// As [`Topic::put`].
    pub fn apply(
        &self,
        changed: Instant,
        key: &str,
        version: u64,
        value: Option<Value>,
    ) -> Result<bool, PutError> {
        self.check(key, value.as_ref())?;
        let is_new = match &self.0.kept {
            Kept::Newest(state) => lock(state).apply(changed, key, version, value)?,
            Kept::Last(ring) => {
                value.is_some_and(|value| lock(ring).apply(changed, key, version, value))
            }
        };
        if is_new {
            self.0.tell();
        }
        Ok(is_new)
    }

    /// The version of a key's newest value here, if it has one; of a topic of the newest values.
    pub fn version_of(&self, key: &str) -> Option<u64> {
        match &self.0.kept {
            Kept::Newest(state) => lock(state).version_of(key),
            Kept::Last(_) => None,
        }
    }

    /// Removes the keys that are not among these, where they are not newer than this version, which is
    /// that of their removal.
    pub fn retain(&self, now: Instant, keys: &HashSet<String>, version: u64) {
        let Kept::Newest(state) = &self.0.kept else {
            return;
        };
        let mut state = lock(state);
        let gone = state.index.keys().filter(|key| !keys.contains(&***key));
        let gone: Vec<_> = gone.cloned().collect();
        for key in &gone {
            // A removal needs no room.
            let _ = state.apply(now, key, version, None);
        }
        drop(state);
        if !gone.is_empty() {
            self.0.tell();
        }
    }

    /// What follows is the log of this epoch, of which all up to a position is gone, and nothing else is
    /// here any more.
    pub fn begin_log(&self, epoch: u64, before: u64) {
        let Kept::Last(ring) = &self.0.kept else {
            return;
        };
        if let Some(follows) = &self.0.follows {
            follows.is_filled.store(false, Ordering::Release);
        }
        lock(ring).begin(epoch, before);
    }

    /// Forgets all, and follows no more, where nobody watches it. Returns whether that is so.
    pub fn release(&self) -> bool {
        let watchers = lock(&self.0.watchers);
        if watchers.iter().any(|it| Weak::strong_count(it) > 0) {
            return false;
        }
        if let Some(follows) = &self.0.follows {
            follows.is_filled.store(false, Ordering::Release);
        }
        match &self.0.kept {
            Kept::Newest(state) => lock(state).clear(),
            Kept::Last(ring) => {
                let mut ring = lock(ring);
                let (epoch, version) = (ring.epoch, ring.version);
                ring.begin(epoch, version);
            }
        }
        true
    }
}
