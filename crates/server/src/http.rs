//! HTTP: the signalling, topics and health.

mod accept;
mod access;
mod admin;
mod batch;
mod elsewhere;
mod encryption;
mod error;
mod forwarded;
mod health;
mod metrics;
mod origin;
mod requests;
mod signaling;
mod socket;
mod stream;
mod topics;
mod turn;

use crate::sessions::Sessions;
pub(crate) use accept::{Doors, accept, accept_clients};
pub use admin::admin;
use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::{delete, get, post};
pub(crate) use encryption::{Encryption, require};
pub use error::{Refusal, method_not_allowed};
pub(crate) use origin::host;
pub(crate) use requests::count;
pub use signaling::{BODY_LIMIT, BODY_TIMEOUT, admit};

/// The signalling, the topics and the health of these sessions: `POST /sdp`, `PATCH` and
/// `DELETE /sdp/{id}`, `GET /ws`, `/topics` and what is below, and `GET /health`. Merge it into a router of your own, and serve that with
/// `into_make_service_with_connect_info::<SocketAddr>()`, so that browsers on the same machine
/// are told of its loopback address.
///
/// Where there are several nodes, what is about a session of another is handed on to that one, and what
/// others hand on is answered.
pub fn router(sessions: Sessions) -> Router {
    let of_session = delete(signaling::end).patch(signaling::change);
    let of_session = Router::new()
        .route("/sdp/{id}", of_session)
        .method_not_allowed_fallback(method_not_allowed)
        .with_state(sessions.clone());
    elsewhere::answer(&sessions, of_session.clone());
    let of_session = of_session.layer(from_fn_with_state(sessions.clone(), elsewhere::hand_on));
    Router::new()
        .route("/sdp", post(signaling::open))
        .route("/ws", get(socket::open))
        .route("/topics", get(topics::list))
        .route("/topics/{topic}", get(topics::snapshot).post(batch::batch))
        .route(
            "/topics/{topic}/{key}",
            get(topics::value).put(topics::put).delete(topics::remove),
        )
        .route("/health", get(health::health))
        .route("/health/live", get(health::live))
        .route("/health/ready", get(health::ready))
        .merge(admin::with_key(&sessions))
        .method_not_allowed_fallback(method_not_allowed)
        .with_state(sessions.clone())
        .merge(of_session)
        .layer(from_fn_with_state(sessions, origin::cors))
}
