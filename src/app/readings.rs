//! What has arrived on the feeds, and what the page says of it. No I/O; bounded, however long
//! nobody looks.

use super::text::{self, UNKNOWN};
use crate::estimate::{Added, Exchange, Exchanges, Jitter, Newest, Series};
use std::fmt::Write;
use tickwire_wire::feed::{DEFAULT_INTERVAL, Sample};

/// How often the log tells the time, in milliseconds.
const LOG_INTERVAL: f64 = 1_000.0;
/// By how much a tick may be early and still be the one of its second: groups of clocks shorten the
/// first second by as much.
const EARLY: f64 = 50.0;
/// By how much a tick may be late before the seconds are counted from it anew. One that is less
/// late leaves the next, which comes in time, to its own second.
const LATE: f64 = 500.0;
/// After how many milliseconds without a sample the chart's line is interrupted.
const GAP: f64 = 1_000.0;

/// All that the page knows from one connection. Times are milliseconds since
/// 1970-01-01T00:00:00Z: `now` and `at` by the device's clock, `time` by the server's.
#[derive(Debug)]
pub struct Readings {
    /// The clock's interval, as the server confirmed it, in milliseconds.
    pub interval: u32,
    resolution: f64,
    exchanges: Exchanges,
    jitter: Jitter,
    newest: Newest,
    /// From when on another tick goes into the log.
    log_from: f64,
    processors: Series,
    sample: Option<Sample>,
}

/// What the page says of the clock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClockTexts {
    /// The server's time of day.
    pub time: String,
    /// How far the server's clock is ahead of the device's, and how sure that is.
    pub difference: String,
    /// How long there and back takes.
    pub round_trip: String,
    /// How unevenly the ticks arrive.
    pub jitter: String,
    /// How old the newest tick is.
    pub age: String,
}

/// What the page says of the server's load.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MachineTexts {
    /// How much of the processors is in use.
    pub processors: String,
    /// How much of the memory is in use.
    pub memory: String,
    /// How many sessions are open.
    pub sessions: String,
    /// The chart's line, as an SVG path: 3000 wide for 30 s, 1000 high for all processors.
    pub path: String,
    /// The chart in words.
    pub description: String,
}

impl Readings {
    /// Nothing yet. `resolution` is the smallest step of the device's clock, in milliseconds.
    pub fn new(resolution: f64) -> Self {
        Self {
            interval: DEFAULT_INTERVAL,
            resolution,
            exchanges: Exchanges::new(resolution),
            jitter: Jitter::default(),
            newest: Newest::default(),
            log_from: f64::NEG_INFINITY,
            processors: Series::default(),
            sample: None,
        }
    }

    /// Takes in a tick of the server's clock, and says whether it is one for the log.
    pub fn tick(&mut self, time: f64, at: f64) -> bool {
        self.jitter.add(time, at);
        self.newest.add(time);
        let is_due = time >= self.log_from;
        if is_due {
            let is_late = time - self.log_from > EARLY + LATE;
            let second = if is_late { time - EARLY } else { self.log_from };
            self.log_from = second + LOG_INTERVAL;
        }
        is_due
    }

    /// Takes in an exchange of timestamps. Where it shows that a clock was set, all that was
    /// measured by it before is forgotten.
    pub fn exchange(&mut self, exchange: Exchange) {
        if self.exchanges.add(exchange) == Added::ClockSet {
            *self = Self {
                interval: self.interval,
                ..Self::new(self.resolution)
            };
            self.exchanges.add(exchange);
        }
    }

    /// Takes in a sample of the server's load. An older one never replaces a newer one.
    pub fn sample(&mut self, sample: Sample) {
        if self.sample.is_none_or(|newest| sample.time > newest.time) {
            self.sample = Some(sample);
        }
        self.processors.add(sample.time, sample.processors);
    }

    /// Forgets what the clock said, since it says no more.
    pub fn forget_clock(&mut self) {
        *self = Self {
            processors: std::mem::take(&mut self.processors),
            sample: self.sample,
            ..Self::new(self.resolution)
        };
    }

    /// Forgets what the machine feed said, since it says no more.
    pub fn forget_machine(&mut self) {
        self.processors = Series::default();
        self.sample = None;
    }

    /// The server's time; `None` before the first exchange.
    pub fn server_time(&self, now: f64) -> Option<f64> {
        self.exchanges
            .estimate(now)
            .map(|estimate| now + estimate.offset)
    }

    /// What there is to say of the clock.
    pub fn clock(&self, now: f64) -> ClockTexts {
        let estimate = self.exchanges.estimate(now);
        let time = self.server_time(now);
        ClockTexts {
            time: or_unknown(time.map(text::time_of_day)),
            difference: or_unknown(
                estimate.map(|estimate| text::difference(estimate.offset, estimate.uncertainty)),
            ),
            round_trip: or_unknown(estimate.map(|estimate| text::duration(estimate.round_trip))),
            jitter: or_unknown(self.jitter.value().map(text::duration)),
            age: or_unknown(
                time.and_then(|time| self.newest.age(time))
                    .map(text::duration),
            ),
        }
    }

    /// What there is to say of the server's load.
    pub fn machine(&self) -> MachineTexts {
        let (Some(sample), Some((low, high))) = (self.sample, self.processors.range()) else {
            return MachineTexts::default();
        };
        let processors = text::percent(sample.processors);
        MachineTexts {
            memory: text::part_of_memory(sample.memory_used, sample.memory_total),
            sessions: sample.sessions.to_string(),
            path: path(&self.processors),
            description: format!(
                "Processors in use over the last 30 seconds: {processors} now, between {} and {}.",
                text::percent(low),
                text::percent(high)
            ),
            processors,
        }
    }
}

impl Default for ClockTexts {
    fn default() -> Self {
        Self {
            time: UNKNOWN.into(),
            difference: UNKNOWN.into(),
            round_trip: UNKNOWN.into(),
            jitter: UNKNOWN.into(),
            age: UNKNOWN.into(),
        }
    }
}

impl Default for MachineTexts {
    fn default() -> Self {
        Self {
            processors: UNKNOWN.into(),
            memory: UNKNOWN.into(),
            sessions: UNKNOWN.into(),
            path: String::new(),
            description: "Processors in use over the last 30 seconds: not known.".into(),
        }
    }
}

fn or_unknown(text: Option<String>) -> String {
    text.unwrap_or_else(|| UNKNOWN.into())
}

/// The points as a line, from the left, with the newest at the right edge.
fn path(series: &Series) -> String {
    let mut path = String::new();
    let mut age_before = f64::INFINITY;
    for (age, share) in series.points() {
        let command = if age_before - age > GAP { 'M' } else { 'L' };
        let x = ((Series::SPAN - age) / 10.0).round() as i32;
        let y = ((1.0 - share.clamp(0.0, 1.0)) * 1_000.0).round() as i32;
        // Writing into a string does not fail.
        let _ = write!(path, "{command}{x},{y}");
        age_before = age;
    }
    path
}

#[cfg(test)]
mod tests;
