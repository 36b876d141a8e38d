//! What becomes of a topic here by what comes of its stream.

use crate::catchup::{CatchUp, Missing};
use crate::headers::Received;
use crate::lock;
use crate::streams::Ready;
use crate::topic::{NatsTopic, What};
use std::sync::atomic::Ordering;
use std::time::Instant;
use tracing::warn;

/// What is done with what comes.
pub enum Taking {
    Newest(CatchUp),
    Log {
        /// The first sequence that the stream has ever had, which is the log's epoch.
        first: u64,
        /// Whether the stream has more than is kept, so that its first entry is the last that is gone.
        has_more: bool,
        is_begun: bool,
    },
}

impl Taking {
    /// What is known before something comes: of a stream that has so many messages for this topic.
    pub fn begin(topic: &NatsTopic, ready: &Ready, pending: u64) -> Self {
        let first = ready.first;
        match topic.spec.what {
            What::Log { keep, .. } => {
                if pending == 0 && !continues(topic, first, None) {
                    topic.values.begin_log(first, first - 1);
                }
                Self::Log {
                    first,
                    has_more: pending > keep as u64,
                    // Where there is nothing, nothing is missing before what comes.
                    is_begun: pending == 0,
                }
            }
            What::Newest | What::Event => {
                let own = lock(&topic.shared.outbox).own(topic.spec.id);
                Self::Newest(CatchUp::new(first, own, topic.spec.is_of_node))
            }
        }
    }

    /// A message of this sequence has come, about a value that has changed then.
    pub fn take(&mut self, topic: &NatsTopic, changed: Instant, sequence: u64, received: Received) {
        match self {
            Self::Newest(catch_up) => {
                lock(&topic.shared.outbox).heard(topic.spec.id, &received.key, sequence);
                let missing = catch_up.take(&topic.values, changed, sequence, received);
                give_back(topic, missing);
            }
            Self::Log {
                first,
                has_more,
                is_begun,
            } => {
                if !std::mem::replace(is_begun, true) && !continues(topic, *first, Some(sequence)) {
                    let before = if *has_more { sequence } else { *first - 1 };
                    topic.values.begin_log(*first, before);
                }
                let Received { key, value, .. } = received;
                if let Err(cause) = topic.values.apply(changed, &key, sequence, value) {
                    let name = &topic.spec.name;
                    warn!(topic = name, key, %cause, "an entry that another node has added is left out");
                }
            }
        }
    }

    /// All that there was is here, up to this sequence.
    pub fn finish(&mut self, topic: &NatsTopic, last: u64) {
        if let Self::Newest(catch_up) = self {
            let missing = catch_up.finish(&topic.values, Instant::now(), last);
            give_back(topic, missing);
        }
        topic.values.set_filled();
        topic.is_behind.store(false, Ordering::Relaxed);
        topic.shared.look();
    }
}

/// Whether what is here of a log is of this stream, and nothing is missing before this position.
fn continues(topic: &NatsTopic, first: u64, position: Option<u64>) -> bool {
    let here = topic.values.log_position();
    let here = here.filter(|(epoch, _)| topic.values.is_filled() && *epoch == first);
    here.is_some_and(|(_, last)| position.is_none_or(|position| position <= last))
}

/// Has the stream get what it lacks.
fn give_back(topic: &NatsTopic, missing: impl IntoIterator<Item = Missing>) {
    let shared = &topic.shared;
    for Missing { key, value, refill } in missing {
        lock(&shared.outbox).refill(topic.spec.id, &key, value, refill);
        shared.filled.notify_one();
    }
}
