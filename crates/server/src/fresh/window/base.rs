//! The shortest round trip.

use std::time::{Duration, Instant};

/// For how long the shortest round trip is believed in: paths change.
const AGE: Duration = Duration::from_secs(10);
/// What is shorter than this part of the shortest round trip is none.
const SHORTEST_PART: f64 = 0.95;

/// The shortest round trip of the last [`AGE`], in two halves.
#[derive(Debug)]
pub struct Base {
    since: Instant,
    before: Option<Duration>,
    now: Option<Duration>,
    last: Option<Duration>,
}

impl Base {
    pub fn new(now: Instant) -> Self {
        Self {
            since: now,
            before: None,
            now: None,
            last: None,
        }
    }

    /// Takes a round trip in. One alone that is shorter than the others is not believed: it may
    /// be a message that SCTP has given up and not one that was acknowledged.
    pub fn observe(&mut self, now: Instant, round_trip: Duration) {
        let believed = self.last.replace(round_trip).unwrap_or(round_trip);
        let believed = believed.max(round_trip);
        if now.duration_since(self.since) >= AGE / 2 {
            self.before = self.now.take();
            self.since = now;
        }
        self.now = Some(self.now.map_or(believed, |least| least.min(believed)));
    }

    /// Zero before there was any.
    pub fn shortest(&self) -> Duration {
        let halves = self.before.into_iter().chain(self.now);
        halves.min().unwrap_or_default()
    }

    /// Whether a round trip is shorter than any can be, by what is known.
    pub fn is_shorter(&self, round_trip: Duration) -> bool {
        round_trip < self.shortest().mul_f64(SHORTEST_PART)
    }
}
