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

use std::time::{Duration, Instant};

/// The first rate: 100 kbit/s.
const FIRST: f64 = 12_500.0;
const MIN: f64 = 1_000.0;
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
/// A queue grows where the last step was at least this part of its growth so far.
const STEP: f64 = 0.5;
/// By how much a queue grows at most, as far as that is made up for, in seconds a second.
const MAX_SLOPE: f64 = 2.0;
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
/// For how long a queue is waited out at most, in seconds.
const MAX_WAIT: f64 = 2.0;
/// A queue that has not changed by more than this part is the same.
const SAME: f64 = 0.7;
/// A round lasts at least this long, in seconds.
const MIN_ROUND: f64 = 0.005;
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
    /// How often a queue was waited out since there last was none, and was as long as before.
    waited_out: u32,
    /// How long it was, in seconds.
    waited: f64,
    /// By how much a queue is shorter than the one before on average, in seconds. It becomes
    /// shorter only where nothing leaves, so that is noise.
    noise: f64,
    /// When it was last sure how long the queue is.
    sure_at: Instant,
    /// What left before then met a queue that has been waited out.
    since: Instant,
    last: Option<Seen>,
    span: Option<Span>,
    round: Round,
}

/// What an acknowledgement says.
#[derive(Debug)]
pub struct Heard {
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

/// The queue that a message met, in seconds.
#[derive(Clone, Copy, Debug)]
struct Seen {
    heard: Instant,
    left: Instant,
    queued: f64,
    /// Without what lost messages may account for.
    least: f64,
    is_sure: bool,
}

/// The time in which the queue has grown.
#[derive(Clone, Copy, Debug)]
struct Span {
    /// When its first message was heard of, when that had left, and its round trip in seconds.
    heard: Instant,
    left: Instant,
    round_trip: f64,
    /// The shortest round trip since a queue was last waited out.
    shortest: f64,
    /// Bytes of cost that were acknowledged since then.
    cost: usize,
    /// The pace kept something back.
    is_paced: bool,
}

/// What was heard of the messages that have left since the rate is as it is, for a round trip.
#[derive(Debug)]
struct Round {
    since: Instant,
    /// When the first message was heard of, and when it had left.
    first: Option<(Instant, Instant)>,
    /// How often something was heard for sure.
    sure: u32,
    /// Bytes of cost that were acknowledged.
    cost: usize,
    /// The shortest queue, in seconds.
    least: f64,
    /// Something was kept back, and because of the pace.
    is_limited: bool,
    is_paced: bool,
}

/// What is to be done about the queue.
enum Queue {
    /// It is as short as may be, as far as one message tells.
    Short,
    /// It grows.
    Grows(Proof),
    /// It is long and becomes shorter: it is of what left before, and on its way still.
    Goes,
}

/// What the path's rate follows from.
enum Proof {
    /// Round trips that no lost message makes look longer.
    Sure,
    /// A queue that takes longer than the path.
    Long,
    /// More than the lost messages that there may be.
    Likely,
}

impl Rate {
    pub fn new(now: Instant) -> Self {
        Self {
            rate: FIRST,
            carried: None,
            growth: 1.0,
            hold: 0,
            waited_out: 0,
            waited: 0.0,
            noise: 0.0,
            sure_at: now,
            since: now,
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
    pub fn heard(&mut self, now: Instant, heard: &Heard) -> Option<Duration> {
        if heard.left < self.since {
            return None;
        }
        let base = heard.base.as_secs_f64();
        let seen = self.see(now, heard);
        let last = self.last.replace(seen);
        let allowed = QUEUED + NOISE * self.noise + heard.burst.as_secs_f64();
        let lately = seen.lately(last);
        let span = self.extend_span(now, heard, allowed / 2.0);
        let slope = span.slope(heard.left, base + lately);
        match span.judge(seen, last, base, allowed) {
            Queue::Grows(proof) => {
                let carried = self.carries(now, span, heard, last, slope);
                self.lower(carried, proof);
                // What has left since then has made the queue longer.
                let since_then = lately + slope * heard.round_trip.as_secs_f64();
                let outstanding = heard.outstanding as f64 / self.rate - base;
                let wait = since_then.max(outstanding) + BEYOND * base;
                Some(self.wait_out(now, lately, wait))
            }
            Queue::Goes => Some(self.wait_out(now, lately, lately)),
            Queue::Short => self.go_round(now, heard, seen.least, allowed),
        }
    }

    /// Returns for how long nothing should leave where a queue was there for the whole round.
    fn go_round(
        &mut self,
        now: Instant,
        heard: &Heard,
        queued: f64,
        allowed: f64,
    ) -> Option<Duration> {
        if heard.left < self.round.since {
            return None;
        }
        self.round.hear(now, heard, queued);
        if !self.round.is_over(heard) {
            return None;
        }
        let least = self.round.least;
        if least > allowed {
            return Some(self.wait_out(now, least, least));
        }
        self.end_round(now);
        None
    }

    fn see(&mut self, now: Instant, heard: &Heard) -> Seen {
        let queued = heard.round_trip.as_secs_f64() - heard.base.as_secs_f64();
        if heard.is_sure {
            self.sure_at = now;
            if let Some(last) = self.last
                && last.is_sure
            {
                let shorter = (last.queued - queued).clamp(0.0, MAX_NOISE);
                self.noise += (shorter - self.noise) * NOISE_PART;
            }
        }
        Seen {
            heard: now,
            left: heard.left,
            queued,
            least: queued - self.hidden(now, heard),
            is_sure: heard.is_sure,
        }
    }

    /// How much of what looks like a queue lost messages may account for.
    fn hidden(&self, now: Instant, heard: &Heard) -> f64 {
        if heard.is_sure {
            return 0.0;
        }
        let unsure = now.duration_since(self.sure_at).as_secs_f64() * HIDDEN_PART;
        HIDDEN * heard.spacing.as_secs_f64() + unsure.min(MAX_HIDDEN)
    }

    /// The span goes on where the round trip is longer by this much than the shortest one, or
    /// else begins here.
    fn extend_span(&mut self, now: Instant, heard: &Heard, longer: f64) -> Span {
        let round_trip = heard.round_trip.as_secs_f64();
        let is_paced = self.round.is_paced;
        let span = match self.span {
            Some(span) if round_trip > span.shortest + longer => Span {
                cost: span.cost + heard.cost,
                is_paced: span.is_paced || is_paced,
                ..span
            },
            before => Span {
                heard: now,
                left: heard.left,
                round_trip,
                shortest: before.map_or(round_trip, |span| span.shortest.min(round_trip)),
                cost: 0,
                is_paced,
            },
        };
        self.span = Some(span);
        span
    }

    /// What the path carries, in bytes of cost a second, where the queue grows by so much.
    fn carries(
        &self,
        now: Instant,
        span: Span,
        heard: &Heard,
        last: Option<Seen>,
        slope: f64,
    ) -> f64 {
        let carried = a_second(span.cost, now.duration_since(span.heard));
        if !span.is_paced {
            // There was not always something to carry.
            return carried.max(self.rate / (1.0 + slope));
        }
        match last {
            // Nor at the very first, until the first acknowledgements.
            Some(last) if self.carried.is_none() => {
                carried.max(a_second(heard.cost, now.duration_since(last.heard)))
            }
            _ => carried,
        }
    }

    fn lower(&mut self, carried: f64, proof: Proof) {
        let (rate, lowest, hold) = match proof {
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
        let growth = if round.sure == 0 {
            UNSURE_GROWTH
        } else if self.hold > 0 {
            self.hold -= 1;
            return;
        } else {
            let growth = self.growth;
            self.growth = (growth * FASTER).min(MAX_GROWTH.max(growth));
            growth
        };
        let first = round.first.map_or(now, |(heard, _)| heard);
        let tried = TRIED * a_second(round.cost, now.duration_since(first));
        self.rate = (self.rate * (1.0 + growth)).min(tried.max(self.rate));
    }
}

impl Seen {
    /// The shorter one of the last two: a single message may be late for other reasons.
    fn lately(&self, last: Option<Seen>) -> f64 {
        last.map_or(0.0, |last| last.least).min(self.least)
    }

    /// Whether the queue has grown since another one was seen, by so many seconds a second.
    fn grows(&self, before: Seen, slope: f64) -> bool {
        let within = self.left.saturating_duration_since(before.left);
        self.queued - before.queued >= slope * within.as_secs_f64()
    }
}

impl Span {
    fn judge(&self, seen: Seen, last: Option<Seen>, base: f64, allowed: f64) -> Queue {
        let Some(last) = last else {
            return Queue::Short;
        };
        let lately = seen.lately(Some(last));
        let has_grown = base + lately > self.shortest + allowed;
        let slope = STEP * self.slope(seen.left, base + lately);
        let grows = has_grown && seen.grows(last, slope);
        if grows && seen.is_sure && last.is_sure {
            Queue::Grows(Proof::Sure)
        } else if lately > base.max(allowed) {
            if seen.queued < last.queued {
                Queue::Goes
            } else {
                Queue::Grows(Proof::Long)
            }
        } else if grows {
            Queue::Grows(Proof::Likely)
        } else {
            Queue::Short
        }
    }

    /// By how many seconds a second the queue has grown, by the round trip of a message that left
    /// then.
    fn slope(&self, left: Instant, round_trip: f64) -> f64 {
        let within = left.saturating_duration_since(self.left).as_secs_f64();
        ((round_trip - self.round_trip) / within.max(0.001)).clamp(0.0, MAX_SLOPE)
    }
}

impl Round {
    fn new(since: Instant) -> Self {
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

    fn hear(&mut self, now: Instant, heard: &Heard, queued: f64) {
        self.first.get_or_insert((now, heard.left));
        self.sure += u32::from(heard.is_sure);
        self.cost += heard.cost;
        self.least = self.least.min(queued);
    }

    /// A round trip has passed, and there is more than one sure one or none.
    fn is_over(&self, heard: &Heard) -> bool {
        let base = heard.base.as_secs_f64().max(MIN_ROUND);
        let lasts = self.first.map(|(_, left)| heard.left.duration_since(left));
        lasts.is_some_and(|lasts| lasts.as_secs_f64() >= base) && self.sure != 1
    }
}

fn a_second(bytes: usize, within: Duration) -> f64 {
    bytes as f64 / within.as_secs_f64().max(0.001)
}
