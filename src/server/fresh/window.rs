//! How much may be outstanding: a window that follows the round trip, after FAST TCP (Wei, Jin,
//! Low and Hegde, 2006).
//!
//! What is sent beyond what the path carries waits in a queue on the way, and makes the round
//! trip longer by as long as it waits. So once a round trip the window is set to what the path
//! holds without a queue, the window times the shortest round trip over the one just seen, plus
//! a little, so that the queue rarely runs empty: a third of a message, or 5 ms' worth
//! where that is more. Where there is room, that little makes the window grow; where there is
//! none, it comes to rest with that little waiting.
//!
//! Time is an input, and there is no I/O.

use std::time::{Duration, Instant};

/// What surrounds a message on its way, in bytes: IPv4 20, UDP 8, DTLS 37, SCTP 28. On a narrow
/// link it is most of what a small value costs.
const OVERHEAD: usize = 93;
/// How many messages may be outstanding before anything is known of the path. A quarter of a
/// second's worth of a modem's link, for once.
const FIRST_WINDOW: f64 = 4.0;
/// How many messages may be outstanding at least. With one, a receiver that acknowledges each
/// second packet (RFC 9260 section 6.2) would hold up the next for its delay of 200 ms.
const MIN_MESSAGES: usize = 2;
/// As many small ones as this many bytes of [`cost`] hold may too: after a lost one it takes three
/// that arrive until SCTP gives it up (RFC 9260 section 7.2.4), or else a second.
const MIN_WINDOW: usize = 512;
/// For how long the path must look queued, and for how many round trips in a row at least and at
/// most, until the window shrinks. A lost message makes it look so for two or three.
const SHRINK_AFTER: Duration = Duration::from_millis(400);
const MIN_ROUNDS: usize = 3;
const MAX_ROUNDS: usize = 8;
/// What may wait on the way, in messages, and in time where that is more.
const QUEUED_MESSAGES: f64 = 0.35;
const QUEUED: Duration = Duration::from_millis(5);
/// How much faster than the path's rate messages may leave.
const PACE: f64 = 1.1;
/// Messages that may follow each other faster than timers tell are not held apart.
const MIN_PACE: Duration = Duration::from_millis(2);
/// For how long the shortest round trip is believed in: paths change.
const BASE_AGE: Duration = Duration::from_secs(10);
/// A message that nothing has been heard of for this many round trips is followed by another,
/// which makes the receiver answer, and shows whether the path is still there.
const PATIENCE: f64 = 1.5;
/// Bounds of that patience: shorter is the noise of timers; as long is the first guess too.
const MIN_PATIENCE: Duration = Duration::from_millis(10);
const MAX_PATIENCE: Duration = Duration::from_millis(500);
/// See [`Window::is_overdue`].
const OVERDUE: Duration = Duration::from_millis(30);

/// What a message of this many bytes takes on its way.
pub fn cost(bytes: usize) -> usize {
    bytes + OVERHEAD
}

/// A message that has left, until it is acknowledged or given up.
#[derive(Clone, Copy, Debug)]
pub struct Sent {
    pub at: Instant,
    pub bytes: usize,
    /// Counts the messages that went through this window.
    number: u64,
}

/// How much may be outstanding on one path.
#[derive(Debug)]
pub struct Window {
    /// The window itself, in bytes of [`cost`].
    size: f64,
    outstanding: usize,
    messages: usize,
    sent: u64,
    /// The most that was outstanding lately.
    peak: f64,
    /// Nothing has queued yet: the window doubles, to find out quickly what there is.
    is_starting: bool,
    /// What the window was before it let the queue run empty for a round trip.
    resumed: Option<f64>,
    base: Base,
    round: Round,
    /// The shortest round trips of the last rounds.
    shortest: [f64; MAX_ROUNDS],
    /// The last round trip that was believed in.
    round_trip: Option<Duration>,
    /// How long the path takes for a byte, and from when on it takes the next message.
    seconds_a_byte: f64,
    paced_until: Instant,
    /// When something last left or was released.
    moved: Instant,
    /// How often in a row patience ran out.
    probes: u32,
}

/// One round trip's observations.
#[derive(Debug, Default)]
struct Round {
    /// The round ends when a message of this number or later is released.
    ends: u64,
    shortest: Option<Duration>,
    /// The window kept something back, or the pace did.
    was_limited: bool,
    was_paced: bool,
}

/// The shortest round trip of the last [`BASE_AGE`], in two halves.
#[derive(Debug)]
struct Base {
    since: Instant,
    before: Option<Duration>,
    now: Option<Duration>,
}

impl Base {
    /// Takes a round trip in; true when an old half is forgotten.
    fn observe(&mut self, now: Instant, round_trip: Duration) -> bool {
        let is_over = now.duration_since(self.since) >= BASE_AGE / 2;
        if is_over {
            self.before = self.now.take();
            self.since = now;
        }
        self.now = Some(self.now.map_or(round_trip, |least| least.min(round_trip)));
        is_over
    }

    fn shortest(&self) -> Option<Duration> {
        self.before.into_iter().chain(self.now).min()
    }
}

impl Window {
    pub fn new(now: Instant) -> Self {
        Self {
            size: FIRST_WINDOW * cost(0) as f64,
            outstanding: 0,
            messages: 0,
            sent: 0,
            peak: 0.0,
            is_starting: true,
            resumed: None,
            base: Base {
                since: now,
                before: None,
                now: None,
            },
            round: Round::default(),
            shortest: [0.0; MAX_ROUNDS],
            round_trip: None,
            seconds_a_byte: 0.0,
            paced_until: now,
            moved: now,
            probes: 0,
        }
    }

    /// Whether a message of this many bytes may leave. Where not, the window is the limit, and
    /// takes note of it.
    pub fn has_room(&mut self, now: Instant, bytes: usize) -> bool {
        let after = self.outstanding + cost(bytes);
        let has_room =
            self.messages < MIN_MESSAGES || after <= MIN_WINDOW || after as f64 <= self.size;
        self.round.was_limited |= !has_room;
        let is_paced = now < self.paced_until;
        self.round.was_paced |= is_paced;
        has_room && !is_paced
    }

    /// When a message may leave although there is no room, because nothing has moved for so
    /// long. Twice as long each time in a row, up to a bound.
    pub fn probe_at(&self) -> Instant {
        let round_trip = self.round_trip.unwrap_or(MAX_PATIENCE).mul_f64(PATIENCE);
        let patience = round_trip.clamp(MIN_PATIENCE, MAX_PATIENCE) * (1 << self.probes.min(6));
        self.moved + patience.min(MAX_PATIENCE)
    }

    /// When the path takes the next message, where it is the pace that keeps one back; otherwise
    /// a time far off.
    pub fn paced_until(&self, now: Instant) -> Instant {
        if self.paced_until > now {
            self.paced_until
        } else {
            now + BASE_AGE
        }
    }

    /// Whether a message can have been acknowledged already. The shortest round trip is not to
    /// the microsecond the shortest there is, so somewhat less is let pass.
    pub fn can_be_heard(&self, now: Instant, message: Sent) -> bool {
        let base = self.base.shortest().unwrap_or_default();
        now.duration_since(message.at) >= base.mul_f64(0.75)
    }

    /// Whether nothing has been heard of a message for so long that it is lost, by all
    /// likelihood: a quarter longer than the path takes, and what three more messages take that
    /// would show that it is missing.
    pub fn is_overdue(&self, now: Instant, message: Sent) -> bool {
        self.base
            .shortest()
            .is_some_and(|base| now.duration_since(message.at) > base.mul_f64(1.25) + OVERDUE)
    }

    /// The window, in bytes of [`cost`].
    pub fn size(&self) -> usize {
        self.size as usize
    }

    /// What is outstanding, in bytes of [`cost`].
    pub fn outstanding(&self) -> usize {
        self.outstanding
    }

    /// A message left because [`Window::probe_at`] was reached.
    pub fn probed(&mut self) {
        self.probes += 1;
    }

    /// A message leaves.
    pub fn send(&mut self, now: Instant, bytes: usize) -> Sent {
        self.sent += 1;
        self.messages += 1;
        self.outstanding += cost(bytes);
        self.peak = self.peak.max(self.outstanding as f64);
        self.moved = now;
        let pace = Duration::from_secs_f64(cost(bytes) as f64 * self.seconds_a_byte / PACE);
        if pace >= MIN_PACE {
            self.paced_until = now + pace;
        }
        Sent {
            at: now,
            bytes,
            number: self.sent,
        }
    }

    /// A message was acknowledged, or given up.
    pub fn release(&mut self, message: Sent) {
        self.messages = self.messages.saturating_sub(1);
        self.outstanding = self.outstanding.saturating_sub(cost(message.bytes));
    }

    /// The newest of the messages that one acknowledgement released.
    ///
    /// An acknowledgement that leaves nothing outstanding may have waited for its receiver's
    /// delay, so it can show that the path is short, and never that it is long.
    pub fn acknowledged(&mut self, now: Instant, newest: Sent) {
        let round_trip = now.duration_since(newest.at);
        self.moved = now;
        self.probes = 0;
        let is_shortest = self.base.shortest().is_none_or(|base| round_trip <= base);
        let is_new_half = self.base.observe(now, round_trip);
        if self.messages > 0 || is_shortest {
            let round = &mut self.round;
            round.shortest = Some(round.shortest.map_or(round_trip, |s| s.min(round_trip)));
            self.round_trip = Some(round_trip);
        }
        if newest.number >= self.round.ends {
            self.end_round(newest);
            self.round = Round {
                ends: self.sent + 1,
                ..Round::default()
            };
            if is_new_half {
                // What queues all the time would be taken for the path's own length in the end:
                // for one round trip the window lets the queue run empty.
                self.resumed = Some(self.size);
                self.size = self.size.min(self.peak) / 2.0;
            }
        }
    }

    fn end_round(&mut self, newest: Sent) {
        let message = cost(newest.bytes) as f64;
        if let Some(size) = self.resumed.take() {
            self.size = size;
            return;
        }
        if !self.round.was_limited {
            // A pace that alone keeps something back is too slow, or not needed any more.
            self.seconds_a_byte = if self.round.was_paced {
                self.seconds_a_byte / PACE
            } else {
                0.0
            };
            // A window that nothing filled says nothing about the path.
            self.size = self.size.min((2.0 * self.peak).max(8.0 * message));
            self.peak = (self.peak * 0.9).max(self.outstanding as f64);
            return;
        }
        self.peak = (self.peak * 0.9).max(self.outstanding as f64);
        let (Some(base), Some(seen)) = (self.base.shortest(), self.round.shortest) else {
            return;
        };
        let (base, seen) = (base.as_secs_f64(), seen.as_secs_f64().max(1e-6));
        self.shortest.rotate_left(1);
        self.shortest[MAX_ROUNDS - 1] = seen;
        let rate = self.size.min(self.peak) / seen;
        let allowed = (QUEUED_MESSAGES * message).max(rate * QUEUED.as_secs_f64());
        let is_queued = |seen: f64| rate * (seen - base) > allowed;
        self.is_starting &= !is_queued(seen);
        self.seconds_a_byte = if self.is_starting { 0.0 } else { 1.0 / rate };
        if self.is_starting {
            self.size *= 2.0;
            return;
        }
        if !is_queued(seen) {
            self.size = (self.size * base / seen + allowed).min(2.0 * self.size);
            return;
        }
        let rounds = (SHRINK_AFTER.as_secs_f64() / seen).ceil() as usize;
        let rounds = &self.shortest[MAX_ROUNDS - rounds.clamp(MIN_ROUNDS, MAX_ROUNDS)..];
        if rounds.iter().all(|&seen| is_queued(seen)) {
            let least = rounds.iter().copied().fold(seen, f64::min);
            self.size = (self.size * base / least + allowed).max(MIN_WINDOW as f64);
            self.shortest = [0.0; MAX_ROUNDS];
        }
    }
}

#[cfg(test)]
mod tests;
