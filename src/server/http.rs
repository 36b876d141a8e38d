//! HTTP: the page and its files, the signalling, health.

mod error;
mod files;
mod health;
pub mod signaling;

use super::Sessions;
use super::shell::shell;
use super::state::AppState;
use crate::app::App;
use axum::Router;
use axum::extract::Request;
use axum::http::{Extensions, HeaderMap, HeaderName, HeaderValue, StatusCode, Version, header};
use axum::middleware;
use axum::routing::{delete, get, post};
use leptos::context::provide_context;
use leptos_axum::{LeptosRoutes, generate_route_list, handle_server_fns_with_context};
use tower_http::compression::CompressionLayer;
use tower_http::set_header::SetResponseHeaderLayer;

/// The signalling and the health of these sessions: `POST /sdp`, `PATCH` and `DELETE /sdp/{id}`,
/// and `GET /health`. Merge it into a router of your own, and serve that with
/// `into_make_service_with_connect_info::<SocketAddr>()`, so that browsers on the same machine
/// are told of its loopback address.
pub fn router(sessions: Sessions) -> Router {
    let context = sessions.clone();
    let connect = move |request: Request| {
        let sessions = context.clone();
        handle_server_fns_with_context(move || provide_context(sessions.clone()), request)
    };
    Router::new()
        .route("/sdp", post(connect))
        .merge(others(sessions))
        .method_not_allowed_fallback(error::method_not_allowed)
        .layer(middleware::from_fn(signaling::guard))
}

/// [`router`], and the page with its files.
pub fn site(state: AppState) -> Router {
    let AppState { leptos, sessions } = state.clone();
    let files = files::service(&leptos);
    let context = sessions.clone();
    Router::new()
        // The server function is among these.
        .leptos_routes_with_context(
            &state,
            generate_route_list(App),
            move || provide_context(context.clone()),
            move || shell(leptos.clone()),
        )
        .fallback_service(files)
        .with_state(state)
        .merge(others(sessions))
        .method_not_allowed_fallback(error::method_not_allowed)
        .layer(middleware::from_fn(signaling::guard))
        .layer(CompressionLayer::new().compress_when(is_page))
        .layer(always(header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .layer(always(header::REFERRER_POLICY, "no-referrer"))
        .layer(always(
            HeaderName::from_static("cross-origin-opener-policy"),
            "same-origin",
        ))
}

/// What neither needs the page nor is a server function.
fn others(sessions: Sessions) -> Router {
    Router::new()
        .route("/sdp/{id}", delete(signaling::end).patch(signaling::change))
        .route("/health", get(health::health))
        .with_state(sessions)
}

/// Files are compressed when they are built, and what travels besides is small.
fn is_page(_: StatusCode, _: Version, headers: &HeaderMap, _: &Extensions) -> bool {
    let kind = headers.get(header::CONTENT_TYPE);
    kind.is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"))
}

fn always(name: HeaderName, value: &'static str) -> SetResponseHeaderLayer<HeaderValue> {
    SetResponseHeaderLayer::if_not_present(name, HeaderValue::from_static(value))
}
