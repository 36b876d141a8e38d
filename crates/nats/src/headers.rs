//! What is said of a value in the headers of its message.

use crate::outbox::{Outgoing, Refill};
use crate::subject::{self, Namespace};
use crate::topic::{Spec, What};
use async_nats::{HeaderMap, Message};
use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};
use std::sync::Arc;
use std::time::Duration;
use tickwire_values::{About, Value};

/// The key, where the subject does not tell it.
const KEY: &str = "Tickwire-Key";
const TYPE: &str = "Tickwire-Type";
const BY: &str = "Tickwire-By";
/// That the key is removed.
const REMOVED: &str = "Tickwire-Removed";
/// The node whose clients the value is about.
const NODE: &str = "Tickwire-Node";
/// The version that a value had in a stream that is gone.
const VERSION: &str = "Tickwire-Version";
/// ADR-43 of NATS: after how long a message is gone.
const TTL: &str = "Nats-TTL";
/// That one is gone in this way, or was deleted.
const MARKER: &str = "Nats-Marker-Reason";
const MESSAGE_ID: &str = "Nats-Msg-Id";
const EXPECTED: &str = "Nats-Expected-Last-Subject-Sequence";

/// How long a removal is kept, so that who was away for less time need not compare all keys.
const REMOVALS: Duration = Duration::from_secs(60);

/// What a header cannot have, or marks what was encoded.
const ENCODED: &AsciiSet = &CONTROLS.add(b'%');

/// A value that has come.
pub struct Received {
    pub key: String,
    pub value: Option<Value>,
    pub node: Option<String>,
    /// The version that it had in a stream that is gone.
    pub version: Option<u64>,
}

/// The subject, the headers and the payload of what is to be sent. `run` tells apart what nodes have sent.
pub fn written(
    spec: &Spec,
    namespace: &Namespace,
    outgoing: &Outgoing,
    (node, run): (&str, &str),
) -> (String, HeaderMap, bytes::Bytes) {
    let mut headers = HeaderMap::new();
    let key = &outgoing.key;
    let subject = match &spec.what {
        What::Newest => namespace.value(&spec.name, Some(key)),
        What::Event => namespace.event(&spec.name, Some(key)),
        What::Log { of, .. } => namespace.entry(of, &spec.name),
    };
    if matches!(spec.what, What::Log { .. }) || subject::is_hashed(&subject) {
        headers.insert(KEY, encoded(key));
    }
    if let Some(entry) = outgoing.entry {
        headers.insert(MESSAGE_ID, format!("{run}-{entry}"));
    }
    if let Some(Refill { version, expected }) = outgoing.refill {
        headers.insert(VERSION, version.to_string());
        headers.insert(EXPECTED, expected.to_string());
    }
    if spec.is_of_node {
        headers.insert(NODE, node);
    }
    let Some(value) = &outgoing.value else {
        remove(&mut headers);
        return (subject, headers, bytes::Bytes::new());
    };
    if let Some(max_age) = spec.limits.max_age.filter(|_| spec.what == What::Newest) {
        headers.insert(TTL, format!("{}s", max_age.as_secs().max(1)));
    }
    if let Some(about) = &value.about {
        for (name, said) in [(TYPE, &about.content_type), (BY, &about.by)] {
            if !said.is_empty() {
                headers.insert(name, encoded(said));
            }
        }
    }
    (subject, headers, value.bytes.clone())
}

/// The headers of the removal of a key that has this sequence, and no other.
pub fn removal(key: &str, subject: &str, sequence: u64) -> HeaderMap {
    let mut headers = HeaderMap::new();
    if subject::is_hashed(subject) {
        headers.insert(KEY, encoded(key));
    }
    headers.insert(EXPECTED, sequence.to_string());
    remove(&mut headers);
    headers
}

fn remove(headers: &mut HeaderMap) {
    headers.insert(REMOVED, "1");
    headers.insert(TTL, format!("{}s", REMOVALS.as_secs()));
}

/// What a message of a topic says; `None` for one that says nothing of a key.
pub fn read(message: &Message) -> Option<Received> {
    let headers = message.headers.as_ref();
    let said = |name: &str| headers.and_then(|it| it.get(name)).map(|it| it.as_str());
    let key = match said(KEY) {
        Some(key) => decoded(key)?,
        None => subject::key(&message.subject)?,
    };
    let is_removed = said(REMOVED).is_some() || said(MARKER).is_some();
    let about = About {
        content_type: decoded(said(TYPE).unwrap_or_default())?.into(),
        by: decoded(said(BY).unwrap_or_default())?.into(),
    };
    let value = Value {
        bytes: message.payload.clone(),
        about: (about != About::default()).then(|| Arc::new(about)),
    };
    Some(Received {
        key,
        value: (!is_removed).then_some(value),
        node: said(NODE).map(str::to_owned),
        version: said(VERSION).and_then(|it| it.parse().ok()),
    })
}

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, ENCODED).to_string()
}

fn decoded(text: &str) -> Option<String> {
    let decoded = percent_decode_str(text).decode_utf8().ok()?;
    Some(decoded.into_owned())
}
