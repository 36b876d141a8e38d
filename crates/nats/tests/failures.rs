//! NATS goes and comes back, and so do nodes.

mod support;

use std::time::Duration;
use support::{NatsServer, until, within};
use tickwire_nats::ConnectError;
use tickwire_server::engine::Engine;
use tickwire_server::{Policy, PutError, Topic, Topics, Value};
use tokio::time::interval;

fn text(topic: &Topic, key: &str) -> Option<String> {
    Some(String::from_utf8(topic.get(key)?.to_vec()).unwrap())
}

fn add(topics: &Topics, name: &str, policy: Policy) -> Topic {
    topics.add(name, policy).unwrap();
    topics.get(name).unwrap()
}

#[tokio::test]
async fn a_node_receives_what_is_read_there_and_nothing_else() {
    let server = NatsServer::start().await;
    let (nats, other) = (server.nats().await, server.nats().await);
    let topics = [nats.clone(), other.clone()].map(|nats| Topics::kept_by(nats));
    let one = add(&topics[0], "prices", Policy::latest());
    let there = add(&topics[1], "prices", Policy::latest());
    let chat = add(&topics[1], "chat", Policy::log(10));
    let followed = within("the chat", chat.followed()).await.unwrap();
    for number in 0..1_000 {
        one.put(&format!("k{}", number % 10), number.to_string())
            .unwrap();
    }
    within("all", one.confirmed()).await.unwrap();
    assert_eq!(other.figures().received, 0);
    assert_eq!((nats.figures().received, nats.figures().pending), (0, 0));
    let reads = within("the prices", there.followed()).await.unwrap();
    assert_eq!((there.len(), other.figures().received), (10, 10));
    assert_eq!(other.figures().followed, 2);
    drop((followed, reads));
    until("nobody reads", || other.figures().followed == 0).await;
    assert!(there.is_empty());
    one.put("k1", "later").unwrap();
    within("it", one.confirmed()).await.unwrap();
    assert_eq!(other.figures().received, 10);
    let _reads = within("the prices", there.followed()).await.unwrap();
    assert_eq!(text(&there, "k1").as_deref(), Some("later"));
}

#[tokio::test]
async fn while_nats_is_away_readers_keep_what_they_have_and_the_newest_waits() {
    let mut server = NatsServer::start().await;
    let nats = server.nats().await;
    let (topics, others) = (Topics::kept_by(nats.clone()), server.node().await);
    let one = add(&topics, "prices", Policy::latest().durable());
    let chat = add(&topics, "chat", Policy::log(10));
    let strokes = add(&topics, "strokes", Policy::deadline(Duration::from_secs(1)));
    let other = add(&others, "prices", Policy::latest());
    let _followed = within("the prices", other.followed()).await.unwrap();
    one.put("a", "1").unwrap();
    until("the value", || other.get("a").is_some()).await;
    let mut stale = nats.stale();
    assert_eq!(*stale.borrow_and_update(), None);

    server.kill().await;
    within("it is told", stale.changed()).await.unwrap();
    assert!(stale.borrow_and_update().is_some());
    for number in 2..=9 {
        one.put("a", number.to_string()).unwrap();
    }
    one.put("b", "1").unwrap();
    assert_eq!(one.confirmed().await, Err(PutError::Unreachable));
    assert_eq!(chat.put("alice", "hi"), Err(PutError::Unreachable));
    assert_eq!(strokes.put("alice", "1,1"), Err(PutError::Unreachable));
    assert_eq!(text(&other, "a").as_deref(), Some("1"));
    // Nobody reads it here, and so it cannot be had.
    assert!(one.followed().await.is_none());

    server.resume().await;
    within("it is told", stale.changed()).await.unwrap();
    assert_eq!(*stale.borrow_and_update(), None);
    until("the newest", || {
        text(&other, "a").as_deref() == Some("9") && other.len() == 2
    })
    .await;
    within("all", one.confirmed()).await.unwrap();
    chat.put("alice", "hi").unwrap();
    within("an entry", chat.confirmed()).await.unwrap();
}

/// NATS loses all that it had each time, since that is in memory: a writer goes on, nodes read, and one that
/// comes later has all.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nats_is_killed_and_started_again_20_times_under_a_writer() {
    const KEYS: usize = 50;
    let mut server = NatsServer::start().await;
    let (writer, reader, both) = (
        server.node().await,
        server.node().await,
        server.node().await,
    );
    let written = add(&writer, "prices", Policy::latest());
    // A value that is put once, by a node that does not read it.
    written.put("quiet", "once").unwrap();
    written.put("gone", "once").unwrap();
    written.remove("gone");
    let read = [&reader, &both].map(|topics| add(topics, "prices", Policy::latest()));
    let _followed = [
        within("the prices", read[0].followed()).await.unwrap(),
        within("the prices", read[1].followed()).await.unwrap(),
    ];
    // A node of readers writes too.
    read[1].put("of readers", "once").unwrap();
    let mut number = 0_usize;
    for round in 0..20 {
        let mut tick = interval(Duration::from_millis(2));
        for at in 0..100 {
            tick.tick().await;
            number += 1;
            written
                .put(&format!("k{}", number % KEYS), number.to_string())
                .unwrap();
            match at {
                30 => server.kill().await,
                60 => server.resume().await,
                _ => {}
            }
        }
        let newest = |topic: &Topic| {
            let of_key = |key: usize| {
                (number - KEYS + 1..=number)
                    .find(|it| it % KEYS == key)
                    .unwrap()
            };
            let is_newest = |key| text(topic, &format!("k{key}")) == Some(of_key(key).to_string());
            let has = |key| text(topic, key).as_deref() == Some("once");
            (0..KEYS).all(is_newest) && has("quiet") && has("of readers") && topic.len() == KEYS + 2
        };
        for topic in &read {
            until(&format!("the newest, round {round}"), || newest(topic)).await;
        }
        if round % 5 == 4 {
            let late = server.node().await;
            let late = add(&late, "prices", Policy::latest());
            let _followed = within("the prices", late.followed()).await.unwrap();
            until("the newest, of a late node", || newest(&late)).await;
        }
    }
}

#[tokio::test]
async fn a_log_is_there_again_when_nats_is() {
    let mut server = NatsServer::start().await;
    let (one, other) = (server.node().await, server.node().await);
    let one = add(&one, "chat", Policy::log(1_000));
    let other = add(&other, "chat", Policy::log(1_000));
    let _followed = within("the chat", other.followed()).await.unwrap();
    let mut added = Vec::new();
    for round in 0..5 {
        for entry in 0..50 {
            let entry = format!("{round}.{entry}");
            if one.put("alice", entry.clone()).is_ok() {
                added.push(entry);
            }
        }
        server.kill().await;
        server.resume().await;
        until("the entries", || other.len() == added.len()).await;
    }
    assert_eq!(entries(&other), added);
    let late = server.node().await;
    let late = add(&late, "chat", Policy::log(1_000));
    let _followed = within("the chat", late.followed()).await.unwrap();
    assert_eq!(entries(&late), added);
}

/// The entries of a log, as texts.
fn entries(topic: &Topic) -> Vec<String> {
    let entries = topic.entries().into_iter();
    let text = |value: Value| String::from_utf8(value.bytes.to_vec()).unwrap();
    entries.map(|(_, value)| text(value)).collect()
}

#[tokio::test]
async fn those_who_were_at_a_node_that_is_gone_are_gone_too() {
    let server = NatsServer::start().await;
    let (one, other) = (server.node().await, server.node().await);
    for topics in [&one, &other] {
        topics
            .add("rooms/{room}", Policy::latest().presence())
            .unwrap();
    }
    let of = |topics: &Topics| topics.get("rooms/7/$presence").unwrap();
    let (here, there) = (of(&one), of(&other));
    let _followed = within("who is there", there.followed()).await.unwrap();
    here.put("alice~1", "1").unwrap();
    there.put("bob~2", "1").unwrap();
    until("both", || there.len() == 2).await;
    // It does not say good-bye.
    drop((here, one));
    until("one is gone", || there.len() == 1).await;
    assert!(there.get("bob~2").is_some());
    let late = server.node().await;
    late.add("rooms/{room}", Policy::latest().presence())
        .unwrap();
    let late = of(&late);
    let _followed = within("who is there", late.followed()).await.unwrap();
    assert_eq!(late.len(), 1);
}

#[tokio::test]
async fn what_cannot_be_used_is_told() {
    let server = NatsServer::start_with(&["--auth", "secret"]).await;
    let denied = tickwire_nats::Nats::connect(server.options()).await;
    let denied = denied.map(drop).unwrap_err();
    assert!(matches!(denied, ConnectError::Denied(_)), "{denied}");
    let mut options = server.options();
    options.token = Some("secret".into());
    tickwire_nats::Nats::connect(options.clone()).await.unwrap();
    options.namespace = "a.b".into();
    let named = tickwire_nats::Nats::connect(options.clone()).await;
    assert!(named.map(drop).unwrap_err().to_string().contains("a.b"));
    options.namespace = "ab".into();
    options.credentials = Some("/nowhere/at.creds".into());
    let unreadable = tickwire_nats::Nats::connect(options).await;
    let unreadable = unreadable.map(drop).unwrap_err().to_string();
    assert!(unreadable.contains("/nowhere/at.creds"), "{unreadable}");
}

#[tokio::test]
async fn what_nats_does_not_take_is_refused_when_it_is_put() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("nats.conf");
    std::fs::write(&config, "max_payload: 10000").unwrap();
    let server = NatsServer::start_with(&["--config", config.to_str().unwrap()]).await;
    let topics = server.node().await;
    let one = add(&topics, "prices", Policy::latest());
    let refused = one.put("a", "x".repeat(6_000));
    assert_eq!(refused, Err(PutError::ValueTooLong(10_000 - 4_096)));
    one.put("a", "x".repeat(5_900)).unwrap();
    within("it", one.confirmed()).await.unwrap();
}

#[tokio::test]
async fn a_node_may_start_before_nats_does() {
    let mut server = NatsServer::start().await;
    server.kill().await;
    let nats = server.nats().await;
    let mut stale = nats.stale();
    assert!(stale.borrow_and_update().is_some());
    let topics = Topics::kept_by(nats);
    let one = add(&topics, "prices", Policy::latest());
    one.put("a", "1").unwrap();
    server.resume().await;
    within("it is told", stale.changed()).await.unwrap();
    let _followed = within("the prices", one.followed()).await.unwrap();
    until("the value", || one.get("a").is_some()).await;
}
