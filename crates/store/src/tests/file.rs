//! Files that are not as they should be.

use super::*;
use crate::file::{FORMAT, META, ROWS, TOPICS};
use crate::record::{TopicRecord, read_row};
use redb::Database;
use std::fs;

fn refused(path: &Path) -> StoreError {
    Store::open(path).unwrap_err()
}

/// A file with a topic of 50 keys, and a log.
fn filled(path: &Path) {
    let (store, _) = open(path);
    let (topic, log) = (Topic::latest(100), Topic::new(LOG, Limits::new(100)));
    store.add("topic", &topic).unwrap();
    store.add("log", &log).unwrap();
    for number in 0..50 {
        put(&topic, &format!("key {number}"), &"value".repeat(40));
        put(&log, "key", &number.to_string());
    }
    store.close().unwrap();
}

/// Changes what is in it as another program would.
fn change(path: &Path, change: impl FnOnce(&redb::WriteTransaction)) {
    let database = Database::create(path).unwrap();
    let transaction = database.begin_write().unwrap();
    change(&transaction);
    transaction.commit().unwrap();
}

#[test]
fn a_file_of_something_else_is_refused_and_left_as_it_is() {
    let (_directory, path) = place();
    for garbage in [&b"x"[..], &[7; 100_000]] {
        fs::write(&path, garbage).unwrap();
        assert!(matches!(refused(&path), StoreError::Foreign(_)));
        assert_eq!(fs::read(&path).unwrap(), garbage);
    }
    fs::remove_file(&path).unwrap();
    change(&path, |transaction| {
        let other: redb::TableDefinition<&str, &str> = redb::TableDefinition::new("other");
        drop(transaction.open_table(other).unwrap());
    });
    assert!(matches!(refused(&path), StoreError::Foreign(_)));
    // An empty one is as good as none.
    fs::write(&path, "").unwrap();
    filled(&path);
}

#[test]
fn a_later_format_is_refused() {
    let (_directory, path) = place();
    filled(&path);
    change(&path, |transaction| {
        let mut meta = transaction.open_table(META).unwrap();
        meta.insert("format", FORMAT + 1).unwrap();
    });
    let cause = refused(&path);
    assert!(matches!(cause, StoreError::Newer { format: 2, .. }));
    assert!(cause.to_string().ends_with("use a newer version"));
}

#[test]
fn a_file_is_open_once() {
    let (_directory, path) = place();
    let (store, _) = open(&path);
    assert!(matches!(refused(&path), StoreError::Locked(_)));
    drop(store);
    open(&path);
}

#[test]
fn a_file_that_cannot_be_made_is_an_error_that_says_why() {
    let (directory, path) = place();
    let cause = refused(&path.join("topics"));
    assert!(matches!(cause, StoreError::NoDirectory(_)));
    assert!(matches!(refused(directory.path()), StoreError::Io { .. }));
}

#[test]
fn rows_that_are_none_are_left_out_and_counted_and_gone_the_next_time() {
    let (_directory, path) = place();
    filled(&path);
    change(&path, |transaction| {
        let mut rows = transaction.open_table(ROWS).unwrap();
        let mut long = [0; 70_000];
        rows.insert((0, 1_000), &b"short"[..]).unwrap();
        rows.insert((0, 1_001), &long[..]).unwrap();
        // A key of so many bytes.
        long[16] = 255;
        rows.insert((0, u64::MAX), &long[..60_000]).unwrap();
        // A topic that is not there.
        rows.insert((99, 0), &b""[..]).unwrap();
        let mut topics = transaction.open_table(TOPICS).unwrap();
        topics.insert(7, &b"\x09"[..]).unwrap();
        topics.insert(u64::MAX, &b"\x01"[..]).unwrap();
    });
    let (store, Contents { topics, dropped }) = Store::open(&path).unwrap();
    assert_eq!(dropped, 6);
    let topics: Vec<_> = topics
        .into_iter()
        .map(|it| store.restore(it, Limits::new(100)))
        .collect();
    assert_eq!((topics[0].len(), topics[1].len()), (50, 50));
    store.close().unwrap();
    let (_store, topics) = reopen(&path);
    assert_eq!((topics["topic"].len(), topics["log"].len()), (50, 50));
}

#[test]
fn a_damaged_file_is_found_out_or_whole() {
    let (_directory, path) = place();
    filled(&path);
    let whole = fs::read(&path).unwrap();
    let (mut seed, mut found) = (1_u64, 0);
    for _ in 0..100 {
        let mut damaged = whole.clone();
        for _ in 0..8 {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            damaged[seed as usize % whole.len()] ^= (seed >> 32) as u8 | 1;
        }
        fs::write(&path, &damaged).unwrap();
        match Store::open(&path) {
            Ok((_store, contents)) => {
                // An older state, where that is what has a checksum.
                assert!(contents.topics.iter().all(|it| it.len() <= 50));
                assert_eq!(contents.dropped, 0);
            }
            Err(StoreError::Damaged { .. } | StoreError::Foreign(_) | StoreError::Io { .. }) => {
                found += 1;
            }
            Err(cause) => panic!("{cause}"),
        }
    }
    assert!(found > 10, "{found} of 100");
}

#[test]
fn records_are_read_as_they_were_written_and_garbage_is_none() {
    for policy in [Policy::Latest, LOG] {
        let bytes = TopicRecord::write("näme", policy, 77);
        let record = TopicRecord::read(&bytes).unwrap();
        assert_eq!((&*record.name, record.version), ("näme", 77));
        assert_eq!(record.policy, policy);
        for end in 0..17 {
            assert_eq!(TopicRecord::read(&bytes[..end]), None);
        }
    }
    assert_eq!(TopicRecord::read(&[1; 17 + MAX_NAME + 1]), None);
    assert_eq!(TopicRecord::read(&[255; 20]), None);
    for length in 0..40 {
        let row = read_row(0, 0, &vec![0; length]);
        assert_eq!(row.is_some(), length >= 20);
        assert_eq!(read_row(0, 0, &vec![255; length]), None);
    }
}
