//! How soon what is put into a topic is at a reader, over networks good and bad.
//!
//! `cargo bench -p tickwire-server --bench arrival -- [scene [runs]]` prints a line for each scene: of all
//! values that were put, after how many milliseconds the reader had each, or a newer one of its key.

#[path = "../tests/support/network.rs"]
mod network;
#[path = "../tests/support/reader.rs"]
mod reader;
#[path = "../tests/support/mod.rs"]
mod support;

use network::{Conditions, Network};
use reader::{Reader, channels};
use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};
use support::Server;
use tickwire_server::{Policy, Topic, Topics};
use tokio::time::timeout_at;

/// 50 ms there and back.
const CALM: Conditions = Conditions {
    delay: Duration::from_millis(25),
    jitter: Duration::ZERO,
    loss: 0.0,
    rate: None,
    seed: 1,
};
const KEYS: usize = 100;
/// For how long values are put, and how often each key is.
const LENGTH: Duration = Duration::from_secs(10);
const RATE: u32 = 10;
const CUT: Duration = Duration::from_secs(3);

/// What there is of a session.
struct Scene {
    topic: Topic,
    snapshot: Topic,
    network: Network,
    reader: Reader,
    _server: Server,
    begun: Instant,
    /// Values that the reader does not have yet, oldest first, by key: the number and when it was put.
    missing: BTreeMap<String, VecDeque<(u64, Instant)>>,
    number: u64,
}

impl Scene {
    async fn begin(conditions: Conditions) -> Self {
        let topics = Topics::new();
        let topic = topics.topic("values", Policy::latest());
        let snapshot = topics.topic("snapshot", Policy::latest());
        let server = reader::server(&topics).await;
        let without_loss = Conditions {
            loss: 0.0,
            ..conditions
        };
        let network = Network::before(&server, without_loss).await;
        let mut reader = Reader::of(network.connect(&server, channels()).await);
        reader.subscribe(1, "values").await;
        reader
            .read_until("the subscription", |reader| reader.is_complete(1))
            .await;
        network.lose(conditions.loss);
        Self {
            topic,
            snapshot,
            network,
            reader,
            _server: server,
            begun: Instant::now(),
            missing: BTreeMap::new(),
            number: 0,
        }
    }

    fn put(&mut self, key: usize) {
        self.number += 1;
        let key = format!("key {key}");
        // As long as a price.
        let value = format!("{:012}", self.number);
        let now = Instant::now();
        self.topic.put(&key, value).expect("a short value");
        let missing = self.missing.entry(key).or_default();
        missing.push_back((self.number, now));
    }

    /// Reads until then, or until the reader has all. Returns after how long it had each.
    async fn read(&mut self, until: Option<Instant>) -> Vec<Duration> {
        let mut took = Vec::new();
        let has_all =
            |missing: &BTreeMap<String, VecDeque<_>>| missing.values().all(VecDeque::is_empty);
        while until.is_some() || !has_all(&self.missing) {
            let seen = self.reader.updates;
            let has_more = |reader: &Reader| reader.updates > seen;
            let reading = self.reader.read_until("a value", has_more);
            match until {
                // What it has read of a message it has done all with.
                Some(until) => drop(timeout_at(until.into(), reading).await),
                None => reading.await,
            }
            let now = Instant::now();
            for (key, missing) in &mut self.missing {
                let had = self.reader.view.get(key);
                let had = had.map_or(0, |(_, value)| value.parse().unwrap_or(0));
                while let Some((_, at)) = missing.pop_front_if(|(number, _)| *number <= had) {
                    took.push(now - at);
                }
            }
            if until.is_some_and(|until| now >= until) {
                break;
            }
        }
        took
    }

    /// Puts each key so many times a second, one after another. `at` is called with how long it has been.
    async fn run(
        &mut self,
        keys: usize,
        rate: u32,
        mut at: impl FnMut(Duration, &Network),
    ) -> Vec<Duration> {
        let gap = LENGTH / (u32::try_from(keys).unwrap_or(1) * rate * LENGTH.as_secs() as u32);
        let mut took = Vec::new();
        let mut due = Instant::now();
        self.begun = due;
        let mut key = 0;
        while due < self.begun + LENGTH {
            self.put(key);
            key = (key + 1) % keys;
            due += gap;
            at(self.begun.elapsed(), &self.network);
            if due > Instant::now() {
                took.extend(self.read(Some(due)).await);
            }
        }
        took.extend(self.read(None).await);
        took
    }
}

fn tell(scene: &str, mut took: Vec<Duration>) {
    took.sort_unstable();
    let part = |part: f64| {
        let at = ((took.len() - 1) as f64 * part).round() as usize;
        took[at].as_secs_f64() * 1_000.0
    };
    println!(
        "{scene:44} {:6} values  p50 {:6.0}  p95 {:6.0}  p99 {:6.0}  max {:6.0} ms",
        took.len(),
        part(0.5),
        part(0.95),
        part(0.99),
        part(1.0)
    );
}

/// How long until the reader has all of a thousand keys that are put once, run by run.
async fn burst(runs: u64) -> Vec<Duration> {
    let mut took = Vec::new();
    for seed in 0..runs {
        let conditions = Conditions {
            loss: 30.0,
            seed,
            ..CALM
        };
        let mut scene = Scene::begin(conditions).await;
        (0..1_000).for_each(|key| scene.put(key));
        took.extend(scene.read(None).await.into_iter().max());
    }
    took
}

/// One value into the silence, run by run.
async fn quiet(runs: u64) -> Vec<Duration> {
    let mut took = Vec::new();
    for seed in 0..runs {
        let mut scene = Scene::begin(Conditions {
            loss: 5.0,
            seed,
            ..CALM
        })
        .await;
        scene.put(0);
        took.extend(scene.read(None).await);
    }
    took
}

/// How long a snapshot takes from the subscription on: 10,000 keys with values of 100 bytes.
async fn snapshot(round_trip: Duration) -> Duration {
    let conditions = Conditions {
        delay: round_trip / 2,
        rate: Some(50_000_000.0),
        ..CALM
    };
    let mut scene = Scene::begin(conditions).await;
    for key in 0..10_000 {
        let value = vec![b'x'; 100];
        scene
            .snapshot
            .put(&format!("key {key}"), value)
            .expect("a short value");
    }
    let begun = Instant::now();
    scene.reader.subscribe(2, "snapshot").await;
    let is_done = |reader: &Reader| reader.is_complete(2);
    scene.reader.read_until("the snapshot", is_done).await;
    begun.elapsed()
}

async fn steady(keys: usize, rate: u32, conditions: Conditions) -> Vec<Duration> {
    let mut scene = Scene::begin(conditions).await;
    scene.run(keys, rate, |_, _| {}).await
}

/// After a cut in the middle: how long after it the last of what was put meanwhile was there.
async fn cut() -> Vec<Duration> {
    let mut scene = Scene::begin(CALM).await;
    let (from, to) = (Duration::from_secs(2), Duration::from_secs(2) + CUT);
    let took = scene.run(KEYS, RATE, |at, network| {
        if (from..to).contains(&at) {
            network.stop();
        } else {
            network.resume();
        }
    });
    let late = took.await.into_iter().max();
    late.into_iter()
        .map(|late| late.saturating_sub(CUT))
        .collect()
}

#[tokio::main]
async fn main() {
    let mut arguments = std::env::args().skip(1).filter(|it| it != "--bench");
    let wanted = arguments.next().unwrap_or_default();
    let runs = arguments
        .next()
        .map_or(100, |runs| runs.parse().expect("a number of runs"));
    let is_wanted = |scene: &str| wanted.is_empty() || wanted == scene;
    if is_wanted("a") {
        tell("a  1,000 keys once, 30 % loss: all", burst(runs).await);
        tell("a  a quiet key's value, 5 % loss", quiet(runs).await);
    }
    if is_wanted("b") {
        let narrow = Some(64_000.0);
        for (what, loss, rate) in [
            ("no loss", 0.0, None),
            ("5 % loss", 5.0, None),
            ("64 kbit/s", 0.0, narrow),
            ("64 kbit/s, 5 % loss", 5.0, narrow),
        ] {
            let conditions = Conditions { loss, rate, ..CALM };
            tell(
                &format!("b  a key 100 times a second, {what}"),
                steady(1, 100, conditions).await,
            );
        }
    }
    if is_wanted("c") {
        for (what, loss) in [("", 0.0), (", 5 % loss", 5.0)] {
            let conditions = Conditions {
                loss,
                rate: Some(1_000_000.0),
                ..CALM
            };
            tell(
                &format!("c  100 keys ten times a second, 1 Mbit/s{what}"),
                steady(KEYS, RATE, conditions).await,
            );
        }
    }
    if is_wanted("e") {
        for milliseconds in [10, 50] {
            let took = snapshot(Duration::from_millis(milliseconds)).await;
            let what = format!("e  10,000 keys at 50 Mbit/s, {milliseconds} ms there and back");
            tell(&what, vec![took]);
        }
    }
    if is_wanted("d") {
        tell("d  after a cut of 3 s: all", cut().await);
    }
}
