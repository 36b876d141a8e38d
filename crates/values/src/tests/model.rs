//! A sender and a reader with a path between them that loses, reorders, repeats, and is cut.

use crate::{Receiver, Sender, ToSay, Topic, Update, Wanted};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// Of 256, and in milliseconds.
#[derive(Clone, Copy, Debug)]
struct Path {
    lost: u8,
    repeated: u8,
    delay: u64,
    jitter: u64,
}

#[derive(Clone, Debug)]
enum Step {
    Put(u8, u16),
    Remove(u8),
    Wait(u64),
    Cut(bool),
    /// The reader has another address.
    Move,
    /// The reader leaves and comes back, for all keys or some, as often as they change or rarer.
    Resubscribe(Option<u16>, u64),
}

fn paths() -> impl Strategy<Value = Path> {
    (0..120_u8, 0..60_u8, 1..100_u64, 0..60_u64).prop_map(|(lost, repeated, delay, jitter)| Path {
        lost,
        repeated,
        delay,
        jitter,
    })
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        20 => (0..12_u8, 0..1_500_u16).prop_map(|(key, length)| Step::Put(key, length)),
        4 => (0..12_u8).prop_map(Step::Remove),
        10 => (0..40_u64).prop_map(Step::Wait),
        1 => any::<bool>().prop_map(Step::Cut),
        1 => Just(Step::Move),
        1 => (option::of(0..1_u16 << 12), prop_oneof![Just(0), 1..300_u64])
            .prop_map(|(keys, interval)| Step::Resubscribe(keys, interval)),
    ];
    vec(step, 0..200)
}

struct World {
    now: Instant,
    path: Path,
    is_cut: bool,
    /// xorshift: the seed is all that is random.
    seed: u64,
    topic: Topic,
    /// What each version's value was, and of which key.
    history: HashMap<u64, (String, Option<Vec<u8>>)>,
    sender: Sender,
    receiver: Receiver,
    subscription: u64,
    wanted: Wanted,
    /// When each message arrives, and whether at the reader.
    under_way: Vec<(Instant, bool, Vec<u8>)>,
    /// What the reader has: the version and the value.
    view: HashMap<String, (u64, Option<Vec<u8>>)>,
    is_complete: bool,
}

impl World {
    fn new(path: Path, seed: u64) -> Self {
        let now = Instant::now();
        let mut world = Self {
            now,
            path,
            is_cut: false,
            seed: seed | 1,
            topic: Topic::latest(100),
            history: HashMap::new(),
            sender: Sender::new(now, 4, 1_000),
            receiver: Receiver::new(),
            subscription: 0,
            wanted: Wanted::default(),
            under_way: Vec::new(),
            view: HashMap::new(),
            is_complete: false,
        };
        world.subscribe(None, 0);
        world
    }

    fn random(&mut self, below: u64) -> u64 {
        self.seed ^= self.seed << 13;
        self.seed ^= self.seed >> 7;
        self.seed ^= self.seed << 17;
        self.seed % below.max(1)
    }

    fn subscribe(&mut self, keys: Option<u16>, interval: u64) {
        self.sender.unsubscribe(self.subscription);
        self.receiver.unsubscribe(self.subscription);
        self.subscription += 1;
        self.receiver.subscribe(self.subscription);
        let name = |bits: u16| {
            let keys = (0..12).filter(move |key| bits & 1 << key != 0);
            keys.map(|key| format!("key {key}")).collect()
        };
        self.wanted = Wanted {
            keys: keys.map(name),
            interval: Duration::from_millis(interval),
            after: None,
        };
        self.sender
            .subscribe(self.subscription, self.topic.clone(), self.wanted.clone())
            .unwrap();
        self.view.clear();
        self.is_complete = false;
    }

    fn put(&mut self, key: u8, length: u16) {
        let key = format!("key {key}");
        let value = vec![key.len() as u8; length.into()];
        let version = self.topic.put(self.now, &key, value.clone()).unwrap();
        self.history.insert(version, (key, Some(value)));
    }

    fn remove(&mut self, key: u8) {
        let key = format!("key {key}");
        if let Some(version) = self.topic.remove(self.now, &key) {
            self.history.insert(version, (key, None));
        }
    }

    fn send(&mut self, to_reader: bool, message: Vec<u8>) {
        let copies = 1 + u64::from(self.random(256) < self.path.repeated.into());
        for _ in 0..copies {
            if self.is_cut || self.random(256) < self.path.lost.into() {
                continue;
            }
            let delay = self.path.delay + self.random(self.path.jitter);
            let at = self.now + Duration::from_millis(delay);
            self.under_way.push((at, to_reader, message.clone()));
        }
    }

    fn see(&mut self, update: Update) {
        assert_eq!(update.subscription, self.subscription);
        let before = self.view.get(&*update.key).map(|(version, _)| *version);
        let (key, value) = &self.history[&update.version];
        let what = (&update.key, update.version, update.value.is_some(), before);
        assert_eq!(*key, *update.key, "{what:?}");
        if update.value.is_some() {
            assert!(*value == update.value, "{what:?}");
            assert!(before < Some(update.version), "{what:?}");
        } else {
            assert!(before <= Some(update.version), "{what:?}");
        }
        self.view
            .insert((*update.key).to_owned(), (update.version, update.value));
    }

    /// Does all that is due, and waits for the next: at most until `end`.
    fn step(&mut self, end: Instant) {
        let arrived: Vec<_> = self
            .under_way
            .extract_if(.., |(at, ..)| *at <= self.now)
            .collect();
        for (_, to_reader, message) in arrived {
            if to_reader {
                for update in self.receiver.handle(self.now, &message).unwrap() {
                    self.see(update);
                }
            } else {
                self.sender.acknowledge(self.now, &message).unwrap();
            }
        }
        self.sender.handle_timeout(self.now);
        while let Some(packet) = self.sender.poll(self.now) {
            self.send(true, packet);
        }
        if let Some(acknowledgement) = self.receiver.poll_acknowledgement(self.now) {
            self.send(false, acknowledgement);
        }
        if self.sender.poll_to_say(self.now)
            == Some(ToSay::Complete {
                id: self.subscription,
            })
        {
            self.is_complete = true;
        }
        let arrivals = self.under_way.iter().map(|(at, ..)| *at).min();
        let timers = [
            self.sender.poll_timeout(),
            self.receiver.poll_timeout(),
            arrivals,
        ];
        let next = timers.into_iter().flatten().min().unwrap_or(end);
        // A timer that is due now would not let time pass.
        self.now = next.max(self.now + Duration::from_micros(100)).min(end);
    }

    fn run(&mut self, time: Duration) {
        let end = self.now + time;
        while self.now < end {
            self.step(end);
        }
    }

    fn is_up_to_date(&self) -> bool {
        let state = self.topic.state().unwrap();
        let is_wanted = |key: &str| {
            self.wanted
                .keys
                .as_ref()
                .is_none_or(|keys| keys.contains(key))
        };
        let there: HashMap<&str, &[u8]> = state
            .slots
            .iter()
            .filter(|slot| is_wanted(&slot.key))
            .filter_map(|slot| Some((&*slot.key, &*slot.value.as_ref()?.bytes)))
            .collect();
        let seen = self.view.iter();
        let seen = seen.filter_map(|(key, (_, value))| Some((&**key, value.as_deref()?)));
        seen.collect::<HashMap<&str, &[u8]>>() == there
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 5_000,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn the_newest_values_arrive_and_nothing_older_after_them(
        path in paths(),
        seed: u64,
        steps in steps(),
    ) {
        let mut world = World::new(path, seed);
        for step in steps {
            match step {
                Step::Put(key, length) => world.put(key, length),
                Step::Remove(key) => world.remove(key),
                Step::Wait(time) => world.run(Duration::from_millis(time)),
                Step::Cut(is_cut) => world.is_cut = is_cut,
                Step::Move => world.sender.begin_path(world.now),
                Step::Resubscribe(keys, interval) => world.subscribe(keys, interval),
            }
        }
        world.is_cut = false;
        // Nothing changes any more. A probe that is lost again and again comes rarer and rarer.
        for _ in 0..600 {
            if world.is_up_to_date() && world.is_complete {
                break;
            }
            world.run(Duration::from_millis(500));
        }
        prop_assert!(world.is_up_to_date());
        prop_assert!(world.is_complete);
        prop_assert_eq!(world.receiver.unknown(), 0);
        // Once all has arrived, and that is known, nothing more is sent.
        world.path.lost = 0;
        world.run(Duration::from_secs(60));
        prop_assert_eq!(world.sender.poll_timeout(), None);
        prop_assert!(!world.sender.has_due());
    }
}
