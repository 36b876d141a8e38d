//! Topics over a real connection, good networks and bad.

#[path = "support/network.rs"]
mod network;
#[path = "support/reader.rs"]
mod reader;
mod support;

use bytes::BytesMut;
use network::{Conditions, Network};
use reader::{Reader, channels, server};
use std::time::{Duration, Instant};
use support::{closed, next_text};
use tickwire_server::{Policy, Topic, Topics};
use tickwire_values::Receiver;
use tickwire_wire::control::{Position, Refusal, Subscribe, ToReader, ToServer};
use tickwire_wire::values::Acknowledgement;

const LOSSY: Conditions = Conditions {
    delay: Duration::from_millis(25),
    jitter: Duration::from_millis(20),
    loss: 10.0,
    rate: None,
    seed: 15,
};

/// One topic of the newest values.
fn latest(name: &str) -> (Topics, Topic) {
    let topics = Topics::new();
    let topic = topics.topic(name, Policy::latest());
    (topics, topic)
}

#[tokio::test]
async fn a_reader_gets_what_is_there_and_then_what_changes() {
    let (topics, prices) = latest("prices");
    prices.put("EURUSD", "1.09").unwrap();
    prices.put("ACME", "100").unwrap();
    let server = server(&topics).await;
    let mut reader = Reader::connect(&server).await;
    reader.subscribe(1, "prices").await;
    reader
        .read_until("the snapshot", |reader| reader.is_complete(1))
        .await;
    assert!(reader.has("EURUSD", "1.09") && reader.has("ACME", "100"));
    prices.put("ACME", "101").unwrap();
    prices.remove("EURUSD");
    prices.put("NEW", "1").unwrap();
    let is_done = |reader: &Reader| {
        reader.has("ACME", "101") && reader.has("NEW", "1") && reader.view.len() == 2
    };
    reader.read_until("the changes", is_done).await;

    reader.say(&ToServer::Unsubscribe { id: 1 }).await;
    reader.receiver.unsubscribe(1);
    reader.view.clear();
    // Some of it, under another number.
    reader.receiver.subscribe(2);
    let keys = Some(vec!["ACME".to_owned(), "GONE".to_owned()]);
    let topic = "prices".into();
    let said = ToServer::Subscribe(Subscribe {
        id: 2,
        topic,
        keys,
        ..Subscribe::default()
    });
    reader.say(&said).await;
    reader
        .read_until("the other", |reader| reader.is_complete(2))
        .await;
    assert_eq!(reader.view.keys().collect::<Vec<_>>(), ["ACME"]);
    prices.put("NEW", "2").unwrap();
    prices.put("GONE", "back").unwrap();
    reader
        .read_until("what is wanted", |reader| reader.has("GONE", "back"))
        .await;
    assert!(!reader.view.contains_key("NEW"));
}

#[tokio::test]
async fn a_topic_that_is_empty_is_complete_at_once() {
    let server = server(&latest("prices").0).await;
    let mut reader = Reader::connect(&server).await;
    reader.subscribe(7, "prices").await;
    reader
        .read_until("the snapshot", |reader| reader.is_complete(7))
        .await;
    assert!(reader.view.is_empty());
}

#[tokio::test]
async fn a_snapshot_of_which_nothing_is_wanted_is_complete_at_once() {
    let (topics, prices) = latest("prices");
    prices.put("ACME", "100").unwrap();
    let server = server(&topics).await;
    let mut reader = Reader::connect(&server).await;
    reader.receiver.subscribe(1);
    let (topic, keys) = ("prices".into(), Some(vec!["OTHER".to_owned()]));
    let said = ToServer::Subscribe(Subscribe {
        id: 1,
        topic,
        keys,
        ..Subscribe::default()
    });
    reader.say(&said).await;
    reader
        .read_until("the snapshot", |reader| reader.is_complete(1))
        .await;
    assert!(reader.view.is_empty());
}

#[tokio::test]
async fn a_thousand_keys_put_once_arrive_whatever_is_lost() {
    let (topics, topic) = latest("keys");
    let server = server(&topics).await;
    let network = Network::before(&server, LOSSY).await;
    let mut reader = Reader::of(network.connect(&server, channels()).await);
    reader.subscribe(1, "keys").await;
    reader
        .read_until("the subscription", |reader| reader.is_complete(1))
        .await;
    for key in 0..1_000 {
        topic
            .put(&format!("key {key}"), format!("value {key}"))
            .unwrap();
    }
    reader
        .read_until("all of them", |reader| reader.view.len() == 1_000)
        .await;
    for key in 0..1_000 {
        assert!(reader.has(&format!("key {key}"), &format!("value {key}")));
    }
}

#[tokio::test]
async fn the_last_value_arrives_and_none_after_a_newer_one() {
    let (topics, topic) = latest("counter");
    let server = server(&topics).await;
    let network = Network::before(&server, LOSSY).await;
    let mut reader = Reader::of(network.connect(&server, channels()).await);
    reader.subscribe(1, "counter").await;
    let counting = async {
        let mut tick = tokio::time::interval(Duration::from_millis(2));
        for number in 0..1_000 {
            tick.tick().await;
            topic.put("number", number.to_string()).unwrap();
        }
    };
    // What is older than what was seen fails the reader.
    let reading = reader.read_until("the last", |reader| reader.has("number", "999"));
    tokio::join!(counting, reading);
    assert!(reader.updates < 1_000);
}

#[tokio::test]
async fn a_key_comes_no_more_often_than_is_asked_for() {
    let (topics, topic) = latest("counter");
    let server = server(&topics).await;
    let mut reader = Reader::connect(&server).await;
    reader.receiver.subscribe(1);
    let (topic_name, max_rate) = ("counter".into(), Some(10.0));
    let said = ToServer::Subscribe(Subscribe {
        id: 1,
        topic: topic_name,
        max_rate,
        ..Subscribe::default()
    });
    reader.say(&said).await;
    let begun = Instant::now();
    let counting = async {
        let mut tick = tokio::time::interval(Duration::from_millis(2));
        for number in 0..500 {
            tick.tick().await;
            topic.put("number", number.to_string()).unwrap();
        }
    };
    let reading = reader.read_until("the last", |reader| reader.has("number", "499"));
    tokio::join!(counting, reading);
    let most = begun.elapsed().as_millis() / 100 + 2;
    assert!(
        reader.updates as u128 <= most,
        "{} of {most}",
        reader.updates
    );
}

#[tokio::test]
async fn each_value_of_a_deadline_comes_once_over_a_network_that_loses() {
    let topics = Topics::new();
    topics.pattern(
        "rooms/{room}/strokes",
        Policy::deadline(Duration::from_secs(3)),
    );
    let server = server(&topics).await;
    let network = Network::before(&server, LOSSY).await;
    let mut reader = Reader::of(network.connect(&server, channels()).await);
    reader.subscribe(1, "rooms/7/strokes").await;
    reader
        .read_until("the subscription", |reader| reader.is_complete(1))
        .await;
    let room = topics.get("rooms/7/strokes").unwrap();
    topics
        .get("rooms/8/strokes")
        .unwrap()
        .put("bob", "x")
        .unwrap();
    let drawing = async {
        let mut tick = tokio::time::interval(Duration::from_millis(2));
        for number in 0..300 {
            tick.tick().await;
            room.put("alice", number.to_string()).unwrap();
        }
    };
    let reading = reader.read_until("each of them", |reader| reader.updates == 300);
    tokio::join!(drawing, reading);
    assert_eq!(reader.view.keys().collect::<Vec<_>>(), ["alice"]);
}

#[tokio::test]
async fn a_log_comes_whole_and_goes_on_where_its_reader_was() {
    let topics = Topics::new();
    let chat = topics.topic("chat", Policy::log(500));
    let server = server(&topics).await;
    let network = Network::before(&server, LOSSY).await;
    let mut reader = Reader::of(network.connect(&server, channels()).await);
    chat.put("alice", "0").unwrap();
    reader.subscribe(1, "chat").await;
    for number in 1..400 {
        chat.put("alice", number.to_string()).unwrap();
    }
    let is_done = |reader: &Reader| reader.entries.len() == 400 && reader.is_complete(1);
    reader.read_until("the log", is_done).await;
    let expected = |from: u64| (from..400).map(|number| (number + 1, number.to_string()));
    assert!(reader.entries.iter().cloned().eq(expected(0)));
    let Some(ToReader::Log {
        id: 1,
        after,
        gap: false,
    }) = reader.said.first().cloned()
    else {
        panic!("{:?}", reader.said);
    };
    assert_eq!(after.position, 0);

    let (mut other, topic) = (Reader::connect(&server).await, "chat".into());
    let after = Some(Position {
        position: 390,
        ..after
    });
    let said = ToServer::Subscribe(Subscribe {
        id: 2,
        topic,
        after,
        ..Subscribe::default()
    });
    other.say(&said).await;
    other
        .read_until("what followed", |reader| reader.is_complete(2))
        .await;
    assert!(other.entries.iter().cloned().eq(expected(390)));
    let (topic, max_rate) = ("chat".into(), Some(1.0));
    let said = ToServer::Subscribe(Subscribe {
        id: 3,
        topic,
        max_rate,
        ..Subscribe::default()
    });
    other.say(&said).await;
    assert_eq!(other.refusal().await.1, Refusal::BadRate);
}

#[tokio::test]
async fn what_cannot_be_done_is_refused_in_words_and_the_rest_goes_on() {
    let (topics, prices) = latest("prices");
    prices.put("ACME", "100").unwrap();
    topics.pattern("rooms/{room}", Policy::latest());
    let server = server(&topics).await;
    let mut reader = Reader::connect(&server).await;
    reader.subscribe(1, "prices").await;
    reader
        .read_until("the snapshot", |reader| reader.is_complete(1))
        .await;
    reader.said.clear();

    reader.subscribe(2, "nothing").await;
    let (id, code, message) = reader.refusal().await;
    assert_eq!((id, code), (Some(2), Refusal::NoTopic));
    assert_eq!(
        message,
        r#"There is no topic "nothing"; there are prices, rooms/{room}."#
    );
    reader.subscribe(1, "rooms/7").await;
    assert_eq!(reader.refusal().await.1, Refusal::IdTaken);
    let said = ToServer::Subscribe(Subscribe {
        id: 3,
        topic: "rooms/7".into(),
        max_rate: Some(0.0),
        ..Subscribe::default()
    });
    reader.say(&said).await;
    assert_eq!(reader.refusal().await.1, Refusal::BadRate);
    for text in ["", "{}", "[1]", r#"{"type":"subscribe","id":"x"}"#] {
        reader.control().send_text(text).await.unwrap();
        let (id, code, message) = reader.refusal().await;
        assert_eq!((id, code), (None, Refusal::BadMessage), "{message}");
        assert!(message.starts_with("Expected JSON such as"), "{message}");
    }

    // Garbage for an acknowledgement, one of packets that were never sent, and text.
    let never = Acknowledgement {
        held: 0,
        ranges: vec![(1 << 40, 1 << 41)],
    };
    for garbage in [&[][..], &[1], &[9, 9, 9], &never.write()] {
        reader.values().send(BytesMut::from(garbage)).await.unwrap();
    }
    reader.values().send_text("what?").await.unwrap();
    let mut told = Vec::new();
    for _ in 0..5 {
        let (id, code, message) = reader.refusal().await;
        assert_eq!((id, code), (None, Refusal::BadAcknowledgement));
        told.push(message);
    }
    assert!(
        told.iter()
            .all(|it| it.starts_with("Passed over on values: "))
    );
    assert!(told.iter().any(|it| it.contains("never sent")), "{told:?}");
    prices.put("ACME", "101").unwrap();
    reader.receiver = Receiver::new();
    reader.subscribe(4, "prices").await;
    reader
        .read_until("what goes on", |reader| reader.has("ACME", "101"))
        .await;
}

#[tokio::test]
async fn who_goes_on_with_what_cannot_be_done_loses_the_channel_and_nothing_else() {
    let server = server(&latest("prices").0).await;
    let reader = Reader::connect(&server).await;
    for _ in 0..100 {
        reader.control().send_text("garbage").await.unwrap();
    }
    closed(&*reader.control()).await;
    for _ in 0..100 {
        // The channel may close meanwhile.
        let _ = reader.values().send_text("garbage").await;
    }
    closed(&*reader.values()).await;
    let echo = reader.client.channels[2].clone();
    echo.send_text("fine").await.unwrap();
    assert_eq!(next_text(&*echo, |_| true).await, "fine");
}
