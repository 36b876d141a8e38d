//! Topics that outlive the server.

#[path = "support/reader.rs"]
mod reader;
mod support;

use reader::{Reader, server};
use std::path::Path;
use std::time::Duration;
use support::{Server, until};
use tickwire_server::{Policy, Saving, StoreError, Topics};
use tickwire_wire::control::{Position, Subscribe, ToReader, ToServer};

fn topics(path: &Path) -> Topics {
    let saving = Saving::open(path).unwrap();
    let topics = Topics::new();
    for (name, policy) in [
        ("prices", Policy::latest()),
        ("rooms/{room}/chat", Policy::log(5)),
        ("strokes", Policy::deadline(Duration::from_secs(60))),
    ] {
        topics.add_saved(name, policy, &saving).unwrap();
    }
    topics
}

/// Reads so many entries of a log, from a position on.
async fn read(server: &Server, after: Option<Position>, count: usize) -> (Reader, Position, bool) {
    let mut reader = Reader::connect(server).await;
    let said = ToServer::Subscribe(Subscribe {
        id: 1,
        topic: "rooms/7/chat".into(),
        after,
        ..Subscribe::default()
    });
    reader.say(&said).await;
    reader
        .read_until("the entries", |reader| reader.entries.len() == count)
        .await;
    let begun = reader.said.iter().find_map(|said| match said {
        ToReader::Log { after, gap, .. } => Some((*after, *gap)),
        _ => None,
    });
    let (at, is_gap) = begun.expect("a log");
    let position = reader.entries.last().map_or(at.position, |(at, _)| *at);
    (reader, Position { position, ..at }, is_gap)
}

#[tokio::test]
async fn a_reader_goes_on_where_it_was_after_the_server_was_started_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("topics.redb");
    let first = topics(&path);
    let server_before = server(&first).await;
    first.get("prices").unwrap().put("EURUSD", "1.09").unwrap();
    let chat = first.get("rooms/7/chat").unwrap();
    for number in 1..=3 {
        chat.put("alice", number.to_string()).unwrap();
    }
    let (reader, position, _) = read(&server_before, None, 3).await;
    drop((reader, chat));
    // It writes what was put before it is gone.
    drop(server_before);
    drop(first);
    // The tasks of its sessions have it until they have ended.
    until("the file", async || Saving::open(&path).is_ok()).await;

    let second = topics(&path);
    let chat = second.get("rooms/7/chat").unwrap();
    chat.put("bob", "4").unwrap();
    let server = server(&second).await;
    assert_eq!(second.get("prices").unwrap().get("EURUSD").unwrap(), "1.09");
    let (reader, position, is_gap) = read(&server, Some(position), 1).await;
    assert_eq!(reader.entries, [(4, "4".to_owned())]);
    assert!(!is_gap);
    for number in 5..=12 {
        chat.put("bob", number.to_string()).unwrap();
    }
    let (reader, _, is_gap) = read(&server, Some(position), 5).await;
    assert!(is_gap);
    assert_eq!(reader.entries[0], (8, "8".to_owned()));
}

#[test]
fn topics_of_patterns_are_there_before_somebody_asks_for_them() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("topics.redb");
    let first = topics(&path);
    for room in 0..3 {
        let name = format!("rooms/{room}/chat");
        first.get(&name).unwrap().put("alice", "hello").unwrap();
    }
    first.flush();
    assert!(matches!(Saving::open(&path), Err(StoreError::Locked(_))));
    drop(first);
    let second = topics(&path);
    let listed = second.list();
    let rooms = listed.iter().find(|it| it.name == "rooms/{room}/chat");
    assert_eq!(rooms.unwrap().topics, Some(3));

    // Another policy is another topic.
    drop(second);
    let saving = Saving::open(&path).unwrap();
    let third = Topics::new();
    let latest = Policy::latest();
    third
        .add_saved("rooms/{room}/chat", latest, &saving)
        .unwrap();
    assert!(third.get("rooms/0/chat").unwrap().is_empty());
}
