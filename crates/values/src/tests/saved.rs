//! A topic that is saved again and again, and restored from what was saved.

use crate::{Limits, Policy, Receiver, Row, Saved, Sender, ToSay, Topic, Value, Wanted};
use proptest::collection::vec;
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};
use tickwire_wire::control::Position;
use tickwire_wire::values::{LogEntry, MAX_KEY, MAX_VALUE};

const LOG: Policy = Policy::Log { epoch: 7 };
const MAX_AGE: Duration = Duration::from_millis(500);

#[derive(Clone, Debug)]
enum Step {
    Put(u8, u8),
    Remove(u8),
    Change(Vec<(u8, Option<u8>)>),
    Wait(u64),
    Expire,
    /// With so many rows a call, and a put between the calls.
    Save(usize),
    /// What has changed since it was saved last is lost.
    Restart,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let change = (0..10_u8, proptest::option::of(any::<u8>()));
    let step = prop_oneof![
        20 => (0..10_u8, any::<u8>()).prop_map(|(key, value)| Step::Put(key, value)),
        6 => (0..10_u8).prop_map(Step::Remove),
        2 => vec(change, 0..6).prop_map(Step::Change),
        6 => (0..300_u64).prop_map(Step::Wait),
        4 => Just(Step::Expire),
        6 => (1..8_usize).prop_map(Step::Save),
        1 => Just(Step::Restart),
    ];
    vec(step, 0..150)
}

fn name(key: u8) -> String {
    format!("key {key}")
}

fn limits() -> Limits {
    Limits {
        max_age: Some(MAX_AGE),
        ..Limits::new(8)
    }
}

/// A topic, and a store of it.
struct World {
    now: Instant,
    policy: Policy,
    topic: Topic,
    /// The rows by their place, and when each was changed.
    rows: BTreeMap<u64, (Row, Instant)>,
    version: u64,
    /// What there was when it was saved last.
    snapshot: Vec<(String, Value)>,
}

fn snapshot(topic: &Topic, now: Instant) -> Vec<(String, Value)> {
    let values = topic.snapshot(now).values.into_iter();
    values.map(|(key, value)| ((*key).into(), value)).collect()
}

/// All that is to be saved of a topic that has been saved nowhere yet.
fn whole(topic: &Topic, now: Instant) -> Vec<Row> {
    let mut rows = topic.saved_since(now, 0, usize::MAX).unwrap().rows;
    rows.retain(|row| row.value.is_some());
    rows
}

impl World {
    fn new(policy: Policy) -> Self {
        Self {
            now: Instant::now() + Duration::from_secs(3_600),
            policy,
            topic: Topic::new(policy, limits()),
            rows: BTreeMap::new(),
            version: 0,
            snapshot: Vec::new(),
        }
    }

    fn put(&mut self, key: u8, value: u8) {
        // There may be no room for it.
        let _ = self.topic.put(self.now, &name(key), vec![value; 3]);
    }

    fn take(&mut self, step: Step) {
        match step {
            Step::Put(key, value) => self.put(key, value),
            Step::Remove(key) => drop(self.topic.remove(self.now, &name(key))),
            Step::Change(changes) => {
                let change = |(key, value): (u8, Option<u8>)| {
                    (name(key), value.map(|value| vec![value; 3].into()))
                };
                let changes = changes.into_iter().map(change).collect();
                let _ = self.topic.change(self.now, changes);
            }
            Step::Wait(time) => self.now += Duration::from_millis(time),
            Step::Expire => drop(self.topic.expire(self.now)),
            Step::Save(most) => self.save(most),
            Step::Restart => self.restart(),
        }
    }

    fn save(&mut self, most: usize) {
        for call in 0.. {
            // It ends, for a put needs a row, and of a call with 1 row a second call.
            if call < 3 {
                self.put(call, call);
            }
            let saved = self.topic.saved_since(self.now, self.version, most);
            let saved = saved.unwrap();
            self.rows = self.rows.split_off(&saved.first);
            let is_all = saved.rows.len() < most;
            for row in saved.rows {
                assert!(row.version > self.version && row.version <= saved.version);
                match row.value {
                    Some(_) => {
                        let changed = self.now - row.age;
                        self.rows.insert(row.place, (row, changed));
                    }
                    None => drop(self.rows.remove(&row.place)),
                }
            }
            self.version = saved.version;
            if is_all {
                break;
            }
        }
        self.snapshot = snapshot(&self.topic, self.now);
        assert_eq!(self.version, self.topic.version());
    }

    fn saved(&self) -> Saved {
        let rows = self.rows.values().map(|(row, changed)| Row {
            age: self.now - *changed,
            ..row.clone()
        });
        Saved {
            version: self.version,
            first: 0,
            rows: rows.collect(),
        }
    }

    fn restart(&mut self) {
        let saved = self.saved();
        let (topic, is_exact) = Topic::restore(self.now, self.policy, limits(), saved.clone());
        assert!(is_exact);
        assert_eq!(topic.policy(), self.policy);
        assert_eq!(topic.version(), self.version);
        assert_eq!(snapshot(&topic, self.now), self.snapshot);
        for (key, value) in &self.snapshot {
            let newest = self.snapshot.iter().rfind(|(other, _)| other == key);
            assert_eq!(topic.get(key).as_ref(), newest.map(|(_, value)| value));
            assert_eq!(value.bytes.len(), 3);
        }
        let mut rows = saved.rows;
        rows.sort_unstable_by_key(|row| row.version);
        assert_eq!(whole(&topic, self.now), rows);
        self.topic = topic;
    }
}

/// All that a new reader of a topic of the newest values gets, in the order of its keys.
fn read(topic: &Topic, now: Instant) -> Vec<(String, Value)> {
    let mut sender = Sender::new(now, 1, 1_000);
    sender
        .subscribe(1, topic.clone(), Wanted::default())
        .unwrap();
    let mut receiver = Receiver::new();
    receiver.subscribe(1);
    let mut values = Vec::new();
    while let Some(packet) = sender.poll(now) {
        for update in receiver.handle(now, &packet).unwrap() {
            values.push(((*update.key).into(), update.value.unwrap().into()));
        }
    }
    assert_eq!(receiver.unknown(), 0);
    values.sort();
    values
}

/// What a reader of the log gets that has read it up to a position: the positions, and whether it was
/// told of a gap.
fn read_log(topic: &Topic, now: Instant, position: u64) -> (Vec<u64>, bool) {
    let after = Some(Position { epoch: 7, position });
    let wanted = Wanted {
        after,
        ..Wanted::default()
    };
    let mut sender = Sender::new(now, 1, 1_000);
    sender.subscribe(1, topic.clone(), wanted).unwrap();
    let (mut positions, mut has_gap) = (Vec::new(), false);
    while let Some(said) = sender.poll_to_say(now) {
        match said {
            ToSay::Entry(entry) => positions.push(LogEntry::read(&entry).unwrap().position),
            ToSay::After { is_gap, .. } => has_gap |= is_gap,
            ToSay::Complete { .. } => {}
        }
    }
    (positions, has_gap)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_restored_topic_is_the_one_that_was_saved(steps in steps()) {
        let mut world = World::new(Policy::Latest);
        steps.into_iter().for_each(|step| world.take(step));
        world.restart();
        let mut expected = world.snapshot.clone();
        expected.sort();
        prop_assert_eq!(read(&world.topic, world.now), expected);
        // What was old enough to go still is.
        let is_old = |row: &Row| row.age > MAX_AGE;
        let old = whole(&world.topic, world.now).iter().filter(|row| is_old(row)).count();
        prop_assert_eq!(world.topic.expire(world.now), old);
    }

    #[test]
    fn a_restored_log_is_the_one_that_was_saved(steps in steps()) {
        let mut world = World::new(LOG);
        steps.into_iter().for_each(|step| world.take(step));
        world.restart();
        let (version, len) = (world.version, world.snapshot.len() as u64);
        let all = (version + 1 - len..=version).collect::<Vec<_>>();
        prop_assert_eq!(read_log(&world.topic, world.now, version - len), (all, false));
        prop_assert_eq!(read_log(&world.topic, world.now, version), (vec![], false));
        prop_assert_eq!(world.topic.put(world.now, "next", "x"), Ok(version + 1));
        prop_assert_eq!(read_log(&world.topic, world.now, version), (vec![version + 1], false));
    }

    #[test]
    fn whatever_rows_say_a_topic_is_within_its_limits(
        rows in vec((prop_oneof![0..12_u64, any::<u64>()], prop_oneof![0..12_u64, any::<u64>()], 0..10_u8, 0..4_u8), 0..20),
        version in prop_oneof![0..14_u64, any::<u64>()],
        is_log in any::<bool>(),
    ) {
        let now = Instant::now();
        let row = |(place, version, key, kind)| Row {
            place,
            version,
            age: if kind == 0 { Duration::MAX } else { Duration::ZERO },
            key: if kind == 1 { "k".repeat(MAX_KEY + 1).into() } else { name(key).into() },
            value: (kind != 2).then(|| vec![kind; 3].into()),
        };
        let rows = rows.into_iter().map(row).collect();
        let policy = if is_log { LOG } else { Policy::Latest };
        let saved = Saved { version, first: 0, rows };
        let (topic, _) = Topic::restore(now, policy, limits(), saved);
        prop_assert!(topic.len() <= 8);
        topic.remove(now, &name(0));
        let _ = topic.put(now, &name(1), "new");
        topic.expire(now);
        let saved = topic.saved_since(now, 0, usize::MAX).unwrap();
        let (again, is_exact) = Topic::restore(now, policy, limits(), saved);
        if topic.version() > 1 << 60 {
            // No topic counts so far.
            return Ok(());
        }
        prop_assert!(is_exact);
        prop_assert_eq!(snapshot(&again, now), snapshot(&topic, now));
    }
}

fn row(place: u64, version: u64, key: &str, bytes: usize) -> Row {
    Row {
        place,
        version,
        age: Duration::ZERO,
        key: key.into(),
        value: Some(vec![0; bytes].into()),
    }
}

fn restore(policy: Policy, limits: Limits, version: u64, rows: Vec<Row>) -> (Topic, bool) {
    let saved = Saved {
        version,
        first: 0,
        rows,
    };
    Topic::restore(Instant::now(), policy, limits, saved)
}

fn keys(topic: &Topic) -> Vec<String> {
    let rows = whole(topic, Instant::now()).into_iter();
    rows.map(|row| (*row.key).into()).collect()
}

#[test]
fn of_more_keys_than_may_be_those_that_have_changed_last_are_kept() {
    let rows = vec![row(0, 3, "c", 1), row(1, 1, "a", 1), row(2, 2, "b", 1)];
    let (topic, is_exact) = restore(Policy::Latest, Limits::new(2), 3, rows);
    assert!(!is_exact);
    assert_eq!(keys(&topic), ["b", "c"]);
}

#[test]
fn a_row_with_a_slot_that_is_out_of_reason_is_kept_at_another() {
    let rows = vec![row(u64::MAX, 1, "a", 1), row(3_000_000_000, 2, "b", 1)];
    let (topic, is_exact) = restore(Policy::Latest, Limits::new(usize::MAX), 2, rows);
    assert!(!is_exact);
    assert_eq!(keys(&topic), ["a", "b"]);
    let places = whole(&topic, Instant::now())
        .into_iter()
        .map(|row| row.place);
    assert!(places.max() < Some(2));
}

#[test]
fn of_a_key_that_is_there_twice_the_newer_is_kept() {
    let rows = vec![row(0, 5, "a", 1), row(1, 3, "a", 2), row(2, 9, "late", 1)];
    let (topic, is_exact) = restore(Policy::Latest, Limits::new(9), 5, rows);
    assert!(!is_exact);
    assert_eq!(topic.get("a").unwrap().bytes.len(), 1);
    // No version is newer than the topic's.
    assert_eq!(keys(&topic), ["a"]);
}

#[test]
fn a_log_keeps_what_is_longer_than_it_may_be_now_and_has_no_hole() {
    let limits = Limits {
        max_value: 10,
        ..Limits::new(3)
    };
    let rows = |missing| {
        let there = (1..=4).filter(move |place| *place != missing);
        there
            .map(|place| row(place, place, "a", 20))
            .collect::<Vec<_>>()
    };
    let (topic, is_exact) = restore(LOG, limits, 4, rows(1));
    assert!(is_exact);
    assert_eq!((topic.len(), topic.version()), (3, 4));
    let (topic, is_exact) = restore(LOG, limits, 4, rows(0));
    assert!(!is_exact);
    assert_eq!(topic.len(), 3);
    let (topic, _) = restore(LOG, limits, 4, rows(3));
    assert_eq!((topic.len(), topic.version()), (1, 4));
    let (topic, _) = restore(LOG, limits, 4, rows(4));
    assert_eq!((topic.len(), topic.version()), (0, 4));
    let (topic, is_exact) = restore(LOG, limits, 1, vec![row(1, 1, "a", MAX_VALUE + 1)]);
    assert!(topic.is_empty() && !is_exact);
    let (topic, is_exact) = restore(Policy::Latest, limits, 4, rows(0));
    assert!(topic.is_empty() && !is_exact);
}

#[test]
fn values_of_a_deadline_are_not_saved() {
    let policy = Policy::Deadline(MAX_AGE);
    let topic = Topic::new(policy, limits());
    topic.put(Instant::now(), "key", "value").unwrap();
    assert_eq!(topic.saved_since(Instant::now(), 0, 1), None);
    let (topic, is_exact) = restore(policy, limits(), 1, vec![row(1, 1, "key", 1)]);
    assert!(topic.is_empty() && !is_exact);
}
