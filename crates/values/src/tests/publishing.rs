//! What a client publishes, over a path that loses, reorders and repeats.

use crate::{PublishError, Published, Publisher};
use proptest::prelude::*;
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// What is under way: when it comes, whether to the server, and the message.
type Way = Vec<(Instant, bool, Vec<u8>)>;

/// Publishes as these steps say, over a path that loses this part of 100; what the server has in the end,
/// and what was put last.
fn run(
    steps: &[(u8, u8, u64)],
    loss: u64,
    seed: u64,
) -> (HashMap<String, String>, HashMap<String, String>) {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut now = Instant::now();
    let (mut publisher, mut published) = (Publisher::new(), Published::default());
    let (mut has, mut put) = (HashMap::new(), HashMap::new());
    let mut newest: HashMap<String, u64> = HashMap::new();
    let mut way: Way = Vec::new();
    let mut steps = steps.iter();
    let mut count = 0_u64;
    let mut rest = 0;
    // An end, where nothing is lost any more.
    while rest < 1_000 {
        match steps.next() {
            Some((key, kind, pause)) => {
                let key = format!("key {}", key % 5);
                count += 1;
                if kind % 8 == 0 {
                    publisher.put("topic", &key, None).unwrap();
                    put.remove(&key);
                } else {
                    // Some are longer than half of a message.
                    let length = if kind % 8 == 1 { 700 } else { 8 };
                    let value = format!("{count:0length$}");
                    publisher
                        .put("topic", &key, Some(value.clone().into_bytes()))
                        .unwrap();
                    put.insert(key, value);
                }
                now += Duration::from_millis(*pause);
            }
            None => {
                rest += 1;
                now += Duration::from_millis(10);
            }
        }
        let loss = if rest > 300 { 0 } else { loss };
        let mut send = |way: &mut Way, to_server, message: Vec<u8>| {
            for _ in 0..1 + u64::from(random.u64(0..100) < 5) {
                if random.u64(0..100) >= loss {
                    let at = now + Duration::from_millis(random.u64(5..60));
                    way.push((at, to_server, message.clone()));
                }
            }
        };
        while let Some(message) = publisher.poll(now) {
            send(&mut way, true, message);
        }
        while let Some(at) = way.iter().position(|(at, ..)| *at <= now) {
            let (_, to_server, message) = way.swap_remove(at);
            if !to_server {
                publisher.acknowledge(now, &message).unwrap();
                continue;
            }
            let (publication, acknowledgement) = published.handle(&message).unwrap();
            for entry in publication.entries {
                let key = entry.key.to_owned();
                match entry.value {
                    Some(value) => {
                        let value = String::from_utf8(value.to_vec()).unwrap();
                        let number: u64 = value.parse().unwrap();
                        let before = newest.insert(key.clone(), number);
                        assert!(
                            before.is_none_or(|before| before <= number),
                            "an older value"
                        );
                        has.insert(key, value);
                    }
                    None => drop(has.remove(&key)),
                }
            }
            if let Some(acknowledgement) = acknowledgement {
                send(&mut way, false, acknowledgement);
            }
        }
    }
    assert!(publisher.is_done());
    (has, put)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn the_newest_of_each_key_is_at_the_server_in_the_end_and_none_older_after_it(
        steps in prop::collection::vec((any::<u8>(), any::<u8>(), 0..40_u64), 1..200),
        loss in 0..60_u64,
        seed in any::<u64>(),
    ) {
        let (has, put) = run(&steps, loss, seed);
        prop_assert_eq!(has, put);
    }
}

#[test]
fn what_waits_is_bounded_and_is_published_in_the_next_session() {
    let now = Instant::now();
    let mut publisher = Publisher::new();
    for key in 0..1_000 {
        publisher
            .put("topic", &key.to_string(), Some(vec![1]))
            .unwrap();
    }
    assert_eq!(
        publisher.put("topic", "one more", None),
        Err(PublishError::Full)
    );
    publisher.put("topic", "7", Some(vec![2])).unwrap();
    let long = "x".repeat(1_025);
    assert_eq!(
        publisher.put(&long, "", None),
        Err(PublishError::TopicTooLong)
    );
    assert_eq!(
        publisher.put("", &long, None),
        Err(PublishError::KeyTooLong)
    );
    let value = Some(vec![0; 64_001]);
    assert_eq!(
        publisher.put("", "", value),
        Err(PublishError::ValueTooLong)
    );

    assert!(publisher.poll(now).is_some());
    assert_eq!(publisher.poll(now), None);
    publisher.begin_session();
    let mut published = Published::default();
    let mut count = 0;
    while let Some(message) = publisher.poll(now) {
        let (publication, acknowledgement) = published.handle(&message).unwrap();
        count += publication.entries.len();
        publisher
            .acknowledge(now, &acknowledgement.unwrap())
            .unwrap();
    }
    assert!(publisher.is_done());
    assert_eq!(count, 1_000);
}
