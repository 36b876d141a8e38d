//! How many requests there were.

use crate::sessions::Sessions;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderValue, header};
use axum::middleware::Next;
use axum::response::Response;

/// Counts requests by their route. While the server drains, each ends its connection.
pub async fn count(State(sessions): State<Sessions>, request: Request, next: Next) -> Response {
    // What is no route is the files of a page, or what strangers look for.
    let path = request.extensions().get::<MatchedPath>();
    let route = path.map_or("other", MatchedPath::as_str).to_owned();
    let method = request.method().clone();
    let mut response = next.run(request).await;
    if sessions.is_draining() {
        // The next request may find another server (RFC 9112 section 9.6).
        let close = HeaderValue::from_static("close");
        response.headers_mut().insert(header::CONNECTION, close);
    }
    sessions
        .requests()
        .count(route, &method, response.status().as_u16());
    response
}
