//! What clients publish.

use super::{NoTopic, Topic, Topics};
use bytes::Bytes;
use std::sync::Arc;
use tickwire_values::{About, Policy, Published, PutError, Value};
use tickwire_wire::control::Refusal;

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

/// The topic of this name, where clients may put values.
fn open(topics: &Topics, name: &str) -> Result<Topic, (Refusal, String)> {
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

/// Puts one value of the client that is called `by`.
///
/// # Errors
/// Where there is no such topic, clients may not publish in it, or the value is not taken.
pub fn add(
    topics: &Topics,
    by: &str,
    topic: &str,
    key: &str,
    value: String,
) -> Result<(), (Refusal, String)> {
    let value = stamped(by, value.into());
    open(topics, topic)?.put(key, value).map_err(not_taken)
}

/// Takes a publication on the channel `values`, of the client that is called `by`.
pub fn take(topics: &Topics, by: &str, published: &mut Published, message: &Bytes) -> Taken {
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
    for entry in publication.entries {
        let put = open(topics, entry.topic).and_then(|topic| {
            // What is sent again, in place of what is lost, would count twice.
            if topic.values.policy() != Policy::Latest {
                let message = format!(
                    "Each value of the topic {:?} counts by itself: they are published on the channel control.",
                    entry.topic
                );
                return Err((Refusal::NotAllowed, message));
            }
            match entry.value {
                // It is not kept as a part of the message.
                Some(value) => topic
                    .put(entry.key, stamped(by, value.to_vec().into()))
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
