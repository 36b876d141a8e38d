//! Topics over HTTP, for producers that are not Rust, and for `curl`: names, snapshots, and, with a key
//! of the API, values.

use super::signaling::bytes;
use super::stream;
use crate::sessions::Sessions;
use crate::topics::{NoTopic, PutError, Topic};
use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Query, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use subtle::ConstantTimeEq;
use tickwire_wire::values::MAX_VALUE;
use tokio::sync::OwnedSemaphorePermit;

/// The largest batch, in bytes.
pub const BATCH_LIMIT: usize = 1024 * 1024;
/// How many lines of a batch that are not taken are told.
const TOLD_LINES: usize = 100;

/// A request that is refused: JSON with a code for programs and a sentence for people.
#[derive(Debug, Serialize)]
pub struct TopicRefusal {
    #[serde(skip)]
    status: StatusCode,
    code: &'static str,
    message: String,
}

impl TopicRefusal {
    fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        let message = message.into();
        Self {
            status,
            code,
            message,
        }
    }
}

impl IntoResponse for TopicRefusal {
    fn into_response(self) -> Response {
        // RFC 9110 section 11.6.1: whoever is asked who they are is told how to say it.
        let asks = (self.status == StatusCode::UNAUTHORIZED)
            .then_some([(header::WWW_AUTHENTICATE, "Bearer")]);
        let wait = match self.status {
            StatusCode::SERVICE_UNAVAILABLE => Some("5"),
            StatusCode::TOO_MANY_REQUESTS => Some("1"),
            _ => None,
        };
        let waits = wait.map(|seconds| [(header::RETRY_AFTER, seconds)]);
        (self.status, asks, waits, Json(self)).into_response()
    }
}

impl From<NoTopic> for TopicRefusal {
    fn from(cause: NoTopic) -> Self {
        let (status, code) = match cause {
            NoTopic::Unknown { .. } => (StatusCode::NOT_FOUND, "no-topic"),
            NoTopic::TooLong => (StatusCode::BAD_REQUEST, "bad-name"),
            NoTopic::TooMany => (StatusCode::INSUFFICIENT_STORAGE, "too-many"),
        };
        Self::new(status, code, cause.to_string())
    }
}

impl From<PutError> for TopicRefusal {
    fn from(cause: PutError) -> Self {
        let (status, code) = match cause {
            PutError::KeyTooLong => (StatusCode::BAD_REQUEST, "bad-key"),
            PutError::ValueTooLong(_) => (StatusCode::PAYLOAD_TOO_LARGE, "too-large"),
            PutError::Full => (StatusCode::INSUFFICIENT_STORAGE, "full"),
        };
        Self::new(status, code, format!("The value is not taken: {cause}."))
    }
}

/// `GET /topics`: the topics and patterns there are.
pub async fn list(State(sessions): State<Sessions>) -> Json<Value> {
    let listed = sessions.topics().map(|topics| topics.list());
    Json(serde_json::json!({ "topics": listed.unwrap_or_default() }))
}

/// What of a topic is asked for.
#[derive(Deserialize)]
pub struct Wanted {
    /// These keys alone, separated by commas.
    keys: Option<String>,
}

/// `GET /topics/{topic}`: the newest value of each key, or the values that are kept, in order; and, as
/// `text/event-stream`, each change from then on.
pub async fn snapshot(
    State(sessions): State<Sessions>,
    path: Result<Path<String>, PathRejection>,
    Query(wanted): Query<Wanted>,
    headers: HeaderMap,
) -> Result<Response, TopicRefusal> {
    let Path(name) = path.map_err(bad_path)?;
    let topic = topic(&sessions, &name)?;
    let keys = wanted.keys.as_deref();
    if stream::is_wanted(&headers) {
        let keys = keys.map(|keys| keys.split(',').map(str::to_owned).collect());
        let wanted = tickwire_values::Wanted {
            keys,
            after: stream::after(&headers),
            ..tickwire_values::Wanted::default()
        };
        let (permit, ending) = sessions.stream().ok_or_else(|| {
            let message = "As many streams are open as this server allows. Try again soon.";
            TopicRefusal::new(StatusCode::SERVICE_UNAVAILABLE, "full", message)
        })?;
        return Ok(stream::respond(&topic, wanted, permit, ending));
    }
    let snapshot = topic.snapshot();
    let is_wanted = |key: &str| keys.is_none_or(|keys| keys.split(',').any(|it| it == key));
    // A server that was started again counts its versions anew.
    let mut hasher = DefaultHasher::new();
    (keys, &snapshot.values).hash(&mut hasher);
    let entity_tag = format!(r#""{:016x}""#, hasher.finish());
    let tag = [(header::ETAG, entity_tag.clone())];
    let known = headers.get_all(header::IF_NONE_MATCH);
    let mut known = known.iter().filter_map(|it| it.to_str().ok());
    if known.any(|known| known.split(',').any(|it| it.trim() == entity_tag)) {
        return Ok((StatusCode::NOT_MODIFIED, tag).into_response());
    }
    let wanted = snapshot.values.iter().filter(|(key, _)| is_wanted(key));
    let values = if snapshot.is_ordered {
        let entry = |(key, value): &(Arc<str>, Bytes)| serde_json::json!({"key": &**key, "value": shown(value)});
        wanted.map(entry).collect()
    } else {
        let values = wanted.map(|(key, value)| (key.to_string(), shown(value)));
        Value::Object(Map::from_iter(values.collect::<BTreeMap<_, _>>()))
    };
    let version = snapshot.version;
    let body = serde_json::json!({"topic": name, "version": version, "values": values});
    Ok((tag, Json(body)).into_response())
}

/// A value in JSON: as text where it is UTF-8, as a list of bytes otherwise.
pub(super) fn shown(value: &[u8]) -> Value {
    match str::from_utf8(value) {
        Ok(text) => text.into(),
        Err(_) => value.into(),
    }
}

/// `PUT /topics/{topic}/{key}`: the body is the value.
pub async fn put(
    State(sessions): State<Sessions>,
    path: Result<Path<(String, String)>, PathRejection>,
    request: Request,
) -> Result<StatusCode, TopicRefusal> {
    let Path((name, key)) = path.map_err(bad_path)?;
    let _permit = may_write(&sessions, request.headers())?;
    let topic = topic(&sessions, &name)?;
    let value = body(request, MAX_VALUE).await?;
    topic.put(&key, value)?;
    Ok(StatusCode::NO_CONTENT)
}

/// `DELETE /topics/{topic}/{key}`: 204, be there such a key or not.
pub async fn remove(
    State(sessions): State<Sessions>,
    path: Result<Path<(String, String)>, PathRejection>,
    headers: HeaderMap,
) -> Result<StatusCode, TopicRefusal> {
    let Path((name, key)) = path.map_err(bad_path)?;
    let _permit = may_write(&sessions, &headers)?;
    topic(&sessions, &name)?.remove(&key);
    Ok(StatusCode::NO_CONTENT)
}

/// A line of a batch.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    key: String,
    /// Text as it is, and anything else as JSON.
    value: Option<Value>,
    #[serde(default)]
    remove: bool,
}

/// What became of a batch.
#[derive(Serialize)]
struct Outcome {
    taken: usize,
    /// The first lines that were not.
    refused: Vec<RefusedLine>,
}

#[derive(Serialize)]
struct RefusedLine {
    /// Counted from 1.
    line: usize,
    #[serde(flatten)]
    cause: TopicRefusal,
}

/// How a batch is taken.
#[derive(Deserialize)]
pub struct Taking {
    /// Whole, or not at all.
    atomic: Option<String>,
}

/// `POST /topics/{topic}`: one JSON object a line. Each is taken or told; with `?atomic`, all are taken or
/// none. 200 where all are taken, 422 where some are not.
pub async fn batch(
    State(sessions): State<Sessions>,
    path: Result<Path<String>, PathRejection>,
    Query(taking): Query<Taking>,
    request: Request,
) -> Result<Response, TopicRefusal> {
    let Path(name) = path.map_err(bad_path)?;
    let _permit = may_write(&sessions, request.headers())?;
    let topic = topic(&sessions, &name)?;
    let body = body(request, BATCH_LIMIT).await?;
    let lines = body.split(|byte| *byte == b'\n').zip(1..);
    let lines = lines.filter(|(line, _)| !line.trim_ascii().is_empty());
    let outcome = if taking.atomic.is_some() {
        whole(&topic, lines)
    } else {
        each(&topic, lines)
    };
    let status = if outcome.refused.is_empty() {
        StatusCode::OK
    } else {
        StatusCode::UNPROCESSABLE_ENTITY
    };
    Ok((status, Json(outcome)).into_response())
}

/// Takes each of these lines by itself.
fn each<'a>(topic: &Topic, lines: impl Iterator<Item = (&'a [u8], usize)>) -> Outcome {
    let mut outcome = Outcome {
        taken: 0,
        refused: Vec::new(),
    };
    for (line, number) in lines {
        let taken = change(line).and_then(|(key, value)| match value {
            Some(value) => Ok(topic.put(&key, value)?),
            None => {
                topic.remove(&key);
                Ok(())
            }
        });
        match taken {
            Ok(()) => outcome.taken += 1,
            Err(cause) if outcome.refused.len() < TOLD_LINES => {
                let line = number;
                outcome.refused.push(RefusedLine { line, cause });
            }
            Err(_) => {}
        }
    }
    outcome
}

/// Takes all of these lines, or none and tells the first that cannot be.
fn whole<'a>(topic: &Topic, lines: impl Iterator<Item = (&'a [u8], usize)>) -> Outcome {
    let refused = |line, cause| Outcome {
        taken: 0,
        refused: vec![RefusedLine { line, cause }],
    };
    let (mut changes, mut numbers) = (Vec::new(), Vec::new());
    for (line, number) in lines {
        match change(line) {
            Ok(change) => changes.push(change),
            Err(cause) => return refused(number, cause),
        }
        numbers.push(number);
    }
    let taken = changes.len();
    match topic.change(changes) {
        Ok(()) => Outcome {
            taken,
            refused: Vec::new(),
        },
        Err((index, cause)) => refused(numbers[index], cause.into()),
    }
}

/// The key and the new value, or none, that a line says.
fn change(line: &[u8]) -> Result<(String, Option<Bytes>), TopicRefusal> {
    let expected = |found: String| {
        let message = format!(
            r#"Expected JSON such as {{"key": "EURUSD", "value": "1.09"}} or {{"key": "EURUSD", "remove": true}}, but found {found}."#
        );
        TopicRefusal::new(StatusCode::BAD_REQUEST, "bad-json", message)
    };
    let line: Line = serde_json::from_slice(line).map_err(|cause| expected(cause.to_string()))?;
    let value = match (line.value, line.remove) {
        (Some(Value::String(text)), false) => Some(text.into()),
        (Some(value), false) => Some(value.to_string().into()),
        (None, true) => None,
        (Some(_), true) => return Err(expected("both".into())),
        (None, false) => return Err(expected("neither".into())),
    };
    Ok((line.key, value))
}

fn topic(sessions: &Sessions, name: &str) -> Result<Topic, TopicRefusal> {
    match sessions.topics() {
        Some(topics) => Ok(topics.get(name)?),
        None => Err(TopicRefusal::new(
            StatusCode::NOT_FOUND,
            "no-topic",
            "This server has no topics.",
        )),
    }
}

/// A place for a request that has a key of the API.
fn may_write(
    sessions: &Sessions,
    headers: &HeaderMap,
) -> Result<OwnedSemaphorePermit, TopicRefusal> {
    let keys = &sessions.api().keys;
    if keys.is_empty() {
        let message =
            "This server takes no values over HTTP: its configuration has no keys under [api].";
        return Err(TopicRefusal::new(
            StatusCode::FORBIDDEN,
            "forbidden",
            message,
        ));
    }
    let given = headers.get(header::AUTHORIZATION);
    let given = given.and_then(|it| it.as_bytes().strip_prefix(b"Bearer "));
    // As long for each that is wrong, however much of it is right.
    let is_one = |given: &[u8]| {
        let same = keys.iter().map(|key| key.as_bytes().ct_eq(given));
        same.fold(subtle::Choice::from(0), |any, one| any | one)
    };
    if given.is_some_and(|given| is_one(given).into()) {
        return sessions.write().ok_or_else(|| {
            let message = "As many requests are writing as this server allows. Try again soon.";
            TopicRefusal::new(StatusCode::TOO_MANY_REQUESTS, "busy", message)
        });
    }
    let message = "Expected the header Authorization: Bearer, with a key of the API.";
    Err(TopicRefusal::new(
        StatusCode::UNAUTHORIZED,
        "unauthorized",
        message,
    ))
}

async fn body(request: Request, limit: usize) -> Result<Bytes, TopicRefusal> {
    let read = bytes(request.into_body(), limit).await;
    read.map_err(|error| {
        let refusal = super::Refusal::from(error);
        let code = match refusal.status() {
            StatusCode::PAYLOAD_TOO_LARGE => "too-large",
            StatusCode::REQUEST_TIMEOUT => "timeout",
            _ => "bad-body",
        };
        TopicRefusal::new(refusal.status(), code, refusal.0.message)
    })
}

fn bad_path(_: PathRejection) -> TopicRefusal {
    TopicRefusal::new(
        StatusCode::BAD_REQUEST,
        "bad-name",
        "The path is not UTF-8 where it is decoded.",
    )
}
