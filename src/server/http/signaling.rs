//! The signalling resource: `POST /sdp` opens a session, `DELETE /sdp/{id}` ends one.

use super::super::Sessions;
use super::super::offer::Offer;
use super::super::session::SessionId;
use crate::signaling::{Answer, ChannelInit, Code, SignalingError, session_path};
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::rejection::PathRejection;
use axum::extract::{ConnectInfo, Path, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use leptos::prelude::{FromServerFnError, expect_context, use_context};
use leptos::server_fn::error::SERVER_FN_ERROR_HEADER;
use leptos_axum::ResponseOptions;
use std::net::SocketAddr;
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
    let from = use_context::<Parts>()
        .and_then(|request| request.extensions.get::<ConnectInfo<SocketAddr>>().copied())
        .map(|ConnectInfo(from)| from.ip().to_canonical());
    let offer = Offer::read(kind, sdp)?.with_channels(channels, sessions.max_channels())?;
    let answer = sessions.admit(offer, from).await?;
    response.set_status(StatusCode::CREATED);
    if let Ok(location) = HeaderValue::from_str(&session_path(&answer.id)) {
        response.insert_header(header::LOCATION, location);
    }
    Ok(answer)
}

/// `DELETE /sdp/{id}`: 204, or 404 where no session has this id (any more).
pub async fn end(
    State(sessions): State<Sessions>,
    id: Result<Path<String>, PathRejection>,
) -> Response {
    // An id that is not even text is rejected by axum, and known to nobody either.
    if id.is_ok_and(|Path(id)| sessions.end(&SessionId::from_request(id))) {
        StatusCode::NO_CONTENT.into_response()
    } else {
        SignalingError::new(Code::NotFound, "No session has this id. It may have ended.")
            .into_response()
    }
}

/// Stands before the server function: checks what it does not (content type, size), and gives
/// its errors their status. Other requests pass.
pub async fn guard(request: Request, next: Next) -> Response {
    if request.method() != Method::POST || request.uri().path() != "/sdp" {
        return next.run(request).await;
    }
    let request = match checked(request).await {
        Ok(request) => request,
        Err(refused) => return refused.into_response(),
    };
    let response = next.run(request).await;
    if !response.headers().contains_key(SERVER_FN_ERROR_HEADER) {
        return response;
    }
    let body = to_bytes(response.into_body(), BODY_LIMIT)
        .await
        .unwrap_or_default();
    SignalingError::de(body).into_response()
}

async fn checked(request: Request) -> Result<Request, SignalingError> {
    let (mut parts, body) = request.into_parts();
    let content_type = parts
        .headers
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
    let body: Bytes = timeout(BODY_TIMEOUT, to_bytes(body, BODY_LIMIT))
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
        })?;
    // Leptos redirects a form that was posted by a page without JavaScript. This is no form.
    parts
        .headers
        .insert(header::ACCEPT, HeaderValue::from_static("application/json"));
    Ok(Request::from_parts(parts, Body::from(body)))
}
