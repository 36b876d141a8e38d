//! What looks like a queue and is none.

use super::Delivery;
use std::time::{Duration, Instant};

/// How long a queue may be, in seconds: the noise of timers. Also so many times the noise that is
/// seen, and as long as messages make it that leave at once.
const QUEUED: f64 = 0.004;
const NOISE: f64 = 2.0;
/// How much a queue counts for the noise that is seen, and how much noise that may be at most, in
/// seconds.
const NOISE_PART: f64 = 0.125;
const MAX_NOISE: f64 = 0.1;
/// Lost messages may make a round trip look longer by as much as so many leave after each other,
/// and by this part of the time since it was last sure that they do not, which is bounded, in
/// seconds.
const HIDDEN: f64 = 2.0;
const HIDDEN_PART: f64 = 0.1;
const MAX_HIDDEN: f64 = 0.15;

/// An acknowledgement, and the queue that its message met, in seconds.
#[derive(Clone, Copy, Debug)]
pub struct Seen {
    pub at: Instant,
    pub heard: Delivery,
    pub queued: f64,
    /// Without what lost messages may account for.
    pub least: f64,
}

/// How much a queue's length is uncertain.
#[derive(Debug)]
pub struct Noise {
    /// By how much a queue is shorter than the one before on average, in seconds. It becomes
    /// shorter only where nothing leaves, so that is noise.
    shorter: f64,
    /// When it was last sure how long the queue is.
    sure_at: Instant,
}

impl Noise {
    pub fn new(now: Instant) -> Self {
        Self {
            shorter: 0.0,
            sure_at: now,
        }
    }

    /// The queue that follows from an acknowledgement, after the one that `last` followed from.
    pub fn see(&mut self, now: Instant, heard: Delivery, last: Option<Seen>) -> Seen {
        let queued = heard.round_trip.as_secs_f64() - heard.base.as_secs_f64();
        if heard.is_sure {
            self.sure_at = now;
            if let Some(last) = last.filter(|last| last.heard.is_sure) {
                let shorter = (last.queued - queued).clamp(0.0, MAX_NOISE);
                self.shorter += (shorter - self.shorter) * NOISE_PART;
            }
        }
        Seen {
            at: now,
            heard,
            queued,
            least: queued - self.hidden(now, heard),
        }
    }

    /// How long a queue may be without being one, where those that leave at once make it so long.
    pub fn allowed(&self, burst: Duration) -> f64 {
        QUEUED + NOISE * self.shorter + burst.as_secs_f64()
    }

    /// How much of what looks like a queue lost messages may account for.
    fn hidden(&self, now: Instant, heard: Delivery) -> f64 {
        if heard.is_sure {
            return 0.0;
        }
        let unsure = now.duration_since(self.sure_at).as_secs_f64() * HIDDEN_PART;
        HIDDEN * heard.spacing.as_secs_f64() + unsure.min(MAX_HIDDEN)
    }
}

impl Seen {
    /// The queue is at least as long as the shorter one of this and the one before: a single
    /// message may be late for other reasons.
    pub fn lately(&self, last: Seen) -> f64 {
        last.least.min(self.least)
    }
}
