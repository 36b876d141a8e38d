//! The app around the server: its page, its settings, its feed of the machine's load.

#[cfg(target_os = "linux")]
mod acme;
mod check;
#[cfg(target_os = "linux")]
mod deploy;
#[cfg(target_os = "linux")]
mod docs;
mod health;
mod machine;
mod page;
mod program;
mod release;
mod signalling;
#[cfg(unix)]
mod supervisor;
#[path = "../../crates/server/tests/support/mod.rs"]
mod support;
mod token;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, Response, header};
use tickwire::server::{self, AppState, Config, site};
use tickwire_server::auth::Authentication;
use tickwire_server::{Sessions, Topics};

/// A configuration from `TICKWIRE_…` variables, on loopback.
fn config(variables: &[(&str, &str)]) -> Config {
    let variables = [("TICKWIRE_PORT_LISTEN", r#"["127.0.0.1:0"]"#)]
        .iter()
        .chain(variables)
        .map(|&(name, value)| (name.to_owned(), value.to_owned()));
    Config::from_parts("", variables).unwrap()
}

fn app(variables: &[(&str, &str)]) -> (Router, Sessions) {
    let config = config(variables);
    let sessions = Sessions::open(
        &config.server,
        ([127, 0, 0, 1], 0).into(),
        server::feeds(&[], &Topics::new()).unwrap(),
        Authentication::default(),
    )
    .unwrap();
    let state = AppState {
        leptos: config.leptos,
        sessions: sessions.clone(),
    };
    (site(state, &config.site.base), sessions)
}

fn get(path: &str, accept: &str) -> Request<Body> {
    let request = Request::builder().uri(path).header(header::ACCEPT, accept);
    request.body(Body::empty()).unwrap()
}

fn request(method: &str, path: &str, content_type: &str, body: impl Into<Body>) -> Request<Body> {
    Request::builder()
        .method(method)
        .uri(path)
        .header(header::CONTENT_TYPE, content_type)
        .body(body.into())
        .unwrap()
}

async fn text(response: Response<Body>) -> String {
    let body = to_bytes(response.into_body(), 1 << 20).await.unwrap();
    String::from_utf8(body.to_vec()).unwrap()
}
