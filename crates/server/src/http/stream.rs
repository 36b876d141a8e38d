//! A topic as `text/event-stream`, for `curl` and for browsers without WebRTC.

use super::topics::shown;
use crate::engine::stale_for;
use crate::topics::{Reader, Told, Topic};
use axum::http::{HeaderMap, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use serde_json::json;
use std::convert::Infallible;
use std::time::{Duration, SystemTime};
use tickwire_values::Wanted;
use tickwire_wire::control::Position;
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

/// How often something is sent where nothing changes, so that what stands in between keeps the
/// connection.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// Whether this is what a request asks for.
pub fn is_wanted(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(header::ACCEPT).iter();
    let mut accepted = accepted.filter_map(|it| it.to_str().ok());
    accepted.any(|it| it.contains("text/event-stream"))
}

/// The place in a log after which the request wants to go on (`Last-Event-ID`): `epoch:position`.
pub fn after(headers: &HeaderMap) -> Option<Position> {
    let id = headers.get("last-event-id")?.to_str().ok()?;
    let (epoch, position) = id.split_once(':')?;
    Some(Position {
        epoch: epoch.parse().ok()?,
        position: position.parse().ok()?,
    })
}

/// What there is, and each change from then on, until the client goes, what has let it in ends, or the
/// server does.
pub fn respond(
    topic: &Topic,
    wanted: Wanted,
    permit: OwnedSemaphorePermit,
    (ending, until): (CancellationToken, Option<SystemTime>),
    stale: watch::Receiver<Option<std::time::Instant>>,
) -> Response {
    let until = until.map(|it| it.duration_since(SystemTime::now()).unwrap_or_default());
    let until = until.map(|left| Instant::now() + left);
    let reader = Reader::new(topic, wanted);
    let begin = (reader, None::<u64>, permit, stale);
    let events = stream::unfold(begin, move |(reader, mut epoch, permit, mut stale)| {
        let ending = ending.clone();
        async move {
            let told = tokio::select! {
                told = reader.next() => told,
                Ok(()) = stale.changed() => {
                    let since = *stale.borrow_and_update();
                    let said = Ok(stale_since(since));
                    return Some((said, (reader, epoch, permit, stale)));
                }
                () = ending.cancelled() => return None,
                () = sleep_until(until.unwrap_or_else(Instant::now)), if until.is_some() => return None,
            };
            if let Told::After(at, _) = &told {
                epoch = Some(at.epoch);
            }
            Some((
                Ok::<_, Infallible>(event(told, epoch)),
                (reader, epoch, permit, stale),
            ))
        }
    });
    let keep_alive = KeepAlive::new().interval(KEEP_ALIVE);
    // A proxy that gathers what comes would make it old.
    let unbuffered = [("x-accel-buffering", "no")];
    (unbuffered, Sse::new(events).keep_alive(keep_alive)).into_response()
}

/// What the topic has may be old, or is as new as there is again.
fn stale_since(since: Option<std::time::Instant>) -> Event {
    let data = json!({ "since": stale_for(since) });
    Event::default().event("stale").data(data.to_string())
}

fn event(told: Told, epoch: Option<u64>) -> Event {
    let event = Event::default();
    match told {
        Told::Complete => event.event("complete").data("{}"),
        Told::After(at, is_gap) => {
            let data = json!({"epoch": at.epoch, "position": at.position, "gap": is_gap});
            event.event("log").data(data.to_string())
        }
        Told::Value(update) => {
            let age = u64::try_from(update.age.as_millis()).unwrap_or(u64::MAX);
            let mut data = json!({"key": &*update.key, "version": update.version, "age": age});
            match update.value {
                Some(value) => data["value"] = shown(&value),
                None => data["removed"] = true.into(),
            }
            for (name, said) in [("type", update.about.content_type), ("by", update.about.by)] {
                if !said.is_empty() {
                    data[name] = (*said).into();
                }
            }
            let event = event.data(data.to_string());
            match epoch {
                Some(epoch) => event.id(format!("{epoch}:{}", update.version)),
                None => event,
            }
        }
    }
}
