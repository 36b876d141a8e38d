//! How the queue hears of a change.

use super::Queue;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use tickwire_values::{Policy, Topic, Watcher, WeakTopic};

/// Marks a topic as changed.
pub(super) struct Mark {
    id: u64,
    topic: WeakTopic,
    /// Whether it is in the queue: it changes while that is locked.
    pub(super) is_queued: AtomicBool,
    queue: Weak<Queue>,
}

impl Watcher for Mark {
    fn changed(&self, _: Policy) {
        // Where it is in there already, what takes it from there sees this change too.
        if self.is_queued.load(Ordering::Acquire) {
            return;
        }
        let Some(queue) = self.queue.upgrade() else {
            return;
        };
        let topic = self.topic.upgrade();
        let mut state = queue.lock();
        self.is_queued.store(true, Ordering::Release);
        let was_idle = state.changed.is_empty();
        let before = state.changed.insert(self.id, topic);
        drop(state);
        drop(before);
        if was_idle {
            queue.due.notify_one();
        }
    }

    fn is_reader(&self) -> bool {
        false
    }
}

impl Mark {
    pub(super) fn new(id: u64, topic: &Topic, queue: &Arc<Queue>) -> Arc<Self> {
        Arc::new(Self {
            id,
            topic: topic.downgrade(),
            is_queued: AtomicBool::new(false),
            queue: Arc::downgrade(queue),
        })
    }

    /// From here on it is told. What has changed since this version was not.
    pub(super) fn watch(self: Arc<Self>, topic: &Topic, version: u64) {
        let watcher: Arc<dyn Watcher> = self;
        topic.watch(&watcher);
        if topic.version() > version {
            watcher.changed(topic.policy());
        }
    }
}
