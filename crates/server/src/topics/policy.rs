//! What a topic promises, and how much it keeps.

use std::time::Duration;
use tickwire_values::Topic;

/// How many keys a topic may have, unless it is told otherwise.
const MAX_KEYS: usize = 100_000;
/// How many values of a deadline are kept while they may still arrive.
const MAX_EVENTS: usize = 10_000;

/// What a topic promises of its values.
#[derive(Clone, Copy, Debug)]
pub struct Policy(Kind);

#[derive(Clone, Copy, Debug)]
enum Kind {
    Latest { max_keys: usize },
    Deadline { within: Duration },
    Log { keep: usize },
}

impl Policy {
    /// The newest value of each key: what is there first, then what changes, never an older value after
    /// a newer one, and the last one whatever is lost on the way. For prices, positions, gauges. A topic
    /// may have 100,000 keys, or as many as [`Policy::max_keys`] says.
    pub fn latest() -> Self {
        Self(Kind::Latest { max_keys: MAX_KEYS })
    }

    /// Each value within this time of being put, or not at all, in any order: what is lost is sent again
    /// while it can still arrive in time. A reader gets what is put after it has subscribed. For events,
    /// inputs, strokes. Of more than 10,000 that may still arrive, the oldest go.
    pub fn deadline(within: Duration) -> Self {
        Self(Kind::Deadline { within })
    }

    /// All values, in order: first those that are there, of which so many are kept, then each that
    /// follows. Who was away goes on where it was, or is told that there is a gap. For chats, orders,
    /// alarms.
    pub fn log(keep: usize) -> Self {
        Self(Kind::Log { keep })
    }

    /// The same for so many keys, of a topic of the newest values.
    pub fn max_keys(self, max_keys: usize) -> Self {
        match self.0 {
            Kind::Latest { .. } => Self(Kind::Latest { max_keys }),
            Kind::Deadline { .. } | Kind::Log { .. } => self,
        }
    }

    pub(super) fn topic(self) -> Topic {
        match self.0 {
            Kind::Latest { max_keys } => Topic::latest(max_keys),
            Kind::Deadline { within } => Topic::deadline(within, MAX_EVENTS),
            // Readers in JavaScript have no larger whole numbers.
            Kind::Log { keep } => Topic::log(keep, rand::random::<u64>() >> 11),
        }
    }
}
