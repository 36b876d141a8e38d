//! Brings what NATS has of a topic, while somebody reads it here.

use crate::cursor::{Cursor, Gap};
use crate::delivery::Delivery;
use crate::headers::{Received, read};
use crate::leases::Leases;
use crate::streams::StreamError;
use crate::taking::Taking;
use crate::topic::{NatsTopic, What};
use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy, push};
use async_nats::{Message, StatusCode, Subscriber};
use bytes::Bytes;
use futures_util::StreamExt;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use tickwire_server::engine::PATIENCE;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};
use tracing::{debug, warn};

/// How long a topic is followed that nobody reads any more.
const LINGER: Duration = Duration::from_secs(5);
/// How often NATS says that there is nothing.
const HEARTBEAT: Duration = Duration::from_millis(500);
/// After how long without a word it is asked anew.
const SILENCE: Duration = Duration::from_millis(1_500);
/// How long is waited after a step has failed.
const REST: Duration = Duration::from_millis(100);
/// How long NATS keeps the consumer of a node that is gone.
const FORGOTTEN: Duration = Duration::from_secs(10);
/// How often it is looked who reads, and which nodes are gone.
const LOOK: Duration = Duration::from_millis(500);

/// Why it does not go on as it is.
#[derive(Debug, thiserror::Error)]
enum Broken {
    #[error(transparent)]
    Stream(#[from] StreamError),
    #[error("something that was delivered is missing")]
    Gap,
    #[error("NATS says nothing")]
    Silent,
    #[error("the link is another")]
    Disconnected,
    #[error("{0}")]
    Other(String),
}

impl From<Gap> for Broken {
    fn from(_: Gap) -> Self {
        Self::Gap
    }
}

/// Follows a topic until nobody reads it.
pub async fn run(topic: Arc<NatsTopic>) {
    let shared = topic.shared.clone();
    let mut idle = Idle::default();
    while !shared.ending.is_cancelled() {
        if !shared.is_up() {
            // Who reads no more need not wait for the link.
            tokio::select! {
                () = shared.link(|it| it.is_up) => {}
                () = sleep(LOOK) => {}
                () = shared.ending.cancelled() => return,
            }
            if idle.is_over(&topic) {
                return;
            }
            continue;
        }
        let followed = tokio::select! {
            followed = follow(&topic, &mut idle) => followed,
            () = shared.ending.cancelled() => return,
        };
        match followed {
            Ok(()) => return,
            Err(cause) => {
                debug!(topic = topic.spec.name, %cause, "followed anew");
                topic.is_behind.store(true, Ordering::Relaxed);
                shared.look();
                if !matches!(cause, Broken::Gap | Broken::Disconnected) {
                    sleep(REST).await;
                }
            }
        }
    }
}

/// Since when nobody reads a topic.
#[derive(Default)]
struct Idle(Option<Instant>);

impl Idle {
    /// Ends the topic's being followed, where nobody has read it for a while.
    fn is_over(&mut self, topic: &NatsTopic) -> bool {
        if topic.values.watchers() > 0 {
            self.0 = None;
            return false;
        }
        let since = *self.0.get_or_insert_with(Instant::now);
        since.elapsed() >= LINGER && topic.release()
    }
}

async fn follow(topic: &Arc<NatsTopic>, idle: &mut Idle) -> Result<(), Broken> {
    let Some(stream) = &topic.spec.stream else {
        return follow_events(topic, idle).await;
    };
    let shared = &topic.shared;
    let number = shared.connection.borrow().number;
    let ready = shared.streams.ready(stream).await?;
    if ready.is_another {
        shared.give_back(&stream.name);
    }
    let inbox = shared.client.new_inbox();
    let mut messages = subscribe(topic, inbox.clone()).await?;
    let (filter_subject, deliver_policy) = match &topic.spec.what {
        What::Log { of, .. } => (
            shared.namespace.entry(of, &topic.spec.name),
            DeliverPolicy::All,
        ),
        _ => (
            shared.namespace.value(&topic.spec.name, None),
            DeliverPolicy::LastPerSubject,
        ),
    };
    let consumer = push::Config {
        deliver_subject: inbox,
        filter_subject,
        deliver_policy,
        ack_policy: AckPolicy::None,
        max_deliver: 1,
        flow_control: true,
        idle_heartbeat: HEARTBEAT,
        inactive_threshold: FORGOTTEN,
        memory_storage: true,
        num_replicas: 1,
        ..push::Config::default()
    };
    let consumer = timeout(PATIENCE, ready.stream.create_consumer(consumer)).await;
    let consumer = consumer.map_err(|_| Broken::Silent)?;
    let consumer = consumer.map_err(|cause| Broken::Other(cause.to_string()))?;
    let info = consumer.cached_info();
    let (name, pending) = (info.name.clone(), info.num_pending);
    let mut taking = Taking::begin(topic, &ready, pending);
    let mut cursor = Cursor::new(pending, ready.last);
    if cursor.is_filled() {
        taking.finish(topic, ready.last);
    }
    let mut leases = Leases::default();
    let mut look = interval(LOOK);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut heard = Instant::now();
    loop {
        let is_another = shared.link(|it| it.number != number || !it.is_up);
        let message = tokio::select! {
            biased;
            message = messages.next() => message,
            () = is_another => return Err(Broken::Disconnected),
            _ = look.tick() => {
                if idle.is_over(topic) {
                    // NATS forgets it otherwise, later.
                    let _ = timeout(PATIENCE, ready.stream.delete_consumer(&name)).await;
                    return Ok(());
                }
                if heard.elapsed() > SILENCE {
                    return Err(Broken::Silent);
                }
                leases.end(topic).await;
                continue;
            }
        };
        let message = message.ok_or(Broken::Disconnected)?;
        heard = Instant::now();
        if message.status.is_some() {
            checked(topic, &cursor, &message).await?;
            continue;
        }
        if take(topic, &mut taking, &mut cursor, &mut leases, &message)? {
            taking.finish(topic, ready.last);
        }
    }
}

async fn subscribe(topic: &NatsTopic, subject: String) -> Result<Subscriber, Broken> {
    let subscribed = topic.shared.client.subscribe(subject).await;
    subscribed.map_err(|cause| Broken::Other(cause.to_string()))
}

/// Takes in a message. Returns whether all that was there is here by it.
fn take(
    topic: &NatsTopic,
    taking: &mut Taking,
    cursor: &mut Cursor,
    leases: &mut Leases,
    message: &Message,
) -> Result<bool, Broken> {
    let shared = &topic.shared;
    let delivery = message.reply.as_deref().and_then(Delivery::read);
    let delivery = delivery.ok_or_else(|| Broken::Other("a message that is none".into()))?;
    let was_filled = cursor.is_filled();
    let sequence = delivery.sequence;
    let is_last = cursor.take(delivery.number, sequence, delivery.pending)?;
    shared.received.fetch_add(1, Ordering::Relaxed);
    if let Some(stream) = &topic.spec.stream {
        shared.streams.saw(&stream.name, sequence);
    }
    let Some(received) = read(message) else {
        debug!(
            topic = topic.spec.name,
            "a message that says nothing of a key"
        );
        return Ok(is_last);
    };
    if topic.spec.is_of_node {
        leases.note(&received, sequence);
    }
    // Of what comes as it is put, this clock tells more than that of NATS.
    let now = Instant::now();
    let age = match was_filled {
        true => Duration::ZERO,
        false => delivery.age(),
    };
    let changed = now.checked_sub(age).unwrap_or(now);
    taking.take(topic, changed, sequence, received);
    Ok(is_last)
}

/// Takes in what NATS says beside messages.
async fn checked(topic: &NatsTopic, cursor: &Cursor, message: &Message) -> Result<(), Broken> {
    if message.status != Some(StatusCode::IDLE_HEARTBEAT) {
        let said = message.description.clone().unwrap_or_default();
        return Err(Broken::Other(said));
    }
    let said = |name: &str| {
        let value = message.headers.as_ref()?.get(name)?;
        Some(value.as_str().to_owned())
    };
    if let Some(delivered) = said("Nats-Last-Consumer").and_then(|it| it.parse().ok()) {
        cursor.check(delivered)?;
    }
    // It waits for a word before it sends more.
    let asked = message.reply.as_ref().map(ToString::to_string);
    if let Some(reply) = asked.or_else(|| said("Nats-Consumer-Stalled")) {
        let client = &topic.shared.client;
        let answered = client.publish(reply, Bytes::new()).await;
        answered.map_err(|cause| Broken::Other(cause.to_string()))?;
    }
    Ok(())
}

/// Brings what comes in time or not at all: from here on, as it comes.
async fn follow_events(topic: &Arc<NatsTopic>, idle: &mut Idle) -> Result<(), Broken> {
    let shared = &topic.shared;
    let number = shared.connection.borrow().number;
    let subject = shared.namespace.event(&topic.spec.name, None);
    let mut messages = subscribe(topic, subject).await?;
    topic.values.set_filled();
    topic.is_behind.store(false, Ordering::Relaxed);
    shared.look();
    let mut look = interval(LOOK);
    loop {
        let is_another = shared.link(|it| it.number != number || !it.is_up);
        let message = tokio::select! {
            message = messages.next() => message,
            () = is_another => return Err(Broken::Disconnected),
            _ = look.tick() => {
                if idle.is_over(topic) {
                    return Ok(());
                }
                continue;
            }
        };
        let message = message.ok_or(Broken::Disconnected)?;
        shared.received.fetch_add(1, Ordering::Relaxed);
        let now = Instant::now();
        if let Some(Received {
            key,
            value: Some(value),
            ..
        }) = read(&message)
            && let Err(cause) = topic.values.put(now, &key, value)
        {
            warn!(topic = topic.spec.name, key, %cause, "a value that another node has put is left out");
        }
    }
}
