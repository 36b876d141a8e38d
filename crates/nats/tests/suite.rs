//! What holds wherever topics are kept: in one process, and in NATS.

mod support;

use futures_util::future::join_all;
use std::time::Duration;
use support::{NatsServer, until, within};
use tickwire_server::{Followed, Policy, PutError, Topic, Topics, Value};

/// Two nodes that have the same topics; with NATS, what they are in.
struct Nodes {
    one: Topics,
    other: Topics,
    _nats: Option<NatsServer>,
}

impl Nodes {
    /// One process, which is both.
    fn in_process() -> Self {
        let one = Topics::new();
        Self {
            other: one.clone(),
            one,
            _nats: None,
        }
    }

    async fn by_nats() -> Self {
        let nats = NatsServer::start().await;
        Self {
            one: nats.node().await,
            other: nats.node().await,
            _nats: Some(nats),
        }
    }

    /// Adds a topic on both, and follows it on the other.
    async fn topic(&self, name: &str, policy: Policy) -> (Topic, Topic, Followed) {
        self.one.add(name, policy).unwrap();
        if self._nats.is_some() {
            self.other.add(name, policy).unwrap();
        }
        let name = name.replace("{room}", "7");
        let (one, other) = (self.one.get(&name).unwrap(), self.other.get(&name).unwrap());
        let followed = within("the topic", other.followed()).await.unwrap();
        (one, other, followed)
    }
}

/// The same test for each way of keeping topics.
macro_rules! suite {
    ($($name:ident)*) => {
        mod in_process {
            $(#[tokio::test] async fn $name() { super::$name(super::Nodes::in_process()).await; })*
        }
        mod by_nats {
            $(#[tokio::test] async fn $name() { super::$name(super::Nodes::by_nats().await).await; })*
        }
    };
}

suite! {
    values_and_removals_come_to_the_other_node
    any_text_is_a_key
    a_snapshot_is_there_for_who_comes_late
    logs_come_in_order
    values_of_a_deadline_come_as_they_are_put
    topics_of_patterns_are_kept_apart
    what_is_too_long_is_refused
    what_is_put_is_confirmed
    values_grow_too_old
}

fn text(topic: &Topic, key: &str) -> Option<String> {
    Some(String::from_utf8(topic.get(key)?.to_vec()).unwrap())
}

async fn values_and_removals_come_to_the_other_node(nodes: Nodes) {
    let (one, other, _followed) = nodes.topic("prices", Policy::latest()).await;
    one.put("EURUSD", "1.09").unwrap();
    until("the value", || {
        text(&other, "EURUSD").as_deref() == Some("1.09")
    })
    .await;
    for number in 0..1_000 {
        one.put("EURUSD", number.to_string()).unwrap();
    }
    until("the newest", || {
        text(&other, "EURUSD").as_deref() == Some("999")
    })
    .await;
    one.remove("EURUSD");
    until("the removal", || other.is_empty()).await;
    one.put("EURUSD", "again").unwrap();
    until("another value", || {
        text(&other, "EURUSD").as_deref() == Some("again")
    })
    .await;
}

async fn any_text_is_a_key(nodes: Nodes) {
    let (one, other, _followed) = nodes.topic("a.b >*/ü", Policy::latest()).await;
    let long = "ä".repeat(512);
    for key in [
        "",
        " ",
        "a.b",
        "*",
        ">",
        "%41",
        "$x",
        "line\r\nbreak",
        "😀",
        &long,
    ] {
        one.put(key, key.to_owned()).unwrap();
        until(key, || text(&other, key).as_deref() == Some(key)).await;
    }
    let about = tickwire_server::About {
        content_type: "text/plain; charset=\"ü\"".into(),
        by: "alice\n~1".into(),
    };
    let value = Value {
        bytes: vec![0, 255, 10].into(),
        about: Some(about.into()),
    };
    one.put("bytes", value.clone()).unwrap();
    until("bytes", || other.value("bytes") == Some(value.clone())).await;
}

async fn a_snapshot_is_there_for_who_comes_late(nodes: Nodes) {
    nodes.one.add("prices", Policy::latest()).unwrap();
    let one = nodes.one.get("prices").unwrap();
    for key in 0..500 {
        one.put(&key.to_string(), "x").unwrap();
    }
    one.remove("7");
    within("all", one.confirmed()).await.unwrap();
    if nodes._nats.is_some() {
        nodes.other.add("prices", Policy::latest()).unwrap();
    }
    let other = nodes.other.get("prices").unwrap();
    let _followed = within("a snapshot", other.followed()).await.unwrap();
    assert_eq!((other.len(), other.get("7")), (499, None));
}

async fn logs_come_in_order(nodes: Nodes) {
    let (one, other, _followed) = nodes.topic("chat", Policy::log(100)).await;
    for entry in 0..150 {
        one.put("alice", entry.to_string()).unwrap();
    }
    until("the last", || {
        text(&other, "alice").as_deref() == Some("149")
    })
    .await;
    assert_eq!(other.len(), 100);
    // And readers have it: what came first did not begin it anew.
    assert!(other.followed().await.is_some());
}

async fn values_of_a_deadline_come_as_they_are_put(nodes: Nodes) {
    let policy = Policy::deadline(Duration::from_secs(20));
    let (one, other, _followed) = nodes.topic("strokes", policy).await;
    // The other's interest may take a moment to be known everywhere.
    until("a value", || {
        one.put("alice", "12,40").unwrap();
        !other.is_empty()
    })
    .await;
}

async fn topics_of_patterns_are_kept_apart(nodes: Nodes) {
    let (one, other, _followed) = nodes.topic("rooms/{room}", Policy::latest()).await;
    let eighth = nodes.one.get("rooms/8").unwrap();
    eighth.put("bob", "8").unwrap();
    within("it", eighth.confirmed()).await.unwrap();
    one.put("alice", "7").unwrap();
    until("the value", || other.get("alice").is_some()).await;
    assert_eq!(other.len(), 1);
    let (chat, other_chat, _followed) = nodes.topic("chats/{room}", Policy::log(10)).await;
    let eighth = nodes.one.get("chats/8").unwrap();
    eighth.put("bob", "8").unwrap();
    within("it", eighth.confirmed()).await.unwrap();
    chat.put("alice", "7").unwrap();
    until("the entry", || other_chat.get("alice").is_some()).await;
    assert_eq!(other_chat.len(), 1);
}

async fn what_is_too_long_is_refused(nodes: Nodes) {
    let policy = Policy::latest().max_value_bytes(10).max_keys(3);
    let (one, other, _followed) = nodes.topic("small", policy).await;
    let long = "x".repeat(1_025);
    assert_eq!(one.put(&long, "x"), Err(PutError::KeyTooLong));
    assert_eq!(
        one.put("a", "x".repeat(11)),
        Err(PutError::ValueTooLong(10))
    );
    for key in ["a", "b", "c"] {
        one.put(key, "x").unwrap();
    }
    until("all", || other.len() == 3).await;
    assert_eq!(other.put("d", "x"), Err(PutError::Full));
    other.put("a", "y").unwrap();
    other.remove("b");
    until("room", || other.len() == 2).await;
    other.put("d", "x").unwrap();
    until("the next", || other.len() == 3).await;
}

async fn what_is_put_is_confirmed(nodes: Nodes) {
    let (one, other, _followed) = nodes.topic("orders", Policy::latest().durable()).await;
    let puts = (0..100).map(|key| {
        one.put(&key.to_string(), "x").unwrap();
        one.confirmed()
    });
    for confirmed in within("all", join_all(puts)).await {
        confirmed.unwrap();
    }
    until("all", || other.len() == 100).await;
}

async fn values_grow_too_old(nodes: Nodes) {
    let policy = Policy::latest().max_age(Duration::from_secs(1));
    let (one, other, _followed) = nodes.topic("short", policy).await;
    one.put("a", "x").unwrap();
    until("the value", || other.len() == 1).await;
    // In one process the server looks for what is too old, and there is none here.
    if nodes._nats.is_some() {
        until("its end", || other.is_empty()).await;
    }
}
