//! How fast messages may leave.
//!
//! What is sent faster than the path carries it queues on the way, and each message then takes
//! longer than the one before. While the queue grows, acknowledgements come at the rate of the
//! path: so that is measured, and not guessed. The rate is lowered to it, and the queue is waited
//! out. Then the rate stays for a while, and grows again, slowly at first and ever faster, until
//! there is a queue once more, since paths become wider as well.
//!
//! A queue that is there and does not grow is of something else that was sent; it is waited out
//! alone.

mod noise;
mod round;
mod span;

use noise::{Noise, Seen};
use round::Round;
use span::{Growth, Proof, Queue, Span};
use std::time::{Duration, Instant};

/// The first rate: 100 kbit/s.
const FIRST: f64 = 12_500.0;
const MIN: f64 = 1_000.0;
/// To what part of itself the rate is lowered at most at once, by what that follows from: see
/// [`Proof`].
const LOWEST_SURE: f64 = 0.2;
const LOWEST_LONG: f64 = 0.5;
const LOWEST_LIKELY: f64 = 0.7;
/// A path that carries less than this part has become narrower. A smaller change is believed in
/// when it is seen twice.
const NARROWER: f64 = 0.5;
/// What is waited for beyond the queue, as a part of the round trip: a queue that was always
/// there shows only once it is gone.
const BEYOND: f64 = 0.125;
/// Likewise until a round was without a queue: the first messages may all have met one.
const FIRST_BEYOND: f64 = 0.35;
/// For how long a queue is waited out at most, in seconds.
const MAX_WAIT: f64 = 2.0;
/// A queue that has not changed by more than this part is the same.
const SAME: f64 = 0.7;
/// For so many rounds the rate stays as it was measured, or where that is not sure.
const HOLD: u32 = 10;
const HOLD_UNSURE: u32 = 2;
/// By what part the rate grows in a round then, and by how much more each time, up to the last.
const GROWTH: f64 = 0.02;
const FASTER: f64 = 1.5;
const MAX_GROWTH: f64 = 0.5;
/// By what part it grows where messages are lost all the time, so that nothing is sure.
const UNSURE_GROWTH: f64 = 0.03;
/// It grows to so many times what was acknowledged in a round at most: where less leaves than may,
/// more than that has not been tried.
const TRIED: f64 = 4.0;

/// How fast messages may leave.
#[derive(Debug)]
pub struct Rate {
    /// Bytes of cost a second.
    rate: f64,
    /// What the path carried when that was last sure, in bytes of cost a second.
    carried: Option<f64>,
    /// By what part the rate grows after this round.
    growth: f64,
    /// For how many rounds the rate stays.
    hold: u32,
    /// A round was without a queue.
    is_settled: bool,
    /// How often a queue was waited out since there last was none, and was as long as before.
    waited_out: u32,
    /// How long it was, in seconds.
    waited: f64,
    /// What left before then met a queue that has been waited out.
    since: Instant,
    noise: Noise,
    last: Option<Seen>,
    span: Option<Span>,
    round: Round,
}

/// What an acknowledgement says.
#[derive(Clone, Copy, Debug)]
pub struct Delivery {
    /// When the message left that was acknowledged.
    pub left: Instant,
    pub round_trip: Duration,
    /// The shortest round trip.
    pub base: Duration,
    /// Bytes of cost that were acknowledged, and that are outstanding still.
    pub cost: usize,
    pub outstanding: usize,
    /// How long messages leave after each other.
    pub spacing: Duration,
    /// How long a queue those make that leave at once.
    pub burst: Duration,
    /// No lost message makes the round trip look longer than it was.
    pub is_sure: bool,
}

impl Rate {
    pub fn new(now: Instant) -> Self {
        Self {
            rate: FIRST,
            carried: None,
            growth: 1.0,
            hold: 0,
            is_settled: false,
            waited_out: 0,
            waited: 0.0,
            since: now,
            noise: Noise::new(now),
            last: None,
            span: None,
            round: Round::new(now),
        }
    }

    pub fn bytes_a_second(&self) -> f64 {
        self.rate
    }

    /// How long the path takes for this many bytes.
    pub fn time(&self, bytes: usize) -> Duration {
        Duration::from_secs_f64(bytes as f64 / self.rate)
    }

    /// Something was kept back: by the pace, or by what is outstanding.
    pub fn limits(&mut self, is_paced: bool) {
        self.round.is_limited = true;
        self.round.is_paced |= is_paced;
    }

    /// How often in a row a queue was waited out and still was there.
    pub fn waited_out(&self) -> u32 {
        self.waited_out
    }

    /// What seemed to be a queue was none.
    pub fn restart(&mut self) {
        self.waited_out = 0;
        self.hold = 0;
        self.growth = MAX_GROWTH;
    }

    /// Something was heard. Returns for how long nothing should leave, so that the queue on the
    /// way goes.
    pub fn heard(&mut self, now: Instant, heard: Delivery) -> Option<Duration> {
        if heard.left < self.since {
            return None;
        }
        let seen = self.noise.see(now, heard, self.last);
        let allowed = self.noise.allowed(heard.burst);
        let span = Span::extend(self.span, seen, allowed / 2.0, self.round.is_paced);
        self.span = Some(span);
        let last = self.last.replace(seen);
        let base = heard.base.as_secs_f64();
        match last.map_or(Queue::Short, |last| span.judge(seen, last, allowed)) {
            Queue::Grows(growth) => {
                self.lower(&growth);
                // What has left since then has made the queue longer.
                let since_then = growth.queued + growth.slope * heard.round_trip.as_secs_f64();
                let outstanding = heard.outstanding as f64 / self.rate - base;
                let beyond = (BEYOND * base).max(self.beyond_at_first(base));
                let wait = since_then.max(outstanding) + beyond;
                Some(self.wait_out(now, growth.queued, wait))
            }
            Queue::Goes(queued) => {
                let wait = queued + self.beyond_at_first(base);
                Some(self.wait_out(now, queued, wait))
            }
            Queue::Short => self.go_round(seen, allowed),
        }
    }

    /// What is waited for beyond any queue until a round was without one, in seconds.
    fn beyond_at_first(&self, base: f64) -> f64 {
        if self.is_settled {
            0.0
        } else {
            FIRST_BEYOND * base
        }
    }

    /// Returns for how long nothing should leave where a queue was there for the whole round.
    fn go_round(&mut self, seen: Seen, allowed: f64) -> Option<Duration> {
        if seen.heard.left < self.round.since || !self.round.hear(seen) {
            return None;
        }
        let least = self.round.least;
        if least > allowed {
            let wait = least + self.beyond_at_first(seen.heard.base.as_secs_f64());
            return Some(self.wait_out(seen.at, least, wait));
        }
        self.end_round(seen.at);
        None
    }

    /// What the path carries, in bytes of cost a second, while a queue grows.
    fn carries(&self, growth: &Growth) -> f64 {
        if !growth.is_paced {
            // There was not always something to carry.
            growth.carried.max(self.rate / (1.0 + growth.slope))
        } else if self.carried.is_none() {
            // Nor at the very first, until the first acknowledgements.
            growth.carried.max(growth.carried_last)
        } else {
            growth.carried
        }
    }

    fn lower(&mut self, growth: &Growth) {
        let carried = self.carries(growth);
        let (rate, lowest, hold) = match growth.proof {
            Proof::Sure => {
                let before = self.carried.replace(carried);
                let before = before.filter(|_| carried >= self.rate * NARROWER);
                (carried.max(before.unwrap_or(0.0)), LOWEST_SURE, HOLD)
            }
            Proof::Long => (carried, LOWEST_LONG, HOLD_UNSURE),
            Proof::Likely => (carried, LOWEST_LIKELY, HOLD_UNSURE),
        };
        self.rate = rate.clamp(self.rate * lowest, self.rate).max(MIN);
        self.hold = self.hold.max(hold);
        self.growth = GROWTH;
    }

    /// A queue of so many seconds is there: nothing leaves for as long as is given.
    fn wait_out(&mut self, now: Instant, queued: f64, wait: f64) -> Duration {
        let is_same = (SAME..1.0 / SAME).contains(&(queued / self.waited));
        self.waited_out = if is_same { self.waited_out + 1 } else { 1 };
        self.waited = queued;
        let wait = Duration::from_secs_f64(wait.clamp(0.0, MAX_WAIT));
        self.since = now + wait;
        self.last = None;
        self.span = None;
        self.round = Round::new(self.since);
        wait
    }

    /// No queue was seen that should be waited out.
    fn end_round(&mut self, now: Instant) {
        let round = std::mem::replace(&mut self.round, Round::new(now));
        self.waited_out = 0;
        if !round.is_limited {
            return;
        }
        self.is_settled |= self.carried.is_some();
        let growth = if round.is_unsure() {
            UNSURE_GROWTH
        } else if self.hold > 0 {
            self.hold -= 1;
            return;
        } else {
            let growth = self.growth;
            self.growth = (growth * FASTER).min(MAX_GROWTH.max(growth));
            growth
        };
        let tried = TRIED * round.acknowledged(now);
        self.rate = (self.rate * (1.0 + growth)).min(tried.max(self.rate));
    }
}

fn a_second(bytes: usize, within: Duration) -> f64 {
    bytes as f64 / within.as_secs_f64().max(0.001)
}
