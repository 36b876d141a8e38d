//! A disk that is full for a while.

use super::*;
use crate::{SaveError, file};
use redb::backends::FileBackend;
use redb::{Database, StorageBackend};
use std::io;
use std::ops::Bound;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A file on a disk that may be full.
#[derive(Debug)]
struct Disk {
    file: FileBackend,
    is_full: Arc<AtomicBool>,
}

impl Disk {
    fn check(&self) -> io::Result<()> {
        match self.is_full.load(Ordering::Relaxed) {
            true => Err(io::ErrorKind::StorageFull.into()),
            false => Ok(()),
        }
    }
}

impl StorageBackend for Disk {
    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.file.read(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.check()?;
        self.file.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.check()?;
        self.file.sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.check()?;
        self.file.write(offset, data)
    }

    fn close(&self) -> io::Result<()> {
        self.file.close()
    }

    fn try_lock_range(
        &self,
        start: Bound<u64>,
        end: Bound<u64>,
    ) -> Result<bool, redb::BackendError> {
        self.file.try_lock_range(start, end)
    }
}

#[test]
fn what_is_put_while_the_disk_is_full_is_saved_when_it_is_not() {
    let (_directory, path) = place();
    let is_full = Arc::new(AtomicBool::new(false));
    let opened = file::open(&path).unwrap();
    drop(opened.database);
    let database = {
        let is_full = is_full.clone();
        move |path: &Path| -> Result<Database, redb::Error> {
            let file = std::fs::File::options().read(true).write(true).open(path)?;
            let disk = Disk {
                file: FileBackend::new(file)?,
                is_full: is_full.clone(),
            };
            Ok(Database::builder().create_with_backend(disk)?)
        }
    };
    let opened = file::Opened {
        database: database(&path).unwrap(),
        ..opened
    };
    let (store, _) = Store::start(&path, opened, Box::new(database)).unwrap();
    let (topic, log, brief) = (
        Topic::latest(10),
        Topic::new(LOG, Limits::new(3)),
        Topic::latest(10),
    );
    for (name, topic) in [("topic", &topic), ("log", &log), ("brief", &brief)] {
        store.add(name, topic).unwrap();
        put(topic, "key", "before");
        put(topic, "other", "before");
    }
    store.flush().unwrap();
    let removed = Topic::latest(10);
    store.add("removed", &removed).unwrap();
    put(&removed, "key", "before");
    store.flush().unwrap();
    is_full.store(true, Ordering::Relaxed);
    store.remove("removed");
    for round in 0..5 {
        put(&topic, "key", &round.to_string());
        put(&log, "key", &round.to_string());
        assert!(matches!(store.flush(), Err(SaveError::Failed(_))));
    }
    topic.remove(Instant::now(), "other");
    brief.remove(Instant::now(), "key");
    brief.remove(Instant::now(), "other");
    drop(brief);
    is_full.store(false, Ordering::Relaxed);
    // The first writes it all, and the second what came back to nobody with that.
    store.flush().unwrap();
    store.flush().unwrap();
    store.close().unwrap();
    let (_store, topics) = reopen(&path);
    assert_eq!(topics.keys().collect::<Vec<_>>(), ["log", "topic"]);
    assert_eq!(values(&topics["topic"]), values(&topic));
    assert_eq!(values(&topics["log"]), values(&log));
    assert_eq!(topics["log"].version(), 7);
}

#[test]
fn who_closes_while_the_disk_is_full_is_told() {
    let (_directory, path) = place();
    let (store, _) = open(&path);
    let topic = Topic::latest(10);
    store.add("topic", &topic).unwrap();
    put(&topic, "key", "value");
    assert_eq!(store.close(), Ok(()));
    let opened = file::open(&path).unwrap();
    drop(opened.database);
    let file = std::fs::File::options().read(true).write(true).open(&path);
    let is_full = Arc::new(AtomicBool::new(false));
    let disk = Disk {
        file: FileBackend::new(file.unwrap()).unwrap(),
        is_full: is_full.clone(),
    };
    let database = Database::builder().create_with_backend(disk).unwrap();
    let opened = file::Opened { database, ..opened };
    let again = Box::new(|_: &Path| Err(redb::Error::DatabaseAlreadyOpen));
    let (store, _) = Store::start(&path, opened, again).unwrap();
    is_full.store(true, Ordering::Relaxed);
    store.add("topic", &topic).unwrap();
    assert!(matches!(store.close(), Err(SaveError::Failed(_))));
    // What was there before still is.
    assert_eq!(reopen(&path).1["topic"].get("key").unwrap().bytes, "value");
}
