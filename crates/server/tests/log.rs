//! What the server logs. A log is a process's, so that these tests are a program of their own.

mod support;

use serde_json::json;
use std::path::Path;
use std::sync::{Arc, OnceLock};
use support::{OFFER_SDP, Server, ask, config, until};
use tempfile::NamedTempFile;
use tokio::net::TcpStream;

/// The file that all servers log to.
fn log() -> &'static Path {
    static LOG: OnceLock<NamedTempFile> = OnceLock::new();
    let started = || {
        let log = NamedTempFile::new().unwrap();
        let file = Arc::new(log.reopen().unwrap());
        tracing_subscriber::fmt()
            .with_ansi(false)
            .with_writer(file)
            .init();
        log
    };
    LOG.get_or_init(started).path()
}

/// The line with all of these in it, when it is there.
async fn line(log: &Path, parts: &[&str]) -> String {
    let mut found = None;
    until("a line of the log", async || {
        let log = std::fs::read_to_string(log).unwrap();
        let has_all = |line: &&str| parts.iter().all(|it| line.contains(it));
        found = log.lines().find(has_all).map(str::to_owned);
        found.is_some()
    })
    .await;
    found.unwrap()
}

/// The id in the answer to an offer that brings this one.
async fn request_id(url: &str, brought: &'static str) -> String {
    let url = format!("{url}/sdp");
    let offer = json!({"type": "offer", "sdp": OFFER_SDP});
    let asking = move || {
        let request = support::agent().post(url).header("x-request-id", brought);
        let response = request.send_json(offer).unwrap();
        assert_eq!(response.status(), 201);
        response.headers()["x-request-id"].to_str().unwrap().into()
    };
    tokio::task::spawn_blocking(asking).await.unwrap()
}

#[tokio::test]
async fn a_request_has_an_id_in_its_answer_and_in_the_log() {
    let log = log();
    let server = Server::start(config(|_| {})).await;
    let id = request_id(&server.url, "a-stranger's").await;
    assert_ne!(id, "a-stranger's");
    line(log, &[&id, "session", "answered"]).await;
    let proxied = config(|it| it.http.trusted_proxies = vec!["127.0.0.1/32".parse().unwrap()]);
    let server = Server::start(proxied).await;
    assert_eq!(request_id(&server.url, "the-proxy-s").await, "the-proxy-s");
    line(log, &["the-proxy-s", "session", "answered"]).await;
    assert_ne!(request_id(&server.url, "two words").await, "two words");
}

#[tokio::test]
async fn who_reaches_the_address_for_it_needs_no_key() {
    let any = "127.0.0.1:0".parse().unwrap();
    let log = log();
    let mut server = Server::start(config(|it| it.admin.listen = Some(any))).await;
    let line = line(log, &["serving metrics"]).await;
    let (_, address) = line.rsplit_once("address=").unwrap();
    let url = format!("http://{address}/metrics");
    assert_eq!(ask("GET", url.clone(), None, None).await.0, 200);
    let elsewhere = format!("{}/metrics", server.url);
    assert_eq!(ask("GET", elsewhere, None, None).await.0, 403);
    // It ends with the server.
    server.stop().await;
    until("its end", async || {
        TcpStream::connect(address).await.is_err()
    })
    .await;
}
