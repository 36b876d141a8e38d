use crate::{Policy, Receiver, Sender, SubscribeError, Topic, Wanted, Watcher};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tickwire_wire::values::Acknowledgement;

mod each;
mod following;
mod model;
mod path;
mod publishing;
mod saved;

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

/// Counts what it is told.
struct Told {
    count: AtomicUsize,
    is_reader: bool,
}

impl Watcher for Told {
    fn changed(&self, _: Policy) {
        self.count.fetch_add(1, Ordering::Relaxed);
    }

    fn is_reader(&self) -> bool {
        self.is_reader
    }
}

#[test]
fn who_watches_is_told_of_changes_and_of_the_end_and_does_not_keep_a_topic() {
    let watch = |topic: &Topic, is_reader| {
        let told = Arc::new(Told {
            count: AtomicUsize::new(0),
            is_reader,
        });
        let watcher: Arc<dyn Watcher> = told.clone();
        topic.watch(&watcher);
        told
    };
    let topic = Topic::latest(1);
    let told = watch(&topic, false);
    let reader = watch(&topic, true);
    assert_eq!(topic.watchers(), 1);
    topic.put(Instant::now(), "key", "value").unwrap();
    topic.remove(Instant::now(), "key").unwrap();
    assert_eq!(told.count.load(Ordering::Relaxed), 2);
    drop(reader);
    assert_eq!(topic.watchers(), 0);
    let weak = topic.downgrade();
    assert!(topic.is_unused(Instant::now()));
    assert!(weak.upgrade().is_some());
    drop(topic);
    assert!(weak.upgrade().is_none());
    assert_eq!(told.count.load(Ordering::Relaxed), 3);
}

#[test]
fn what_becomes_of_values_is_counted_and_their_age_at_the_reader() {
    let begun = Instant::now();
    let at = |milliseconds| begun + Duration::from_millis(milliseconds);
    let topic = Topic::latest(10);
    topic.put(at(0), "old", "x").unwrap();
    let mut sender = Sender::new(at(0), 1, 100);
    sender
        .subscribe(0, topic.clone(), Wanted::default())
        .unwrap();
    let mut receiver = Receiver::new();
    receiver.subscribe(0);
    let mut carry = |sender: &mut Sender, sent, arrives, back| {
        let packet = sender.poll(at(sent)).unwrap();
        receiver.handle(at(arrives), &packet).unwrap();
        let due = receiver.poll_timeout().unwrap().max(at(arrives));
        let acknowledgement = receiver.poll_acknowledgement(due).unwrap();
        sender.acknowledge(at(back), &acknowledgement).unwrap();
    };
    carry(&mut sender, 0, 20, 65);
    let snapshot = sender.take_tally();
    assert_eq!((snapshot.values_arrived, snapshot.ages_sum), (1, 0));
    topic.put(at(100), "new", "y").unwrap();
    carry(&mut sender, 130, 150, 195);
    let tally = sender.take_tally();
    assert_eq!(
        (tally.packets, tally.values, tally.values_arrived),
        (1, 1, 1)
    );
    // 30 ms until it left, and half a round trip.
    assert!((45..=75).contains(&tally.ages_sum), "{tally:?}");
    assert_eq!(tally.ages.iter().sum::<u64>(), 1);
    assert_eq!(sender.take_tally(), crate::Tally::default());
}
