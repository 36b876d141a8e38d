//! How far the server's clock is from this device's.

use std::collections::VecDeque;

/// How many exchanges are kept (RFC 5905 section 10: eight stages).
const KEPT: usize = 8;
/// By how much two clocks may drift apart in a millisecond, in milliseconds: 15 parts in a
/// million (RFC 5905 section 7.2, PHI).
const DRIFT: f64 = 15e-6;

/// The four timestamps of an exchange (RFC 5905 section 8), in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Exchange {
    /// When the request left, by the device's clock.
    pub t1: f64,
    /// When it arrived, by the server's.
    pub t2: f64,
    /// When the answer left, by the server's.
    pub t3: f64,
    /// When it arrived, by the device's.
    pub t4: f64,
}

impl Exchange {
    /// How far the server's clock is ahead, if both ways took equally long.
    fn offset(&self) -> f64 {
        ((self.t2 - self.t1) + (self.t3 - self.t4)) / 2.0
    }

    /// How long both ways took together, without the server's time in between.
    fn round_trip(&self) -> f64 {
        (self.t4 - self.t1) - (self.t3 - self.t2)
    }
}

/// What the exchanges say, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// How far the server's clock is ahead of the device's; negative where it is behind.
    pub offset: f64,
    /// By how much `offset` can be wrong at most: half the round trip, were all of it spent one
    /// way; what the device's clock does not resolve; and 15 millionths of the time since then,
    /// in which the clocks may have drifted apart.
    pub uncertainty: f64,
    /// The shortest of the last eight round trips.
    pub round_trip: f64,
}

/// What became of an exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Added {
    /// It is one of the last eight.
    Kept,
    /// It cannot have happened, and is ignored.
    Impossible,
    /// It and the others exclude each other, so that one of the clocks was set, or stood still
    /// while the device slept. The others are forgotten.
    ClockSet,
}

/// The last eight exchanges. The one with the shortest round trip speaks for all: what makes a
/// round trip long, a queue on one of the ways, is what makes its offset wrong.
#[derive(Clone, Debug)]
pub struct Exchanges {
    resolution: f64,
    kept: VecDeque<Exchange>,
}

impl Exchanges {
    /// None yet. `resolution` is the smallest step of the device's clock in milliseconds, which
    /// browsers make coarse.
    pub fn new(resolution: f64) -> Self {
        Self {
            resolution,
            kept: VecDeque::with_capacity(KEPT),
        }
    }

    /// Takes one in; the oldest goes.
    pub fn add(&mut self, exchange: Exchange) -> Added {
        if !self.is_possible(&exchange) {
            return Added::Impossible;
        }
        let new = self.estimate_from(&exchange, exchange.t4);
        let added = match self.estimate(exchange.t4) {
            Some(old) if (new.offset - old.offset).abs() > new.uncertainty + old.uncertainty => {
                self.kept.clear();
                Added::ClockSet
            }
            _ => Added::Kept,
        };
        if self.kept.len() == KEPT {
            self.kept.pop_front();
        }
        self.kept.push_back(exchange);
        added
    }

    /// What they say at `now`, by the device's clock. `None` before the first.
    pub fn estimate(&self, now: f64) -> Option<Estimate> {
        self.kept
            .iter()
            .min_by(|a, b| a.round_trip().total_cmp(&b.round_trip()))
            .map(|best| self.estimate_from(best, now))
    }

    fn estimate_from(&self, exchange: &Exchange, now: f64) -> Estimate {
        let round_trip = exchange.round_trip().max(0.0);
        let age = (now - exchange.t4).max(0.0);
        Estimate {
            offset: exchange.offset(),
            uncertainty: round_trip / 2.0 + self.resolution + age * DRIFT,
            round_trip,
        }
    }

    /// Read from a coarse clock, a round trip may seem shorter than none by a step at each end.
    fn is_possible(&self, exchange: &Exchange) -> bool {
        exchange.offset().is_finite()
            && exchange.round_trip().is_finite()
            && exchange.t3 >= exchange.t2
            && exchange.t4 >= exchange.t1
            && exchange.round_trip() >= -2.0 * self.resolution
    }
}

#[cfg(test)]
mod tests;
