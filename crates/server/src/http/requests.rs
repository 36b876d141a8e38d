//! How many requests there were, and by what each is known in the log.

use crate::sessions::Sessions;
use axum::extract::{ConnectInfo, MatchedPath, Request, State};
use axum::http::{HeaderName, HeaderValue, header};
use axum::middleware::Next;
use axum::response::Response;
use std::net::SocketAddr;
use tracing::{Instrument, debug, info_span};

/// By what proxies call a request in their own logs.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// The longest id of a proxy's that is taken, in bytes: a UUID is 36.
const LONGEST_ID: usize = 64;

/// Counts requests by their route, and gives each an id, which stands in its answer, and before each line
/// of the log that comes of it, those of a session that it opens included. While the server drains, each
/// ends its connection.
pub async fn count(State(sessions): State<Sessions>, request: Request, next: Next) -> Response {
    // What is no route is the files of a page, or what strangers look for.
    let path = request.extensions().get::<MatchedPath>();
    let route = path.map_or("other", MatchedPath::as_str).to_owned();
    let method = request.method().clone();
    let id = told(&sessions, &request)
        .map_or_else(|| format!("{:016x}", rand::random::<u64>()), str::to_owned);
    let span = info_span!("request", id);
    let mut response = next.run(request).instrument(span.clone()).await;
    let status = response.status().as_u16();
    span.in_scope(|| debug!(%method, route, status, "request"));
    let headers = response.headers_mut();
    if sessions.is_draining() {
        // The next request may find another server (RFC 9112 section 9.6).
        headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    if let Ok(id) = HeaderValue::try_from(id) {
        headers.insert(REQUEST_ID, id);
    }
    sessions.requests().count(route, &method, status);
    response
}

/// The id that a trusted proxy has given a request. A stranger's would stand in the log.
fn told<'a>(sessions: &Sessions, request: &'a Request) -> Option<&'a str> {
    let ConnectInfo(from) = request.extensions().get::<ConnectInfo<SocketAddr>>()?;
    let id = request.headers().get(REQUEST_ID)?.to_str().ok()?;
    let is_plain =
        (1..=LONGEST_ID).contains(&id.len()) && id.bytes().all(|it| it.is_ascii_graphic());
    (is_plain && sessions.http().0.is_trusted(from.ip())).then_some(id)
}
