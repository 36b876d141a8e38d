//! How it goes: metrics, readiness, and a server whose clients leave before it ends.

mod support;

use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::time::Duration;
use support::{Client, OFFER_SDP, Server, ask, config, until, within};
use tickwire_server::{Feeds, Policy, Topics};

const KEY: &str = "the-key-of-who-runs-it";

/// What is at a path, for who runs the server.
async fn text(server: &Server, path: &str, key: Option<&'static str>) -> (u16, String) {
    let url = format!("{}{path}", server.url);
    let asking = move || {
        let mut request = support::agent().get(url);
        if let Some(key) = key {
            request = request.header("authorization", format!("Bearer {key}"));
        }
        let mut response = request.call().unwrap();
        let text = response.body_mut().read_to_string().unwrap();
        (response.status().as_u16(), text)
    };
    tokio::task::spawn_blocking(asking).await.unwrap()
}

/// The value of a metric with these labels.
fn figure(metrics: &str, name: &str) -> f64 {
    let line = metrics
        .lines()
        .find_map(|it| it.strip_prefix(name)?.strip_prefix(' '));
    let line = line.unwrap_or_else(|| panic!("{name}: {metrics}"));
    line.trim().parse().unwrap()
}

async fn start(change: impl FnOnce(&mut tickwire_server::Config)) -> (Server, Topics) {
    let topics = Topics::new();
    topics.topic("prices", Policy::latest());
    let feeds = Feeds::built_in().topics(&topics);
    let config = config(|it| {
        it.admin.key = KEY.into();
        change(it);
    });
    (Server::start_with(config, feeds).await, topics)
}

/// A client that reads `prices`: its channel `control`.
async fn reader(server: &Server) -> Client {
    let channels = json!([
        {"id": 0, "label": "control", "negotiated": true},
        {"id": 2, "label": "values", "negotiated": true, "ordered": false, "maxRetransmits": 0},
    ]);
    let client = Client::connect_channels(&server.url, channels, support::unchanged).await;
    let subscribe = r#"{"type":"subscribe","id":1,"topic":"prices"}"#;
    client.channel.send_text(subscribe).await.unwrap();
    client.next(|it| it.contains("complete")).await;
    client
}

#[tokio::test]
async fn metrics_are_for_who_has_the_key() {
    let open = Server::start(config(|_| {})).await;
    assert_eq!(text(&open, "/metrics", None).await.0, 403);
    let (server, _) = start(|_| {}).await;
    assert_eq!(text(&server, "/metrics", None).await.0, 401);
    assert_eq!(text(&server, "/metrics", Some("another")).await.0, 401);
    let (status, metrics) = text(&server, "/metrics", Some(KEY)).await;
    assert_eq!(status, 200);
    assert!(!metrics.contains(KEY));
    let url = format!("{}/drain", server.url);
    assert_eq!(ask("POST", url, None, None).await.0, 401);
}

/// The count of what took a session to open.
fn opening(stage: &str, outcome: &str) -> String {
    format!(r#"tickwire_session_opening_seconds_count{{stage="{stage}",outcome="{outcome}"}}"#)
}

#[tokio::test]
async fn a_session_that_does_not_open_is_counted_by_the_stage_that_failed() {
    let (server, _) = start(|it| it.limit.check_timeout = Duration::from_secs(1)).await;
    let answered = server
        .post(json!({"type": "offer", "sdp": OFFER_SDP}))
        .await;
    assert_eq!(answered.0, 201);
    until("it has failed", async || {
        let (_, metrics) = text(&server, "/metrics", Some(KEY)).await;
        figure(&metrics, &opening("handshake", "failed")) == 1.0
    })
    .await;
}

#[tokio::test]
async fn what_happens_is_counted() {
    let (server, topics) = start(|_| {}).await;
    let prices = topics.get("prices").unwrap();
    let client = reader(&server).await;
    prices.put("EURUSD", "1.1").unwrap();
    let refused = server.post(json!({})).await;
    assert_eq!(refused.0, 400);
    until("the session is counted", async || {
        let (_, metrics) = text(&server, "/metrics", Some(KEY)).await;
        figure(&metrics, "tickwire_values_sent_total") >= 1.0
    })
    .await;
    let (_, metrics) = text(&server, "/metrics", Some(KEY)).await;
    for (name, expected) in [
        (r#"tickwire_sessions{state="open"}"#, 1.0),
        (r#"tickwire_sessions{state="pending"}"#, 0.0),
        (&opening("handshake", "done"), 1.0),
        (&opening("channel", "done"), 1.0),
        (&opening("handshake", "failed"), 0.0),
        (&opening("channel", "failed"), 0.0),
        ("tickwire_values_put_total", 1.0),
        (
            r#"tickwire_http_requests_total{route="/sdp",method="POST",status="201"}"#,
            1.0,
        ),
        (
            r#"tickwire_http_requests_total{route="/sdp",method="POST",status="400"}"#,
            1.0,
        ),
    ] {
        assert_eq!(figure(&metrics, name), expected, "{name}: {metrics}");
    }
    assert!(figure(&metrics, "tickwire_datagrams_received_total") > 1.0);
    assert_eq!(
        figure(&metrics, r#"tickwire_session_paths{way="udp"}"#),
        1.0
    );
    figure(&metrics, "tickwire_path_rate_bytes_per_second_count");
    assert!(metrics.ends_with("# EOF\n"), "{metrics}");
    client.connection.close().await.unwrap();
    until("its end is counted", async || {
        let (_, metrics) = text(&server, "/metrics", Some(KEY)).await;
        figure(
            &metrics,
            r#"tickwire_sessions_ended_total{reason="closed"}"#,
        ) == 1.0
    })
    .await;
}

/// The names of metrics in Grafana's expressions.
fn named(dashboard: &str) -> BTreeSet<String> {
    let is_part = |it: char| it.is_ascii_alphanumeric() || it == '_';
    let words = dashboard.split(|it| !is_part(it));
    let names = words.filter(|it| it.starts_with("tickwire_") || it.starts_with("process_"));
    names.map(str::to_owned).collect()
}

#[tokio::test]
async fn each_metric_of_the_dashboard_exists() {
    let dashboard = include_str!("../../../docs/grafana.json");
    let parsed: Value = serde_json::from_str(dashboard).unwrap();
    assert!(parsed["panels"].as_array().unwrap().len() > 5);
    let (server, _) = start(|_| {}).await;
    // So that there is a request to count.
    server.sessions().await;
    let (_, metrics) = text(&server, "/metrics", Some(KEY)).await;
    let exists = |name: &String| metrics.lines().any(|it| it.starts_with(name.as_str()));
    let missing: Vec<_> = named(dashboard)
        .into_iter()
        .filter(|it| !exists(it))
        .collect();
    assert!(missing.is_empty(), "{missing:?} in {metrics}");
}

#[tokio::test]
async fn clients_leave_over_a_time_and_then_the_server_ends() {
    let (mut server, _) = start(|it| it.drain.over = Duration::from_secs(2)).await;
    let (staying, leaving) = (reader(&server).await, reader(&server).await);
    assert_eq!(text(&server, "/health/ready", None).await.0, 200);
    let url = format!("{}/drain", server.url);
    assert_eq!(ask("POST", url, Some(KEY), None).await.0, 202);
    until("it is not ready", async || {
        text(&server, "/health/ready", None).await == (503, r#"{"status":"draining"}"#.into())
    })
    .await;
    assert_eq!(text(&server, "/health/live", None).await.0, 200);
    let offer = json!({"type": "offer", "sdp": OFFER_SDP});
    let (status, refused) = server.post(offer).await;
    assert_eq!(
        (status, refused["code"].as_str()),
        (503, Some("shutting-down"))
    );
    // Each is told, and served until it goes or the time is over.
    for client in [&staying, &leaving] {
        client.next(|it| it == r#"{"type":"go-away"}"#).await;
    }
    leaving.connection.close().await.unwrap();
    within("its end", staying.closed()).await;
    server.stopped().await;
}

#[tokio::test]
async fn a_server_with_enough_sessions_is_not_ready() {
    let (server, _) = start(|it| it.limit.ready_sessions = 1).await;
    assert_eq!(text(&server, "/health/ready", None).await.0, 200);
    let client = reader(&server).await;
    let loaded = (503, r#"{"status":"loaded"}"#.into());
    assert_eq!(text(&server, "/health/ready", None).await, loaded);
    client.connection.close().await.unwrap();
    until("it is ready", async || {
        text(&server, "/health/ready", None).await.0 == 200
    })
    .await;
}
