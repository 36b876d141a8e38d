use crate::{Receiver, Sender, SubscribeError, Topic, Wanted};
use std::time::{Duration, Instant};
use tickwire_wire::values::Acknowledgement;

mod each;
mod model;
mod path;
mod publishing;

#[test]
fn subscriptions_and_their_keys_are_bounded() {
    let topic = Topic::latest(100);
    for key in 0..40 {
        topic.put(Instant::now(), &key.to_string(), "x").unwrap();
    }
    let mut sender = Sender::new(Instant::now(), 3, 100);
    let mut subscribe = |id, topic: &Topic| sender.subscribe(id, topic.clone(), Wanted::default());
    assert_eq!(subscribe(1, &topic), Ok(()));
    assert_eq!(subscribe(1, &topic), Err(SubscribeError::Taken));
    assert_eq!(subscribe(2, &topic), Ok(()));
    assert_eq!(subscribe(3, &topic), Err(SubscribeError::TooManyKeys));
    let small = Topic::latest(1);
    assert_eq!(subscribe(3, &small), Ok(()));
    assert_eq!(subscribe(4, &small), Err(SubscribeError::TooMany));
}

#[test]
fn what_was_under_way_on_a_path_that_is_left_is_due_at_once_on_the_next() {
    let now = Instant::now();
    let topic = Topic::latest(1);
    let mut sender = Sender::new(now, 1, 10);
    sender
        .subscribe(0, topic.clone(), Wanted::default())
        .unwrap();
    topic.put(now, "key", "value").unwrap();
    assert!(sender.poll(now).is_some());
    assert_eq!(sender.poll(now), None);
    sender.begin_path(now);
    let again = sender.poll(now).expect("the value");
    // What comes late from the path before changes nothing.
    let late = Acknowledgement {
        held: 0,
        ranges: vec![(0, 0)],
    };
    sender.acknowledge(now, &late.write()).unwrap();
    let mut receiver = Receiver::new();
    receiver.subscribe(0);
    assert_eq!(receiver.handle(now, &again).unwrap().len(), 1);
}

#[test]
fn who_lies_about_how_long_it_has_held_its_answers_still_gets_values() {
    let mut now = Instant::now();
    let topic = Topic::latest(1);
    let mut sender = Sender::new(now, 1, 10);
    sender
        .subscribe(0, topic.clone(), Wanted::default())
        .unwrap();
    for number in 0..100 {
        topic.put(now, "key", number.to_string()).unwrap();
        let sent = sender.poll(now);
        assert!(sent.is_some(), "{number}");
        let answer = Acknowledgement {
            held: u64::MAX >> 2,
            ranges: vec![(number, number)],
        };
        sender.acknowledge(now, &answer.write()).unwrap();
        now += Duration::from_millis(1);
    }
}
