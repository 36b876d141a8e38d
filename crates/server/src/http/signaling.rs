//! The signalling resource: `POST /sdp` opens a session, `PATCH /sdp/{id}` changes it, and
//! `DELETE /sdp/{id}` ends it.

use super::error::Refusal;
use super::forwarded::client;
use super::turn::add_turn_servers;
use crate::admission::Network;
use crate::id::SessionId;
use crate::offer::{Offer, check_channels};
use crate::request::OpeningRequest;
use crate::sessions::{Sessions, not_found};
use crate::update::{Condition, Update};
use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::rejection::{BytesRejection, FailedToBufferBody, PathRejection};
use axum::extract::{FromRequest, Path, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use http_body_util::Limited;
use serde::Deserialize;
use std::net::IpAddr;
use std::time::Duration;
use tickwire_auth::User;
use tickwire_wire::signaling::{
    ANSWER, Answer, Change, ChannelInit, Code, OFFER, SignalingError, session_path,
};
use tokio::time::timeout;

/// The largest body taken, in bytes: an offer of one data channel is about 500.
pub const BODY_LIMIT: usize = 64 * 1024;
/// How long a body may take to arrive.
pub const BODY_TIMEOUT: Duration = Duration::from_secs(10);

const JSON: &str = "application/json";
/// RFC 8866 section 8.1.
const SDP: &str = "application/sdp";

/// The body of a `POST` in JSON.
#[derive(Deserialize)]
struct Opening {
    #[serde(rename = "type")]
    kind: String,
    sdp: String,
    #[serde(default)]
    channels: Vec<ChannelInit>,
}

/// A session that was opened.
struct Opened {
    answer: Answer,
    entity_tag: String,
}

/// `POST /sdp`: 201 with the answer, the session's address, the ICE session's entity tag, and TURN servers. An
/// offer is JSON, or SDP by itself, which is answered in kind (RFC 9725 section 4.2).
pub async fn open(State(sessions): State<Sessions>, request: Request) -> Result<Response, Refusal> {
    let (parts, body) = request.into_parts();
    let from = knock(&sessions, &parts)?;
    let is_sdp = is_of(&parts.headers, SDP);
    if !is_sdp && !is_of(&parts.headers, JSON) {
        return Err(unsupported("application/json or application/sdp").into());
    }
    let body = bytes(body, BODY_LIMIT).await?;
    let opening = if is_sdp {
        Opening {
            kind: OFFER.into(),
            sdp: String::from_utf8_lossy(&body).into_owned(),
            channels: Vec::new(),
        }
    } else {
        serde_json::from_slice(&body).map_err(|cause| {
            SignalingError::new(
                Code::BadJson,
                format!(
                    r#"Expected JSON such as {{"type": "offer", "sdp": "…"}}, but found {cause}."#
                ),
            )
        })?
    };
    let Opened { answer, entity_tag } = answer(&sessions, opening, parts, from).await?;
    let headers = [
        (header::LOCATION, session_path(&answer.id)),
        (header::ETAG, entity_tag),
    ];
    let body = if is_sdp {
        ([(header::CONTENT_TYPE, SDP)], answer.sdp).into_response()
    } else {
        Json(answer).into_response()
    };
    let mut response = (StatusCode::CREATED, headers, body).into_response();
    add_turn_servers(&sessions, response.headers_mut());
    Ok(response)
}

/// Opens a session for a request that was read elsewhere, as `POST /sdp` does.
///
/// # Errors
/// Why the offer cannot be answered.
pub async fn admit(
    sessions: &Sessions,
    request: Parts,
    kind: &str,
    sdp: &str,
    channels: Vec<ChannelInit>,
) -> Result<Answer, Refusal> {
    let opening = Opening {
        kind: kind.to_owned(),
        sdp: sdp.to_owned(),
        channels,
    };
    let from = knock(sessions, &request)?;
    Ok(answer(sessions, opening, request, from).await?.answer)
}

/// The address that a request for a session comes from, where that may bring one now.
fn knock(sessions: &Sessions, request: &Parts) -> Result<Option<IpAddr>, SignalingError> {
    let from = client(sessions.http().0, &request.headers, &request.extensions);
    sessions.admission().knock(from.map(Network::from))?;
    Ok(from)
}

async fn answer(
    sessions: &Sessions,
    opening: Opening,
    request: Parts,
    from: Option<IpAddr>,
) -> Result<Opened, SignalingError> {
    let user = asked(sessions, &request).await?;
    let request = OpeningRequest::new(request, from);
    let offer = Offer::read(&opening.kind, &opening.sdp)?;
    let offer = offer.with_channels(opening.channels, sessions.max_channels())?;
    let (id, answered) = sessions.admit(offer, request, user).await?;
    Ok(Opened {
        answer: Answer {
            kind: ANSWER.into(),
            sdp: answered.sdp.unwrap_or_default(),
            id: id.as_str().to_owned(),
        },
        entity_tag: answered.entity_tag,
    })
}

/// `PATCH /sdp/{id}`: 200 with the answer to an offer and TURN servers, 204 where there was none; both with the
/// ICE session's entity tag. The rules for `If-Match` are those of RFC 9725 section 4.3.1, also
/// where channels are added: one who knows which ICE session they mean can say so.
///
/// The body is JSON as in `POST`, and not the SDP fragment of RFC 8840 that RFC 9725 has: the
/// offer of a browser goes in as it is, and the answer comes out as the browser takes it.
pub async fn change(
    State(sessions): State<Sessions>,
    id: Result<Path<String>, PathRejection>,
    request: Request,
) -> Result<Response, Refusal> {
    let Ok(Path(id)) = id else {
        return Err(not_found().into());
    };
    let condition = condition(request.headers()).ok_or_else(|| {
        SignalingError::new(
            Code::PreconditionRequired,
            "Expected If-Match with the ETag of the answer before, or \"*\" (RFC 9725 section 4.3.1).",
        )
    })?;
    if !is_of(request.headers(), JSON) {
        return Err(unsupported("application/json").into());
    }
    let from = client(sessions.http().0, request.headers(), request.extensions());
    let (parts, body) = request.into_parts();
    let user = asked(&sessions, &parts).await?;
    let body = bytes(body, BODY_LIMIT).await?;
    let update = Update {
        user,
        ..update(&body, sessions.max_channels(), condition, from)?
    };
    let updated = sessions
        .update(&SessionId::from_request(id.clone()), update)
        .await?;
    let entity_tag = [(header::ETAG, updated.entity_tag)];
    Ok(match updated.sdp {
        Some(sdp) => {
            let answer = Answer {
                kind: ANSWER.into(),
                sdp,
                id,
            };
            let mut response = (entity_tag, Json(answer)).into_response();
            add_turn_servers(&sessions, response.headers_mut());
            response
        }
        None => (StatusCode::NO_CONTENT, entity_tag).into_response(),
    })
}

/// `If-Match`: several lines are one list (RFC 9110 section 5.3).
fn condition(headers: &HeaderMap) -> Option<Condition> {
    let lines = headers.get_all(header::IF_MATCH).iter();
    let lines: Vec<&str> = lines
        .map(|line| line.to_str().unwrap_or_default())
        .collect();
    (!lines.is_empty()).then(|| Condition::read(&lines.join(",")))
}

fn update(
    body: &[u8],
    max: usize,
    condition: Condition,
    from: Option<IpAddr>,
) -> Result<Update, SignalingError> {
    let expected = |found: &str| {
        SignalingError::new(
            Code::BadJson,
            format!(
                r#"Expected JSON such as {{"type": "offer", "sdp": "…"}} or {{"channels": […]}}, but found {found}."#
            ),
        )
    };
    let change: Change =
        serde_json::from_slice(body).map_err(|cause| expected(&cause.to_string()))?;
    let offer = match (change.kind, change.sdp) {
        (Some(kind), Some(sdp)) => Some(Offer::read(&kind, &sdp)?),
        (None, None) if change.channels.is_empty() => {
            return Err(expected("neither an offer nor channels"));
        }
        (None, None) => None,
        _ => return Err(expected("a part of an offer")),
    };
    check_channels(&change.channels, max)?;
    Ok(Update {
        user: None,
        offer,
        channels: change.channels,
        condition,
        from,
    })
}

/// `DELETE /sdp/{id}`: 204, or 404 where no session has this id (any more).
pub async fn end(
    State(sessions): State<Sessions>,
    id: Result<Path<String>, PathRejection>,
    request: Request,
) -> Result<StatusCode, Refusal> {
    let (parts, _) = request.into_parts();
    let user = asked(&sessions, &parts).await?;
    // An id that is not even text is rejected by axum, and known to nobody either.
    let end = |Path(id)| sessions.end_by_id(&SessionId::from_request(id), user.as_ref());
    if id.is_ok_and(end) {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(not_found().into())
    }
}

/// Who has sent a request, where anybody is asked.
async fn asked(sessions: &Sessions, request: &Parts) -> Result<Option<User>, SignalingError> {
    Ok(sessions.authentication().ask(request).await?)
}

/// Whether a request says that its body is of this type.
fn is_of(headers: &HeaderMap, kind: &str) -> bool {
    let content_type = headers.get(header::CONTENT_TYPE);
    let essence = content_type
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(';').next());
    essence.is_some_and(|essence| essence.trim().eq_ignore_ascii_case(kind))
}

fn unsupported(expected: &str) -> SignalingError {
    SignalingError::new(
        Code::UnsupportedMediaType,
        format!("Expected a body of the content type {expected}."),
    )
}

/// The body of a request, of at most so many bytes, within its time.
pub(super) async fn bytes(body: Body, limit: usize) -> Result<Bytes, SignalingError> {
    // axum's own limit is that of the request's extensions, which stay with its head.
    let body = Request::new(Body::new(Limited::new(body, limit)));
    timeout(BODY_TIMEOUT, Bytes::from_request(body, &()))
        .await
        .map_err(|_| {
            SignalingError::new(
                Code::Timeout,
                format!("The body did not arrive within {BODY_TIMEOUT:?}."),
            )
        })?
        .map_err(|refused| match refused {
            BytesRejection::FailedToBufferBody(FailedToBufferBody::LengthLimitError(_)) => {
                SignalingError::new(
                    Code::TooLarge,
                    format!("Expected at most {} KiB.", limit / 1024),
                )
            }
            cause => SignalingError::new(
                Code::BadJson,
                format!("The body did not arrive whole: {cause}."),
            ),
        })
}
