//! `GET /health`: for load balancers, and for people who want to see at a glance.

use crate::sessions::Sessions;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use std::collections::BTreeMap;
use tickwire_peer::port::Reason;

/// That the server answers, and what goes through it.
#[derive(Serialize)]
pub struct Health {
    status: &'static str,
    /// Sessions that are open.
    sessions: usize,
    /// Those of them whose browser has not been heard for some seconds.
    silent: usize,
    /// Source addresses from which datagrams are routed to a session.
    routes: usize,
    /// Datagrams that were dropped since the start, by reason.
    dropped: BTreeMap<&'static str, u64>,
}

pub async fn health(State(sessions): State<Sessions>) -> Json<Health> {
    let port = sessions.port();
    let dropped = Reason::ALL.map(|reason| (reason.name(), port.dropped(reason)));
    Json(Health {
        status: "ok",
        sessions: sessions.count(),
        silent: sessions.silent(),
        routes: port.routes().sources,
        dropped: dropped.into(),
    })
}

/// Whether more may be sent here, and why not.
#[derive(Serialize)]
pub struct Readiness {
    status: &'static str,
}

/// `GET /health/live`: 200 for as long as requests are answered.
pub async fn live() -> Json<Readiness> {
    Json(Readiness { status: "ok" })
}

/// `GET /health/ready`: 200, or 503 where no more is to be sent here: while the server drains, where it has
/// as many sessions as it may or as `ready-sessions`, or its UDP port has failed.
pub async fn ready(State(sessions): State<Sessions>) -> (StatusCode, Json<Readiness>) {
    let status = if sessions.is_draining() {
        "draining"
    } else if sessions.port().has_failed() {
        "port-failed"
    } else if sessions.is_full() {
        "full"
    } else if sessions.count() >= sessions.http().1.ready_sessions {
        "loaded"
    } else {
        return (StatusCode::OK, live().await);
    };
    (StatusCode::SERVICE_UNAVAILABLE, Json(Readiness { status }))
}
