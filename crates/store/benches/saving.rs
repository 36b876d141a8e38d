//! What saving costs: `cargo bench -p tickwire-store --bench saving -- [directory [seconds]]`.
//!
//! Values of 100 bytes are put into 1,000 topics by one thread, at a rate or as fast as it can. For each
//! scene: how many were put a second, how long a flush took meanwhile, how much of a processor the
//! thread that writes took (on Linux), and how large the file is. Then how long it takes to open a file
//! of a million rows.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tickwire_store::Store;
use tickwire_values::{Limits, Policy, Topic};

const TOPICS: usize = 1_000;
const KEYS: usize = 10;
const VALUE: [u8; 100] = [b'x'; 100];
/// How many values are put between two looks at the clock.
const BURST: usize = 100;
const FLUSH_EVERY: Duration = Duration::from_millis(500);

/// What puts, and where to.
struct Scene {
    topics: Vec<Topic>,
    keys: Vec<String>,
    /// How many were put.
    count: usize,
}

impl Scene {
    fn new(policy: Policy, limits: Limits) -> Self {
        Self {
            topics: (0..TOPICS).map(|_| Topic::new(policy, limits)).collect(),
            keys: (0..KEYS).map(|key| format!("key {key}")).collect(),
            count: 0,
        }
    }

    fn save(&self, path: &Path) -> Store {
        let (store, _) = Store::open(path).expect("a new file");
        for (number, topic) in self.topics.iter().enumerate() {
            let name = format!("sensors/{number}/values");
            store.add(&name, topic).expect("few topics");
        }
        store
    }

    fn burst(&mut self) {
        let now = Instant::now();
        for _ in 0..BURST {
            let topic = &self.topics[self.count % TOPICS];
            let key = &self.keys[self.count / TOPICS % KEYS];
            let put = topic.put(now, key, &VALUE[..]);
            put.expect("as many keys as there may be");
            self.count += 1;
        }
    }

    /// Puts for so long, so many a second, and tells what that took.
    fn run(&mut self, what: &str, path: &Path, rate: Option<f64>, length: Duration) {
        let store = self.save(path);
        self.count = 0;
        let (begun, processor) = (Instant::now(), processor_time());
        let (mut flush_at, mut flushes) = (begun + FLUSH_EVERY, Vec::new());
        while begun.elapsed() < length {
            let due = rate.map_or(f64::INFINITY, |rate| rate * begun.elapsed().as_secs_f64());
            if self.count as f64 > due {
                std::thread::sleep(Duration::from_millis(1));
                continue;
            }
            self.burst();
            if Instant::now() >= flush_at {
                let asked = Instant::now();
                store.flush().expect("room on the disk");
                flushes.push(asked.elapsed());
                flush_at = Instant::now() + FLUSH_EVERY;
            }
        }
        let took = begun.elapsed().as_secs_f64();
        let processor = (processor_time() - processor).as_secs_f64() / took;
        flushes.sort_unstable();
        store.close().expect("room on the disk");
        println!(
            "{what}: {:.0} puts/s; a flush {:.0?} (median), {:.0?} (longest); the writer {:.0} % of a processor; the file {:.1} MB",
            self.count as f64 / took,
            flushes[flushes.len() / 2],
            flushes[flushes.len() - 1],
            processor * 100.0,
            megabytes(path)
        );
    }
}

fn megabytes(path: &Path) -> f64 {
    fs::metadata(path).map_or(0.0, |metadata| metadata.len() as f64 / 1e6)
}

/// How long the thread that writes has had a processor; 0 where that is not known.
fn processor_time() -> Duration {
    let tasks = fs::read_dir("/proc/self/task").into_iter().flatten();
    let times = tasks.filter_map(|task| {
        let task = task.ok()?.path();
        let name = fs::read_to_string(task.join("comm")).ok()?;
        let times = fs::read_to_string(task.join("schedstat")).ok()?;
        let time = times.split(' ').next()?.parse().ok()?;
        (name.trim() == "tickwire-store").then_some(Duration::from_nanos(time))
    });
    times.sum()
}

fn main() {
    let mut arguments = std::env::args().skip(1).filter(|it| it != "--bench");
    let directory = arguments
        .next()
        .map_or_else(std::env::temp_dir, PathBuf::from);
    let seconds = arguments
        .next()
        .map_or(10, |it| it.parse().expect("seconds"));
    let length = Duration::from_secs(seconds);
    let path = directory.join(format!("tickwire-saving-{}", std::process::id()));
    let (latest, log) = (Policy::Latest, Policy::Log { epoch: 7 });
    for (what, rate) in [
        ("10,000 a second", Some(1e4)),
        ("100,000 a second", Some(1e5)),
        ("as fast as it can", None),
    ] {
        let mut scene = Scene::new(latest, Limits::new(KEYS));
        scene.run(&format!("latest, {what}"), &path, rate, length);
        fs::remove_file(&path).expect("a file");
        let mut scene = Scene::new(log, Limits::new(100));
        scene.run(&format!("logs of 100, {what}"), &path, rate, length);
        fs::remove_file(&path).expect("a file");
    }
    size(&path, latest, "latest");
    size(&path, log, "logs of 100");
    reading(&path);
}

/// How the file grows: 10,000 values between two flushes.
fn size(path: &Path, policy: Policy, what: &str) {
    let mut scene = Scene::new(policy, Limits::new(100));
    let store = scene.save(path);
    for million in 1..=3 {
        while scene.count < million * 1_000_000 {
            scene.burst();
            if scene.count.is_multiple_of(10_000) {
                store.flush().expect("room on the disk");
            }
        }
        println!("{what}, {million},000,000 puts: {:.1} MB", megabytes(path));
    }
    store.close().expect("room on the disk");
    println!("closed: {:.1} MB", megabytes(path));
    fs::remove_file(path).expect("a file");
}

fn reading(path: &Path) {
    let (store, _) = Store::open(path).expect("a new file");
    let topic = Topic::latest(1_000_000);
    store.add("topic", &topic).expect("one topic");
    for key in 0..1_000_000 {
        let put = topic.put(Instant::now(), &key.to_string(), &VALUE[..]);
        put.expect("as many keys as there may be");
    }
    let begun = Instant::now();
    store.close().expect("room on the disk");
    println!(
        "a million rows: {:.2?} to write, {:.1} MB",
        begun.elapsed(),
        megabytes(path)
    );
    let begun = Instant::now();
    let (store, contents) = Store::open(path).expect("that file");
    let read = begun.elapsed();
    for restored in contents.topics {
        store.restore(restored, Limits::new(1_000_000));
    }
    println!(
        "{read:.2?} to open and read, {:.2?} with its topic",
        begun.elapsed()
    );
    store.close().expect("nothing to write");
    // All but a few go: what is free is given back.
    let (store, contents) = Store::open(path).expect("that file");
    let restore = |it| store.restore(it, Limits::new(10));
    let few: Vec<_> = contents.topics.into_iter().map(restore).collect();
    store.close().expect("room on the disk");
    println!(
        "without all but {} of them: {:.1} MB",
        few[0].len(),
        megabytes(path)
    );
    let begun = Instant::now();
    drop(Store::open(path).expect("that file"));
    println!(
        "opened again in {:.2?}: {:.1} MB",
        begun.elapsed(),
        megabytes(path)
    );
    fs::remove_file(path).expect("a file");
}
