//! Requests about a session that another node has: they are handed on to it, so that a balancer need not
//! know which one that is.

use super::error::Refusal;
use super::signaling::{BODY_LIMIT, bytes};
use crate::engine::AskError;
use crate::id::SessionId;
use crate::sessions::{Sessions, not_found};
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::rejection::PathRejection;
use axum::extract::{ConnectInfo, Path, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use hyper::service::Service;
use hyper_util::service::TowerToHyperService;
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;
use std::sync::Arc;
use tickwire_wire::signaling::{Code, SignalingError};

/// A request, before its body: a line of JSON.
#[derive(Serialize, Deserialize)]
struct Asked {
    method: String,
    path: String,
    headers: Headers,
    from: Option<SocketAddr>,
}

/// A response, before its body, likewise.
#[derive(Serialize, Deserialize)]
struct Answered {
    status: u16,
    headers: Headers,
}

type Headers = Vec<(String, String)>;

/// Hands a request on, where the session is of another node.
pub async fn hand_on(
    State(sessions): State<Sessions>,
    id: Result<Path<String>, PathRejection>,
    request: Request,
    next: Next,
) -> Result<Response, Refusal> {
    let id = id.ok().map(|Path(id)| SessionId::from_request(id));
    let node = id.as_ref().and_then(SessionId::node);
    let (Some(nodes), Some(node)) = (sessions.nodes(), node) else {
        return Ok(next.run(request).await);
    };
    if node == nodes.this() {
        return Ok(next.run(request).await);
    }
    // Whoever made it up may have written what is no name.
    if node.is_empty() || !node.bytes().all(|it| it.is_ascii_alphanumeric()) {
        return Err(not_found().into());
    }
    let (parts, body) = request.into_parts();
    let from = parts.extensions.get::<ConnectInfo<SocketAddr>>();
    let asked = Asked {
        method: parts.method.to_string(),
        path: parts.uri.path().to_owned(),
        headers: said(&parts.headers),
        from: from.map(|ConnectInfo(from)| *from),
    };
    let body = bytes(body, BODY_LIMIT).await?;
    let replied = nodes.ask(node, written(&asked, &body)).await;
    let replied = replied.map_err(|cause| match cause {
        AskError::Gone => not_found(),
        AskError::Silent => silent(),
    })?;
    let (answered, body) = read::<Answered>(&replied).ok_or_else(silent)?;
    let status = StatusCode::from_u16(answered.status).map_err(|_| silent())?;
    Ok((status, taken(answered.headers), body).into_response())
}

/// Answers what other nodes hand on, by this router.
pub fn answer(sessions: &Sessions, router: Router) {
    let Some(nodes) = sessions.nodes() else {
        return;
    };
    let service = TowerToHyperService::new(router);
    nodes.answer(Some(Arc::new(move |message: Bytes| {
        let service = service.clone();
        Box::pin(async move {
            let Some(request) = request(&message) else {
                return Bytes::new();
            };
            let Ok(response) = service.call(request).await;
            let (parts, body) = response.into_parts();
            let answered = Answered {
                status: parts.status.as_u16(),
                headers: said(&parts.headers),
            };
            // An answer is as long as an offer, about.
            let body = axum::body::to_bytes(body, BODY_LIMIT).await;
            body.map_or_else(|_| Bytes::new(), |body| written(&answered, &body))
        })
    })));
}

fn silent() -> SignalingError {
    SignalingError::new(
        Code::Busy,
        "The server that has this session does not answer. Try again in a second.",
    )
}

fn said(headers: &HeaderMap) -> Headers {
    // The length is that of the body as it comes.
    let headers = headers
        .iter()
        .filter(|(name, _)| *name != header::CONTENT_LENGTH);
    let text = |(name, value): (&HeaderName, &HeaderValue)| {
        Some((name.to_string(), value.to_str().ok()?.to_owned()))
    };
    headers.filter_map(text).collect()
}

fn taken(headers: Headers) -> HeaderMap {
    let parse = |(name, value): (String, String)| {
        Some((
            HeaderName::try_from(name).ok()?,
            HeaderValue::try_from(value).ok()?,
        ))
    };
    let mut taken = HeaderMap::new();
    for (name, value) in headers.into_iter().filter_map(parse) {
        taken.append(name, value);
    }
    taken
}

fn request(message: &Bytes) -> Option<Request> {
    let (asked, body) = read::<Asked>(message)?;
    let request = Request::builder()
        .method(asked.method.as_str())
        .uri(asked.path);
    let mut request = request.body(Body::from(body)).ok()?;
    *request.headers_mut() = taken(asked.headers);
    if let Some(from) = asked.from {
        request.extensions_mut().insert(ConnectInfo(from));
    }
    Some(request)
}

fn written(head: &impl Serialize, body: &[u8]) -> Bytes {
    // Texts and numbers always become JSON, on one line.
    let mut message = serde_json::to_vec(head).unwrap_or_default();
    message.push(b'\n');
    message.extend_from_slice(body);
    message.into()
}

fn read<T: for<'de> Deserialize<'de>>(message: &Bytes) -> Option<(T, Bytes)> {
    let end = message.iter().position(|byte| *byte == b'\n')?;
    let head = serde_json::from_slice(&message[..end]).ok()?;
    Some((head, message.slice(end + 1..)))
}
