//! Sends what is to be sent, and learns what NATS has.

use crate::headers::written;
use crate::lock;
use crate::outbox::{Outgoing, Reply};
use crate::shared::Shared;
use async_nats::{Message, StatusCode, Subscriber};
use futures_util::{FutureExt, StreamExt};
use serde_json::Value;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::time::sleep_until;
use tracing::{debug, warn};

/// How many are sent before it is looked what has come back.
const TURN: usize = 256;
/// How long nothing is sent where NATS took nothing.
const REST: Duration = Duration::from_millis(50);
/// How often it is told that NATS takes nothing.
const COMPLAINTS: Duration = Duration::from_secs(10);
/// How often it is looked for what has grown too old.
const LOOK: Duration = Duration::from_secs(1);
/// Error codes of JetStream: a condition that does not hold.
const OUTDATED: [u64; 2] = [10_071, 10_164];
/// And a message that is never taken: too large, or with headers that are not understood.
const REFUSED: [u64; 4] = [10_054, 10_097, 10_165, 10_166];

/// Sends and learns, until the end.
pub async fn run(shared: Arc<Shared>, inbox: String, mut replies: Subscriber) {
    // What tells its entries from those of others.
    let run = format!("{:016x}", rand::random::<u64>());
    let mut connection = shared.connection.clone();
    let mut looked = Instant::now();
    let mut rests_until = None::<Instant>;
    let mut complained = None::<Instant>;
    loop {
        let now = Instant::now();
        rests_until = rests_until.filter(|until| *until > now);
        let mut has_more = false;
        if shared.is_up() && rests_until.is_none() {
            has_more = send(&shared, &inbox, &run).await;
        }
        if now.duration_since(looked) >= LOOK {
            looked = now;
            expire(&shared, now);
        }
        let due = lock(&shared.outbox).poll_timeout();
        let due = [due, rests_until].into_iter().flatten().min();
        let due = due.unwrap_or(now + LOOK).min(now + LOOK);
        tokio::select! {
            biased;
            () = shared.ending.cancelled() => return,
            changed = connection.changed() => {
                // The other end is kept until the end.
                if changed.is_err() {
                    return;
                }
                lock(&shared.outbox).lose();
                rests_until = None;
                if shared.is_up() {
                    make_streams(&shared).await;
                }
            }
            message = replies.next() => {
                let Some(message) = message else {
                    return;
                };
                let mut busy = learn(&shared, &message);
                for _ in 0..TURN {
                    let Some(Some(message)) = replies.next().now_or_never() else {
                        break;
                    };
                    busy = learn(&shared, &message).or(busy);
                }
                shared.stored.notify_waiters();
                if let Some(cause) = busy {
                    let now = Instant::now();
                    rests_until = Some(now + REST);
                    // A stream that is missing is made next, and is nothing to tell of.
                    let is_told = complained.is_some_and(|at| now - at < COMPLAINTS);
                    if !cause.is_empty() && !is_told {
                        complained = Some(now);
                        warn!(cause, "NATS takes no value now; all is tried again");
                    }
                    make_streams(&shared).await;
                }
            }
            () = std::future::ready(()), if has_more => {}
            () = shared.filled.notified() => {}
            () = sleep_until(due.into()) => lock(&shared.outbox).handle_timeout(Instant::now()),
        }
    }
}

/// Sends what is to be sent, for one turn. Returns whether there is more.
async fn send(shared: &Shared, inbox: &str, run: &str) -> bool {
    let client = &shared.client;
    let from = (&*shared.node, run);
    for _ in 0..TURN {
        let event = lock(&shared.events).pop_front();
        let (id, outgoing, reply) = match event {
            Some((id, key, value)) => {
                let outgoing = Outgoing {
                    token: 0,
                    topic: id,
                    key,
                    value: Some(value),
                    refill: None,
                    entry: None,
                    is_again: false,
                };
                (id, outgoing, None)
            }
            None => {
                let Some(outgoing) = lock(&shared.outbox).poll(Instant::now()) else {
                    return false;
                };
                let reply = format!("{inbox}.{}", outgoing.token);
                (outgoing.topic, outgoing, Some(reply))
            }
        };
        let Some(topic) = shared.topic(id) else {
            continue;
        };
        let (subject, headers, payload) = written(&topic.spec, &shared.namespace, &outgoing, from);
        let sent = match reply {
            Some(reply) => {
                let sent = client.publish_with_reply_and_headers(subject, reply, headers, payload);
                sent.await
            }
            None => client.publish_with_headers(subject, headers, payload).await,
        };
        if let Err(cause) = sent {
            // It is larger than what this server of NATS takes, or the link is over.
            warn!(topic = topic.spec.name, key = outgoing.key, %cause, "a value is not sent");
            lock(&shared.outbox).acknowledge(outgoing.token, Reply::Refused);
        }
    }
    true
}

/// Takes in what NATS says of something that was sent. Returns why it takes nothing now, where that is so; it is
/// empty where there is no stream.
fn learn(shared: &Shared, message: &Message) -> Option<String> {
    let (_, token) = message.subject.rsplit_once('.')?;
    let token = token.parse().ok()?;
    let is_missing = message.status == Some(StatusCode::NO_RESPONDERS);
    let reply = match is_missing {
        true => Reply::Busy,
        false => reply(&message.payload, |stream, sequence| {
            shared.streams.saw(stream, sequence);
        }),
    };
    lock(&shared.outbox).acknowledge(token, reply);
    let said = || match is_missing {
        true => String::new(),
        false => String::from_utf8_lossy(&message.payload).into_owned(),
    };
    (reply == Reply::Busy).then(said)
}

fn reply(payload: &[u8], saw: impl Fn(&str, u64)) -> Reply {
    let Ok(said) = serde_json::from_slice::<Value>(payload) else {
        return Reply::Busy;
    };
    let Some(error) = said.get("error") else {
        let Some(sequence) = said["seq"].as_u64() else {
            return Reply::Busy;
        };
        saw(said["stream"].as_str().unwrap_or_default(), sequence);
        return Reply::Stored(sequence);
    };
    match error["err_code"].as_u64().unwrap_or_default() {
        code if OUTDATED.contains(&code) => Reply::Outdated,
        code if REFUSED.contains(&code) => {
            warn!(%error, "NATS does not take a value");
            Reply::Refused
        }
        _ => Reply::Busy,
    }
}

/// The streams of all topics into which something was put are made, where they are missing.
async fn make_streams(shared: &Shared) {
    let mut specs = Vec::new();
    for topic in shared.all_topics() {
        let spec = topic.spec.stream.clone();
        let is_used = !lock(&shared.outbox).is_unused(topic.spec.id);
        if let Some(spec) = spec.filter(|spec| is_used && !specs.contains(spec)) {
            specs.push(spec);
        }
    }
    for spec in specs {
        match shared.streams.ready(&spec).await {
            Ok(ready) if ready.is_another => shared.give_back(&spec.name),
            Ok(_) => {}
            Err(cause) => debug!(%cause, "no stream yet"),
        }
    }
}

/// Forgets values of this node that have grown too old, as NATS does.
fn expire(shared: &Shared, now: Instant) {
    for topic in shared.all_topics() {
        let max_age = topic.spec.limits.max_age;
        if let Some(before) = max_age.and_then(|age| now.checked_sub(age)) {
            lock(&shared.outbox).expire(topic.spec.id, before);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nats_says_of_a_value_is_understood() {
        let read = |text: &str| reply(text.as_bytes(), |_, _| {});
        assert_eq!(
            read(r#"{"stream":"S","seq":1764000000000001}"#),
            Reply::Stored(1_764_000_000_000_001)
        );
        let wrong = r#"{"error":{"code":400,"err_code":10071,"description":"wrong last sequence: 5"},"stream":"S","seq":0}"#;
        assert_eq!(read(wrong), Reply::Outdated);
        let large = r#"{"error":{"code":400,"err_code":10054,"description":"message size exceeds maximum allowed"}}"#;
        assert_eq!(read(large), Reply::Refused);
        for text in ["", "{}", "[]", r#"{"error":{"code":503,"err_code":10077}}"#] {
            assert_eq!(read(text), Reply::Busy, "{text}");
        }
    }
}
