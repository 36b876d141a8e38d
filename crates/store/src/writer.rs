//! The thread that writes.

use crate::error::SaveError;
use crate::queue::{Queue, Work};
use crate::transaction;
use redb::Database;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How often it is written at most.
const SAVE_EVERY: Duration = Duration::from_millis(100);
/// How long it waits where that has failed.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Writes what there is in a queue.
pub(crate) struct Writer {
    path: PathBuf,
    /// `None` after a failure: it has to be opened again.
    database: Option<Database>,
    reopen: Reopen,
}

/// Opens the file again.
pub(crate) type Reopen = Box<dyn Fn(&Path) -> Result<Database, redb::Error> + Send>;

/// Ends the queue when the writer ends, and where it panics.
struct End(Arc<Queue>);

impl Drop for End {
    fn drop(&mut self) {
        if std::thread::panicking() {
            tracing::error!("topics are not saved any more: this is a mistake in the program");
        }
        self.0.end();
    }
}

impl Writer {
    pub(crate) fn new(path: PathBuf, database: Database, reopen: Reopen) -> Self {
        Self {
            path,
            database: Some(database),
            reopen,
        }
    }

    /// Writes until the queue is closed, and all that was in it is written.
    pub(crate) fn run(mut self, queue: Arc<Queue>) -> Result<(), SaveError> {
        let end = End(queue);
        let queue = &end.0;
        let mut rested = Instant::now();
        let mut is_failing = false;
        loop {
            let mut work = queue.next(rested);
            rested = Instant::now() + SAVE_EVERY;
            let failure = self.write(&mut work).err();
            let failure = failure.map(|cause| SaveError::Failed(cause.to_string()));
            let path = self.path.display();
            match &failure {
                Some(cause) => {
                    if !std::mem::replace(&mut is_failing, true) {
                        tracing::warn!(%path, "{cause}; it is tried again each second");
                    }
                    self.database = None;
                    rested = Instant::now() + RETRY_AFTER;
                }
                None => {
                    if std::mem::take(&mut is_failing) {
                        tracing::info!(%path, "topics are saved again");
                    }
                }
            }
            let is_last = work.is_last;
            queue.written(work, failure.clone());
            if is_last {
                let closed = self.database.take().map_or(Ok(()), Database::close);
                let closed = closed.map_err(|cause| SaveError::Failed(cause.to_string()));
                return failure.map_or(closed, Err);
            }
        }
    }

    fn write(&mut self, work: &mut Work) -> Result<(), redb::Error> {
        let Work { jobs, gone, .. } = work;
        let database = match &mut self.database {
            Some(database) => database,
            none => {
                let database = (self.reopen)(&self.path)?;
                transaction::keep_known(&database, gone)?;
                none.insert(database)
            }
        };
        if jobs.is_empty() && gone.is_empty() {
            return Ok(());
        }
        transaction::write(database, gone, jobs)
    }
}
