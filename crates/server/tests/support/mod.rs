//! A real server on port 0, in a runtime of its own so that its tasks can be counted, and a
//! real WebRTC peer as its client.

#![allow(
    dead_code,
    unused_imports,
    reason = "each test binary uses a part of it"
)]

mod channel;
mod client;

pub use channel::{closed, next_binary, next_text, opened, sent_until_it_waits};
pub use client::{Client, candidates, unchanged};

use axum::Router;
use serde_json::Value;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tickwire_auth::Verifier;
use tickwire_server::{Config, Feeds, ServeError};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::sync::oneshot;
use tokio::time::timeout;

pub const OFFER_SDP: &str = include_str!("../fixtures/chromium-offer.sdp");

/// How long anything awaited may take before the test fails. No test depends on it otherwise.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A configuration on loopback, with changes.
pub fn config(change: impl FnOnce(&mut Config)) -> Config {
    let mut config = Config::default();
    config.port.listen = vec!["127.0.0.1:0".parse().unwrap()];
    change(&mut config);
    config
}

/// Awaits, and fails where it takes longer than anything should.
pub async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    match timeout(PATIENCE, future).await {
        Ok(value) => value,
        Err(_) => panic!("{what}: not within {PATIENCE:?}"),
    }
}

/// Waits until a figure that has no event of its own, such as a count of open files, is reached.
pub async fn until(what: &str, mut reached: impl AsyncFnMut() -> bool) {
    within(what, async {
        while !reached().await {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
}

pub struct Server {
    pub url: String,
    runtime: Option<Runtime>,
    stop: Option<oneshot::Sender<()>>,
    stopped: oneshot::Receiver<Result<(), ServeError>>,
}

impl Server {
    /// A server of the built-in feeds.
    pub async fn start(config: Config) -> Self {
        Self::start_with(config, Feeds::built_in()).await
    }

    pub async fn start_with(config: Config, feeds: Feeds) -> Self {
        Self::run(tickwire_server::Server::new(feeds).config(config))
    }

    /// One that lets those in who have a token.
    pub async fn start_guarded(config: Config, feeds: Feeds, verifier: Verifier) -> Self {
        let tokens = tickwire_server::auth::tokens(Arc::new(verifier), || {});
        let server = tickwire_server::Server::new(feeds).config(config);
        Self::run(server.authenticate(tokens))
    }

    pub fn run(server: tickwire_server::Server) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (stop, stopping) = oneshot::channel();
        let (done, stopped) = oneshot::channel();
        runtime.spawn(async move {
            let listener = TcpListener::from_std(listener).unwrap();
            let shutdown = async { drop(stopping.await) };
            let _ = done.send(server.serve(listener, Router::new(), shutdown).await);
        });
        Self {
            url,
            runtime: Some(runtime),
            stop: Some(stop),
            stopped,
        }
    }

    /// Tells the server to stop, and waits until it has.
    pub async fn stop(&mut self) {
        self.stop.take();
        within("shutdown", &mut self.stopped)
            .await
            .unwrap()
            .unwrap();
    }

    /// Waits until the server has stopped by itself.
    pub async fn stopped(&mut self) {
        within("its end", &mut self.stopped).await.unwrap().unwrap();
    }

    /// Tasks of the server that are alive.
    pub fn tasks(&self) -> usize {
        self.runtime.as_ref().unwrap().metrics().num_alive_tasks()
    }

    pub async fn sessions(&self) -> u64 {
        self.health("/sessions").await
    }

    /// Addresses from which the port routes.
    pub async fn routes(&self) -> u64 {
        self.health("/routes").await
    }

    /// Datagrams that the port has dropped for a reason.
    pub async fn dropped(&self, reason: &str) -> u64 {
        self.health(&format!("/dropped/{reason}")).await
    }

    async fn health(&self, pointer: &str) -> u64 {
        let (_, health) = http("GET", format!("{}/health", self.url), None).await;
        health.pointer(pointer).and_then(Value::as_u64).unwrap()
    }

    /// The status and the body of `POST /sdp`.
    pub async fn post(&self, body: Value) -> (u16, Value) {
        http("POST", format!("{}/sdp", self.url), Some(body)).await
    }

    /// The status of `DELETE /sdp/{id}`.
    pub async fn delete(&self, id: &str) -> u16 {
        http("DELETE", format!("{}/sdp/{id}", self.url), None)
            .await
            .0
    }

    /// The status, the entity tag and the body of `PATCH /sdp/{id}`.
    pub async fn patch(
        &self,
        id: &str,
        if_match: Option<&str>,
        body: Value,
    ) -> (u16, Option<String>, Value) {
        let if_match = if_match.map(str::to_owned);
        patch(format!("{}/sdp/{id}", self.url), if_match, body).await
    }

    /// What `GET /metrics` tells whoever has this key.
    pub async fn metrics(&self, key: &'static str) -> String {
        let url = format!("{}/metrics", self.url);
        let asking = move || {
            let request = agent().get(url);
            let request = request.header("authorization", format!("Bearer {key}"));
            request.call().unwrap().body_mut().read_to_string().unwrap()
        };
        tokio::task::spawn_blocking(asking).await.unwrap()
    }

    /// A client with one open channel.
    pub async fn connect(&self) -> Client {
        Client::connect(&self.url).await
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// One request; the status and the body, null where it is not JSON. No connection is kept, so
/// that none is counted among what a session leaves.
async fn http(method: &'static str, url: String, body: Option<Value>) -> (u16, Value) {
    ask(method, url, None, body).await
}

/// The same with a token, where there is one. A `PATCH` is about whatever ICE session there is.
pub async fn ask(
    method: &'static str,
    url: String,
    token: Option<&str>,
    body: Option<Value>,
) -> (u16, Value) {
    let mut request = axum::http::Request::builder().method(method).uri(url);
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    if method == "PATCH" {
        request = request.header("if-match", "*");
    }
    if body.is_some() {
        request = request.header("content-type", "application/json");
    }
    let body = body.map(|body| body.to_string()).unwrap_or_default();
    let request = request.body(body).unwrap();
    let asked = tokio::task::spawn_blocking(move || {
        let mut response = agent().run(request).unwrap();
        (
            response.status().as_u16(),
            response.body_mut().read_json().unwrap_or_default(),
        )
    });
    asked.await.unwrap()
}

/// The same, at the whole address of a session.
pub async fn patch(
    url: String,
    if_match: Option<String>,
    body: Value,
) -> (u16, Option<String>, Value) {
    let asked = tokio::task::spawn_blocking(move || {
        let mut request = agent().patch(url);
        if let Some(tags) = if_match {
            request = request.header("if-match", tags);
        }
        let mut response = request.send_json(body).unwrap();
        let entity_tag = response.headers().get("etag");
        (
            response.status().as_u16(),
            entity_tag.map(|tag| tag.to_str().unwrap().to_owned()),
            response.body_mut().read_json().unwrap_or_default(),
        )
    });
    asked.await.unwrap()
}

pub fn agent() -> ureq::Agent {
    ureq::Agent::config_builder()
        .http_status_as_error(false)
        .max_idle_connections(0)
        .timeout_global(Some(PATIENCE))
        .build()
        .into()
}

pub fn open_files() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}
