//! Who is told that a topic has changed, and who knows of one without keeping it.

use super::{Policy, Shared, Topic, lock};
use std::sync::{Arc, Weak};

/// Is told that a topic has changed: at each change, so it should be cheap, and cheaper where it was
/// told before and has not looked since.
pub trait Watcher: Send + Sync {
    /// A topic of this policy has changed, or nobody has it any more: it is told of that as well.
    fn changed(&self, policy: Policy);

    /// Whether it is a reader, and counts in [`Topic::watchers`]. What saves a topic is none.
    fn is_reader(&self) -> bool {
        true
    }
}

impl Topic {
    /// Tells `watcher` of each change from here on, until it is dropped. It counts once, however often.
    pub fn watch(&self, watcher: &Arc<dyn Watcher>) {
        self.unwatch(watcher);
        let mut watchers = lock(&self.0.watchers);
        watchers.retain(|watcher| watcher.strong_count() > 0);
        watchers.push(Arc::downgrade(watcher));
        drop(watchers);
        self.follow();
    }

    /// Tells `watcher` nothing any more.
    pub fn unwatch(&self, watcher: &Arc<dyn Watcher>) {
        let mut watchers = lock(&self.0.watchers);
        watchers.retain(|known| !std::ptr::addr_eq(known.as_ptr(), Arc::as_ptr(watcher)));
    }

    /// Whether both are the same.
    pub fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// How many watch it that are readers.
    pub fn watchers(&self) -> usize {
        let watchers = lock(&self.0.watchers);
        let there = watchers.iter().filter_map(Weak::upgrade);
        there.filter(|watcher| watcher.is_reader()).count()
    }

    /// The same topic, which this does not keep.
    pub fn downgrade(&self) -> WeakTopic {
        WeakTopic(Arc::downgrade(&self.0))
    }
}

/// A topic, for as long as somebody else has it.
#[derive(Clone)]
pub struct WeakTopic(Weak<Shared>);

impl WeakTopic {
    /// The topic; `None` where nobody has it any more.
    pub fn upgrade(&self) -> Option<Topic> {
        self.0.upgrade().map(Topic)
    }
}

impl Shared {
    pub(super) fn tell(&self) {
        for watcher in lock(&self.watchers).iter() {
            if let Some(watcher) = watcher.upgrade() {
                watcher.changed(self.policy);
            }
        }
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.tell();
    }
}
