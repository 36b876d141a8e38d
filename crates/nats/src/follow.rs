//! Brings what NATS has of a topic, while somebody reads it here.

use crate::catchup::{CatchUp, Missing};
use crate::cursor::{Cursor, Gap};
use crate::headers::{Received, read, removal};
use crate::lock;
use crate::streams::{Ready, StreamError};
use crate::topic::{NatsTopic, What};
use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy, push};
use async_nats::{Message, StatusCode, Subscriber};
use bytes::Bytes;
use futures_util::StreamExt;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};
use tracing::{debug, warn};

/// How long a topic is followed that nobody reads any more.
const LINGER: Duration = Duration::from_secs(5);
/// How often NATS says that there is nothing.
const HEARTBEAT: Duration = Duration::from_millis(500);
/// After how long without a word it is asked anew.
const SILENCE: Duration = Duration::from_millis(1_500);
/// How long a step may take.
const PATIENCE: Duration = Duration::from_secs(2);
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

/// What is done with what comes.
enum Taking {
    Newest(CatchUp),
    Log {
        /// The first sequence that the stream has ever had, which is the log's epoch.
        first: u64,
        /// Whether the stream has more than is kept, so that its first entry is the last that is gone.
        has_more: bool,
        is_begun: bool,
    },
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
    let mut taking = begin(topic, &ready, pending);
    let mut cursor = Cursor::new(pending, ready.last);
    if cursor.is_filled() {
        filled(topic, &mut taking, ready.last);
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
            filled(topic, &mut taking, ready.last);
        }
    }
}

async fn subscribe(topic: &NatsTopic, subject: String) -> Result<Subscriber, Broken> {
    let subscribed = topic.shared.client.subscribe(subject).await;
    subscribed.map_err(|cause| Broken::Other(cause.to_string()))
}

/// What is known before something comes.
fn begin(topic: &NatsTopic, ready: &Ready, pending: u64) -> Taking {
    let first = ready.first;
    match topic.spec.what {
        What::Log { keep, .. } => {
            if pending == 0 && !continues(topic, first, None) {
                topic.values.begin_log(first, first - 1);
            }
            Taking::Log {
                first,
                has_more: pending > keep as u64,
                is_begun: false,
            }
        }
        What::Newest | What::Event => {
            let own = lock(&topic.shared.outbox).own(topic.spec.id);
            Taking::Newest(CatchUp::new(first, own, topic.spec.is_of_node))
        }
    }
}

/// Whether what is here of a log is of this stream, and nothing is missing before this position.
fn continues(topic: &NatsTopic, first: u64, position: Option<u64>) -> bool {
    let here = topic.values.log_position();
    let here = here.filter(|(epoch, _)| topic.values.is_filled() && *epoch == first);
    here.is_some_and(|(_, last)| position.is_none_or(|position| position <= last))
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
    let is_last = cursor.take(delivery.number, delivery.sequence, delivery.pending)?;
    shared.received.fetch_add(1, Ordering::Relaxed);
    if let Some(stream) = &topic.spec.stream {
        shared.streams.saw(&stream.name, delivery.sequence);
    }
    let Some(received) = read(message) else {
        debug!(
            topic = topic.spec.name,
            "a message that says nothing of a key"
        );
        return Ok(is_last);
    };
    // Of what comes as it is put, this clock tells more than that of NATS.
    let now = Instant::now();
    let age = if was_filled {
        Duration::ZERO
    } else {
        delivery.age()
    };
    let changed = now.checked_sub(age).unwrap_or(now);
    let (spec, sequence) = (&topic.spec, delivery.sequence);
    match taking {
        Taking::Newest(catch_up) => {
            lock(&shared.outbox).heard(spec.id, &received.key, sequence);
            if spec.is_of_node {
                leases.note(&received, sequence);
            }
            let missing = catch_up.take(&topic.values, changed, sequence, received);
            give_back(topic, missing);
        }
        Taking::Log {
            first,
            has_more,
            is_begun,
        } => {
            if !std::mem::replace(is_begun, true) && !continues(topic, *first, Some(sequence)) {
                let before = if *has_more { sequence } else { *first - 1 };
                topic.values.begin_log(*first, before);
            }
            let Received { key, value, .. } = received;
            if let Err(cause) = topic.values.apply(changed, &key, sequence, value) {
                warn!(topic = spec.name, key, %cause, "an entry that another node has added is left out");
            }
        }
    }
    Ok(is_last)
}

/// All that there was is here, up to this sequence.
fn filled(topic: &NatsTopic, taking: &mut Taking, last: u64) {
    if let Taking::Newest(catch_up) = taking {
        let missing = catch_up.finish(&topic.values, Instant::now(), last);
        give_back(topic, missing);
    }
    topic.values.set_filled();
    topic.is_behind.store(false, Ordering::Relaxed);
    topic.shared.look();
}

/// Has the stream get what it lacks.
fn give_back(topic: &NatsTopic, missing: impl IntoIterator<Item = Missing>) {
    let shared = &topic.shared;
    for Missing { key, value, refill } in missing {
        lock(&shared.outbox).refill(topic.spec.id, &key, value, refill);
        shared.filled.notify_one();
    }
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

/// What the subject says to which a delivery could be acknowledged (ADR-15 of NATS).
struct Delivery {
    /// Counted in the consumer.
    number: u64,
    /// In the stream.
    sequence: u64,
    /// When it was put, in nanoseconds since 1970 by the clock of NATS.
    at: u64,
    pending: u64,
}

impl Delivery {
    fn read(subject: &str) -> Option<Self> {
        let tokens: Vec<_> = subject.strip_prefix("$JS.ACK.")?.split('.').collect();
        // Where there are more than seven, the first two are about domain and account.
        let from = if tokens.len() > 7 { 2 } else { 0 };
        let number = |at: usize| tokens.get(from + at)?.parse().ok();
        Some(Self {
            sequence: number(3)?,
            number: number(4)?,
            at: number(5)?,
            pending: number(6)?,
        })
    }

    /// How long ago it was put, as far as both clocks agree.
    fn age(&self) -> Duration {
        let at = UNIX_EPOCH + Duration::from_nanos(self.at);
        SystemTime::now().duration_since(at).unwrap_or_default()
    }
}

/// Which node a key's value is of, and its sequence: values of a node that is gone go too.
#[derive(Default)]
struct Leases(HashMap<String, (String, u64)>);

impl Leases {
    fn note(&mut self, received: &Received, sequence: u64) {
        match (&received.value, &received.node) {
            (Some(_), Some(node)) => {
                let of = (node.clone(), sequence);
                self.0.insert(received.key.clone(), of);
            }
            _ => drop(self.0.remove(&received.key)),
        }
    }

    /// Has the values of nodes removed that are gone. All nodes that see that do so, and NATS takes it once.
    async fn end(&self, topic: &NatsTopic) {
        let shared = &topic.shared;
        let gone: Vec<_> = {
            let alive = lock(&shared.alive);
            let now = Instant::now();
            let gone = self
                .0
                .iter()
                .filter(|(_, (node, _))| alive.is_gone(node, now));
            gone.map(|(key, (_, sequence))| (key.clone(), *sequence))
                .collect()
        };
        for (key, sequence) in gone {
            let subject = shared.namespace.value(&topic.spec.name, Some(&key));
            let headers = removal(&key, &subject, sequence);
            // It is looked again, until it is gone.
            let _ = shared
                .client
                .publish_with_headers(subject, headers, Bytes::new())
                .await;
        }
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deliveries_are_told_by_both_forms_of_the_subject() {
        for subject in [
            "$JS.ACK.stream.consumer.1.1764000000000005.7.1764000000000000000.3",
            "$JS.ACK._.hash.stream.consumer.1.1764000000000005.7.1764000000000000000.3",
            "$JS.ACK.domain.hash.stream.consumer.1.1764000000000005.7.1764000000000000000.3.token",
        ] {
            let it = Delivery::read(subject).unwrap();
            let read = (it.sequence, it.number, it.at, it.pending);
            let expected = (1_764_000_000_000_005, 7, 1_764_000_000_000_000_000, 3);
            assert_eq!(read, expected, "{subject}");
        }
        for subject in ["", "$JS.ACK.", "$JS.ACK.a.b.c.d.e.f.g", "_INBOX.1"] {
            assert!(Delivery::read(subject).is_none(), "{subject}");
        }
    }
}
