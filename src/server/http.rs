//! HTTP: the page and its files, the signalling, health.

mod error;
mod files;
mod health;
pub mod signaling;

use super::shell::shell;
use super::state::AppState;
use crate::app::App;
use axum::Router;
use axum::http::{HeaderName, HeaderValue, header};
use axum::middleware;
use axum::routing::{delete, get};
use leptos_axum::{LeptosRoutes, generate_route_list};
use tower_http::set_header::SetResponseHeaderLayer;

/// All routes of the server, ready to serve.
pub fn router(state: AppState) -> Router {
    let leptos = state.leptos.clone();
    let files = files::service(&leptos);
    Router::new()
        .leptos_routes(&state, generate_route_list(App), move || {
            shell(leptos.clone())
        })
        .route("/sdp/{id}", delete(signaling::end))
        .route("/health", get(health::health))
        .method_not_allowed_fallback(error::method_not_allowed)
        .fallback_service(files)
        .layer(middleware::from_fn(signaling::guard))
        .layer(always(header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .layer(always(header::REFERRER_POLICY, "no-referrer"))
        .layer(always(
            HeaderName::from_static("cross-origin-opener-policy"),
            "same-origin",
        ))
        .with_state(state)
}

fn always(name: HeaderName, value: &'static str) -> SetResponseHeaderLayer<HeaderValue> {
    SetResponseHeaderLayer::if_not_present(name, HeaderValue::from_static(value))
}
