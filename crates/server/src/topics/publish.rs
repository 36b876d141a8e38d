//! What clients publish.

use super::{NoTopic, Subscriptions, Topic, Topics};
use bytes::Bytes;
use std::num::NonZeroU32;
use std::sync::Arc;
use tickwire_values::{About, Policy, Published, PutError, Value};
use tickwire_wire::control::Refusal;
use tickwire_wire::values::Publication;

/// What a message has led to.
#[derive(Default)]
pub struct Taken {
    /// What is to be sent.
    pub acknowledgement: Option<Bytes>,
    /// Why something in it is not taken.
    pub refusals: Vec<(Refusal, String)>,
}

/// What is said of a topic that cannot be had.
pub fn code(cause: &NoTopic) -> Refusal {
    match cause {
        NoTopic::Unknown { .. } | NoTopic::TooLong => Refusal::NoTopic,
        NoTopic::TooMany => Refusal::TooMany,
    }
}

/// Whether so many values more may come now.
fn has_room(by: &Subscriptions, values: usize) -> bool {
    // A message with more than may come at once counts as those.
    let values = NonZeroU32::new(u32::try_from(values).unwrap_or(u32::MAX));
    let values = values.unwrap_or(NonZeroU32::MIN);
    let values = values.min(by.bounds.quota.burst_size());
    matches!(by.rate.check_n(values), Ok(Ok(())))
}

/// The topic of this name, where this client may put values.
fn open(topics: &Topics, by: &Subscriptions, name: &str) -> Result<Topic, (Refusal, String)> {
    if !by.caller.may(|user| user.may_publish(name)) {
        let message = format!("You may not put values into the topic {name:?}.");
        return Err((Refusal::NotAllowed, message));
    }
    let topic = topics.get(name);
    let topic = topic.map_err(|cause| (code(&cause), cause.to_string()))?;
    if topic.takes_from_clients() {
        return Ok(topic);
    }
    let message = format!("Clients may not put values into the topic {name:?}.");
    Err((Refusal::NotAllowed, message))
}

fn not_taken(cause: PutError) -> (Refusal, String) {
    (
        Refusal::NotTaken,
        format!("The value is not taken: {cause}."),
    )
}

/// A value of the client that is called so.
fn stamped(by: &str, bytes: Bytes) -> Value {
    let about = About {
        by: by.into(),
        ..About::default()
    };
    Value {
        bytes,
        about: Some(Arc::new(about)),
    }
}

/// Puts one value of a client.
///
/// # Errors
/// Where there is no such topic, the client may not publish in it, or the value is not taken.
pub fn add(
    topics: &Topics,
    by: &Subscriptions,
    topic: &str,
    key: &str,
    value: String,
) -> Result<(), (Refusal, String)> {
    if !has_room(by, 1) {
        let most = by.bounds.values_per_second;
        let message = format!("Expected at most {most} values a second (values-per-second).");
        return Err((Refusal::TooMany, message));
    }
    let value = stamped(&by.you, value.into());
    by.stats.values_published.add(1);
    open(topics, by, topic)?.put(key, value).map_err(not_taken)
}

/// Takes a publication on the channel `values` of a client. One of too many is passed over, as if it had
/// been lost: the client sends what is newest then again.
pub fn take(
    topics: &Topics,
    by: &Subscriptions,
    published: &mut Published,
    message: &Bytes,
) -> Taken {
    let values = Publication::read(message).map_or(1, |it| it.entries.len());
    if !has_room(by, values) {
        return Taken::default();
    }
    let (publication, acknowledgement) = match published.handle(message) {
        Ok(handled) => handled,
        Err(cause) => {
            return Taken {
                refusals: vec![(Refusal::BadPublication, cause.to_string())],
                ..Taken::default()
            };
        }
    };
    let mut taken = Taken {
        acknowledgement: acknowledgement.map(Bytes::from),
        ..Taken::default()
    };
    by.stats
        .values_published
        .add(publication.entries.len() as u64);
    for entry in publication.entries {
        let put = open(topics, by, entry.topic).and_then(|topic| {
            // What is sent again, in place of what is lost, would count twice.
            if topic.values().policy() != Policy::Latest {
                let message = format!(
                    "Each value of the topic {:?} counts by itself: they are published on the channel control.",
                    entry.topic
                );
                return Err((Refusal::NotAllowed, message));
            }
            match entry.value {
                // It is not kept as a part of the message.
                Some(value) => topic
                    .put(entry.key, stamped(&by.you, value.to_vec().into()))
                    .map_err(not_taken),
                None => {
                    topic.remove(entry.key);
                    Ok(())
                }
            }
        });
        taken.refusals.extend(put.err());
    }
    taken
}
