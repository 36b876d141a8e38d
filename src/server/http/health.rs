//! `GET /health`: for load balancers, and for people who want to see at a glance.

use crate::server::Sessions;
use axum::Json;
use axum::extract::State;
use serde::Serialize;

/// That the server answers, and how many sessions are open.
#[derive(Serialize)]
pub struct Health {
    status: &'static str,
    sessions: usize,
}

pub async fn health(State(sessions): State<Sessions>) -> Json<Health> {
    Json(Health {
        status: "ok",
        sessions: sessions.count(),
    })
}
