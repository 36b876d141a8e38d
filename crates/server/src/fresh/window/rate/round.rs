//! A round: what is heard of what leaves at one rate.

use super::a_second;
use super::noise::Seen;
use std::time::Instant;

/// A round lasts at least this long, in seconds.
const MIN_ROUND: f64 = 0.005;

/// What was heard of the messages that have left since the rate is as it is, for a round trip.
#[derive(Debug)]
pub struct Round {
    pub since: Instant,
    /// When the first message was heard of, and when it had left.
    first: Option<(Instant, Instant)>,
    /// How often something was heard for sure.
    sure: u32,
    /// Bytes of cost that were acknowledged.
    cost: usize,
    /// The shortest queue, in seconds.
    pub least: f64,
    /// Something was kept back, and because of the pace.
    pub is_limited: bool,
    pub is_paced: bool,
}

impl Round {
    pub fn new(since: Instant) -> Self {
        Self {
            since,
            first: None,
            sure: 0,
            cost: 0,
            least: f64::INFINITY,
            is_limited: false,
            is_paced: false,
        }
    }

    /// Returns whether it is over: a round trip has passed, and there is more than one that is
    /// sure or none.
    pub fn hear(&mut self, seen: Seen) -> bool {
        let heard = seen.heard;
        let (_, left) = *self.first.get_or_insert((seen.at, heard.left));
        self.sure += u32::from(heard.is_sure);
        self.cost += heard.cost;
        self.least = self.least.min(seen.least);
        let base = heard.base.as_secs_f64().max(MIN_ROUND);
        heard.left.duration_since(left).as_secs_f64() >= base && self.sure != 1
    }

    /// Whether lost messages made everything uncertain.
    pub fn is_unsure(&self) -> bool {
        self.sure == 0
    }

    /// Bytes of cost that were acknowledged in it, a second.
    pub fn acknowledged(&self, now: Instant) -> f64 {
        let first = self.first.map_or(now, |(heard, _)| heard);
        a_second(self.cost, now.duration_since(first))
    }
}
