//! Saves topics to one file, and reads them back after a restart or a crash.
//!
//! A [`Store`] is one more reader of each topic, and pulls as readers do: it has no queue, and a key that
//! changes a thousand times between two commits is written once. One thread takes what has changed, at
//! most each 100 ms, and writes it in one transaction that is on the disk when it ends (`redb`, with one
//! sync a commit). No topic is locked meanwhile.
//!
//! What a crash or a loss of power can take back is what was put in the last 100 ms, and while the
//! commit before it took. What is left is each topic as it was at one time: no value is torn, what was
//! changed together is there together, and a log has no hole. Two topics may be left as they were at two
//! times, a few milliseconds apart. Where the disk is full, or fails, there is a warning, and it is tried
//! again each second; then what is newest is written, and nothing is lost but what was conflated.
//!
//! ```
//! use std::time::Instant;
//! use tickwire_store::Store;
//! use tickwire_values::{Limits, Topic};
//!
//! # let directory = tempfile::tempdir()?;
//! let path = directory.path().join("topics.redb");
//! let (store, _) = Store::open(&path)?;
//! let prices = Topic::latest(10_000);
//! store.add("prices", &prices)?;
//! prices.put(Instant::now(), "EURUSD", "1.0934")?;
//! store.close()?;
//!
//! let (store, contents) = Store::open(&path)?;
//! for restored in contents.topics {
//!     assert_eq!(restored.name(), "prices");
//!     let prices = store.restore(restored, Limits::new(10_000));
//!     assert_eq!(prices.get("EURUSD"), Some("1.0934".into()));
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod error;
mod file;
mod queue;
mod record;
mod store;
mod transaction;
mod writer;

pub use error::{AddError, SaveError, StoreError};
pub use file::{Contents, Restored};
pub use store::Store;

/// How many topics are saved at most.
pub const MAX_TOPICS: usize = 100_000;
/// The longest name of a topic, in bytes.
pub const MAX_NAME: usize = 1_024;

#[cfg(test)]
mod tests;
