//! A store, as a program has it.

use crate::error::{AddError, SaveError, StoreError};
use crate::file::{self, Contents, Opened, Restored};
use crate::queue::Queue;
use crate::writer::{Reopen, Writer};
use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use tickwire_values::{Limits, Policy, Saved, Topic};

/// Saves topics to a file, which is its own while it is open.
pub struct Store {
    queue: Arc<Queue>,
    thread: Option<JoinHandle<Result<(), SaveError>>>,
}

impl Store {
    /// Opens a file, or makes one in a directory that exists, and reads all of it: that takes as long as
    /// reading it twice, and as much memory as there are values in it. A file of 64 MB or more of which
    /// most is free is compacted.
    ///
    /// What was saved stays in the file until its topic is empty and nobody has it any more, another is
    /// added under its name, or it is removed; whether it is restored or not.
    ///
    /// # Errors
    /// Where it cannot be opened, is in use, or no file of topics: then nothing in it is changed.
    pub fn open(path: impl AsRef<Path>) -> Result<(Self, Contents), StoreError> {
        let path = path.as_ref();
        let opened = file::open(path)?;
        Self::start(path, opened, Box::new(file::reopen))
    }

    pub(crate) fn start(
        path: &Path,
        opened: Opened,
        reopen: Reopen,
    ) -> Result<(Self, Contents), StoreError> {
        let Opened {
            database,
            contents,
            gone,
        } = opened;
        let topics = contents.topics.iter();
        let topics = topics.map(|it| (it.id, it.name().into(), it.policy()));
        let queue = Arc::new(Queue::new(topics, gone));
        let writer = Writer::new(path.to_owned(), database, reopen);
        let thread = thread::Builder::new().name("tickwire-store".into()).spawn({
            let queue = queue.clone();
            move || writer.run(queue)
        });
        let thread = thread.map_err(|cause| StoreError::io(path, cause))?;
        let thread = Some(thread);
        Ok((Self { queue, thread }, contents))
    }

    /// Makes a topic again as it was saved, with what is allowed in it, and saves it from here on. What
    /// does not fit the limits, or could not be read, is left out with a warning: as
    /// [`Topic::restore`] has it.
    ///
    /// It is not kept by the store: see [`Store::add`].
    pub fn restore(&self, restored: Restored, limits: Limits) -> Topic {
        let Restored {
            id,
            record,
            rows,
            is_whole,
            read_at,
        } = restored;
        let count = rows.len();
        let first = rows.iter().map(|row| row.place).min();
        let first = first.unwrap_or(record.version.saturating_add(1));
        let saved = Saved {
            version: record.version,
            first,
            rows,
        };
        let (topic, is_exact) = Topic::restore(read_at, record.policy, limits, saved);
        let left_out = count - topic.len();
        if left_out > 0 {
            let name = &record.name;
            tracing::warn!(
                topic = name,
                left_out,
                "values do not fit the topic any more"
            );
        }
        if !(is_whole && is_exact && self.queue.go_on(id, &topic, first)) {
            // Its name was in the file, and is counted.
            let added = self.queue.add(&record.name, &topic);
            debug_assert!(added.is_ok());
        }
        topic
    }

    /// Saves a topic from here on, in place of what was saved under its name. One that is never changed
    /// leaves nothing in the file, and one of [`Policy::Deadline`] nothing at all.
    ///
    /// The store keeps a topic only until what was put is written. One that nobody has any more then goes
    /// from the file where it is empty; where it is not, it is in the file at the next opening.
    ///
    /// # Errors
    /// Where there are [`MAX_TOPICS`](crate::MAX_TOPICS) topics, or the name is too long.
    pub fn add(&self, name: &str, topic: &Topic) -> Result<(), AddError> {
        if let Policy::Deadline(_) = topic.policy() {
            self.queue.remove(name);
            return Ok(());
        }
        self.queue.add(name, topic)
    }

    /// Removes what was saved under this name; a topic that has it is not saved any more.
    pub fn remove(&self, name: &str) {
        self.queue.remove(name);
    }

    /// Waits until all that was put before is on the disk, and blocks its thread meanwhile.
    ///
    /// # Errors
    /// Where it cannot be written: it is tried again each second.
    pub fn flush(&self) -> Result<(), SaveError> {
        self.queue.flush()
    }

    /// Writes all that was put, and closes the file, which blocks the thread meanwhile. Topics are not
    /// saved any more. Dropping a store does the same, and an error is a warning then.
    ///
    /// # Errors
    /// Where it cannot be written: then what was put since the last time that it could is lost.
    pub fn close(mut self) -> Result<(), SaveError> {
        self.end()
    }

    fn end(&mut self) -> Result<(), SaveError> {
        let Some(thread) = self.thread.take() else {
            return Ok(());
        };
        self.queue.close();
        thread.join().unwrap_or(Err(SaveError::Ended))
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").finish_non_exhaustive()
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        if let Err(cause) = self.end() {
            tracing::warn!("{cause}");
        }
    }
}
