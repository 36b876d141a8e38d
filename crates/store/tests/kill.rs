//! A process that is killed while it writes, again and again, and what is in its file then.

#![cfg(unix)]

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};
use tickwire_store::{Contents, Store};
use tickwire_values::{Limits, Policy, Topic};

/// What tells this program that it is the one that is killed: where its file is.
const FILE: &str = "TICKWIRE_STORE_KILLED";
const KILLS: u64 = 50;
const KEYS: u64 = 10;
const ENTRIES: usize = 1_000;
const FLUSHED: &str = "flushed ";

/// Number `n` is put as version `n`, with a value that shows where it is torn.
fn value(number: u64) -> String {
    format!("{number:010}").repeat(10)
}

struct Topics {
    latest: Topic,
    log: Topic,
}

fn topics(path: &Path) -> (Store, Topics) {
    let (store, Contents { topics, dropped }) = Store::open(path).unwrap();
    assert_eq!(dropped, 0);
    let (mut latest, mut log) = (None, None);
    for restored in topics {
        let of = match restored.policy() {
            Policy::Latest => &mut latest,
            _ => &mut log,
        };
        *of = Some(store.restore(restored, Limits::new(ENTRIES)));
    }
    let new = |name, policy| {
        let topic = Topic::new(policy, Limits::new(ENTRIES));
        store.add(name, &topic).unwrap();
        topic
    };
    let topics = Topics {
        latest: latest.unwrap_or_else(|| new("latest", Policy::Latest)),
        log: log.unwrap_or_else(|| new("log", Policy::Log { epoch: 7 })),
    };
    (store, topics)
}

/// Puts numbers as fast as it can, and says which are on the disk, until it is killed.
fn put(path: &Path) {
    let (store, topics) = topics(path);
    let mut out = std::io::stdout();
    // Every other one mostly writes by itself, each 100 ms.
    let every = [Duration::ZERO, Duration::from_millis(150)];
    let every = every[std::process::id() as usize % 2];
    let mut flushed_at = Instant::now();
    loop {
        for topic in [&topics.latest, &topics.log] {
            for _ in 0..300 {
                let number = topic.version() + 1;
                let key = format!("key {}", number % KEYS);
                topic.put(Instant::now(), &key, value(number)).unwrap();
            }
        }
        if flushed_at.elapsed() >= every {
            store.flush().unwrap();
            let (latest, log) = (topics.latest.version(), topics.log.version());
            writeln!(out, "{FLUSHED}{latest} {log}").unwrap();
            flushed_at = Instant::now();
        }
    }
}

/// Reads what is on the disk until it is killed at a time, and returns what was said last.
fn kill_at(path: &Path, time: Duration) -> (u64, u64) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "what_was_flushed_survives_a_kill", "--nocapture"])
        .env(FILE, path)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let (said, saying) = mpsc::channel();
    let reading = thread::spawn(move || {
        // A line that is cut short by the kill is none.
        for line in lines.map_while(Result::ok) {
            let Some(numbers) = line.strip_prefix(FLUSHED) else {
                continue;
            };
            let numbers = numbers.split_once(' ').unwrap();
            said.send((numbers.0.parse().unwrap(), numbers.1.parse().unwrap()))
                .unwrap();
        }
    });
    let (kill_at, mut last) = (Instant::now() + time, (0, 0));
    while let Ok(numbers) = saying.recv_timeout(kill_at.saturating_duration_since(Instant::now())) {
        last = numbers;
    }
    child.kill().unwrap();
    child.wait().unwrap();
    reading.join().unwrap();
    saying.iter().last().unwrap_or(last)
}

/// Whether each topic is as it was at one time, not before what was flushed.
fn check(path: &Path, flushed: (u64, u64)) -> (u64, u64) {
    let (_store, topics) = topics(path);
    let (latest, log) = (topics.latest.version(), topics.log.version());
    assert!(latest >= flushed.0 && log >= flushed.1, "{flushed:?}");
    assert_eq!(topics.latest.len() as u64, latest.min(KEYS));
    for number in latest.saturating_sub(KEYS) + 1..=latest {
        let key = format!("key {}", number % KEYS);
        assert_eq!(topics.latest.get(&key).unwrap().bytes, value(number));
    }
    let entries = topics.log.snapshot(Instant::now()).values;
    assert_eq!(entries.len() as u64, log.min(ENTRIES as u64));
    let first = log + 1 - entries.len() as u64;
    for (number, (_, entry)) in (first..).zip(&entries) {
        assert_eq!(entry.bytes, value(number));
    }
    (latest, log)
}

#[test]
fn what_was_flushed_survives_a_kill() {
    if let Some(path) = std::env::var_os(FILE) {
        return put(Path::new(&path));
    }
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("topics");
    let (mut seed, mut flushed, mut more) = (1_u64, (0, 0), 0);
    for kill in 0..KILLS {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        let said = kill_at(&path, Duration::from_millis(20 + seed % 330));
        flushed = (said.0.max(flushed.0), said.1.max(flushed.1));
        let found = check(&path, flushed);
        more += u64::from(found > flushed);
        flushed = found;
        assert!(kill < KILLS / 2 || found.0 > 0);
    }
    // Some were killed after a commit that nobody was told of.
    assert!(more > 0 && flushed.1 > ENTRIES as u64, "{more} {flushed:?}");
}
