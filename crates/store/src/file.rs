//! The file: opened, and read at once.

use crate::error::StoreError;
use crate::record::{TopicRecord, read_row};
use crate::{MAX_TOPICS, transaction};
use redb::{Database, ReadableDatabase, ReadableTable, TableDefinition};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs::File;
use std::path::Path;
use std::time::{Instant, SystemTime, UNIX_EPOCH};
use tickwire_values::{Policy, Row};

/// The newest format that is known, and the one that is written.
pub(crate) const FORMAT: u64 = 1;
/// How many bytes of the file are kept in memory.
const CACHE_BYTES: usize = 64 << 20;
/// A file that is smaller is not compacted, however little is in it.
const COMPACT_FROM: u64 = 64 << 20;
/// How often what is in a file fits in it before it is compacted.
const COMPACT_AT: u64 = 4;

/// Numbers of topics are below this: no program gets there.
pub(crate) const MAX_ID: u64 = 1 << 62;

pub(crate) const META: TableDefinition<&str, u64> = TableDefinition::new("meta");
/// Topics by their number.
pub(crate) const TOPICS: TableDefinition<u64, &[u8]> = TableDefinition::new("topics");
/// Rows by their topic's number and their place.
pub(crate) const ROWS: TableDefinition<(u64, u64), &[u8]> = TableDefinition::new("rows");

/// What there was in a file when it was opened.
#[derive(Debug)]
pub struct Contents {
    /// The topics.
    pub topics: Vec<Restored>,
    /// How many topics and rows could not be read, and are left out.
    pub dropped: usize,
}

/// A topic that was read from a file, for [`Store::restore`](crate::Store::restore).
#[derive(Debug)]
pub struct Restored {
    pub(crate) id: u64,
    pub(crate) record: TopicRecord,
    pub(crate) rows: Vec<Row>,
    /// Whether all that was saved of it is in `rows`.
    pub(crate) is_whole: bool,
    /// When the rows were as old as they say.
    pub(crate) read_at: Instant,
}

impl Restored {
    /// Under which name it was saved.
    pub fn name(&self) -> &str {
        &self.record.name
    }

    /// What it promises: [`Policy::Latest`], or [`Policy::Log`] with its epoch.
    pub fn policy(&self) -> Policy {
        self.record.policy
    }

    /// How many values it has.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }
}

/// What the wall clock shows, in milliseconds since 1970.
pub(crate) fn wall() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_millis() as u64)
}

/// A file that was opened.
pub(crate) struct Opened {
    pub(crate) database: Database,
    pub(crate) contents: Contents,
    /// The numbers of topics that are not in `contents`, but of which there is something in the file.
    pub(crate) gone: BTreeSet<u64>,
}

/// Opens a file, or makes one where there is none, and reads all of it.
pub(crate) fn open(path: &Path) -> Result<Opened, StoreError> {
    let failed = |cause: redb::Error| StoreError::of(path, cause);
    let mut builder = Database::builder();
    // All of it is read anyhow. What was damaged is found by its checksums.
    builder
        .set_cache_size(CACHE_BYTES)
        .set_check_integrity_on_open(true);
    let created = builder.create(path);
    let mut database = created.map_err(|cause| failed(cause.into()))?;
    match format(&database).map_err(failed)? {
        Some(FORMAT) => {}
        Some(0) => return Err(StoreError::Foreign(path.to_owned())),
        Some(format) => {
            return Err(StoreError::Newer {
                path: path.to_owned(),
                format,
                known: FORMAT,
            });
        }
        None => {
            transaction::begin(&database).map_err(failed)?;
            sync_directory(path);
        }
    }
    let (contents, gone, bytes) = read(&database).map_err(failed)?;
    let length = std::fs::metadata(path).map_or(0, |metadata| metadata.len());
    if length >= COMPACT_FROM
        && length / COMPACT_AT > bytes
        && let Err(cause) = database.compact()
    {
        tracing::warn!(path = %path.display(), "the file is not compacted: {cause}");
        drop(database);
        database = reopen(path).map_err(failed)?;
    }
    Ok(Opened {
        database,
        contents,
        gone,
    })
}

/// Opens a file again that has failed.
pub(crate) fn reopen(path: &Path) -> Result<Database, redb::Error> {
    let mut builder = Database::builder();
    Ok(builder.set_cache_size(CACHE_BYTES).open(path)?)
}

/// The format of what is in it; `None` where nothing is.
fn format(database: &Database) -> Result<Option<u64>, redb::Error> {
    let transaction = database.begin_read()?;
    let is_new = transaction.list_tables()?.next().is_none()
        && transaction.list_multimap_tables()?.next().is_none();
    if is_new {
        return Ok(None);
    }
    let format = transaction.open_table(META)?.get("format")?;
    Ok(Some(format.map_or(0, |format| format.value())))
}

/// The name of a new file is on the disk only when its directory is. Where directories cannot be
/// synced, the system sees to it.
fn sync_directory(path: &Path) {
    let directory = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty());
    if let Ok(directory) = File::open(directory.unwrap_or(Path::new("."))) {
        drop(directory.sync_all());
    }
}

/// The topics, the numbers of those that are to be removed, and how many bytes there are.
fn read(database: &Database) -> Result<(Contents, BTreeSet<u64>, u64), redb::Error> {
    let (read_at, wall) = (Instant::now(), wall());
    let transaction = database.begin_read()?;
    let (mut gone, mut dropped, mut bytes) = (BTreeSet::new(), 0, 0);
    let mut topics: BTreeMap<u64, Restored> = BTreeMap::new();
    let mut names: HashMap<String, u64> = HashMap::new();
    for item in transaction.open_table(TOPICS)?.iter()? {
        let (id, value) = item?;
        let id = id.value();
        bytes += value.value().len() as u64;
        let record = TopicRecord::read(value.value());
        let Some(record) = record.filter(|_| topics.len() < MAX_TOPICS && id < MAX_ID) else {
            dropped += 1;
            gone.insert(id);
            continue;
        };
        if let Some(older) = names.insert(record.name.clone(), id) {
            dropped += 1;
            gone.insert(older);
            topics.remove(&older);
        }
        let restored = Restored {
            id,
            record,
            rows: Vec::new(),
            is_whole: true,
            read_at,
        };
        topics.insert(id, restored);
    }
    for item in transaction.open_table(ROWS)?.iter()? {
        let (key, value) = item?;
        let (id, place) = key.value();
        bytes += value.value().len() as u64;
        let row = read_row(wall, place, value.value());
        match (topics.get_mut(&id), row) {
            (Some(topic), Some(row)) => topic.rows.push(row),
            (Some(topic), None) => {
                topic.is_whole = false;
                dropped += 1;
            }
            (None, _) => {
                dropped += 1;
                gone.insert(id);
            }
        }
    }
    let topics = topics.into_values().collect();
    Ok((Contents { topics, dropped }, gone, bytes))
}
