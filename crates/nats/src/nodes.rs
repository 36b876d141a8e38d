//! The nodes that have the same topics: which of them are there, and what they ask each other.

use crate::lock;
use crate::shared::Shared;
use async_nats::client::RequestErrorKind;
use async_nats::{Request, Subscriber};
use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tickwire_server::engine::{Answerer, AskError, Nodes, PATIENCE};
use tokio::sync::Semaphore;
use tokio::time::{MissedTickBehavior, interval};

/// How often a node says that it is there.
const BEAT: Duration = Duration::from_secs(1);
/// After how long without a word it is gone.
const LEASE: Duration = Duration::from_secs(5);
/// How many questions of others are answered at a time; one more waits.
const MAX_ASKED: usize = 64;

/// Which nodes are there.
#[derive(Debug)]
pub struct Alive {
    this: String,
    /// Since when this one hears others; not at all while there is no link.
    since: Option<Instant>,
    heard: HashMap<String, Instant>,
}

impl Alive {
    pub fn new(this: String) -> Self {
        Self {
            this,
            since: None,
            heard: HashMap::new(),
        }
    }

    /// There is a link, or none any more.
    fn set_link(&mut self, is_up: bool, now: Instant) {
        self.since = is_up.then(|| self.since.unwrap_or(now));
    }

    fn hear(&mut self, node: &str, now: Instant) {
        let is_there = |at: &Instant| now.saturating_duration_since(*at) < 2 * LEASE;
        self.heard.retain(|_, at| is_there(at));
        self.heard.insert(node.to_owned(), now);
    }

    /// Whether a node is gone, as far as this one can tell.
    pub fn is_gone(&self, node: &str, now: Instant) -> bool {
        let Some(since) = self.since.filter(|_| node != self.this) else {
            return false;
        };
        let heard = self.heard.get(node).copied();
        let silent_since = heard.unwrap_or(since).max(since);
        now.saturating_duration_since(silent_since) > LEASE
    }
}

/// Says that this node is there, and hears others, until the end.
pub async fn beat(shared: Arc<Shared>, mut heard: Subscriber) {
    let mut connection = shared.connection.clone();
    let mut tick = interval(BEAT);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let is_up = connection.borrow_and_update().is_up;
        lock(&shared.alive).set_link(is_up, Instant::now());
        tokio::select! {
            () = shared.ending.cancelled() => return,
            changed = connection.changed() => if changed.is_err() {
                return;
            },
            message = heard.next() => {
                let Some(message) = message else {
                    return;
                };
                if let Ok(node) = str::from_utf8(&message.payload) {
                    lock(&shared.alive).hear(node, Instant::now());
                }
            }
            _ = tick.tick(), if is_up => {
                let node = Bytes::copy_from_slice(shared.node.as_bytes());
                // What fails is said again.
                let _ = shared.client.publish(shared.namespace.alive(), node).await;
            }
        }
    }
}

/// Answers what other nodes ask, until the end.
pub async fn answer(shared: Arc<Shared>, mut asked: Subscriber) {
    let places = Arc::new(Semaphore::new(MAX_ASKED));
    loop {
        let message = tokio::select! {
            () = shared.ending.cancelled() => return,
            message = asked.next() => message,
        };
        let (Some(message), Ok(place)) = (message, places.clone().acquire_owned().await) else {
            return;
        };
        let answerer = lock(&shared.answerer).clone();
        let Some(reply) = message.reply else {
            continue;
        };
        let Some(answerer) = answerer else {
            // It has no sessions any more.
            let _ = shared.client.publish(reply, Bytes::new()).await;
            continue;
        };
        let client = shared.client.clone();
        tokio::spawn(async move {
            let answered = answerer(message.payload).await;
            // Who has asked waits for some seconds, and is told what that means.
            let _ = client.publish(reply, answered).await;
            drop(place);
        });
    }
}

/// How nodes are asked by way of NATS.
pub struct ByNats(pub Arc<Shared>);

impl Nodes for ByNats {
    fn this(&self) -> &str {
        &self.0.node
    }

    fn ask(&self, node: &str, request: Bytes) -> BoxFuture<'_, Result<Bytes, AskError>> {
        let shared = &self.0;
        let subject = shared.namespace.ask(node);
        Box::pin(async move {
            if !shared.is_up() {
                return Err(AskError::Silent);
            }
            let request = Request::new().payload(request).timeout(Some(PATIENCE));
            let replied = shared.client.send_request(subject, request).await;
            let message = replied.map_err(|cause| match cause.kind() {
                RequestErrorKind::NoResponders => AskError::Gone,
                _ => AskError::Silent,
            })?;
            match message.payload.is_empty() {
                true => Err(AskError::Gone),
                false => Ok(message.payload),
            }
        })
    }

    fn answer(&self, answer: Option<Answerer>) {
        *lock(&self.0.answerer) = answer;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_is_gone_that_has_not_been_heard_while_others_could_be() {
        let start = Instant::now();
        let after = |seconds| start + Duration::from_secs(seconds);
        let mut alive = Alive::new("this".into());
        assert!(!alive.is_gone("other", after(60)));
        alive.set_link(true, start);
        assert!(!alive.is_gone("other", after(5)));
        assert!(alive.is_gone("other", after(6)));
        alive.hear("other", after(6));
        assert!(!alive.is_gone("other", after(11)) && alive.is_gone("other", after(12)));
        // While there was no link nobody could be heard.
        alive.set_link(false, after(10));
        assert!(!alive.is_gone("other", after(20)));
        alive.set_link(true, after(20));
        assert!(!alive.is_gone("other", after(25)) && alive.is_gone("other", after(26)));
        assert!(!alive.is_gone("this", after(60)));
    }
}
