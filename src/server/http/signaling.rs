//! The signalling resource: `POST /sdp` opens a session, `PATCH /sdp/{id}` changes it, and
//! `DELETE /sdp/{id}` ends it.

use super::super::Sessions;
use super::super::offer::{Offer, check_channels};
use super::super::session::SessionId;
use super::super::sessions::not_found;
use super::super::update::{Condition, Update};
use crate::signaling::{ANSWER, Answer, Change, ChannelInit, Code, SignalingError, session_path};
use axum::Json;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::rejection::PathRejection;
use axum::extract::{ConnectInfo, Path, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use leptos::prelude::{FromServerFnError, expect_context, use_context};
use leptos::server_fn::error::SERVER_FN_ERROR_HEADER;
use leptos_axum::ResponseOptions;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;
use tokio::time::timeout;

/// The largest body taken, in bytes: an offer of one data channel is about 500.
const BODY_LIMIT: usize = 64 * 1024;
/// How long a body may take to arrive.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// Answers an offer: what the server function `connect` does on the server.
pub async fn connect(
    kind: &str,
    sdp: &str,
    channels: Vec<ChannelInit>,
) -> Result<Answer, SignalingError> {
    let sessions = expect_context::<Sessions>();
    let response = expect_context::<ResponseOptions>();
    let from = use_context::<Parts>().and_then(|request| asked_from(&request));
    let offer = Offer::read(kind, sdp)?.with_channels(channels, sessions.max_channels())?;
    let (id, answer) = sessions.admit(offer, from).await?;
    let id = id.as_str().to_owned();
    response.set_status(StatusCode::CREATED);
    for (name, value) in [
        (header::LOCATION, session_path(&id)),
        (header::ETAG, answer.entity_tag),
    ] {
        if let Ok(value) = HeaderValue::from_str(&value) {
            response.insert_header(name, value);
        }
    }
    Ok(Answer {
        kind: ANSWER.into(),
        sdp: answer.sdp.unwrap_or_default(),
        id,
    })
}

/// `PATCH /sdp/{id}`: 200 with the answer to an offer, 204 where there was none; both with the
/// ICE session's entity tag. The rules for `If-Match` are those of RFC 9725 section 4.3.1, also
/// where channels are added: one who knows which ICE session they mean can say so.
///
/// The body is JSON as in `POST`, and not the SDP fragment of RFC 8840 that RFC 9725 has: the
/// offer of a browser goes in as it is, and the answer comes out as the browser takes it.
pub async fn change(
    State(sessions): State<Sessions>,
    id: Result<Path<String>, PathRejection>,
    request: Request,
) -> Result<Response, SignalingError> {
    let Ok(Path(id)) = id else {
        return Err(not_found());
    };
    let condition = request
        .headers()
        .get(header::IF_MATCH)
        .map(|value| Condition::read(value.to_str().unwrap_or_default()))
        .ok_or_else(|| {
            SignalingError::new(
                Code::PreconditionRequired,
                "Expected If-Match with the ETag of the answer before, or \"*\" (RFC 9725 section 4.3.1).",
            )
        })?;
    let (parts, body) = request.into_parts();
    let body = json(&parts.headers, body).await?;
    let update = update(
        &body,
        sessions.max_channels(),
        condition,
        asked_from(&parts),
    )?;
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
            (entity_tag, Json(answer)).into_response()
        }
        None => (StatusCode::NO_CONTENT, entity_tag).into_response(),
    })
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
        offer,
        channels: change.channels,
        condition,
        from,
    })
}

/// The address that a request came from, where the server was told to keep it.
fn asked_from(request: &Parts) -> Option<IpAddr> {
    let ConnectInfo(from) = request.extensions.get::<ConnectInfo<SocketAddr>>()?;
    Some(from.ip().to_canonical())
}

/// `DELETE /sdp/{id}`: 204, or 404 where no session has this id (any more).
pub async fn end(
    State(sessions): State<Sessions>,
    id: Result<Path<String>, PathRejection>,
) -> Response {
    // An id that is not even text is rejected by axum, and known to nobody either.
    if id.is_ok_and(|Path(id)| sessions.end_by_id(&SessionId::from_request(id))) {
        StatusCode::NO_CONTENT.into_response()
    } else {
        not_found().into_response()
    }
}

/// Stands before the server function: checks what it does not (content type, size), and gives
/// its errors their status. Other requests pass.
pub async fn guard(request: Request, next: Next) -> Response {
    if request.method() != Method::POST || request.uri().path() != "/sdp" {
        return next.run(request).await;
    }
    let (mut parts, body) = request.into_parts();
    let body = match json(&parts.headers, body).await {
        Ok(body) => body,
        Err(refused) => return refused.into_response(),
    };
    // Leptos redirects a form that was posted by a page without JavaScript. This is no form.
    let accepted = HeaderValue::from_static("application/json");
    parts.headers.insert(header::ACCEPT, accepted);
    let request = Request::from_parts(parts, Body::from(body));
    let response = next.run(request).await;
    if !response.headers().contains_key(SERVER_FN_ERROR_HEADER) {
        return response;
    }
    let body = to_bytes(response.into_body(), BODY_LIMIT)
        .await
        .unwrap_or_default();
    SignalingError::de(body).into_response()
}

/// The body of a request that says it is JSON, within its bounds.
async fn json(headers: &HeaderMap, body: Body) -> Result<Bytes, SignalingError> {
    let content_type = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    let essence = content_type
        .unwrap_or_default()
        .split(';')
        .next()
        .unwrap_or_default()
        .trim();
    if !essence.eq_ignore_ascii_case("application/json") {
        return Err(SignalingError::new(
            Code::UnsupportedMediaType,
            "Expected a body of the content type application/json.",
        ));
    }
    timeout(BODY_TIMEOUT, to_bytes(body, BODY_LIMIT))
        .await
        .map_err(|_| {
            SignalingError::new(
                Code::Timeout,
                format!("The body did not arrive within {BODY_TIMEOUT:?}."),
            )
        })?
        .map_err(|_| {
            SignalingError::new(
                Code::TooLarge,
                format!("Expected at most {} KiB.", BODY_LIMIT / 1024),
            )
        })
}
