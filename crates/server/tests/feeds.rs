//! Feeds such as a developer may write, over a real connection.

mod support;

use serde_json::{Value, json};
use std::time::Duration;
use support::{
    Client, Server, closed, config, next_text, opened, sent_until_it_waits, unchanged, until,
    within,
};
use tickwire_server::feeds::echo;
use tickwire_server::{Channel, Feeds, Message, SendError, SessionNumber};
use tokio::sync::mpsc;
use webrtc::data_channel::DataChannel;

async fn connect(server: &Server, channels: Value) -> Client {
    Client::connect_channels(&server.url, channels, unchanged).await
}

/// Announces one more channel and waits until it is open.
async fn announce(client: &Client, label: &str) -> std::sync::Arc<dyn DataChannel> {
    let channel = client.connection.create_data_channel(label, None).await;
    let channel = channel.unwrap();
    opened(&*channel).await;
    channel
}

/// A feed, and then a healthy one beside it.
async fn beside_echo(feeds: Feeds) -> (Server, Client) {
    let server = Server::start_with(config(|_| {}), feeds.feed("echo", echo)).await;
    let client = connect(&server, json!([{"label": "echo", "id": 1}])).await;
    (server, client)
}

async fn echoes(client: &Client) {
    client.channel.send_text("fine").await.unwrap();
    assert_eq!(next_text(&*client.channel, |_| true).await, "fine");
}

#[tokio::test]
async fn a_feed_that_panics_or_fails_loses_its_channel_and_nobody_elses() {
    async fn panics(channel: Channel) -> Result<(), SendError> {
        channel.recv().await;
        panic!("on purpose");
    }
    async fn fails(channel: Channel) -> Result<(), String> {
        channel.recv().await;
        Err("on purpose".into())
    }
    fn panics_at_once(_channel: Channel) -> std::future::Ready<Result<(), SendError>> {
        panic!("on purpose, before there is a future");
    }
    let feeds = Feeds::new()
        .feed("panics", panics)
        .feed("panics at once", panics_at_once)
        .feed("fails", fails);
    let (server, client) = beside_echo(feeds).await;
    // Both are open before one closes: `webrtc` 0.21.1 as a client takes a closed channel's
    // stream again before the other side is done with it, and then never opens it.
    let panics = announce(&client, "panics").await;
    let fails = announce(&client, "fails").await;
    closed(&*announce(&client, "panics at once").await).await;
    for channel in [panics, fails] {
        channel.send_text("go").await.unwrap();
        closed(&*channel).await;
        echoes(&client).await;
    }
    assert_eq!(server.sessions().await, 1);
}

#[tokio::test]
async fn what_a_feed_sent_before_it_returned_arrives_before_the_channel_closes() {
    async fn at_once(_channel: Channel) -> Result<(), SendError> {
        Ok(())
    }
    // These wait to be asked: `webrtc` 0.21.1 as a client loses what arrives on a negotiated
    // channel before it has opened its own side.
    async fn says_all(channel: Channel) -> Result<(), SendError> {
        channel.recv().await;
        // No more than such a client has room for: what it has acknowledged and not yet read, it
        // loses when the channel closes.
        for number in 0..200 {
            channel.send(number.to_string()).await?;
        }
        Ok(())
    }
    async fn keeps_the_newest(channel: Channel) -> Result<(), SendError> {
        channel.recv().await;
        let channel = channel.latest();
        for number in 0..1_000 {
            channel.put("key", number.to_string())?;
        }
        Ok(())
    }
    let feeds = Feeds::new()
        .feed("at once", at_once)
        .feed("all", says_all)
        .feed("newest", keeps_the_newest)
        .feed("echo", echo);
    let server = Server::start_with(config(|_| {}), feeds).await;
    let labels = ["echo", "all", "newest"];
    let channel = |(id, label)| json!({"label": label, "id": id});
    let client = connect(&server, labels.iter().enumerate().map(channel).collect()).await;
    let [_, all, newest] = &client.channels[..] else {
        panic!("three channels")
    };
    closed(&*announce(&client, "at once").await).await;
    for channel in [all, newest] {
        channel.send_text("go").await.unwrap();
    }
    for number in 0..200 {
        assert_eq!(next_text(&**all, |_| true).await, number.to_string());
    }
    closed(&**all).await;
    assert_eq!(next_text(&**newest, |text| text == "999").await, "999");
    closed(&**newest).await;
    echoes(&client).await;
}

#[tokio::test]
async fn a_feed_may_clear_up_when_its_session_ends() {
    let (told, mut telling) = mpsc::channel(1);
    let feeds = Feeds::new().feed("keeps", move |channel: Channel| {
        let told = told.clone();
        async move {
            channel.closed().await;
            // A feed would write to its database here.
            tokio::task::spawn_blocking(|| {}).await?;
            told.send(()).await?;
            Ok::<_, Box<dyn std::error::Error + Send + Sync>>(())
        }
    });
    let (server, client) = beside_echo(feeds).await;
    let channel = announce(&client, "keeps").await;
    assert_eq!(server.delete(&client.id).await, 204);
    assert_eq!(within("the feed's end", telling.recv()).await, Some(()));
    closed(&*channel).await;
    until("its session to end", async || server.sessions().await == 0).await;
}

#[tokio::test]
async fn a_feed_that_never_reads_slows_its_own_peer_and_loses_its_channel() {
    const MESSAGE: usize = 4_096;
    async fn never_reads(channel: Channel) -> Result<(), SendError> {
        channel.closed().await;
        Ok(())
    }
    let feeds = Feeds::new().feed("deaf", never_reads).feed("echo", echo);
    let server = Server::start_with(
        config(|it| it.channel.stall_timeout = Duration::from_secs(5)),
        feeds,
    )
    .await;
    let neighbour = connect(&server, json!([{"label": "echo", "id": 0}])).await;
    let deaf = connect(&server, json!([{"label": "deaf", "id": 0}])).await;
    // Each side holds 512 messages and SCTP's window of 1 MiB.
    let bound = 2 * (512 * MESSAGE + (1 << 20));
    let (sent, ()) = tokio::join!(sent_until_it_waits(&*deaf.channel, MESSAGE), async {
        for _ in 0..100 {
            echoes(&neighbour).await;
        }
    });
    assert!(
        sent <= bound,
        "{sent} bytes were taken, {bound} is the bound"
    );
    echoes(&neighbour).await;
    closed(&*deaf.channel).await;
    deaf.connection.close().await.unwrap();
    until("its session to end", async || server.sessions().await == 1).await;
    echoes(&neighbour).await;
}

#[tokio::test]
async fn a_feed_that_only_reads_is_told_that_its_channel_has_closed() {
    let (told, mut telling) = mpsc::channel(1);
    let feeds = Feeds::new().feed("reads", move |channel: Channel| {
        let told = told.clone();
        async move {
            loop {
                let message = channel.recv().await;
                let is_last = message.is_none();
                told.send(message).await.map_err(|_| SendError::Closed)?;
                if is_last {
                    return Ok::<_, SendError>(());
                }
            }
        }
    });
    let server = Server::start_with(config(|_| {}), feeds).await;
    let client = connect(&server, json!([{"label": "reads", "id": 0}])).await;
    client.channel.send_text("read me").await.unwrap();
    let message = within("the message", telling.recv()).await;
    assert!(matches!(message, Some(Some(Message::Text(text))) if text == "read me"));
    client.channel.close().await.unwrap();
    let end = within("the feed's end", telling.recv()).await;
    assert!(matches!(end, Some(None)));
    until("its session to end", async || server.sessions().await == 0).await;
}

#[tokio::test]
async fn a_feed_can_have_the_session_and_send_when_told_from_elsewhere() {
    let (told, mut telling) = mpsc::channel(1);
    let feeds = Feeds::new().feed("who", move |channel: Channel, number: SessionNumber| {
        let told = told.clone();
        async move {
            told.send(number).await.map_err(|_| SendError::Closed)?;
            match channel.recv().await {
                Some(Message::Text(text)) => channel.try_send(text),
                _ => Ok(()),
            }
        }
    });
    let (_server, client) = beside_echo(feeds).await;
    let who = announce(&client, "who").await;
    assert_eq!(
        within("the number", telling.recv()).await,
        Some(SessionNumber(1))
    );
    who.send_text("me").await.unwrap();
    assert_eq!(next_text(&*who, |_| true).await, "me");
}

#[tokio::test]
async fn a_label_without_a_feed_is_refused_in_words_and_closed() {
    let (server, client) = beside_echo(Feeds::new()).await;
    let longest = "x".repeat(1_024);
    for label in ["unknown", "", "Echo", &longest] {
        let client = connect(&server, json!([{"label": "echo", "id": 1}])).await;
        let channel = announce(&client, label).await;
        let refusal = next_text(&*channel, |_| true).await;
        assert_eq!(refusal, "Refused: no feed has this label; there are echo");
        closed(&*channel).await;
        echoes(&client).await;
    }
    // What announces a longer one is not read, and its channel closes at once.
    let too_long = "x".repeat(60_000);
    let too_long = client.connection.create_data_channel(&too_long, None).await;
    closed(&*too_long.unwrap()).await;
    echoes(&client).await;

    let negotiated = json!([{"label": "unknown", "id": 0}, {"label": "echo", "id": 1}]);
    let client = connect(&server, negotiated).await;
    closed(&*client.channels[0]).await;
    client.channels[1].send_text("fine").await.unwrap();
    assert_eq!(next_text(&*client.channels[1], |_| true).await, "fine");
}

/// No browser sends it, and no client library would.
#[tokio::test]
async fn a_label_that_is_not_utf_8_opens_nothing_and_costs_nobody_else() {
    let (server, client) = beside_echo(Feeds::new()).await;
    let bytes = std::hint::black_box(vec![b'e', b'c', b'h', b'o', 0xff]);
    #[allow(unsafe_code, reason = "the client only copies it into its message")]
    // SAFETY: nothing reads it as text between here and the wire.
    let label = unsafe { String::from_utf8_unchecked(bytes) };
    let hostile = client.connection.create_data_channel(&label, None).await;
    echoes(&client).await;
    // What is sent on its stream is thrown away too, and those that follow are served.
    let _ = hostile.unwrap().send_text("hello").await;
    // With another number, and without waiting to be told that it is open: the client's library takes
    // the end of one channel for that of the next with the same, and loses the event after such a label.
    let next = json!({"label": "echo", "id": 7});
    let added = json!({"channels": [next]});
    let (status, _, refused) = server.patch(&client.id, Some("*"), added).await;
    assert_eq!(status, 204, "{refused}");
    let channel = client.add(&next).await;
    channel.send_text("fine").await.unwrap();
    assert_eq!(next_text(&*channel, |_| true).await, "fine");
    assert_eq!(server.sessions().await, 1);
}

#[tokio::test]
async fn a_hundred_channels_are_served_and_the_next_is_closed() {
    let feeds = Feeds::new().feed("echo", echo);
    let server = Server::start_with(config(|it| it.channel.max = 100), feeds).await;
    let channels: Vec<Value> = (0..100)
        .map(|id| json!({"label": "echo", "id": id * 5}))
        .collect();
    let client = connect(&server, channels.into()).await;
    for (index, channel) in client.channels.iter().enumerate() {
        channel.send_text(&index.to_string()).await.unwrap();
    }
    for (index, channel) in client.channels.iter().enumerate() {
        assert_eq!(next_text(&**channel, |_| true).await, index.to_string());
    }
    let next = client.connection.create_data_channel("echo", None).await;
    closed(&*next.unwrap()).await;
    echoes(&client).await;

    let too_many: Vec<Value> = (0..101)
        .map(|id| json!({"label": "echo", "id": id}))
        .collect();
    let offer = json!({"type": "offer", "sdp": support::OFFER_SDP, "channels": too_many});
    let (status, body) = server.post(offer).await;
    assert_eq!(
        (status, &body["code"]),
        (400, &json!("bad-channel")),
        "{body}"
    );
}

#[test]
fn the_readme_shows_the_example_as_it_is() {
    let example = include_str!("../examples/prices.rs");
    let code = &example[example.find("use ").unwrap()..];
    assert!(include_str!("../../../README.md").contains(code));
    assert!(example.lines().count() < 64);
}
