//! Who reads a topic, as a topic of its own.

#[path = "support/network.rs"]
mod network;
#[path = "support/reader.rs"]
mod reader;
mod support;

use network::{Conditions, Network};
use reader::{Reader, channels};
use serde_json::Value;
use std::time::Duration;
use support::{Server, config, until};
use tickwire_server::feeds::echo;
use tickwire_server::{Feeds, NoTopic, Policy, Topic, Topics};
use tickwire_wire::control::ToServer;

const CALM: Conditions = Conditions {
    delay: Duration::from_millis(5),
    jitter: Duration::ZERO,
    loss: 0.0,
    rate: None,
    seed: 1,
};

fn rooms() -> (Topics, Topic) {
    let topics = Topics::new();
    topics.pattern("rooms/{room}", Policy::latest().presence());
    topics.topic("plain", Policy::latest());
    let presence = topics.get("rooms/7/$presence").unwrap();
    (topics, presence)
}

async fn server(topics: &Topics) -> Server {
    let feeds = Feeds::new().feed("echo", echo).topics(topics);
    let config = config(|it| it.session.silence_timeout = Duration::from_secs(5));
    Server::start_with(config, feeds).await
}

/// What is told of one of them.
fn told(presence: &Topic, who: &str) -> Option<Value> {
    let value = presence.get(who)?;
    Some(serde_json::from_slice(&value).unwrap())
}

#[tokio::test]
async fn who_reads_a_topic_is_told_to_its_readers() {
    let (topics, presence) = rooms();
    let server = server(&topics).await;
    let mut alice = Reader::connect(&server).await;
    let mut bob = Reader::connect(&server).await;
    alice.subscribe(1, "rooms/7").await;
    alice.subscribe(2, "rooms/7").await;
    alice.subscribe(3, "rooms/7/$presence").await;
    alice
        .read_until("herself", |alice| alice.view.contains_key(&alice.you))
        .await;
    bob.subscribe(1, "rooms/7").await;
    bob.read_until("his subscription", |bob| bob.is_complete(1))
        .await;
    assert_ne!(alice.you, bob.you);
    alice
        .read_until("both", |alice| alice.view.len() == 2)
        .await;
    let since = told(&presence, &bob.you).unwrap();
    assert!(since["since"].as_u64().unwrap() > 1_700_000_000_000);
    assert_eq!(since["silent"], false);

    // Two subscriptions are one reader, until both have ended.
    alice.say(&ToServer::Unsubscribe { id: 1 }).await;
    bob.say(&ToServer::Unsubscribe { id: 1 }).await;
    let you = alice.you.clone();
    alice
        .read_until("herself alone", |alice| alice.view.keys().eq([&you]))
        .await;
    alice.say(&ToServer::Unsubscribe { id: 2 }).await;
    alice
        .read_until("nobody", |alice| alice.view.is_empty())
        .await;
    let listed = || topics.list().into_iter().map(|it| it.readers);
    assert!(listed().all(|readers| readers.is_none_or(|readers| readers == 0)));

    for name in ["plain/$presence", "rooms/7/$presence/$presence"] {
        assert!(
            matches!(topics.get(name), Err(NoTopic::Unknown { .. })),
            "{name}"
        );
    }
}

#[tokio::test]
async fn a_reader_that_vanishes_is_silent_and_then_gone() {
    let (topics, presence) = rooms();
    let server = server(&topics).await;
    let network = Network::before(&server, CALM).await;
    let mut reader = Reader::of(network.connect(&server, channels()).await);
    reader.subscribe(1, "rooms/7").await;
    reader
        .read_until("the subscription", |reader| reader.is_complete(1))
        .await;
    let is_silent = || told(&presence, &reader.you).map(|it| it["silent"] == true);
    assert_eq!(is_silent(), Some(false));
    network.stop();
    until("silence", async || is_silent() == Some(true)).await;
    until("its end", async || is_silent().is_none()).await;
}
