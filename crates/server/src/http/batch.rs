//! Batches of values over HTTP.

use super::access::Asker;
use super::topics::{TopicRefusal, about_type, bad_path, read};
use crate::sessions::Sessions;
use crate::topics::{self, Topic};
use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Query, Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The largest batch, in bytes.
pub const BATCH_LIMIT: usize = 1024 * 1024;
/// How many lines of a batch that are not taken are told.
const TOLD_LINES: usize = 100;

/// A line of a batch.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    key: String,
    /// Text as it is, and anything else as JSON.
    value: Option<Value>,
    /// The media type of the value.
    r#type: Option<String>,
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
    let (parts, body) = request.into_parts();
    let asker = Asker::of(&sessions, &parts).await?;
    let (topic, _place) = asker.to_write(&sessions, &name)?;
    let body = read(body, BATCH_LIMIT).await?;
    let lines = body.split(|byte| *byte == b'\n').zip(1..);
    let lines = lines.filter(|(line, _)| !line.trim_ascii().is_empty());
    let outcome = if taking.atomic.is_some() {
        whole(&topic, &asker, lines)
    } else {
        each(&topic, &asker, lines)
    };
    if outcome.taken > 0 {
        topic.settled().await?;
    }
    let status = if outcome.refused.is_empty() {
        StatusCode::OK
    } else {
        StatusCode::UNPROCESSABLE_ENTITY
    };
    Ok((status, Json(outcome)).into_response())
}

/// Takes each of these lines by itself.
fn each<'a>(
    topic: &Topic,
    asker: &Asker,
    lines: impl Iterator<Item = (&'a [u8], usize)>,
) -> Outcome {
    let mut outcome = Outcome {
        taken: 0,
        refused: Vec::new(),
    };
    for (line, number) in lines {
        let taken = change(line).and_then(|(key, value)| match value {
            Some(value) => Ok(topic.put(&key, asker.stamped(value))?),
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
fn whole<'a>(
    topic: &Topic,
    asker: &Asker,
    lines: impl Iterator<Item = (&'a [u8], usize)>,
) -> Outcome {
    let refused = |line, cause| Outcome {
        taken: 0,
        refused: vec![RefusedLine { line, cause }],
    };
    let (mut changes, mut numbers) = (Vec::new(), Vec::new());
    for (line, number) in lines {
        match change(line) {
            Ok((key, value)) => changes.push((key, value.map(|it| asker.stamped(it)))),
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
fn change(line: &[u8]) -> Result<(String, Option<topics::Value>), TopicRefusal> {
    let expected = |found: String| {
        let message = format!(
            r#"Expected JSON such as {{"key": "EURUSD", "value": "1.09"}} or {{"key": "EURUSD", "remove": true}}, but found {found}."#
        );
        TopicRefusal::new(StatusCode::BAD_REQUEST, "bad-json", message)
    };
    let line: Line = serde_json::from_slice(line).map_err(|cause| expected(cause.to_string()))?;
    let bytes: Option<Bytes> = match (line.value, line.remove) {
        (Some(Value::String(text)), false) => Some(text.into()),
        (Some(value), false) => Some(value.to_string().into()),
        (None, true) => None,
        (Some(_), true) => return Err(expected("both".into())),
        (None, false) => return Err(expected("neither".into())),
    };
    let about = about_type(line.r#type.as_deref())?;
    Ok((line.key, bytes.map(|bytes| topics::Value { bytes, about })))
}
