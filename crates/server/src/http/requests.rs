//! How many requests there were.

use crate::sessions::Sessions;
use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;

/// Counts requests by their route.
pub async fn count(State(sessions): State<Sessions>, request: Request, next: Next) -> Response {
    // What is no route is the files of a page, or what strangers look for.
    let path = request.extensions().get::<MatchedPath>();
    let route = path.map_or("other", MatchedPath::as_str).to_owned();
    let method = request.method().clone();
    let response = next.run(request).await;
    sessions
        .requests()
        .count(route, &method, response.status().as_u16());
    response
}
