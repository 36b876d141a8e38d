//! What is put is there again.

use super::*;
use std::sync::Arc;
use tickwire_values::About;

#[test]
fn topics_are_restored_with_their_versions_and_go_on() {
    let (_directory, path) = place();
    let (store, none) = open(&path);
    assert!(none.is_empty());
    let (prices, chat) = (Topic::latest(100), Topic::new(LOG, Limits::new(100)));
    // What was put before it was added is saved as well.
    put(&prices, "a", "1");
    store.add("prices", &prices).unwrap();
    store.add("rooms/ä/chat", &chat).unwrap();
    put(&prices, "b", "2");
    put(&prices, "a", "3");
    put(&chat, "alice", "hello");
    put(&chat, "bob", "");
    store.close().unwrap();

    for round in 0..2_u64 {
        let (store, topics) = reopen(&path);
        let (again, chat_again) = (&topics["prices"], &topics["rooms/ä/chat"]);
        assert_eq!(values(again), values(&prices));
        assert_eq!(values(chat_again), values(&chat));
        assert_eq!(again.version(), 3 + round);
        assert_eq!(
            (chat_again.policy(), chat_again.version()),
            (LOG, 2 + round)
        );
        for topic in [again, &prices] {
            put(topic, "c", &round.to_string());
        }
        for topic in [chat_again, &chat] {
            put(topic, "carol", "more");
        }
        drop(topics);
        drop(store);
    }
}

#[test]
fn a_removed_key_stays_away_and_its_slot_is_anothers() {
    let (_directory, path) = place();
    let (store, _) = open(&path);
    let topic = Topic::latest(100);
    store.add("topic", &topic).unwrap();
    for key in ["a", "b", "c"] {
        put(&topic, key, key);
    }
    store.flush().unwrap();
    topic.remove(Instant::now(), "b");
    topic.remove(Instant::now(), "c");
    store.flush().unwrap();
    put(&topic, "d", "d");
    store.close().unwrap();
    let (store, topics) = reopen(&path);
    let again = &topics["topic"];
    assert_eq!(values(again), values(&topic));
    assert_eq!((again.len(), again.version()), (2, 6));
    // Slots are given again after that as well.
    for key in ["e", "f"] {
        put(again, key, key);
        put(&topic, key, key);
    }
    store.close().unwrap();
    let (_store, topics) = reopen(&path);
    assert_eq!(values(&topics["topic"]).len(), 4);
    assert_eq!(topics["topic"].version(), 8);
}

#[test]
fn of_a_log_the_newest_are_in_the_file_and_no_more() {
    let (_directory, path) = place();
    let (store, _) = open(&path);
    let topic = Topic::new(LOG, Limits::new(5));
    store.add("log", &topic).unwrap();
    let mut number = 0;
    // Some are trimmed after they were written, and some before.
    for count in [3, 4, 20, 1] {
        for _ in 0..count {
            number += 1;
            put(&topic, "key", &number.to_string());
        }
        store.flush().unwrap();
    }
    store.close().unwrap();
    let (store, mut topics) = open(&path);
    assert_eq!(topics["log"].len(), 5);
    let again = store.restore(topics.remove("log").unwrap(), Limits::new(5));
    assert_eq!(values(&again), values(&topic));
    assert_eq!(again.version(), 28);
    put(&again, "key", "29");
    store.close().unwrap();
    assert_eq!(open(&path).1["log"].len(), 5);
}

#[test]
fn a_topic_of_more_rows_than_are_written_at_a_time_is_whole() {
    let (_directory, path) = place();
    let (store, _) = open(&path);
    let topic = Topic::latest(10_000);
    for key in 0..10_000 {
        put(&topic, &key.to_string(), "value");
    }
    store.add("topic", &topic).unwrap();
    store.close().unwrap();
    let (store, mut topics) = open(&path);
    let again = store.restore(topics.remove("topic").unwrap(), Limits::new(10_000));
    assert_eq!(values(&again), values(&topic));
    assert_eq!(again.version(), 10_000);
    drop(store);
    // Of fewer keys than there are, the rest does not come back.
    let (store, mut topics) = open(&path);
    let few = store.restore(topics.remove("topic").unwrap(), Limits::new(10));
    assert_eq!(few.len(), 10);
    store.close().unwrap();
    assert_eq!(open(&path).1["topic"].len(), 10);
}

#[test]
fn a_value_is_as_old_as_it_is_after_the_server_was_away() {
    let (_directory, path) = place();
    let (store, _) = open(&path);
    let limits = Limits {
        max_age: Some(Duration::from_secs(60)),
        ..Limits::new(10)
    };
    let topic = Topic::new(Policy::Latest, limits);
    store.add("topic", &topic).unwrap();
    let now = Instant::now();
    let ago = |seconds| now.checked_sub(Duration::from_secs(seconds)).unwrap();
    topic.put(ago(70), "old", "x").unwrap();
    topic.put(ago(50), "new", "x").unwrap();
    store.close().unwrap();
    let (store, mut topics) = open(&path);
    let topic = store.restore(topics.remove("topic").unwrap(), limits);
    let rows = topic.saved_since(Instant::now(), 0, 10).unwrap().rows;
    let ages: Vec<_> = rows.iter().map(|row| row.age.as_secs()).collect();
    assert!((70..80).contains(&ages[0]) && (50..60).contains(&ages[1]));
    assert_eq!(topic.expire(Instant::now()), 1);
    assert!(topic.get("new").is_some());
}

#[test]
fn a_topic_that_nobody_has_is_let_go_and_stays_in_the_file_where_it_is_not_empty() {
    let (_directory, path) = place();
    let (store, _) = open(&path);
    let (empty, full, untouched) = (Topic::latest(10), Topic::latest(10), Topic::latest(10));
    store.add("empty", &empty).unwrap();
    store.add("full", &full).unwrap();
    store.add("untouched", &untouched).unwrap();
    put(&empty, "key", "value");
    put(&full, "key", "value");
    store.flush().unwrap();
    empty.remove(Instant::now(), "key");
    store.flush().unwrap();
    // A flush ends when the topics are written, and they are let go a moment later.
    store.flush().unwrap();
    assert_eq!(empty.watchers(), 0);
    let is_unused = |topic: &Topic| topic.is_unused(Instant::now());
    assert!(is_unused(&empty) && is_unused(&untouched));
    drop((empty, untouched));
    // What was put last is saved, though nobody has the topic by then.
    put(&full, "key", "last");
    drop(full);
    store.close().unwrap();
    let (_store, topics) = reopen(&path);
    assert_eq!(topics.keys().collect::<Vec<_>>(), ["full"]);
    assert_eq!(topics["full"].get("key").unwrap().bytes, "last");
}

#[test]
fn a_name_is_its_newest_topics() {
    let (_directory, path) = place();
    let (store, _) = open(&path);
    let (first, second) = (Topic::latest(10), Topic::new(LOG, Limits::new(10)));
    store.add("topic", &first).unwrap();
    for key in ["a", "b", "c"] {
        put(&first, key, "first");
    }
    store.flush().unwrap();
    store.add("topic", &second).unwrap();
    put(&first, "d", "not saved");
    put(&second, "key", "second");
    let gone = Topic::latest(10);
    store.add("gone", &gone).unwrap();
    put(&gone, "key", "value");
    store.flush().unwrap();
    store.remove("gone");
    put(&gone, "key", "not saved");
    store.close().unwrap();
    put(&second, "key", "too late");

    let (store, topics) = open(&path);
    assert_eq!(topics.keys().collect::<Vec<_>>(), ["topic"]);
    assert_eq!((topics["topic"].policy(), topics["topic"].len()), (LOG, 1));
    // It is not restored, and nothing takes its place: it is still there next time.
    store.close().unwrap();
    let (store, topics) = open(&path);
    assert_eq!(topics.len(), 1);
    let deadline = Topic::new(Policy::Deadline(Duration::from_secs(1)), Limits::new(10));
    store.add("topic", &deadline).unwrap();
    put(&deadline, "key", "value");
    store.close().unwrap();
    assert!(open(&path).1.is_empty());
}

#[test]
fn names_are_bounded() {
    let (_directory, path) = place();
    let (store, _) = open(&path);
    let topic = Topic::latest(1);
    let long = "x".repeat(MAX_NAME + 1);
    assert_eq!(store.add(&long, &topic), Err(AddError::NameTooLong));
    let topics: Vec<_> = (0..MAX_TOPICS).map(|_| Topic::latest(1)).collect();
    for (number, topic) in topics.iter().enumerate() {
        store.add(&number.to_string(), topic).unwrap();
    }
    assert_eq!(store.add("more", &topic), Err(AddError::TooMany));
    assert_eq!(store.add("0", &topic), Ok(()));
    store.remove("1");
    assert_eq!(store.add("more", &topic), Ok(()));
    // Those that nobody has any more make room.
    drop(topics);
    store.flush().unwrap();
    assert_eq!(store.add("yet more", &topic), Ok(()));
}

#[test]
fn what_is_put_is_written_without_being_asked() {
    let (_directory, path) = place();
    let (store, _) = open(&path);
    let topic = Topic::latest(1);
    let weak = topic.downgrade();
    store.add("topic", &topic).unwrap();
    put(&topic, "key", "value");
    drop(topic);
    // It is kept until it is written.
    let begun = Instant::now();
    while weak.upgrade().is_some() {
        assert!(begun.elapsed() < Duration::from_secs(10));
        std::thread::yield_now();
    }
    store.close().unwrap();
    assert_eq!(reopen(&path).1["topic"].get("key").unwrap().bytes, "value");
}

#[test]
fn threads_that_add_put_flush_and_let_go_do_not_get_in_each_others_way() {
    let (_directory, path) = place();
    let (store, _) = open(&path);
    let shared = Topic::latest(10);
    store.add("shared", &shared).unwrap();
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let (store, shared) = (&store, &shared);
            scope.spawn(move || {
                for round in 0..100 {
                    let topic = Topic::latest(10);
                    let name = format!("{thread} {}", round % 7);
                    store.add(&name, &topic).unwrap();
                    put(&topic, "key", &round.to_string());
                    put(shared, &format!("key {thread}"), &round.to_string());
                    match round % 5 {
                        0 => store.flush().unwrap(),
                        1 => store.remove(&name),
                        2 => drop(topic.remove(Instant::now(), "key")),
                        _ => {}
                    }
                }
            });
        }
    });
    // What is left of names: the last of each, but those that were removed or are empty.
    store.flush().unwrap();
    store.flush().unwrap();
    store.close().unwrap();
    let (_store, topics) = reopen(&path);
    for thread in 0..4 {
        for round in 93..100 {
            let topic = topics.get(&format!("{thread} {}", round % 7));
            let value = topic.and_then(|topic| topic.get("key"));
            let expected = (!matches!(round % 5, 1 | 2)).then(|| round.to_string());
            assert_eq!(
                value.as_ref().map(|it| &*it.bytes),
                expected.as_ref().map(String::as_bytes)
            );
            assert_eq!(topic.is_some(), expected.is_some());
        }
        let key = format!("key {thread}");
        assert_eq!(topics["shared"].get(&key).unwrap().bytes, "99");
    }
}

#[test]
fn what_is_said_of_a_value_is_saved_too() {
    let (_directory, path) = place();
    let (store, _) = open(&path);
    let pictures = Topic::latest(10);
    store.add("pictures", &pictures).unwrap();
    let cat = Value {
        bytes: "<svg/>".into(),
        about: Some(Arc::new(About {
            content_type: "image/svg+xml".into(),
            by: "5e1f00c0ffee0123".into(),
        })),
    };
    pictures.put(Instant::now(), "cat", cat.clone()).unwrap();
    put(&pictures, "dog", "plain");
    store.close().unwrap();
    let (_store, topics) = reopen(&path);
    assert_eq!(topics["pictures"].get("cat"), Some(cat));
    assert_eq!(topics["pictures"].get("dog"), Some("plain".into()));
}
