//! What clients publish, over good networks and bad.

#[path = "support/network.rs"]
mod network;
#[path = "support/reader.rs"]
mod reader;
mod support;

use bytes::BytesMut;
use network::{Conditions, Network};
use reader::{Reader, channels, server};
use std::time::{Duration, Instant};
use support::{Server, config, within};
use tickwire_server::{Feeds, Policy, Topics};
use tickwire_values::Publisher;
use tickwire_wire::control::{Refusal, ToReader, ToServer};
use tokio::time::sleep_until;
use webrtc::data_channel::DataChannelEvent;

const LOSSY: Conditions = Conditions {
    delay: Duration::from_millis(10),
    jitter: Duration::from_millis(9),
    loss: 20.0,
    rate: None,
    seed: 7,
};

/// Publishes until the server has everything.
async fn publish(reader: &Reader, publisher: &mut Publisher) {
    let values = reader.values();
    let publishing = async {
        while !publisher.is_done() {
            if let Some(message) = publisher.poll(Instant::now()) {
                values.send(BytesMut::from(&message[..])).await.unwrap();
            }
            let at = publisher.poll_timeout().unwrap();
            tokio::select! {
                () = sleep_until(at.into()) => {}
                event = values.poll() => {
                    if let DataChannelEvent::OnMessage(message) = event.expect("an open channel") {
                        publisher.acknowledge(Instant::now(), &message.data).unwrap();
                    }
                }
            }
        }
    };
    within("the server to have everything", publishing).await;
}

#[tokio::test]
async fn what_a_client_puts_is_there_in_the_end_whatever_is_lost() {
    let topics = Topics::new();
    topics.pattern("rooms/{room}/cursors", Policy::latest().publish());
    let server = server(&topics).await;
    let network = Network::before(&server, LOSSY).await;
    let reader = Reader::of(network.connect(&server, channels()).await);
    let mut publisher = Publisher::new();
    let cursors = topics.get("rooms/7/cursors").unwrap();
    for number in 0..30_u32 {
        for key in ["alice", "bob"] {
            let value = format!("{key} {number}").into_bytes();
            publisher.put("rooms/7/cursors", key, Some(value)).unwrap();
        }
        if number % 3 == 0 {
            publish(&reader, &mut publisher).await;
            assert_eq!(cursors.get("bob").unwrap(), format!("bob {number}"));
        }
    }
    publisher.put("rooms/7/cursors", "alice", None).unwrap();
    publish(&reader, &mut publisher).await;
    assert_eq!(cursors.get("alice"), None);
    assert_eq!(cursors.get("bob").unwrap(), "bob 29");
    // The server says who it was.
    let about = cursors.value("bob").unwrap().about.unwrap();
    assert_eq!(about.by.len(), 16);
}

#[tokio::test]
async fn what_may_not_be_published_is_refused_and_the_rest_is_taken() {
    let topics = Topics::new();
    let open = topics.topic("open", Policy::latest().publish().max_value_bytes(10));
    let closed = topics.topic("closed", Policy::latest());
    topics.topic("chat", Policy::log(10).publish());
    let server = server(&topics).await;
    let mut reader = Reader::connect(&server).await;
    let mut publisher = Publisher::new();
    for (topic, key, value) in [
        ("closed", "key", "value"),
        ("nothing", "key", "value"),
        ("chat", "key", "value"),
        ("open", "long", "longer than ten"),
        ("open", "key", "value"),
    ] {
        publisher.put(topic, key, Some(value.into())).unwrap();
    }
    publish(&reader, &mut publisher).await;
    assert_eq!(open.get("key").unwrap(), "value");
    assert!(closed.is_empty());
    reader
        .read_until("refusals", |reader| reader.said.len() == 4)
        .await;
    let codes = reader.said.drain(..).map(|said| match said {
        ToReader::Refused { id: None, code, .. } => code,
        said => panic!("{said:?}"),
    });
    let expected = [
        Refusal::NotAllowed,
        Refusal::NoTopic,
        Refusal::NotAllowed,
        Refusal::NotTaken,
    ];
    assert_eq!(codes.collect::<Vec<_>>(), expected);

    // What is none, and what is said of it.
    reader
        .values()
        .send(BytesMut::from(&[3, 0, 9][..]))
        .await
        .unwrap();
    assert_eq!(reader.refusal().await.1, Refusal::BadPublication);
}

#[tokio::test]
async fn each_value_of_a_log_is_told_when_it_is_taken() {
    let topics = Topics::new();
    let chat = topics.topic("chat", Policy::log(10).publish());
    let closed = topics.topic("closed", Policy::log(10));
    let server = server(&topics).await;
    let mut reader = Reader::connect(&server).await;
    reader.subscribe(1, "chat").await;
    for (id, topic) in [(2, "chat"), (3, "chat"), (4, "closed")] {
        let said = ToServer::Publish {
            id,
            topic: topic.into(),
            key: "alice".into(),
            value: format!("message {id}"),
        };
        reader.say(&said).await;
    }
    let is_done = |reader: &Reader| {
        let refused = |it: &ToReader| {
            matches!(
                it,
                ToReader::Refused {
                    id: Some(4),
                    code: Refusal::NotAllowed,
                    ..
                }
            )
        };
        let published = |id| reader.said.contains(&ToReader::Published { id });
        published(2) && published(3) && reader.said.iter().any(refused) && reader.entries.len() == 2
    };
    reader.read_until("what becomes of each", is_done).await;
    let entries: Vec<_> = reader
        .entries
        .iter()
        .map(|(_, text)| text.as_str())
        .collect();
    assert_eq!(entries, ["message 2", "message 3"]);
    assert_eq!((chat.len(), closed.len()), (2, 0));
}

#[tokio::test]
async fn a_session_publishes_so_many_values_a_second() {
    const SENT: u64 = 30;
    let topics = Topics::new();
    let chat = topics.topic("chat", Policy::log(100).publish());
    let config = config(|it| it.limit.values_per_second = 1);
    let server = Server::start_with(config, Feeds::new().topics(&topics)).await;
    let mut reader = Reader::connect(&server).await;
    for id in 1..=SENT {
        let said = ToServer::Publish {
            id,
            topic: "chat".into(),
            key: "alice".into(),
            value: "hello".into(),
        };
        reader.say(&said).await;
    }
    let is_answer =
        |it: &&ToReader| matches!(it, ToReader::Published { .. } | ToReader::Refused { .. });
    let is_done = |reader: &Reader| reader.said.iter().filter(is_answer).count() == SENT as usize;
    reader.read_until("an answer to each", is_done).await;
    let taken = |it: &&ToReader| matches!(it, ToReader::Published { .. });
    let taken = reader.said.iter().filter(taken).count();
    // Four at once, and those of the seconds that sending them has taken.
    assert!((4..SENT as usize).contains(&taken), "{taken}");
    assert_eq!(chat.len(), taken);
    for said in &reader.said {
        if let ToReader::Refused { code, message, .. } = said {
            assert_eq!(*code, Refusal::TooMany);
            assert!(message.contains("values-per-second"), "{message}");
        }
    }
}
