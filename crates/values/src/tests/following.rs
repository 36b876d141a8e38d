//! Topics that follow others.

use crate::{Limits, Policy, Receiver, Sender, ToSay, Topic, Value, Wanted, Watcher};
use proptest::prelude::*;
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tickwire_wire::control::Position;

struct Reads;

impl Watcher for Reads {
    fn changed(&self, _: Policy) {}
}

fn watcher() -> Arc<dyn Watcher> {
    Arc::new(Reads)
}

fn following(policy: Policy) -> Topic {
    Topic::following(policy, Limits::new(100), || {})
}

/// What a reader of a topic sees, on a path that loses nothing.
struct Reader {
    sender: Sender,
    receiver: Receiver,
    now: Instant,
    seen: BTreeMap<String, (u64, Option<Vec<u8>>)>,
    is_complete: bool,
}

impl Reader {
    fn new(topic: &Topic) -> Self {
        let now = Instant::now();
        let mut sender = Sender::new(now, 1, 1_000);
        sender
            .subscribe(1, topic.clone(), Wanted::default())
            .unwrap();
        let mut receiver = Receiver::new();
        receiver.subscribe(1);
        Self {
            sender,
            receiver,
            now,
            seen: BTreeMap::new(),
            is_complete: false,
        }
    }

    fn read(&mut self) {
        for _ in 0..200 {
            self.now += Duration::from_millis(10);
            while let Some(packet) = self.sender.poll(self.now) {
                for update in self.receiver.handle(self.now, &packet).unwrap() {
                    let known = self.seen.get(&*update.key).map_or(0, |(known, _)| *known);
                    assert!(known <= update.version, "{} after {known}", update.version);
                    let value = update.value.map(|it| it.to_vec());
                    self.seen
                        .insert(update.key.to_string(), (update.version, value));
                }
            }
            self.now += Duration::from_millis(30);
            if let Some(acknowledgement) = self.receiver.poll_acknowledgement(self.now) {
                self.sender.acknowledge(self.now, &acknowledgement).unwrap();
            }
            self.sender.handle_timeout(self.now);
            while let Some(said) = self.sender.poll_to_say(self.now) {
                assert_eq!(said, ToSay::Complete { id: 1 });
                self.is_complete = true;
            }
        }
    }

    fn values(&self) -> BTreeMap<&str, &[u8]> {
        let values = self.seen.iter();
        let there = values.filter_map(|(key, (_, value))| Some((&**key, value.as_deref()?)));
        there.collect()
    }
}

#[test]
fn a_snapshot_is_complete_once_the_topic_is_filled() {
    let topic = following(Policy::Latest);
    let mut reader = Reader::new(&topic);
    let now = Instant::now();
    topic.apply(now, "a", 1_000, Some("1".into())).unwrap();
    reader.read();
    assert_eq!(reader.values(), BTreeMap::from([("a", &b"1"[..])]));
    assert!(!reader.is_complete);
    topic.set_filled();
    reader.read();
    assert!(reader.is_complete);

    let empty = following(Policy::Latest);
    let mut reader = Reader::new(&empty);
    reader.read();
    assert!(!reader.is_complete);
    empty.set_filled();
    reader.read();
    assert!(reader.is_complete);
}

#[test]
fn who_begins_to_read_is_told_to_what_fills_a_topic_which_is_empty_again_without_readers() {
    let wanted = Arc::new(AtomicUsize::new(0));
    let counted = wanted.clone();
    let topic = Topic::following(Policy::Latest, Limits::new(10), move || {
        counted.fetch_add(1, Ordering::Relaxed);
    });
    let reader = watcher();
    topic.watch(&reader);
    assert_eq!(wanted.load(Ordering::Relaxed), 1);
    topic
        .apply(Instant::now(), "a", 7, Some("1".into()))
        .unwrap();
    topic.set_filled();
    assert!(!topic.release() && topic.is_filled() && topic.len() == 1);
    topic.unwatch(&reader);
    assert!(topic.release() && !topic.is_filled() && topic.is_empty());
    topic
        .apply(Instant::now(), "a", 7, Some("1".into()))
        .unwrap();
    assert_eq!(topic.version_of("a"), Some(7));
}

#[test]
fn what_was_removed_meanwhile_is_removed_with_a_version_that_is_newer() {
    let topic = following(Policy::Latest);
    let now = Instant::now();
    for (key, version) in [("a", 5), ("b", 6), ("c", 90)] {
        topic.apply(now, key, version, Some("1".into())).unwrap();
    }
    topic.set_filled();
    let mut reader = Reader::new(&topic);
    reader.read();
    topic.retain(now, &HashSet::from(["b".to_owned()]), 80);
    reader.read();
    let keys: Vec<_> = reader.values().into_keys().collect();
    // What is newer than the removal is not what was removed.
    assert_eq!(keys, ["b", "c"]);
    // Its alias is another key's now, and the other way round.
    topic.apply(now, "d", 91, Some("2".into())).unwrap();
    topic.apply(now, "a", 92, Some("3".into())).unwrap();
    reader.read();
    let keys: Vec<_> = reader.values().into_keys().collect();
    assert_eq!(keys, ["a", "b", "c", "d"]);
}

fn entries(sender: &mut Sender) -> Vec<String> {
    let now = Instant::now();
    let said = std::iter::from_fn(|| sender.poll_to_say(now));
    let said = said.map(|said| match said {
        ToSay::Entry(entry) => {
            let entry = tickwire_wire::values::LogEntry::read(&entry).unwrap();
            format!("{} {}", entry.position, entry.key)
        }
        ToSay::After { at, is_gap, .. } => {
            let gap = if is_gap { " gap" } else { "" };
            format!("after {}:{}{gap}", at.epoch, at.position)
        }
        ToSay::Complete { .. } => "complete".to_owned(),
    });
    said.collect()
}

#[test]
fn positions_of_a_log_may_have_holes_and_a_gap_is_told_where_something_is_gone() {
    let topic = following(Policy::Log { epoch: 0 });
    let now = Instant::now();
    let subscribe = |after: Option<u64>| {
        let mut sender = Sender::new(now, 1, 1_000);
        let after = after.map(|position| Position { epoch: 9, position });
        let wanted = Wanted {
            after,
            ..Wanted::default()
        };
        sender.subscribe(1, topic.clone(), wanted).unwrap();
        sender
    };
    let mut early = subscribe(Some(20));
    assert_eq!(entries(&mut early), [""; 0]);
    topic.begin_log(9, 20);
    for (version, key) in [(25, "a"), (30, "b"), (41, "c")] {
        topic.apply(now, key, version, Some("1".into())).unwrap();
    }
    // What comes again is there.
    assert!(!topic.apply(now, "b", 30, Some("1".into())).unwrap());
    topic.set_filled();
    assert_eq!(
        entries(&mut early),
        ["after 9:20", "25 a", "30 b", "41 c", "complete"]
    );
    assert_eq!(
        entries(&mut subscribe(Some(30))),
        ["after 9:30", "41 c", "complete"]
    );
    assert_eq!(
        entries(&mut subscribe(Some(19))),
        ["after 9:20 gap", "25 a", "30 b", "41 c", "complete"]
    );
    topic.apply(now, "d", 50, Some("1".into())).unwrap();
    assert_eq!(entries(&mut early), ["50 d"]);
    // Another log of the same name.
    topic.begin_log(10, 1_000);
    topic.apply(now, "e", 1_001, Some("1".into())).unwrap();
    topic.set_filled();
    assert_eq!(entries(&mut early), ["after 10:1000 gap", "1001 e"]);
    let mut old = subscribe(Some(41));
    assert_eq!(
        entries(&mut old),
        ["after 10:1000 gap", "1001 e", "complete"]
    );
}

#[derive(Clone, Debug)]
enum Step {
    Put(u8),
    Remove(u8),
    /// The link is cut: what happens meanwhile comes as a snapshot later.
    Cut,
    Join,
    Read,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..6_u8).prop_map(Step::Put),
        2 => (0..6_u8).prop_map(Step::Remove),
        1 => Just(Step::Cut),
        1 => Just(Step::Join),
        2 => Just(Step::Read),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(debug_assertions) { 200 } else { 2_000 }))]

    /// A topic that follows another has what that has, whatever is cut, and its reader sees nothing older
    /// than what it has seen.
    #[test]
    fn a_topic_that_follows_another_comes_to_have_what_it_has(steps in prop::collection::vec(step(), 0..60)) {
        let now = Instant::now();
        let topic = following(Policy::Latest);
        topic.set_filled();
        let mut reader = Reader::new(&topic);
        let mut followed = BTreeMap::<String, (u64, Vec<u8>)>::new();
        // Versions of a stream that other topics are in, too.
        let (mut version, mut is_cut) = (1_000_u64, false);
        let catch_up = |followed: &BTreeMap<String, (u64, Vec<u8>)>, version| {
            let mut values: Vec<_> = followed.iter().collect();
            values.sort_by_key(|(_, (version, _))| *version);
            for (key, (version, value)) in values {
                topic.apply(now, key, *version, Some(Value::from(value.clone()))).unwrap();
            }
            topic.retain(now, &followed.keys().cloned().collect(), version);
        };
        for step in steps {
            version += 3;
            match step {
                Step::Put(key) => {
                    let (key, value) = (format!("k{key}"), version.to_be_bytes().to_vec());
                    followed.insert(key.clone(), (version, value.clone()));
                    if !is_cut {
                        topic.apply(now, &key, version, Some(value.into())).unwrap();
                    }
                }
                Step::Remove(key) => {
                    let key = format!("k{key}");
                    followed.remove(&key);
                    if !is_cut {
                        topic.apply(now, &key, version, None).unwrap();
                    }
                }
                Step::Cut => is_cut = true,
                Step::Join => {
                    is_cut = false;
                    catch_up(&followed, version);
                }
                Step::Read => reader.read(),
            }
        }
        catch_up(&followed, version);
        reader.read();
        let has: BTreeMap<_, _> = followed.iter().map(|(key, (_, value))| (&**key, &**value)).collect();
        prop_assert_eq!(reader.values(), has);
        prop_assert!(reader.is_complete);
    }
}
