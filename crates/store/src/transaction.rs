//! What is written at once.

use crate::file::{FORMAT, META, ROWS, TOPICS, wall};
use crate::queue::Job;
use crate::record::{TopicRecord, write_row};
use redb::{Database, Durability, ReadableDatabase, Table};
use std::collections::BTreeSet;
use std::time::Instant;
use tickwire_values::Saved;

/// How many rows are asked of a topic at a time, while it is locked.
const MAX_ROWS: usize = 4_096;

/// What is in a new file.
pub(crate) fn begin(database: &Database) -> Result<(), redb::Error> {
    let transaction = database.begin_write()?;
    transaction.open_table(META)?.insert("format", FORMAT)?;
    transaction.open_table(TOPICS)?;
    transaction.open_table(ROWS)?;
    Ok(transaction.commit()?)
}

/// Forgets the numbers of which nothing is in the file.
pub(crate) fn keep_known(database: &Database, gone: &mut BTreeSet<u64>) -> Result<(), redb::Error> {
    let transaction = database.begin_read()?;
    let topics = transaction.open_table(TOPICS)?;
    let mut known = BTreeSet::new();
    for id in gone.iter() {
        if topics.get(id)?.is_some() {
            known.insert(*id);
        }
    }
    *gone = known;
    Ok(())
}

/// Removes the topics with these numbers, and saves what has changed in others: all of it or nothing,
/// which is on the disk when this returns.
pub(crate) fn write(
    database: &Database,
    gone: &BTreeSet<u64>,
    jobs: &mut [Job],
) -> Result<(), redb::Error> {
    let mut transaction = database.begin_write()?;
    transaction.set_durability(Durability::Immediate)?;
    let mut has_changed = !gone.is_empty();
    {
        let mut topics = transaction.open_table(TOPICS)?;
        let mut rows = transaction.open_table(ROWS)?;
        for id in gone {
            topics.remove(id)?;
            rows.retain_in((*id, 0)..=(*id, u64::MAX), |_, _| false)?;
        }
        for job in jobs {
            if save(&mut rows, job)? {
                let record = TopicRecord::write(&job.name, job.policy, job.progress.version);
                topics.insert(job.id, &*record)?;
                has_changed = true;
            }
        }
    }
    if has_changed {
        transaction.commit()?;
    } else {
        transaction.abort()?;
    }
    Ok(())
}

/// Saves what has changed in a topic since it was last. Returns whether anything has.
fn save(rows: &mut Table<'_, (u64, u64), &[u8]>, job: &mut Job) -> Result<bool, redb::Error> {
    let (id, progress) = (job.id, &mut job.progress);
    let mut bytes = Vec::new();
    let mut has_changed = false;
    loop {
        let wall = wall();
        let saved = job
            .topic
            .saved_since(Instant::now(), progress.version, MAX_ROWS);
        let Some(Saved {
            version,
            first,
            rows: changed,
        }) = saved
        else {
            return Ok(false);
        };
        has_changed |= version != progress.version || first > progress.first;
        // Beyond the last that was tried there are none.
        for position in progress.first..first.min(progress.tried + 1) {
            rows.remove((id, position))?;
        }
        progress.first = progress.first.max(first);
        progress.tried = progress.tried.max(version);
        progress.version = version;
        for row in &changed {
            match &row.value {
                Some(value) => {
                    write_row(&mut bytes, wall, row, value);
                    rows.insert((id, row.place), &*bytes)?;
                }
                None => drop(rows.remove((id, row.place))?),
            }
        }
        if changed.len() < MAX_ROWS {
            progress.is_empty = job.topic.is_empty();
            return Ok(has_changed);
        }
    }
}
