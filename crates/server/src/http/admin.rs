//! What is for those who run the server: its metrics, and its drain.

use super::access::is_key;
use super::error::Refusal;
use super::{health, metrics};
use crate::auth::bearer;
use crate::sessions::Sessions;
use axum::Router;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use axum::routing::{get, post};
use tickwire_wire::signaling::{Code, SignalingError};

/// `GET /metrics`, `POST /drain` and `GET /health` below, for whoever reaches it: for an address that
/// strangers do not.
pub fn admin(sessions: Sessions) -> Router {
    Router::new()
        .route("/health", get(health::health))
        .route("/health/live", get(health::live))
        .route("/health/ready", get(health::ready))
        .merge(routes())
        .with_state(sessions)
}

fn routes() -> Router<Sessions> {
    Router::new()
        .route("/metrics", get(metrics::metrics))
        .route("/drain", post(drain))
}

/// The same two for whoever has the admin key.
pub fn with_key(sessions: &Sessions) -> Router<Sessions> {
    routes().route_layer(from_fn_with_state(sessions.clone(), guard))
}

async fn guard(
    State(sessions): State<Sessions>,
    request: Request,
    next: Next,
) -> Result<Response, Refusal> {
    let key = &sessions.admin().key;
    if key.is_empty() {
        let message =
            "This is for those who run the server: its configuration has no key under [admin].";
        return Err(SignalingError::new(Code::Forbidden, message).into());
    }
    let (parts, body) = request.into_parts();
    if bearer(&parts).is_some_and(|given| is_key(std::slice::from_ref(key), given)) {
        return Ok(next.run(Request::from_parts(parts, body)).await);
    }
    let message = "Expected the header Authorization: Bearer, with the key under [admin].";
    Err(SignalingError::new(Code::Unauthorized, message).into())
}

/// `POST /drain`: 202, and the server has its clients leave, as at SIGTERM.
async fn drain(State(sessions): State<Sessions>) -> StatusCode {
    let over = sessions.drains_over();
    tokio::spawn(async move { sessions.drain(over).await });
    StatusCode::ACCEPTED
}
