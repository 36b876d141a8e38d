//! A topic, saved and restored.

use super::{Kept, Limits, Policy, Topic, Value, lock};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tickwire_wire::values::{MAX_KEY, MAX_NUMBER, MAX_VALUE};

/// The newest version that a topic is restored with: as many may still follow before they are more than
/// what travels.
const MAX_VERSION: u64 = MAX_NUMBER / 2;

/// What has changed in a topic since a version, or all that a topic is restored from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Saved {
    /// The version up to which all changes are in here.
    pub version: u64,
    /// Of a log, the position of its oldest entry: those before it are gone. 0 of another topic.
    pub first: u64,
    /// What has changed, in the order of the versions. A row takes the place of the one that was at its
    /// place before.
    pub rows: Vec<Row>,
}

/// A value, as it is saved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The number of its key's slot, which another key may get once this one is removed; of an entry
    /// of a log, its position.
    pub place: u64,
    /// The version of this change; of an entry of a log, its position too.
    pub version: u64,
    /// How long ago that was.
    pub age: Duration,
    /// Its key.
    pub key: Arc<str>,
    /// The value; `None` where the key was removed, so that nothing is at this place any more.
    pub value: Option<Value>,
}

/// A value that is restored.
pub(super) struct Held {
    pub(super) place: u64,
    pub(super) version: u64,
    pub(super) changed: Instant,
    pub(super) key: Arc<str>,
    pub(super) value: Value,
}

impl Topic {
    /// What has changed after a version, at the time `now`: at most so many rows (1 at least), the
    /// oldest changes first, and where it is as many there may be more. `None` where the policy is
    /// [`Policy::Deadline`]: such values are not worth saving.
    ///
    /// Rows that are kept by their place are the topic as it was at the call that returned fewer than
    /// `most`, whatever has changed between the calls before it.
    pub fn saved_since(&self, now: Instant, version: u64, most: usize) -> Option<Saved> {
        let most = most.max(1);
        match (&self.0.kept, self.0.policy) {
            (Kept::Newest(state), _) => Some(lock(state).saved_since(now, version, most)),
            (Kept::Last(_), Policy::Deadline(_)) => None,
            (Kept::Last(ring), _) => Some(lock(ring).saved_since(now, version, most)),
        }
    }

    /// A topic with these rows, as it was saved. Returns whether each row is in it at its place too;
    /// where it is not, what is saved next has to take the place of all rows: [`Topic::saved_since`]
    /// version 0.
    ///
    /// Whatever the rows say, they cost no more memory than they take themselves. One that breaks the
    /// limits is left out: of more keys than may be, those that have changed last are kept, and of more
    /// entries the newest. A log has no holes: it keeps what is longer than `max_value` but not than
    /// [`MAX_VALUE`], and where an entry is missing, those before it are left out too. Where the policy
    /// is [`Policy::Deadline`] the topic is empty.
    pub fn restore(now: Instant, policy: Policy, limits: Limits, saved: Saved) -> (Self, bool) {
        let Saved { version, rows, .. } = saved;
        let version = version.min(MAX_VERSION);
        let max_value = match policy {
            Policy::Latest => limits.max_value.min(MAX_VALUE),
            Policy::Deadline(_) | Policy::Log { .. } => MAX_VALUE,
        };
        let mut count = 0;
        let rows = rows.into_iter().filter_map(|row| {
            let value = row.value?;
            count += 1;
            let fits = row.key.len() <= MAX_KEY && value.bytes.len() <= max_value;
            fits.then_some(Held {
                place: row.place,
                version: row.version,
                changed: now.checked_sub(row.age).unwrap_or(now),
                key: row.key,
                value,
            })
        });
        let rows: Vec<_> = rows.collect();
        let fit = rows.len();
        let topic = Self::new(policy, limits);
        let is_exact = match &topic.0.kept {
            Kept::Newest(state) => lock(state).restore(now, version, rows),
            Kept::Last(_) if matches!(policy, Policy::Deadline(_)) => count == 0,
            Kept::Last(ring) => lock(ring).restore(version, rows),
        };
        (topic, is_exact && fit == count)
    }
}
