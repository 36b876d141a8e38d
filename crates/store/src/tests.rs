use crate::{AddError, Contents, MAX_NAME, MAX_TOPICS, Restored, Store, StoreError};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tickwire_values::{Limits, Policy, Topic, Value};

mod disk;
mod file;
mod topics;

const LOG: Policy = Policy::Log { epoch: 7 };

/// A directory of its own, and a file in it.
fn place() -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("topics");
    (directory, path)
}

fn open(path: &Path) -> (Store, BTreeMap<String, Restored>) {
    let (store, Contents { topics, dropped }) = Store::open(path).unwrap();
    assert_eq!(dropped, 0);
    let topics = topics.into_iter().map(|it| (it.name().to_owned(), it));
    (store, topics.collect())
}

/// Opens it, and restores all there is, each topic for 100 keys or entries.
fn reopen(path: &Path) -> (Store, BTreeMap<String, Topic>) {
    let (store, topics) = open(path);
    let restore = |(name, it)| (name, store.restore(it, Limits::new(100)));
    let topics = topics.into_iter().map(restore).collect();
    (store, topics)
}

fn put(topic: &Topic, key: &str, value: &str) {
    topic.put(Instant::now(), key, value.to_owned()).unwrap();
}

/// Keys and values, as they are in a snapshot.
fn values(topic: &Topic) -> Vec<(String, String)> {
    let values = topic.snapshot(Instant::now()).values.into_iter();
    let text = |(key, value): (std::sync::Arc<str>, Value)| {
        (
            key.to_string(),
            String::from_utf8(value.bytes.into()).unwrap(),
        )
    };
    values.map(text).collect()
}
