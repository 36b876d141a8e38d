//! The golden path, with a real peer over UDP, and what one channel or session may do to others.

mod support;

use bytes::BytesMut;
use serde_json::json;
use std::time::Duration;
use support::{
    Client, Server, closed, config, next_binary, next_text, opened, sent_until_it_waits, until,
};

#[tokio::test]
async fn the_time_comes_each_second_from_the_moment_the_channel_opens() {
    let server = Server::start(config(|_| {})).await;
    let client = server.connect().await;
    let mut times = Vec::new();
    for _ in 0..3 {
        let line = client.next(|_| true).await;
        let time = line
            .strip_prefix("Server Time: ")
            .expect("a time and nothing else")
            .to_owned();
        assert_eq!(time.len(), "2026-11-22T21:44:26.123Z".len(), "{time}");
        times.push(humantime::parse_rfc3339(&time).unwrap());
    }
    // Two seconds, less what the first may be late. How evenly they come is tested without a
    // busy machine, where the ticks are made.
    assert!(times.is_sorted(), "{times:?}");
    let span = times[2].duration_since(times[0]).unwrap();
    assert!(span > Duration::from_secs(1), "{span:?} for two ticks");
}

#[tokio::test]
async fn text_comes_back_with_a_prefix_and_bytes_as_they_are() {
    let server = Server::start(config(|_| {})).await;
    let client = server.connect().await;
    for text in [
        "",
        "a",
        "עברית 👩🏽‍🚀 العربية",
        &"x".repeat(65_530),
        "line\nline\0",
    ] {
        assert_eq!(client.echo(text).await, format!("Echo: {text}"));
    }
    for length in [0, 1, 1_200, 65_536] {
        let bytes: Vec<u8> = (0..length).map(|index| index as u8).collect();
        client
            .channel
            .send(BytesMut::from(&bytes[..]))
            .await
            .unwrap();
        assert_eq!(next_binary(&*client.channel).await, bytes);
    }
}

#[tokio::test]
async fn channels_of_a_session_are_independent() {
    let server = Server::start(config(|_| {})).await;
    let client = server.connect().await;
    let second = client
        .connection
        .create_data_channel("data", None)
        .await
        .unwrap();
    opened(&*second).await;
    next_text(&*second, |line| line.starts_with("Server Time: ")).await;
    assert_eq!(client.echo("one").await, "Echo: one");
    second.send_text("two").await.unwrap();
    assert_eq!(
        next_text(&*second, |line| line.starts_with("Echo")).await,
        "Echo: two"
    );

    second.close().await.unwrap();
    closed(&*second).await;
    assert_eq!(client.echo("still here").await, "Echo: still here");
    assert_eq!(server.sessions().await, 1);
}

#[tokio::test]
async fn a_channel_too_many_is_closed_and_the_others_stay() {
    let server = Server::start(config(|it| it.channel.max = 2)).await;
    let client = server.connect().await;
    let second = client
        .connection
        .create_data_channel("data", None)
        .await
        .unwrap();
    opened(&*second).await;
    next_text(&*second, |_| true).await;
    let third = client
        .connection
        .create_data_channel("data", None)
        .await
        .unwrap();
    closed(&*third).await;
    assert_eq!(client.echo("first").await, "Echo: first");
}

#[tokio::test]
async fn an_echo_that_the_client_would_not_take_is_refused_in_words() {
    let server = Server::start(config(|_| {})).await;
    let client = server.connect().await;
    // The client takes 65,536 bytes, and the echo is 6 longer than its text.
    client.channel.send_text(&"x".repeat(65_536)).await.unwrap();
    let line = client.next(|line| !line.starts_with("Server Time: ")).await;
    assert_eq!(line, "Refused: the echo is larger than your side takes");
    assert_eq!(client.echo("fine").await, "Echo: fine");
}

#[tokio::test]
async fn a_message_larger_than_the_server_takes_is_dropped_and_nothing_else() {
    let server = Server::start(config(|it| it.channel.message_bytes = 4_096)).await;
    let neighbour = server.connect().await;
    // A client that does not care what the answer allows.
    let rude = Client::connect_with(&server.url, |sdp| {
        let edited = sdp.replace("a=max-message-size:4096", "a=max-message-size:1000000");
        assert_ne!(edited, sdp);
        edited
    })
    .await;
    rude.channel.send_text(&"x".repeat(50_000)).await.unwrap();
    rude.channel.send_text("after").await.unwrap();
    let line = rude.next(|line| !line.starts_with("Server Time: ")).await;
    assert_eq!(line, "Echo: after");
    assert_eq!(neighbour.echo("fine").await, "Echo: fine");
}

#[tokio::test]
async fn a_reader_that_stalls_is_held_to_a_bound_and_let_go() {
    const MESSAGE: usize = 4_096;
    let server = Server::start(config(|it| {
        it.channel.message_bytes = 4_096;
        it.channel.stall_timeout = Duration::from_secs(5);
    }))
    .await;
    let neighbour = server.connect().await;
    let stalled = server.connect().await;
    // It sends and never reads. Each side holds 528 messages, SCTP's window of 1 MiB, 256 KiB of
    // datagrams and as much in its send buffer; what is on its way between them adds to it.
    let bound = 2 * (528 * MESSAGE + (1 << 20) + (512 << 10)) + (1 << 20);
    let sent = sent_until_it_waits(&*stalled.channel, MESSAGE).await;
    assert!(
        sent <= bound,
        "{sent} bytes were taken, {bound} is the bound"
    );
    assert_eq!(neighbour.echo("fine").await, "Echo: fine");
    until("the stalled session to end", async || {
        server.sessions().await == 1
    })
    .await;
    stalled.closed().await;
}

#[tokio::test]
async fn bad_offers_leave_the_sessions_beside_them_alone() {
    let server = Server::start(config(|_| {})).await;
    let client = server.connect().await;
    for _ in 0..50 {
        let refused = server
            .post(json!({"type": "offer", "sdp": "v=0\r\n"}))
            .await;
        assert_eq!(refused.0, 400);
    }
    assert_eq!(client.echo("fine").await, "Echo: fine");
    assert_eq!(server.sessions().await, 1);
}

#[tokio::test]
async fn a_peer_with_another_certificate_than_it_promised_gets_nothing() {
    let server = Server::start(config(|it| {
        it.session.open_timeout = Duration::from_secs(5)
    }))
    .await;
    let _impostor = Client::negotiate(
        &server.url,
        |offer| {
            let (start, rest) = offer.split_once("a=fingerprint:sha-256 ").unwrap();
            let (_, end) = rest.split_once("\r\n").unwrap();
            format!(
                "{start}a=fingerprint:sha-256 {}00\r\n{end}",
                "00:".repeat(31)
            )
        },
        support::unchanged,
    )
    .await;
    // Which may be before this looks.
    until("the session to end", async || server.sessions().await == 0).await;
}
