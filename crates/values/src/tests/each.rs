//! Values that count each by itself: those of a deadline, and logs.

use crate::{Limits, Policy, Receiver, Sender, SubscribeError, ToSay, Topic, Wanted};
use proptest::prelude::*;
use std::collections::HashMap;
use std::time::{Duration, Instant};
use tickwire_wire::control::Position;
use tickwire_wire::values::LogEntry;

const WITHIN: Duration = Duration::from_millis(400);
const WAY: Duration = Duration::from_millis(25);

/// What came, and how old each was.
struct Run {
    came: HashMap<u64, Duration>,
    count: usize,
}

/// Puts so many values, some a millisecond, over a path that loses this part of 256.
fn run(count: u64, lost: u64, mut seed: u64) -> Run {
    let mut random = move |below: u64| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        seed % below
    };
    let begun = Instant::now();
    let topic = Topic::new(Policy::Deadline(WITHIN), Limits::new(10_000));
    topic
        .put(begun, "before", "not for who comes later")
        .unwrap();
    let mut sender = Sender::new(begun, 1, 10);
    sender
        .subscribe(1, topic.clone(), Wanted::default())
        .unwrap();
    assert_eq!(sender.poll_to_say(begun), Some(ToSay::Complete { id: 1 }));
    let mut receiver = Receiver::new();
    receiver.subscribe(1);
    let mut under_way: Vec<(Instant, bool, Vec<u8>)> = Vec::new();
    let mut put_at = HashMap::new();
    let mut run = Run {
        came: HashMap::new(),
        count: 0,
    };
    for millisecond in 0..count + 2_000 {
        let now = begun + Duration::from_millis(millisecond);
        if millisecond < count {
            let key = format!("key {}", random(3));
            put_at.insert(topic.put(now, &key, "value").unwrap(), now);
        }
        for (_, to_reader, message) in under_way.extract_if(.., |(at, ..)| *at <= now) {
            if !to_reader {
                sender.acknowledge(now, &message).unwrap();
                continue;
            }
            for update in receiver.handle(now, &message).unwrap() {
                assert!(update.is_event);
                run.count += 1;
                run.came
                    .insert(update.version, now - put_at[&update.version]);
            }
        }
        sender.handle_timeout(now);
        let packets = std::iter::from_fn(|| sender.poll(now)).map(|packet| (true, packet));
        let sent: Vec<_> = packets.collect();
        let answer = receiver.poll_acknowledgement(now).map(|it| (false, it));
        for (to_reader, message) in sent.into_iter().chain(answer) {
            if random(256) >= lost {
                let at = now + WAY + Duration::from_millis(random(10));
                under_way.push((at, to_reader, message));
            }
        }
    }
    assert_eq!(receiver.unknown(), 0);
    assert!(!sender.has_due());
    run
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn each_comes_once_and_in_time(seed in 1_u64.., lost in 0..100_u64) {
        let run = run(1_000, lost, seed);
        prop_assert_eq!(run.came.len(), run.count);
        // The way may take longer than it was found to.
        let latest = run.came.values().max().copied().unwrap_or_default();
        prop_assert!(latest <= WITHIN + WAY, "{:?}", latest);
        if lost == 0 {
            prop_assert_eq!(run.count, 1_000);
        }
        // 50 in 256 lost: there is time for five tries, and one in a thousand has none left.
        if lost <= 50 {
            prop_assert!(run.count >= 980, "{} of 1,000", run.count);
        }
    }
}

#[test]
fn of_too_many_the_oldest_go_and_what_is_past_is_not_sent() {
    let now = Instant::now();
    let topic = Topic::new(Policy::Deadline(WITHIN), Limits::new(3));
    let mut sender = Sender::new(now, 1, 10);
    sender
        .subscribe(1, topic.clone(), Wanted::default())
        .unwrap();
    for value in ["1", "2", "3", "4"] {
        topic.put(now, "key", value).unwrap();
    }
    assert_eq!(topic.len(), 3);
    let mut receiver = Receiver::new();
    receiver.subscribe(1);
    let updates = receiver.handle(now, &sender.poll(now).unwrap()).unwrap();
    let versions: Vec<u64> = updates.iter().map(|update| update.version).collect();
    assert_eq!(versions, [2, 3, 4]);

    topic.put(now, "key", "5").unwrap();
    let later = now + WITHIN + Duration::from_millis(1);
    assert_eq!(sender.poll(later), None);
    assert!(!sender.has_due());
    assert!(topic.is_empty());
    let slower = Wanted {
        interval: WAY,
        ..Wanted::default()
    };
    sender.unsubscribe(1);
    assert_eq!(
        sender.subscribe(2, topic, slower),
        Err(SubscribeError::NoRate)
    );
}

const EPOCH: u64 = 7;

struct Reader {
    sender: Sender,
    said: Vec<String>,
}

impl Reader {
    fn new(topic: &Topic, wanted: Wanted) -> Self {
        let mut sender = Sender::new(Instant::now(), 1, 10);
        sender.subscribe(1, topic.clone(), wanted).unwrap();
        Self {
            sender,
            said: Vec::new(),
        }
    }

    /// Reads so much, in words.
    fn read(&mut self, most: usize) -> Vec<String> {
        self.said.clear();
        while self.said.len() < most
            && let Some(said) = self.sender.poll_to_say(Instant::now())
        {
            self.said.push(match said {
                ToSay::Complete { id: 1 } => "complete".into(),
                ToSay::After {
                    id: 1,
                    at:
                        Position {
                            epoch: EPOCH,
                            position,
                        },
                    is_gap,
                } => {
                    format!("after {position}{}", if is_gap { ", gap" } else { "" })
                }
                ToSay::Entry(entry) => {
                    let entry = LogEntry::read(&entry).unwrap();
                    assert_eq!(entry.subscription, 1);
                    let value = str::from_utf8(entry.value).unwrap();
                    assert_eq!(value, format!("value {}", entry.position));
                    format!("{} {}", entry.key, entry.position)
                }
                said => panic!("{said:?}"),
            });
        }
        assert!(self.said.len() == most || !self.sender.has_to_say());
        self.said.clone()
    }
}

fn add(topic: &Topic, key: &str) {
    let value = format!("value {}", topic.version() + 1);
    topic.put(Instant::now(), key, value).unwrap();
}

#[test]
fn a_log_is_read_in_order_and_on_from_where_one_was() {
    let topic = Topic::new(Policy::Log { epoch: EPOCH }, Limits::new(4));
    add(&topic, "a");
    add(&topic, "b");
    let mut reader = Reader::new(&topic, Wanted::default());
    assert_eq!(reader.read(9), ["after 0", "a 1", "b 2", "complete"]);
    add(&topic, "c");
    assert_eq!(reader.read(9), ["c 3"]);
    assert!(!reader.sender.has_due());

    let after = |epoch, position| Wanted {
        after: Some(Position { epoch, position }),
        ..Wanted::default()
    };
    let mut back = Reader::new(&topic, after(EPOCH, 2));
    assert_eq!(back.read(9), ["after 2", "c 3", "complete"]);
    let keys = Some(["b".to_owned()].into());
    let mut some = Reader::new(
        &topic,
        Wanted {
            keys,
            ..Wanted::default()
        },
    );
    assert_eq!(some.read(9), ["after 0", "b 2", "complete"]);

    for _ in 0..3 {
        add(&topic, "d");
    }
    // The first two are gone by now.
    let mut late = Reader::new(&topic, after(EPOCH, 1));
    assert_eq!(late.read(2), ["after 2, gap", "c 3"]);
    let mut other = Reader::new(&topic, after(EPOCH + 1, 3));
    assert_eq!(other.read(2), ["after 2, gap", "c 3"]);
    let mut future = Reader::new(&topic, after(EPOCH, 100));
    assert_eq!(future.read(2), ["after 2, gap", "c 3"]);
    let mut new = Reader::new(&topic, Wanted::default());
    assert_eq!(new.read(2), ["after 2", "c 3"]);
    // Who reads slowly is told what it has missed.
    for _ in 0..10 {
        add(&topic, "e");
    }
    let rest = ["after 12, gap", "complete", "e 13", "e 14", "e 15", "e 16"];
    assert_eq!(new.read(9)[..], rest[..]);
}

#[test]
fn a_logs_end_is_told_where_its_entries_are_gone_before_they_were_read() {
    let topic = Topic::new(Policy::Log { epoch: EPOCH }, Limits::new(2));
    add(&topic, "a");
    let mut reader = Reader::new(&topic, Wanted::default());
    assert_eq!(reader.read(1), ["after 0"]);
    for _ in 0..3 {
        add(&topic, "b");
    }
    assert_eq!(reader.read(9), ["after 2, gap", "complete", "b 3", "b 4"]);
}
