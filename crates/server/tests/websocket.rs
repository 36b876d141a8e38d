//! Sessions by WebSocket, through the real server.

#[path = "support/socket.rs"]
mod socket;
mod support;

use futures_util::SinkExt;
use serde_json::json;
use socket::Socket;
use std::time::{Duration, SystemTime};
use support::{Server, config, until, within};
use tickwire_auth::{Grant, Keys, Options, Patterns, Signer, Verifier};
use tickwire_server::feeds::echo;
use tickwire_server::{Channel, Config, Feeds, Policy, SendError, Topics};
use tickwire_wire::control::{Refusal, ToReader, ToServer};
use tickwire_wire::signaling::Code;
use tickwire_wire::socket::Frame;
use tokio_tungstenite::tungstenite::Message;

/// As much as the client takes.
async fn flood(channel: Channel) -> Result<(), SendError> {
    loop {
        channel.send(vec![7; 1_000]).await?;
    }
}

async fn once(channel: Channel) -> Result<(), SendError> {
    channel.send("once").await
}

async fn newest(channel: Channel) -> Result<(), SendError> {
    let channel = channel.latest();
    for number in 1..=1_000 {
        channel.put((), number.to_string())?;
    }
    channel.closed().await;
    Ok(())
}

const KEY: &str = "the-key-of-who-runs-it";

/// How many sessions there are by this way, as the metrics have it.
async fn by_websocket(server: &Server) -> String {
    let metrics = server.metrics(KEY).await;
    let of_way = "tickwire_session_paths{way=\"websocket\"} ";
    let mut lines = metrics.lines();
    let value = lines.find_map(|line| line.strip_prefix(of_way)).unwrap();
    value.to_owned()
}

async fn start(topics: &Topics, change: impl FnOnce(&mut Config)) -> Server {
    let feeds = Feeds::new()
        .feed("echo", echo)
        .feed("flood", flood)
        .feed("once", once)
        .feed("newest", newest)
        .topics(topics);
    Server::start_with(config(change), feeds).await
}

#[tokio::test]
async fn topics_are_read_and_published_into() {
    let topics = Topics::new();
    let prices = topics.topic("prices", Policy::latest().publish());
    let chat = topics.topic("chat", Policy::log(100).publish());
    prices.put("ACME", "100").unwrap();
    chat.put("alice", "first").unwrap();
    let server = start(&topics, |config| config.admin.key = KEY.into()).await;
    let mut client = Socket::connect(&server).await;
    client.subscribe(1, "prices").await;
    client.subscribe(2, "chat").await;
    client
        .read_until("what is there", |it| {
            it.is_complete(1) && it.entries.len() == 1
        })
        .await;
    assert!(matches!(client.said[0], ToReader::Hello { .. }));
    assert!(client.has("ACME", "100"));
    prices.put("ACME", "101").unwrap();
    client
        .read_until("a change", |it| it.has("ACME", "101"))
        .await;
    let publish = ToServer::Publish {
        id: 3,
        topic: "chat".into(),
        key: "bob".into(),
        value: "second".into(),
    };
    client.say(&publish).await;
    client
        .read_until("what was published", |it| {
            it.entries.len() == 2 && it.said.contains(&ToReader::Published { id: 3 })
        })
        .await;
    assert_eq!(client.entries, [(1, "first".into()), (2, "second".into())]);
    assert_eq!(server.sessions().await, 1);
    assert_eq!(by_websocket(&server).await, "1");
    client.stream.close(None).await.unwrap();
    until("the session's end", async || server.sessions().await == 0).await;
    assert_eq!(by_websocket(&server).await, "0");
}

#[tokio::test]
async fn channels_of_labels_are_served_side_by_side() {
    let server = start(&Topics::new(), |_| {}).await;
    let mut client = Socket::connect(&server).await;
    client.open(2, "echo").await;
    client.open(3, "echo").await;
    client.open(7, "nobody").await;
    client.open(8, "once").await;
    client.open(9, "newest").await;
    client.send(Frame::Text(2, "one")).await;
    client.send(Frame::Text(3, "two")).await;
    client
        .read_until("answers", |it| {
            !it.texts(2).is_empty() && !it.texts(3).is_empty() && it.closed.len() == 2
        })
        .await;
    assert_eq!(client.texts(2), ["one"]);
    assert_eq!(client.texts(3), ["two"]);
    assert!(client.texts(7)[0].starts_with("Refused: no feed has this label"));
    assert_eq!(client.texts(8), ["once"]);
    client
        .read_until("the newest", |it| it.texts(9).last() == Some(&"1000"))
        .await;

    // What was on its way on a channel that the server has closed is nobody's fault.
    client.send(Frame::Text(8, "late")).await;
    client.send(Frame::Close(2)).await;
    client
        .read_until("its end", |it| it.closed.contains(&2))
        .await;
    client.open(10, "echo").await;
    client.send(Frame::Text(10, "three")).await;
    client
        .read_until("the next", |it| !it.texts(10).is_empty())
        .await;
    assert_eq!(client.refusals(), []);
}

#[tokio::test]
async fn what_cannot_be_taken_is_refused_in_words_and_harms_nothing_else() {
    let server = start(&Topics::new(), |config| config.channel.max = 4).await;
    let mut client = Socket::connect(&server).await;
    client.open(2, "echo").await;
    client.open(2, "echo").await;
    client.open(3, "echo").await;
    client.open(4, "echo").await;
    client.send(Frame::Text(9, "nobody")).await;
    client.send(Frame::Received(1_000_000)).await;
    client.send(Frame::LogEntry(&[2, 1])).await;
    let garbage = [&[][..], &[99, 1], &[5, 0xff], &[1], &[3]];
    for garbage in garbage {
        let message = Message::binary(garbage.to_vec());
        client.stream.send(message).await.unwrap();
    }
    client.stream.send(Message::text("{}")).await.unwrap();
    client.send(Frame::Text(2, "still")).await;
    client
        .read_until("all answers", |it| {
            it.refusals().len() == 11 && !it.texts(2).is_empty()
        })
        .await;
    let refusals = client.refusals();
    let is_said = |what: &str| refusals.iter().any(|(_, message)| message.contains(what));
    for what in [
        "Channel 2 is not opened: expected a number from 3",
        "Channel 4 is not opened: expected at most 4 at a time",
        "Channel 9 is not open",
        "1000000 messages cannot have been received of",
        "entries of logs come from the server",
        "messages that begin with 99 are not known",
        "the message ends too early",
        r#"Expected JSON such as {"type": "subscribe""#,
    ] {
        assert!(is_said(what), "{what}: {refusals:?}");
    }
    assert!(client.closed.contains(&4));
    let codes: Vec<Refusal> = refusals.iter().map(|(code, _)| *code).collect();
    assert!(codes.contains(&Refusal::BadAcknowledgement));
    assert!(codes.contains(&Refusal::BadPublication));
}

#[tokio::test]
async fn who_has_to_be_refused_too_often_is_closed() {
    let server = start(&Topics::new(), |config| config.limit.refusals = 10).await;
    let mut client = Socket::connect(&server).await;
    for _ in 0..11 {
        let message = Message::binary(vec![99]);
        client.stream.send(message).await.unwrap();
    }
    assert!(
        client
            .read_to_end()
            .await
            .contains("11 messages had to be refused")
    );
    until("the session's end", async || server.sessions().await == 0).await;
}

#[tokio::test]
async fn what_a_client_does_not_confirm_holds_up_its_own_channels_alone() {
    let topics = Topics::new();
    let prices = topics.topic("prices", Policy::latest());
    let server = start(&topics, |config| {
        config.channel.stall_timeout = Duration::from_secs(1);
    })
    .await;
    let mut client = Socket::connect(&server).await;
    client.acknowledges = false;
    client.subscribe(1, "prices").await;
    client
        .read_until("the snapshot", |it| it.is_complete(1))
        .await;
    client.open(2, "flood").await;
    client
        .read_until("the end of the flood", |it| {
            // The Close waits behind what is not confirmed, so the number of messages tells.
            it.messages.len() >= 15
        })
        .await;
    prices.put("ACME", "1").unwrap();
    client.read_until("a value", |it| it.has("ACME", "1")).await;
    // 16 KiB, of which some are said on `control`.
    assert!(client.messages.len() <= 16, "{}", client.messages.len());
}

#[tokio::test]
async fn who_takes_nothing_is_closed_and_harms_nobody() {
    let server = start(&Topics::new(), |config| {
        config.channel.stall_timeout = Duration::from_secs(1);
        config.session.silence_timeout = Duration::from_secs(2);
    })
    .await;
    let mut deaf = Socket::connect(&server).await;
    deaf.open(2, "flood").await;
    let mut client = Socket::connect(&server).await;
    client.open(2, "echo").await;
    client.send(Frame::Text(2, "here")).await;
    client
        .read_until("an answer", |it| !it.texts(2).is_empty())
        .await;
    // It says that it has received what it has not read, and does not answer pings.
    let confirming = async {
        for count in 1.. {
            let confirmed = deaf
                .stream
                .send(Message::binary(Frame::Received(count).write()));
            if confirmed.await.is_err() {
                break;
            }
            tokio::task::yield_now().await;
        }
    };
    let looking = until("its end", async || server.sessions().await == 1);
    tokio::select! {
        () = looking => {}
        () = async { confirming.await; std::future::pending().await } => {}
        () = async { client.read_to_end().await; } => panic!("{:?}", client.ended),
    }
}

#[tokio::test]
async fn a_client_that_is_silent_is_gone_and_one_that_answers_pings_is_not() {
    let server = start(&Topics::new(), |config| {
        config.session.silence_timeout = Duration::from_secs(1);
    })
    .await;
    // Nobody reads from it, so nobody answers.
    let gone = Socket::connect(&server).await;
    let mut there = Socket::connect(&server).await;
    until("both", async || server.sessions().await == 2).await;
    let reading = async {
        there.read_to_end().await;
        panic!("{:?}", there.ended)
    };
    let looking = until("one", async || server.sessions().await == 1);
    tokio::select! {
        () = looking => {}
        () = reading => {}
    }
    drop(gone);
}

#[tokio::test]
async fn a_page_of_another_origin_is_let_in_where_it_is_named() {
    let server = start(&Topics::new(), |config| {
        config.http.allow_origins = vec!["https://dash.example".into()];
    })
    .await;
    let own = server.url.clone();
    let upper = own.replace("http://", "HTTP://");
    for (origin, is_let_in) in [
        (own.as_str(), true),
        ("https://dash.example", true),
        ("https://evil.example", false),
        ("null", false),
        (&upper, true),
        ("http://127.0.0.1", false),
    ] {
        let connected = Socket::connect_with(&server, &[("origin", origin)]).await;
        assert_eq!(connected.err(), (!is_let_in).then_some(403), "{origin}");
    }
    let behind_tls = [("host", "live.example"), ("origin", "https://live.example")];
    assert!(Socket::connect_with(&server, &behind_tls).await.is_ok());
}

fn token(until: SystemTime) -> String {
    let mut grant = Grant::new("alice", until);
    grant.subscribe = Patterns::parse(&["prices"]).unwrap();
    Signer::hmac(&[7; 32]).unwrap().sign(&grant).unwrap()
}

#[tokio::test]
async fn who_asks_is_known_by_the_first_message() {
    let topics = Topics::new();
    topics.topic("prices", Policy::latest());
    let options = Options {
        audience: None,
        leeway: Duration::ZERO,
    };
    let verifier = Verifier::new(Keys::hmac(&[7; 32]).unwrap(), options);
    let config = config(|config| config.limit.head_timeout = Duration::from_secs(1));
    let server = Server::start_guarded(config, Feeds::new().topics(&topics), verifier).await;
    let hour = SystemTime::now() + Duration::from_secs(3_600);
    let token = token(hour);

    let mut client = Socket::connect(&server).await;
    client
        .say(&ToServer::Token {
            token: token.clone(),
        })
        .await;
    client.subscribe(1, "prices").await;
    client.read_until("the topic", |it| it.is_complete(1)).await;
    let bearer = format!("Bearer {token}");
    let mut with_header = Socket::connect_with(&server, &[("authorization", &bearer)])
        .await
        .unwrap();
    with_header.subscribe(1, "prices").await;
    with_header
        .read_until("the topic", |it| it.is_complete(1))
        .await;

    let wrong = ToServer::Token {
        token: "e30.e30.x".into(),
    };
    for first in [
        wrong.json(),
        "{}".into(),
        r#"{"type":"subscribe","id":1,"topic":"prices"}"#.into(),
    ] {
        let mut client = Socket::connect(&server).await;
        client.stream.send(Message::text(first)).await.unwrap();
        client.read_to_end().await;
        assert_eq!(client.denied().unwrap().code, Code::Unauthorized);
    }
    let mut silent = Socket::connect(&server).await;
    silent.read_to_end().await;
    assert!(
        silent
            .denied()
            .unwrap()
            .message
            .contains("as the first message")
    );
    assert_eq!(server.sessions().await, 2);
}

#[tokio::test]
async fn a_full_server_says_so_and_one_that_stops_closes_its_sockets() {
    let mut server = start(&Topics::new(), |config| config.session.max = 1).await;
    let mut client = Socket::connect(&server).await;
    client.read_until("hello", |it| !it.said.is_empty()).await;
    let mut second = Socket::connect(&server).await;
    second.read_to_end().await;
    let denied = second.denied().unwrap();
    assert_eq!(denied.code, Code::Full);
    let offer = json!({"type": "offer", "sdp": support::OFFER_SDP});
    assert_eq!(server.post(offer).await.1["code"], "full");
    server.stop().await;
    assert!(client.read_to_end().await.contains("asked to end"));
}

#[tokio::test]
async fn a_client_is_asked_to_leave_as_others_are() {
    let server = start(&Topics::new(), |config| {
        config.admin.key = KEY.into();
        config.drain.over = Duration::from_secs(5);
    })
    .await;
    let mut client = Socket::connect(&server).await;
    client.read_until("hello", |it| !it.said.is_empty()).await;
    let url = format!("{}/drain", server.url);
    let asked = support::ask("POST", url, Some(KEY), None);
    assert!((200..300).contains(&within("the drain", asked).await.0));
    client
        .read_until("that it is to leave", |it| {
            it.said.contains(&ToReader::GoAway {})
        })
        .await;
}
