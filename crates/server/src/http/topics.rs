//! Topics over HTTP, for producers that are not Rust, and for `curl`: names, snapshots, and, with a key
//! of the API, values.

use super::access::Asker;
use super::signaling::bytes;
use super::stream;
use crate::sessions::Sessions;
use crate::topics::{self, About, Followed, NoTopic, PutError, Topic};
use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Query, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use tickwire_wire::values::{MAX_ABOUT, MAX_VALUE};

/// A request that is refused: JSON with a code for programs and a sentence for people.
#[derive(Debug, Serialize)]
pub struct TopicRefusal {
    #[serde(skip)]
    status: StatusCode,
    code: &'static str,
    message: String,
}

impl TopicRefusal {
    pub(super) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
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
            PutError::AboutTooLong => (StatusCode::BAD_REQUEST, "bad-type"),
            PutError::Full => (StatusCode::INSUFFICIENT_STORAGE, "full"),
            PutError::Unreachable => (StatusCode::SERVICE_UNAVAILABLE, "unreachable"),
            PutError::NotAtomic => (StatusCode::NOT_IMPLEMENTED, "not-atomic"),
        };
        Self::new(status, code, format!("The value is not taken: {cause}."))
    }
}

/// `GET /topics`: the topics and patterns there are, as far as whoever asks may read them.
pub async fn list(
    State(sessions): State<Sessions>,
    request: Request,
) -> Result<Json<Value>, TopicRefusal> {
    let (parts, _) = request.into_parts();
    let asker = Asker::of(&sessions, &parts).await?;
    let listed = sessions.topics().map(|topics| topics.list());
    let mut listed = listed.unwrap_or_default();
    listed.retain(|topic| asker.reads(&topic.name));
    Ok(Json(serde_json::json!({ "topics": listed })))
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
    request: Request,
) -> Result<Response, TopicRefusal> {
    let Path(name) = path.map_err(bad_path)?;
    let (parts, _) = request.into_parts();
    let asker = Asker::of(&sessions, &parts).await?;
    asker.may_read(&name)?;
    let headers = parts.headers;
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
        return Ok(stream::respond(
            &topic,
            wanted,
            permit,
            (ending, asker.until()),
            sessions.stale(),
        ));
    }
    let _followed = followed(&topic).await?;
    let snapshot = topic.snapshot();
    let is_wanted = |key: &str| keys.is_none_or(|keys| keys.split(',').any(|it| it == key));
    // A server that was started again counts its versions anew.
    let mut hasher = DefaultHasher::new();
    keys.hash(&mut hasher);
    for (key, value) in &snapshot.values {
        (key, &value.bytes, said(value)).hash(&mut hasher);
    }
    let entity_tag = format!(r#""{:016x}""#, hasher.finish());
    let tag = [(header::ETAG, entity_tag.clone())];
    let known = headers.get_all(header::IF_NONE_MATCH);
    let mut known = known.iter().filter_map(|it| it.to_str().ok());
    if known.any(|known| known.split(',').any(|it| it.trim() == entity_tag)) {
        return Ok((StatusCode::NOT_MODIFIED, tag).into_response());
    }
    let wanted = snapshot.values.iter().filter(|(key, _)| is_wanted(key));
    let mut body = serde_json::json!({"topic": name, "version": snapshot.version});
    if snapshot.is_ordered {
        let entry = |(key, value): &(Arc<str>, topics::Value)| {
            let mut entry = serde_json::json!({"key": &**key, "value": shown(&value.bytes)});
            for (name, text) in said(value) {
                entry[name] = text.into();
            }
            entry
        };
        body["values"] = wanted.map(entry).collect();
    } else {
        let mut values = Map::new();
        let mut others = BTreeMap::<_, Map<_, _>>::new();
        for (key, value) in wanted {
            values.insert(key.to_string(), shown(&value.bytes));
            for (name, text) in said(value) {
                let of_name = others.entry(name).or_default();
                of_name.insert(key.to_string(), text.into());
            }
        }
        body["values"] = values.into();
        for (name, of_name) in others {
            body[name] = of_name.into();
        }
    }
    Ok((tag, Json(body)).into_response())
}

/// What is said of a value, by name.
fn said(value: &topics::Value) -> Vec<(&'static str, &str)> {
    let about = value.about.as_deref();
    let both = about.map(|about| [("type", &*about.content_type), ("by", &*about.by)]);
    let both = both.into_iter().flatten();
    both.filter(|(_, text)| !text.is_empty()).collect()
}

/// `GET /topics/{topic}/{key}`: the value as it was put, with its media type.
pub async fn value(
    State(sessions): State<Sessions>,
    path: Result<Path<(String, String)>, PathRejection>,
    request: Request,
) -> Result<Response, TopicRefusal> {
    let Path((name, key)) = path.map_err(bad_path)?;
    let (parts, _) = request.into_parts();
    Asker::of(&sessions, &parts).await?.may_read(&name)?;
    let topic = topic(&sessions, &name)?;
    let _followed = followed(&topic).await?;
    let value = topic.value(&key).ok_or_else(|| {
        let message = "The topic has no value of this key.";
        TopicRefusal::new(StatusCode::NOT_FOUND, "no-key", message)
    })?;
    let said = value.about.as_deref().map(|about| &*about.content_type);
    let said = said.filter(|it| !it.is_empty());
    let headers = [
        (
            header::CONTENT_TYPE,
            said.unwrap_or("application/octet-stream"),
        ),
        // Whoever may put a value is not to put a script into the pages of this server.
        (
            header::CONTENT_SECURITY_POLICY,
            "sandbox; default-src 'none'",
        ),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    Ok((headers, value.bytes).into_response())
}

/// What a request says of its body: its media type, but that which `curl --data` says of everything.
fn about(headers: &HeaderMap) -> Result<Option<Arc<About>>, TopicRefusal> {
    const FORM: &str = "application/x-www-form-urlencoded";
    let given = headers.get(header::CONTENT_TYPE);
    let given = given.map(|it| it.to_str().unwrap_or_default());
    about_type(given.filter(|it| *it != FORM))
}

/// A media type as it is kept.
pub(super) fn about_type(content_type: Option<&str>) -> Result<Option<Arc<About>>, TopicRefusal> {
    let Some(content_type) = content_type else {
        return Ok(None);
    };
    let is_type = content_type.split_once('/').is_some_and(|(kind, rest)| {
        let is_word =
            |it: &str| !it.is_empty() && it.bytes().all(|it| it.is_ascii_graphic() || it == b' ');
        is_word(kind) && is_word(rest)
    });
    if !is_type || content_type.len() > MAX_ABOUT {
        let message = format!(
            "Expected a media type such as application/json, of at most {MAX_ABOUT} characters."
        );
        return Err(TopicRefusal::new(
            StatusCode::BAD_REQUEST,
            "bad-type",
            message,
        ));
    }
    Ok(Some(Arc::new(About {
        content_type: content_type.into(),
        ..About::default()
    })))
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
    let (parts, body) = request.into_parts();
    let asker = Asker::of(&sessions, &parts).await?;
    let (topic, _place) = asker.to_write(&sessions, &name)?;
    let about = about(&parts.headers)?;
    let bytes = read(body, MAX_VALUE).await?;
    topic.put(&key, asker.stamped(topics::Value { bytes, about }))?;
    topic.settled().await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `DELETE /topics/{topic}/{key}`: 204, be there such a key or not.
pub async fn remove(
    State(sessions): State<Sessions>,
    path: Result<Path<(String, String)>, PathRejection>,
    request: Request,
) -> Result<StatusCode, TopicRefusal> {
    let Path((name, key)) = path.map_err(bad_path)?;
    let (parts, _) = request.into_parts();
    let asker = Asker::of(&sessions, &parts).await?;
    let (topic, _place) = asker.to_write(&sessions, &name)?;
    topic.remove(&key);
    topic.settled().await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Has an engine bring what is asked for, where one keeps the topic.
async fn followed(topic: &Topic) -> Result<Followed, TopicRefusal> {
    topic.followed().await.ok_or_else(|| {
        let message = "What keeps the topic cannot be reached at present. Try again soon.";
        TopicRefusal::new(StatusCode::SERVICE_UNAVAILABLE, "unreachable", message)
    })
}

pub(super) fn topic(sessions: &Sessions, name: &str) -> Result<Topic, TopicRefusal> {
    match sessions.topics() {
        Some(topics) => Ok(topics.get(name)?),
        None => Err(TopicRefusal::new(
            StatusCode::NOT_FOUND,
            "no-topic",
            "This server has no topics.",
        )),
    }
}

pub(super) async fn read(body: Body, limit: usize) -> Result<Bytes, TopicRefusal> {
    let read = bytes(body, limit).await;
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

pub(super) fn bad_path(_: PathRejection) -> TopicRefusal {
    TopicRefusal::new(
        StatusCode::BAD_REQUEST,
        "bad-name",
        "The path is not UTF-8 where it is decoded.",
    )
}
