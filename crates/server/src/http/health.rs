//! `GET /health`: for load balancers, and for people who want to see at a glance.

use crate::sessions::Sessions;
use axum::Json;
use axum::extract::State;
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
