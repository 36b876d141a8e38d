//! How fast messages may leave.
//!
//! The rate grows while there is no queue on the way, slowly at first and ever faster, so that
//! it cannot stay low for long where the path is free. It is lowered only where a queue is seen,
//! and by as much as that has grown in the time in which what is heard of now has left; what
//! waits already is waited out. Around the path's own rate it so goes up and down by some parts
//! in a hundred.
//!
//! It goes in rounds: what leaves within a round trip, until it is heard of.

use std::time::{Duration, Instant};

/// The first rate: 100 kbit/s.
const FIRST: f64 = 12_500.0;
const MIN: f64 = 1_000.0;
/// How long a queue may be, in seconds: the noise of timers.
const QUEUED: f64 = 0.003;
/// And as long as this part of the round trip, times the growth. It is to be found and not to be
/// feared where the rate doubles.
const QUEUED_PART: f64 = 0.1;
/// And as long as the last ones differ: each counts for this part, and for so much at most.
const NOISE_PART: f64 = 0.125;
const MAX_NOISE: f64 = 0.1;
/// A single packet's acknowledgement may hide this much behind messages that are lost, in
/// seconds, or else a message; and ever more, the longer there was no other.
const HIDDEN: f64 = 0.02;
const HIDDEN_PART: f64 = 0.1;
const MAX_HIDDEN: f64 = 0.15;
/// The fastest growth after the first. Where it is faster, a queue is waited out at once.
const FAST: f64 = 0.25;
/// For how long a queue is waited out at most, in seconds.
const MAX_WAIT: f64 = 2.0;
/// A queue that has not changed by more than this part is the same.
const SAME: f64 = 0.7;
/// By how much the rate is lowered at most, at least: see [`Rate::doubt`].
const MIN_DOUBT: f64 = 0.075;
/// How much of that it grows by in a round.
const GROWTH: f64 = 0.2;
/// After so many rounds without a queue the rate grows faster from round to round.
const CALM: u32 = 12;
const FASTER: f64 = 1.5;

/// How fast messages may leave.
#[derive(Debug)]
pub struct Rate {
    /// Bytes of cost a second.
    rate: f64,
    /// By what part the rate grows in a round.
    growth: f64,
    /// How far off the rate may be, as a part of it: it was right before it grew, as it seemed.
    doubt: f64,
    /// For how many rounds there was no queue.
    calm: u32,
    /// How often a queue was waited out since there last was none, and was as long as before.
    waited_out: u32,
    /// How long it was, in seconds.
    waited: f64,
    /// The queue that was last seen for sure, and by how much it changes from one to the next, in
    /// seconds: a busy machine makes single ones late, and a queue is there for all.
    queued: f64,
    noise: f64,
    /// When it was last known how long the queue is.
    known_at: Instant,
    round: Round,
}

/// What was heard of the messages that have left since the round began.
#[derive(Debug)]
struct Round {
    since: Instant,
    /// The queue before the round, in seconds.
    queued_before: f64,
    /// The last queue that was seen, and the shortest.
    last: Option<f64>,
    least: f64,
    /// There was no queue, once at least.
    is_clear: bool,
    /// It was known how long the queue is, once at least.
    is_sure: bool,
    /// The rate kept something back.
    is_limited: bool,
}

/// What an acknowledgement says.
#[derive(Debug)]
pub struct Heard {
    /// When the message left that was acknowledged.
    pub left: Instant,
    pub round_trip: Duration,
    /// The shortest round trip.
    pub base: Duration,
    /// How long the path takes for the message.
    pub spacing: Duration,
    /// No lost message makes the round trip look longer than it was.
    pub is_sure: bool,
}

impl Rate {
    pub fn new(now: Instant) -> Self {
        Self {
            rate: FIRST,
            growth: 1.0,
            doubt: 1.0,
            calm: 0,
            waited_out: 0,
            waited: 0.0,
            queued: 0.0,
            noise: 0.0,
            known_at: now,
            round: Round::new(now, 0.0),
        }
    }

    pub fn bytes_a_second(&self) -> f64 {
        self.rate
    }

    /// How long the path takes for this many bytes.
    pub fn time(&self, bytes: usize) -> Duration {
        Duration::from_secs_f64(bytes as f64 / self.rate)
    }

    /// Something was kept back.
    pub fn limits(&mut self) {
        self.round.is_limited = true;
    }

    /// How often in a row a queue was waited out and still was there.
    pub fn waited_out(&self) -> u32 {
        self.waited_out
    }

    /// What seemed to be a queue was none, so the rate may have been lowered for nothing.
    pub fn restart(&mut self) {
        self.waited_out = 0;
        self.growth = FAST;
        self.doubt = FAST;
    }

    /// Something was heard. Returns for how long nothing should leave, so that the queue on the
    /// way goes.
    pub fn heard(&mut self, now: Instant, heard: Heard) -> Option<Duration> {
        let base = heard.base.as_secs_f64();
        let queued = heard.round_trip.saturating_sub(heard.base).as_secs_f64();
        let allowed = QUEUED + QUEUED_PART * base * self.growth;
        let is_clear = queued <= allowed;
        if heard.is_sure || is_clear {
            self.known_at = now;
        }
        if heard.is_sure {
            self.note_noise(queued);
        }
        if heard.left < self.round.since {
            return None;
        }
        let least = queued - self.hidden(now, &heard);
        let round = &mut self.round;
        round.is_clear |= is_clear;
        round.is_sure |= heard.is_sure;
        round.least = round.least.min(least);
        // A single one may be late for other reasons.
        let last = round.last.replace(least).unwrap_or(0.0);
        let lately = last.min(least);

        let after = heard.left.duration_since(round.since).as_secs_f64();
        let is_over = after >= base;
        let is_urgent = !heard.is_sure || lately > base || self.growth > FAST && round.is_limited;
        let seen = match (is_urgent, is_over) {
            (true, _) => lately,
            (false, true) => round.least,
            (false, false) => 0.0,
        };
        let noise = if heard.is_sure { self.noise } else { 0.0 };
        if seen > allowed + noise {
            let wait = self.wait_out(&heard, seen, after);
            self.round = Round::new(now + wait, 0.0);
            return Some(wait);
        }
        if is_over {
            self.end_round();
            self.round = Round::new(now, self.round.least.clamp(0.0, allowed));
        }
        None
    }

    fn note_noise(&mut self, queued: f64) {
        let change = (queued - self.queued).abs().min(MAX_NOISE);
        self.noise += (change - self.noise) * NOISE_PART;
        self.queued = queued;
    }

    /// How much of what looks like a queue lost messages may account for.
    fn hidden(&self, now: Instant, heard: &Heard) -> f64 {
        if heard.is_sure {
            return 0.0;
        }
        let unknown = now.duration_since(self.known_at).as_secs_f64() * HIDDEN_PART;
        HIDDEN.max(heard.spacing.as_secs_f64()) + unknown.min(MAX_HIDDEN)
    }

    /// Lowers the rate for a queue that a message has met that left this long after the round
    /// began. Returns how long the queue is by now.
    fn wait_out(&mut self, heard: &Heard, seen: f64, after: f64) -> Duration {
        let slope = (seen - self.round.queued_before).max(0.0) / after.max(0.01);
        let steepest = if self.waited_out > 0 { 1.0 } else { self.doubt };
        let wait = seen + slope.min(steepest) * heard.round_trip.as_secs_f64();
        if heard.is_sure {
            self.slow_down(slope);
            let is_same = (SAME..1.0 / SAME).contains(&(seen / self.waited));
            self.waited_out = if is_same { self.waited_out + 1 } else { 1 };
            self.waited = seen;
        } else {
            self.slow_down(slope.min(FAST));
        }
        Duration::from_secs_f64(wait.min(MAX_WAIT))
    }

    /// The queue has grown by this many seconds a second.
    fn slow_down(&mut self, slope: f64) {
        self.rate = (self.rate / (1.0 + slope.min(self.doubt))).max(MIN);
        let doubt = if slope < self.doubt {
            self.doubt / 2.0
        } else if self.waited_out > 0 {
            self.doubt * 1.5
        } else {
            self.doubt
        };
        self.doubt = doubt.clamp(MIN_DOUBT, 1.0);
        self.growth = GROWTH * self.doubt;
        self.calm = 0;
    }

    /// No queue was seen that should be waited out.
    fn end_round(&mut self) {
        if self.round.is_clear {
            self.waited_out = 0;
        }
        if !self.round.is_limited {
            return;
        }
        if self.round.is_clear {
            self.calm += 1;
            if self.calm > CALM && self.growth < FAST {
                self.growth = (self.growth * FASTER).min(FAST);
                self.doubt = self.doubt.max(self.growth);
            }
            self.rate *= 1.0 + self.growth;
        } else if !self.round.is_sure {
            // There may be a queue, or messages are lost all the time.
            self.rate *= 1.0 + GROWTH * MIN_DOUBT;
        }
    }
}

impl Round {
    fn new(since: Instant, queued_before: f64) -> Self {
        Self {
            since,
            queued_before,
            last: None,
            least: f64::INFINITY,
            is_clear: false,
            is_sure: false,
            is_limited: false,
        }
    }
}
