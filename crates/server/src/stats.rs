//! What is counted of a server: numbers that anybody adds to, without a lock.

mod openings;
mod requests;

pub use openings::{Opening, Openings};
pub use requests::Requests;

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;
use tickwire_values::{AGES, Tally};

/// A number that grows.
#[derive(Debug, Default)]
pub struct Count(AtomicU64);

impl Count {
    pub fn add(&self, more: u64) {
        if more > 0 {
            self.0.fetch_add(more, Ordering::Relaxed);
        }
    }

    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// How often something was at most so large, by bounds that are the same for ever.
#[derive(Debug)]
pub struct Histogram {
    /// Upper bounds.
    bounds: &'static [f64],
    counts: Box<[Count]>,
    /// Times this.
    scale: f64,
    sum: Count,
}

impl Histogram {
    /// Of seconds, with a sum in microseconds.
    fn new(bounds: &'static [f64]) -> Self {
        Self::scaled(bounds, 1e6)
    }

    fn scaled(bounds: &'static [f64], scale: f64) -> Self {
        let counts = (0..=bounds.len()).map(|_| Count::default()).collect();
        Self {
            bounds,
            counts,
            scale,
            sum: Count::default(),
        }
    }

    pub fn note(&self, time: Duration) {
        self.note_value(time.as_secs_f64());
    }

    /// Something else than a time; not below zero.
    pub fn note_value(&self, value: f64) {
        let place = self.bounds.partition_point(|bound| *bound < value);
        self.counts[place].add(1);
        self.sum.add((value * self.scale) as u64);
    }

    /// Each bound with how often something was within it and above the one before; the last without a bound.
    pub fn counts(&self) -> impl Iterator<Item = (f64, u64)> {
        let bounds = self.bounds.iter().copied().chain([f64::INFINITY]);
        bounds.zip(self.counts.iter().map(Count::get))
    }

    /// The sum of all.
    pub fn sum(&self) -> f64 {
        self.sum.get() as f64 / self.scale
    }
}

/// [`AGES`] in seconds.
const AGE_BOUNDS: [f64; AGES.len()] = {
    let mut bounds = [0.0; AGES.len()];
    let mut at = 0;
    while at < AGES.len() {
        bounds[at] = AGES[at] as f64 / 1e3;
        at += 1;
    }
    bounds
};
const ROUND_TRIP_BOUNDS: [f64; 9] = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0];
/// From 8 kbit/s to 800 Mbit/s.
const RATE_BOUNDS: [f64; 6] = [1e3, 1e4, 1e5, 1e6, 1e7, 1e8];

/// Why a session has ended, for who counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    Asked,
    Closed,
    Expired,
    Full,
    NeverReached,
    NeverOpened,
    Silent,
    Failed,
}

impl Ended {
    pub const ALL: [Self; 8] = [
        Self::Asked,
        Self::Closed,
        Self::Expired,
        Self::Full,
        Self::NeverReached,
        Self::NeverOpened,
        Self::Silent,
        Self::Failed,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::Asked => "asked",
            Self::Closed => "closed",
            Self::Expired => "expired",
            Self::Full => "full",
            Self::NeverReached => "never_reached",
            Self::NeverOpened => "never_opened",
            Self::Silent => "silent",
            Self::Failed => "failed",
        }
    }
}

/// What is counted of a server.
#[derive(Debug)]
pub struct Stats {
    /// Sessions that have ended, by [`Ended`].
    pub ended: [Count; Ended::ALL.len()],
    pub openings: Openings,
    /// Sessions by WebSocket that are open.
    pub sockets: AtomicUsize,
    /// The age of values when they came to readers.
    ages: Histogram,
    /// Smoothed round trips of sessions that read topics, each every second.
    pub round_trips: Histogram,
    /// What their paths were found to carry, in bytes a second, each every second.
    pub rates: Histogram,
    pub packets: Count,
    pub packets_lost: Count,
    pub values_sent: Count,
    pub values_arrived: Count,
    pub values_superseded: Count,
    /// Values that clients have published.
    pub values_published: Count,
}

impl Default for Stats {
    fn default() -> Self {
        Self {
            ended: Default::default(),
            openings: Openings::default(),
            sockets: AtomicUsize::new(0),
            ages: Histogram::new(&AGE_BOUNDS),
            round_trips: Histogram::new(&ROUND_TRIP_BOUNDS),
            rates: Histogram::scaled(&RATE_BOUNDS, 1.0),
            packets: Count::default(),
            packets_lost: Count::default(),
            values_sent: Count::default(),
            values_arrived: Count::default(),
            values_superseded: Count::default(),
            values_published: Count::default(),
        }
    }
}

impl Stats {
    pub fn ended(&self, ended: Ended) {
        self.ended[ended as usize].add(1);
    }

    /// Adds what was counted of a reader.
    pub fn add(&self, tally: &Tally) {
        self.packets.add(tally.packets);
        self.packets_lost.add(tally.packets_lost);
        self.values_sent.add(tally.values);
        self.values_arrived.add(tally.values_arrived);
        self.values_superseded.add(tally.values_superseded);
        for (count, more) in self.ages.counts.iter().zip(tally.ages) {
            count.add(more);
        }
        self.ages.sum.add(tally.ages_sum.saturating_mul(1_000));
    }

    pub fn ages(&self) -> &Histogram {
        &self.ages
    }
}
