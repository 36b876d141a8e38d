//! What all topics of a node have in common: the link to NATS, what is on its way to it, and whether what
//! readers have may be old.

use crate::lock;
use crate::nodes::Alive;
use crate::outbox::{Outbox, TopicId};
use crate::streams::Streams;
use crate::subject::Namespace;
use crate::topic::NatsTopic;
use async_nats::Client;
use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::time::Instant;
use tickwire_server::engine::Answerer;
use tickwire_values::{PutError, Value};
use tokio::runtime::Handle;
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

/// How many values may wait to be sent that come in time or not at all.
const MAX_EVENTS: usize = 10_000;

/// The link to NATS.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Connection {
    pub is_up: bool,
    /// Counts the links that there were.
    pub number: u64,
}

pub struct Shared {
    pub client: Client,
    pub namespace: Namespace,
    /// What this node is called.
    pub node: String,
    /// Whether the newest values are kept in files.
    pub is_file: bool,
    pub streams: Streams,
    pub outbox: Mutex<Outbox>,
    pub events: Mutex<VecDeque<(TopicId, String, Value)>>,
    /// There may be something to send.
    pub filled: Notify,
    /// Something that was sent is in a stream.
    pub stored: Notify,
    pub connection: watch::Receiver<Connection>,
    pub stale: watch::Sender<Option<Instant>>,
    pub alive: Mutex<Alive>,
    pub answerer: Mutex<Option<Answerer>>,
    pub runtime: Handle,
    pub ending: CancellationToken,
    pub received: AtomicU64,
    pub followed: AtomicUsize,
    pub topics: Mutex<HashMap<TopicId, Weak<NatsTopic>>>,
    pub last_id: AtomicU64,
}

impl Shared {
    pub fn is_up(&self) -> bool {
        self.connection.borrow().is_up
    }

    /// Waits until the link is so; for ever, where there will be none.
    pub async fn link(&self, is_so: impl FnMut(&Connection) -> bool) {
        let mut connection = self.connection.clone();
        if connection.wait_for(is_so).await.is_err() {
            std::future::pending().await
        }
    }

    pub fn next_id(&self) -> TopicId {
        1 + self.last_id.fetch_add(1, Ordering::Relaxed)
    }

    pub fn enter(&self, id: TopicId, topic: &Arc<NatsTopic>) {
        lock(&self.topics).insert(id, Arc::downgrade(topic));
    }

    pub fn leave(&self, id: TopicId) {
        lock(&self.topics).remove(&id);
        lock(&self.outbox).close(id);
    }

    pub fn topic(&self, id: TopicId) -> Option<Arc<NatsTopic>> {
        lock(&self.topics).get(&id)?.upgrade()
    }

    pub fn all_topics(&self) -> Vec<Arc<NatsTopic>> {
        let topics = lock(&self.topics);
        topics.values().filter_map(Weak::upgrade).collect()
    }

    pub fn add_event(&self, id: TopicId, key: &str, value: Value) -> Result<(), PutError> {
        let mut events = lock(&self.events);
        if events.len() >= MAX_EVENTS {
            return Err(PutError::Unreachable);
        }
        events.push_back((id, key.to_owned(), value));
        Ok(())
    }

    /// The stream of this name is another than before: what this node has put is to be in it.
    pub fn give_back(&self, stream: &str) {
        let owners = lock(&self.outbox).owners();
        for topic in owners.into_iter().filter_map(|id| self.topic(id)) {
            if topic
                .spec
                .stream
                .as_ref()
                .is_some_and(|it| it.name == stream)
            {
                topic.follow();
            }
        }
    }

    /// The link is lost: what readers have may be old from now on.
    pub fn lose(&self) {
        for topic in self.all_topics() {
            if topic.is_followed() {
                topic.is_behind.store(true, Ordering::Relaxed);
            }
        }
        self.look();
    }

    /// Finds out whether what readers have may be old.
    pub fn look(&self) {
        let is_behind = |it: &Arc<NatsTopic>| it.is_behind.load(Ordering::Relaxed);
        let is_stale = !self.is_up() || self.all_topics().iter().any(is_behind);
        self.stale.send_if_modified(|since| {
            let has_changed = since.is_some() != is_stale;
            if has_changed {
                *since = is_stale.then(Instant::now);
            }
            has_changed
        });
    }
}
