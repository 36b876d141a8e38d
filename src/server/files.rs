//! The page's files, as built into the site's root, and what is answered where there is none.

use axum::Router;
use axum::handler::HandlerWithoutStateExt;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use leptos::config::LeptosOptions;
use tickwire_server::http::Refusal;
use tickwire_wire::signaling::{Code, SignalingError};
use tower_http::services::ServeDir;
use tower_http::set_header::SetResponseHeaderLayer;

const NOT_FOUND_PAGE: &str = include_str!("not_found.html");

/// Serves the files below the site's root, compressed beforehand where they are. Browsers ask
/// each time whether a file has changed: its name does not tell.
pub fn service(options: &LeptosOptions) -> Router {
    let files = ServeDir::new(options.site_root.as_ref())
        .append_index_html_on_directories(false)
        .precompressed_br()
        .precompressed_gzip()
        .fallback(not_found.into_service());
    Router::new()
        .fallback_service(files)
        .layer(SetResponseHeaderLayer::if_not_present(
            header::CACHE_CONTROL,
            HeaderValue::from_static("no-cache"),
        ))
}

/// A page for a browser, JSON for a program.
async fn not_found(headers: HeaderMap) -> Response {
    let wants_page = headers
        .get(header::ACCEPT)
        .and_then(|accept| accept.to_str().ok())
        .is_some_and(|accept| accept.contains("text/html"));
    if wants_page {
        return (StatusCode::NOT_FOUND, Html(NOT_FOUND_PAGE)).into_response();
    }
    Refusal(SignalingError::new(
        Code::NotFound,
        "Nothing is at this path. The page is at /, and offers go to /sdp.",
    ))
    .into_response()
}
