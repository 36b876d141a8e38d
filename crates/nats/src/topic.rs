//! A topic that NATS keeps.

use crate::follow;
use crate::lock;
use crate::outbox::TopicId;
use crate::shared::Shared;
use crate::streams::StreamSpec;
use futures_util::future::BoxFuture;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;
use tickwire_server::engine::{Kept, PATIENCE, TopicSetup};
use tickwire_values::{Change, Limits, Policy, PutError, Topic, Value};
use tokio::time::timeout;

/// How long the headers of a message are at most, in bytes.
const HEAD: usize = 4_096;

/// What a topic is.
#[derive(Debug)]
pub struct Spec {
    pub id: TopicId,
    pub name: String,
    pub what: What,
    pub limits: Limits,
    /// Whether its values are about the clients of the node that has put them.
    pub is_of_node: bool,
    /// Where its values are, if they are kept.
    pub stream: Option<StreamSpec>,
}

#[derive(Debug, PartialEq, Eq)]
pub enum What {
    Newest,
    Event,
    /// Added by this name or pattern, with so many entries kept.
    Log {
        of: String,
        keep: usize,
    },
}

/// A topic that NATS keeps, with what this node has of it while somebody reads it here.
pub struct NatsTopic {
    pub spec: Spec,
    pub values: Topic,
    pub shared: Arc<Shared>,
    is_followed: Mutex<bool>,
    /// Whether what is here may be old, since NATS could not be reached.
    pub is_behind: AtomicBool,
}

impl NatsTopic {
    pub fn new(shared: &Arc<Shared>, name: &str, of: &str, setup: TopicSetup) -> Arc<Self> {
        let id = shared.next_id();
        let limits = setup.limits;
        let what = match setup.policy {
            Policy::Latest => What::Newest,
            Policy::Deadline(_) => What::Event,
            Policy::Log { .. } => What::Log {
                of: of.to_owned(),
                keep: limits.max,
            },
        };
        let namespace = &shared.namespace;
        let stream = match &what {
            What::Newest => Some(StreamSpec::values(namespace, shared.is_file)),
            What::Event => None,
            What::Log { of, keep } => Some(StreamSpec::log(namespace, of, *keep)),
        };
        match &what {
            What::Newest => lock(&shared.outbox).open_newest(id, limits.max),
            What::Log { .. } => lock(&shared.outbox).open_log(id),
            What::Event => {}
        }
        let topic = Arc::new_cyclic(|topic| {
            let wanted = topic.clone();
            let wanted = move || {
                if let Some(topic) = wanted.upgrade() {
                    Self::follow(&topic);
                }
            };
            Self {
                spec: Spec {
                    id,
                    name: name.to_owned(),
                    what,
                    limits,
                    is_of_node: setup.is_of_node,
                    stream,
                },
                values: Topic::following(setup.policy, limits, wanted),
                shared: shared.clone(),
                is_followed: Mutex::new(false),
                is_behind: AtomicBool::new(false),
            }
        });
        shared.enter(id, &topic);
        topic
    }

    /// Has NATS bring what it has, until nobody reads it here.
    pub fn follow(self: &Arc<Self>) {
        let mut is_followed = lock(&self.is_followed);
        if !std::mem::replace(&mut *is_followed, true) {
            self.shared.followed.fetch_add(1, Ordering::Relaxed);
            self.shared.runtime.spawn(follow::run(self.clone()));
        }
    }

    /// Ends that, unless somebody reads it. Returns whether it has ended.
    pub fn release(&self) -> bool {
        let mut is_followed = lock(&self.is_followed);
        let is_over = self.values.release();
        if is_over {
            *is_followed = false;
            self.is_behind.store(false, Ordering::Relaxed);
            self.shared.followed.fetch_sub(1, Ordering::Relaxed);
        }
        is_over
    }

    pub fn is_followed(&self) -> bool {
        *lock(&self.is_followed)
    }

    fn change(&self, key: &str, value: Option<Value>) -> Result<(), PutError> {
        self.values.check(key, value.as_ref())?;
        let shared = &self.shared;
        // NATS may be told to take less; 0 is not known yet.
        let most = shared.client.max_payload().saturating_sub(HEAD);
        if most > 0 && value.as_ref().is_some_and(|it| it.bytes.len() > most) {
            return Err(PutError::ValueTooLong(most));
        }
        match (&self.spec.what, value) {
            (What::Newest, value) => {
                let is_full = self.values.is_filled() && self.values.len() >= self.spec.limits.max;
                if is_full && value.is_some() && self.values.version_of(key).is_none() {
                    return Err(PutError::Full);
                }
                let put = lock(&shared.outbox).put(self.spec.id, key, value, Instant::now());
                put.map_err(|_| PutError::Full)?;
            }
            (What::Log { .. }, Some(value)) if shared.is_up() => {
                let put = lock(&shared.outbox).put(self.spec.id, key, Some(value), Instant::now());
                put.map_err(|_| PutError::Unreachable)?;
            }
            (What::Event, Some(value)) if shared.is_up() => {
                shared.add_event(self.spec.id, key, value)?
            }
            (What::Log { .. } | What::Event, Some(_)) => return Err(PutError::Unreachable),
            // Nothing is removed there.
            (What::Log { .. } | What::Event, None) => return Ok(()),
        }
        shared.filled.notify_one();
        Ok(())
    }
}

impl Kept for NatsTopic {
    fn values(&self) -> &Topic {
        &self.values
    }

    fn put(&self, key: &str, value: Value) -> Result<(), PutError> {
        self.change(key, Some(value))
    }

    fn remove(&self, key: &str) {
        // What is no key cannot be there.
        let _ = self.change(key, None);
    }

    fn change(&self, mut changes: Vec<Change>) -> Result<(), (usize, PutError)> {
        let last = changes.pop();
        if !changes.is_empty() {
            return Err((0, PutError::NotAtomic));
        }
        let changed = last.map_or(Ok(()), |(key, value)| self.change(&key, value));
        changed.map_err(|cause| (0, cause))
    }

    fn confirmed(&self) -> BoxFuture<'_, Result<(), PutError>> {
        let number = lock(&self.shared.outbox).last_number();
        Box::pin(async move {
            let is_stored = async {
                loop {
                    let changed = self.shared.stored.notified();
                    tokio::pin!(changed);
                    // What is told from here on is not missed.
                    changed.as_mut().enable();
                    if lock(&self.shared.outbox).is_stored(self.spec.id, number) {
                        return;
                    }
                    changed.await;
                }
            };
            let waited = timeout(PATIENCE, is_stored).await;
            waited.map_err(|_| PutError::Unreachable)
        })
    }

    fn is_unused(&self, now: Instant) -> bool {
        self.values.is_unused(now) && lock(&self.shared.outbox).is_unused(self.spec.id)
    }
}

impl fmt::Debug for NatsTopic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut topic = f.debug_struct("NatsTopic");
        topic
            .field("name", &self.spec.name)
            .field("values", &self.values);
        topic.finish_non_exhaustive()
    }
}

impl Drop for NatsTopic {
    fn drop(&mut self) {
        self.shared.leave(self.spec.id);
    }
}
