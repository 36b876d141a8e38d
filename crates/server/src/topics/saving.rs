//! Topics that outlive a restart.

use super::Policy;
use crate::lock::lock;
use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex};
use tickwire_store::{Restored, SaveError, Store, StoreError};
use tracing::warn;

/// A file to which topics are saved, and from which they are there again after a restart or a crash: what
/// was put in the last 100 ms, and while the commit before it took, may be lost by that. Values never wait
/// for it. Copies are the same file.
#[derive(Clone, Debug)]
pub struct Saving(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    store: Store,
    /// What was in the file and is not a topic yet, by name.
    restored: Mutex<HashMap<String, Restored>>,
}

impl Saving {
    /// Opens the file at `path`, or makes it.
    ///
    /// # Errors
    /// Where it is no such file, damaged, in use by another process, or cannot be had: what to do about it.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        let (store, contents) = Store::open(&path)?;
        if contents.dropped > 0 {
            let (path, dropped) = (path.as_ref().display(), contents.dropped);
            warn!(%path, dropped, "some of what was saved cannot be read");
        }
        let restored = contents.topics.into_iter();
        let restored = restored.map(|it| (it.name().to_owned(), it));
        Ok(Self(Arc::new(Inner {
            store,
            restored: Mutex::new(restored.collect()),
        })))
    }

    /// Waits until all that was put before is on the disk, and blocks its thread meanwhile.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn flush(&self) -> Result<(), SaveError> {
        self.0.store.flush()
    }

    /// The topic of this name, as it was saved if it was with this policy, and saved from here on.
    pub(super) fn topic(&self, name: &str, policy: Policy) -> tickwire_values::Topic {
        let restored = lock(&self.0.restored).remove(name);
        if let Some(restored) = restored.filter(|it| policy.is_as(it.policy())) {
            return self.0.store.restore(restored, policy.limits());
        }
        let topic = policy.topic();
        if let Err(cause) = self.0.store.add(name, &topic) {
            warn!(topic = name, %cause, "the topic is not saved");
        }
        topic
    }

    /// The names in the file that are no topics yet, of those that fit.
    pub(super) fn names(&self, fits: impl Fn(&str) -> bool) -> Vec<String> {
        let restored = lock(&self.0.restored);
        let names = restored.keys().filter(|name| fits(name));
        names.cloned().collect()
    }
}
