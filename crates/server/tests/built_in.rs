//! The feeds that come with the server, over a real connection.

mod support;

use bytes::BytesMut;
use serde_json::{Value, json};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use support::{Client, Server, closed, config, next_binary, next_text, opened, unchanged};
use tickwire_wire::feed::{COUNTED, PROTOCOL};
use webrtc::data_channel::{DataChannel, RTCDataChannelInit};

/// The channels that the page opens.
fn channels() -> Value {
    json!([
        {"label": "clock", "id": 0, "ordered": false, "maxRetransmits": 0, "protocol": PROTOCOL},
        {"label": "echo", "id": 1, "protocol": PROTOCOL},
    ])
}

async fn connect(server: &Server, channels: Value) -> Client {
    Client::connect_channels(&server.url, channels, unchanged).await
}

async fn next(channel: &dyn DataChannel, kind: &str) -> Value {
    let read = |text: &str| serde_json::from_str::<Value>(text).unwrap();
    read(&next_text(channel, |text| read(text)["type"] == kind).await)
}

fn now() -> f64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    since.as_micros() as f64 / 1e3
}

#[tokio::test]
async fn the_clock_ticks_at_the_interval_that_is_asked_for() {
    let server = Server::start(config(|_| {})).await;
    let client = connect(&server, channels()).await;
    let clock = &*client.channels[0];
    let before = next(clock, "time").await["time"].as_f64().unwrap();
    assert!((before - now()).abs() < 60_000.0, "{before}");
    let begun = Instant::now();
    clock
        .send_text(r#"{"type":"interval","interval":20}"#)
        .await
        .unwrap();
    assert_eq!(next(clock, "interval").await["interval"], 20);
    let mut times = Vec::new();
    for _ in 0..10 {
        times.push(next(clock, "time").await["time"].as_f64().unwrap());
    }
    assert!(times.is_sorted_by(|one, next| one < next), "{times:?}");
    // One may be late, and the next be in time: but no tick comes before its turn. The first may be of
    // the interval before, and the second come at once.
    assert!(
        begun.elapsed() >= Duration::from_millis(8 * 20),
        "{times:?}"
    );
}

#[tokio::test]
async fn an_exchange_holds_four_timestamps_that_make_sense() {
    let server = Server::start(config(|_| {})).await;
    let client = connect(&server, channels()).await;
    let clock = &*client.channels[0];
    let t1 = now();
    let request = json!({"type": "exchange", "t1": t1}).to_string();
    clock.send_text(&request).await.unwrap();
    let answer = next(clock, "exchange").await;
    let t4 = now();
    let at = |key: &str| answer[key].as_f64().unwrap();
    assert_eq!(at("t1"), t1);
    assert!(at("t2") <= at("t3"), "{answer}");
    // Both have one clock: what is estimated must contain an offset of 0 (RFC 5905 section 8).
    let offset = ((at("t2") - t1) + (at("t3") - t4)) / 2.0;
    let round_trip = (t4 - t1) - (at("t3") - at("t2"));
    assert!(
        offset.abs() <= round_trip / 2.0 + 0.01,
        "{offset} {round_trip}"
    );
}

#[tokio::test]
async fn a_bad_request_is_refused_in_words_and_the_clock_goes_on() {
    let server = Server::start(config(|_| {})).await;
    let client = connect(&server, channels()).await;
    let clock = &*client.channels[0];
    for request in [
        r#"{"type":"interval","interval":9}"#,
        r#"{"type":"interval","interval":60001}"#,
        "tick",
        "",
    ] {
        clock.send_text(request).await.unwrap();
        let refusal = next(clock, "refused").await;
        let reason = refusal["reason"].as_str().unwrap();
        assert!(reason.starts_with("Expected "), "{reason}");
    }
    clock.send(BytesMut::from(&[0, 1][..])).await.unwrap();
    next(clock, "refused").await;
    next(clock, "time").await;
}

#[tokio::test]
async fn the_echo_gives_back_what_came() {
    let server = Server::start(config(|_| {})).await;
    let client = connect(&server, channels()).await;
    let echo = &*client.channels[1];
    for text in ["", "a", "עברית 👩🏽‍🚀", "Echo: x", &"x".repeat(65_536)] {
        echo.send_text(text).await.unwrap();
        assert_eq!(next_text(echo, |_| true).await, text);
    }
    for length in [0, 1, 65_536] {
        let bytes: Vec<u8> = (0..length).map(|index| index as u8).collect();
        echo.send(BytesMut::from(&bytes[..])).await.unwrap();
        assert_eq!(next_binary(echo).await, bytes);
    }
}

#[tokio::test]
async fn an_echo_that_counts_tells_what_arrived() {
    let server = Server::start(config(|_| {})).await;
    let counted = json!([{"label": "echo", "id": 1, "protocol": COUNTED, "ordered": false}]);
    let client = connect(&server, counted).await;
    let echo = &*client.channels[0];
    let count = async |question: &str| {
        echo.send_text(question).await.unwrap();
        next_text(echo, |_| true).await
    };
    assert_eq!(count("").await, r#"{"received":0,"bytes":0}"#);
    for length in [0, 1, 16_384] {
        let bytes = vec![length as u8; length];
        echo.send(BytesMut::from(&bytes[..])).await.unwrap();
        assert_eq!(next_binary(echo).await, bytes);
    }
    for question in ["how many?", "how many?"] {
        assert_eq!(count(question).await, r#"{"received":3,"bytes":16385}"#);
    }
}

#[tokio::test]
async fn another_version_is_refused_in_words() {
    let server = Server::start(config(|_| {})).await;
    let client = connect(&server, json!([{"label": "echo", "id": 1}])).await;
    // Announced, since the refusal comes at once: see `says_all` below.
    let init = RTCDataChannelInit {
        protocol: "tickwire.99".into(),
        ..Default::default()
    };
    let clock = client.connection.create_data_channel("clock", Some(init));
    let clock = clock.await.unwrap();
    opened(&*clock).await;
    let refusal = next_text(&*clock, |_| true).await;
    assert_eq!(
        refusal,
        r#"Refused: this feed speaks "tickwire.1", not "tickwire.99""#
    );
    closed(&*clock).await;
}
