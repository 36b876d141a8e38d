//! Whether a queue grows, and how fast.

use super::a_second;
use super::noise::Seen;
use std::time::Instant;

/// A queue grows where the last step was at least this part of its growth so far.
const STEP: f64 = 0.5;
/// By how much a queue grows at most, as far as that is made up for, in seconds a second.
const MAX_SLOPE: f64 = 2.0;

/// What is to be done about the queue.
pub enum Queue {
    /// It is as short as may be, as far as one message tells.
    Short,
    Grows(Growth),
    /// It is so many seconds long and becomes shorter: it is of what left before, and on its way
    /// still.
    Goes(f64),
}

/// How a queue grows.
pub struct Growth {
    pub proof: Proof,
    /// How long it is, in seconds.
    pub queued: f64,
    /// By how many seconds a second it grows.
    pub slope: f64,
    /// What the path carried meanwhile, in bytes of cost a second, and between the last two
    /// acknowledgements.
    pub carried: f64,
    pub carried_last: f64,
    /// The pace kept something back, so there was always something to carry.
    pub is_paced: bool,
}

/// What the path's rate follows from.
pub enum Proof {
    /// Round trips that no lost message makes look longer.
    Sure,
    /// A queue that takes longer than the path.
    Long,
    /// More than the lost messages that there may be.
    Likely,
}

/// The time in which the queue has grown.
#[derive(Clone, Copy, Debug)]
pub struct Span {
    /// When its first message was heard of, when that had left, and its round trip in seconds.
    heard: Instant,
    left: Instant,
    round_trip: f64,
    /// The shortest round trip since a queue was last waited out.
    shortest: f64,
    /// Bytes of cost that were acknowledged since then.
    cost: usize,
    is_paced: bool,
}

impl Span {
    /// The span goes on where the round trip is longer by this much than the shortest one, or
    /// else begins here.
    pub fn extend(before: Option<Self>, seen: Seen, longer: f64, is_paced: bool) -> Self {
        let heard = seen.heard;
        let round_trip = heard.round_trip.as_secs_f64();
        match before {
            Some(span) if round_trip > span.shortest + longer => Self {
                cost: span.cost + heard.cost,
                is_paced: span.is_paced || is_paced,
                ..span
            },
            before => Self {
                heard: seen.at,
                left: heard.left,
                round_trip,
                shortest: before.map_or(round_trip, |span| span.shortest.min(round_trip)),
                cost: 0,
                is_paced,
            },
        }
    }

    /// Whether there is a queue, longer than `allowed` seconds, by the last two that were seen.
    pub fn judge(&self, seen: Seen, last: Seen, allowed: f64) -> Queue {
        let base = seen.heard.base.as_secs_f64();
        let queued = seen.lately(last);
        let slope = self.slope(seen.heard.left, base + queued);
        let within = seen.heard.left.saturating_duration_since(last.heard.left);
        let step = seen.queued - last.queued;
        let grows =
            base + queued > self.shortest + allowed && step >= STEP * slope * within.as_secs_f64();
        let proof = if grows && seen.heard.is_sure && last.heard.is_sure {
            Proof::Sure
        } else if queued > base.max(allowed) {
            if step < allowed {
                return Queue::Goes(queued);
            }
            Proof::Long
        } else if grows {
            Proof::Likely
        } else {
            return Queue::Short;
        };
        Queue::Grows(Growth {
            proof,
            queued,
            slope,
            carried: a_second(self.cost, seen.at.duration_since(self.heard)),
            carried_last: a_second(seen.heard.cost, seen.at.duration_since(last.at)),
            is_paced: self.is_paced,
        })
    }

    /// By how many seconds a second the queue has grown, by the round trip of a message that left
    /// then.
    fn slope(&self, left: Instant, round_trip: f64) -> f64 {
        let within = left.saturating_duration_since(self.left).as_secs_f64();
        ((round_trip - self.round_trip) / within.max(0.001)).clamp(0.0, MAX_SLOPE)
    }
}
