//! Pages of other origins, and names of other hosts.

use super::error::Refusal;
use crate::sessions::Sessions;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tickwire_wire::signaling::{Code, SignalingError};

/// How long a browser may keep the answer to a preflight, in seconds.
const KEPT: HeaderValue = HeaderValue::from_static("600");
const METHODS: HeaderValue = HeaderValue::from_static("GET, POST, PUT, PATCH, DELETE");
const TAKEN: HeaderValue =
    HeaderValue::from_static("authorization, content-type, if-match, if-none-match, last-event-id");
const TOLD: HeaderValue =
    HeaderValue::from_static("location, etag, link, retry-after, x-request-id");

/// Lets pages of the origins in the configuration use what is below (the Fetch standard, "CORS
/// protocol"), and answers `OPTIONS` (RFC 9725 section 4.2).
pub async fn cors(State(sessions): State<Sessions>, request: Request, next: Next) -> Response {
    let origin = request.headers().get(header::ORIGIN).cloned();
    let origin = origin.filter(|origin| is_allowed(&sessions, origin));
    let is_options = request.method() == Method::OPTIONS;
    let mut response = if is_options {
        let accepted = [(HeaderName::from_static("accept-post"), "application/sdp")];
        let is_sdp = request.uri().path() == "/sdp";
        (StatusCode::NO_CONTENT, is_sdp.then_some(accepted), ()).into_response()
    } else {
        next.run(request).await
    };
    let headers = response.headers_mut();
    if !sessions.http().0.allow_origins.is_empty() {
        headers.append(header::VARY, HeaderValue::from_static("origin"));
    }
    if let Some(origin) = origin {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        if is_options {
            headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, METHODS);
            headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, TAKEN);
            headers.insert(header::ACCESS_CONTROL_MAX_AGE, KEPT);
        } else {
            headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, TOLD);
        }
    }
    response
}

/// Whether pages of this origin are in the configuration.
pub fn is_allowed(sessions: &Sessions, origin: &HeaderValue) -> bool {
    let allowed = &sessions.http().0.allow_origins;
    allowed
        .iter()
        .any(|it| it == "*" || it.as_bytes() == origin)
}

/// Refuses requests that ask by a name that is none of this server's.
pub async fn host(
    State(sessions): State<Sessions>,
    request: Request,
    next: Next,
) -> Result<Response, Refusal> {
    let allowed = &sessions.http().0.allowed_hosts;
    let host = name(request.uri(), request.headers());
    let is_ours = |host: &str| allowed.iter().any(|it| it.eq_ignore_ascii_case(host));
    if allowed.is_empty() || host.is_some_and(is_ours) {
        return Ok(next.run(request).await);
    }
    let message = "This server is not known by the name that the request asks for (allowed-hosts).";
    Err(SignalingError::new(Code::Forbidden, message).into())
}

/// By which name, without a port, a request asks (RFC 9112 section 3.2).
fn name<'a>(uri: &'a Uri, headers: &'a HeaderMap) -> Option<&'a str> {
    if let Some(host) = uri.host() {
        return Some(host);
    }
    let host = headers.get(header::HOST)?.to_str().ok()?;
    match host.rsplit_once(':') {
        // What stands behind the last colon of an IPv6 address is no port.
        Some((name, port)) if !port.ends_with(']') => Some(name),
        _ => Some(host),
    }
}
