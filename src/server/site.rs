//! The page with its files and its server function, and the server's router.

use super::files::{self, NotFound};
use super::shell::shell;
use super::state::AppState;
use crate::app::App;
use axum::Router;
use axum::extract::Request;
use axum::http::{Extensions, HeaderMap, HeaderName, HeaderValue, StatusCode, Version, header};
use axum::middleware::{Next, from_fn};
use axum::response::{Redirect, Response};
use axum::routing::get;
use leptos::config::LeptosOptions;
use leptos::context::provide_context;
use leptos_axum::{LeptosRoutes, generate_route_list};
use tickwire_server::http::{BODY_LIMIT, BODY_TIMEOUT, method_not_allowed};
use tower_http::compression::CompressionLayer;
use tower_http::limit::RequestBodyLimitLayer;
use tower_http::set_header::SetResponseHeaderLayer;
use tower_http::timeout::RequestBodyTimeoutLayer;

/// [`tickwire_server::router`], and the page with its files and its server function, below the path
/// `base`: empty for the root, or such as `/live`.
pub fn site(state: AppState, base: &str) -> Router {
    let named = files::named_by_content(&state.leptos);
    let root = root(state, &named, base);
    if base.is_empty() {
        return root;
    }
    let folder = format!("{base}/");
    let not_found = NotFound::new(&named, base);
    Router::new()
        .nest(&folder, root)
        // The page's own addresses are relative to the folder.
        .route(base, get(Redirect::permanent(&folder)))
        .fallback(move |headers| not_found.answer(headers))
}

/// All of it, at the root.
fn root(state: AppState, named: &LeptosOptions, base: &str) -> Router {
    let AppState { leptos, sessions } = state.clone();
    let files = files::service(&leptos, named, base);
    let named = named.clone();
    let context = sessions.clone();
    Router::new()
        // The server function is among these.
        .leptos_routes_with_context(
            &state,
            generate_route_list(App),
            move || provide_context(context.clone()),
            move || shell(named.clone()),
        )
        .fallback_service(files)
        .with_state(state)
        // Leptos reads whatever comes, for as long as it takes.
        .layer(RequestBodyLimitLayer::new(BODY_LIMIT))
        .layer(RequestBodyTimeoutLayer::new(BODY_TIMEOUT))
        .merge(tickwire_server::router(sessions))
        .method_not_allowed_fallback(method_not_allowed)
        .layer(CompressionLayer::new().compress_when(is_page))
        .layer(always(header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .layer(always(header::REFERRER_POLICY, "no-referrer"))
        .layer(from_fn(isolate))
}

/// `Cross-Origin-Opener-Policy` where it holds. To an address that a browser trusts (https, its own
/// machine) it says where a request comes from (Fetch Metadata, `Sec-Fetch-Site`); at another it would
/// complain of the header.
async fn isolate(request: Request, next: Next) -> Response {
    let is_trusted = request.headers().contains_key("sec-fetch-site");
    let mut response = next.run(request).await;
    if is_trusted {
        let policy = HeaderName::from_static("cross-origin-opener-policy");
        let headers = response.headers_mut();
        headers.insert(policy, HeaderValue::from_static("same-origin"));
    }
    response
}

/// Files are compressed when they are built, and what travels besides is small.
fn is_page(_: StatusCode, _: Version, headers: &HeaderMap, _: &Extensions) -> bool {
    let kind = headers.get(header::CONTENT_TYPE);
    kind.is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"))
}

fn always(name: HeaderName, value: &'static str) -> SetResponseHeaderLayer<HeaderValue> {
    SetResponseHeaderLayer::if_not_present(name, HeaderValue::from_static(value))
}
