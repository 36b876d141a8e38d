//! How fast packets may leave: as fast as the path is found to carry them, and so few at a time that
//! they do not queue on it. What waits here is replaced by newer values; what waits there is not.
//!
//! The model is BBR's: two figures are known of a path, the most that it has delivered in a round trip
//! of late, and its shortest round trip. Packets leave at the first, a little faster and slower in turn
//! so that a path that has become wider is found; and no more are under way than both give. A loss says
//! nothing about either.

use crate::recovery::MAX_HELD;
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// What a packet takes on its way beside its bytes: Ethernet 14, IPv4 20, UDP 8, DTLS 37, SCTP 28.
const OVERHEAD: usize = 107;
/// How much may be under way before a round trip was measured: as SCTP begins (RFC 9260 section 7.2.1).
const INITIAL_WINDOW: f64 = 4_380.0;
/// How much faster than they are delivered packets leave at first: the least with which that doubles
/// each round trip (2 / ln 2).
const STARTUP_GAIN: f64 = 2.89;
/// The path is full when a round trip brings less than a quarter more, three times in a row.
const FULL_GROWTH: f64 = 1.25;
const FULL_ROUNDS: u32 = 3;
/// But where more than a tenth is lost and nothing queues, a round brings less because it loses more, and
/// not because the path is full; nor is it where a stream has stood still in it. So many of them are not
/// counted; a path that drops what it does not carry looks the same.
const LOSSY_PART: f64 = 0.1;
const LOSSY_ROUNDS: u32 = 6;
/// By so much, an eighth of the shortest round trip within these bounds, the shortest one of a round is longer
/// where packets queue; of so many at least (RFC 9406 section 4.2, with fewer of them, since readers
/// acknowledge two packets at a time).
const QUEUED: [Duration; 2] = [Duration::from_millis(4), Duration::from_millis(16)];
const QUEUED_SAMPLES: u32 = 4;
/// One round trip each: a quarter faster, to find more room; then as much slower, so that what queued
/// goes; then as the path is.
const GAINS: [f64; 8] = [1.25, 0.75, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0];
/// And a little slower than that where packets still queue: how fast the path is, is known by the most that
/// it has carried.
const QUEUED_GAIN: f64 = 0.85;
/// How much may be under way, of what the path holds: the rest is what is lost and not yet known to be.
const WINDOW_GAIN: f64 = 1.25;
/// And so much more, in packets as large as those of late: without it a path that holds less than a packet,
/// or whose acknowledgements come for two at a time, would stand still.
const SPARE_PACKETS: f64 = 2.0;
/// On a connection of TCP what is lost is sent again, and all that follows waits for it. That is so where
/// nothing is heard for so many times as long as packets leave after each other, and for as long as a reader may
/// hold its word; of a first one, and before the path is known, for so many round trips. The path does not carry
/// less then. So many packets may be under way.
const STALL: f64 = 2.0;
const FIRST_STALL: f64 = 1.25;
const STALLED_PACKETS: f64 = 32.0;
/// The longest time between two packets that says how they follow each other.
const LONGEST_SPACING: Duration = Duration::from_millis(200);
/// How much of the largest packet of late is left of it with each that is sent.
const SMALLER: f64 = 0.9;
/// For how many round trips the most that was delivered is believed in.
const ROUNDS: u64 = 10;
/// For how long the shortest round trip is believed in, in halves.
const HALF: Duration = Duration::from_secs(5);
/// What a round trip is at least, whatever a reader says of how long it has held its answer.
const SHORTEST: Duration = Duration::from_micros(100);
/// What a timer that is late may make up for.
const LATE: Duration = Duration::from_millis(2);

/// What was known when a packet left.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Snapshot {
    at: Instant,
    delivered: u64,
    delivered_at: Instant,
    first_sent_at: Instant,
    is_limited: bool,
    /// Whether no other was under way.
    is_alone: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Mode {
    /// Nothing is known but that more was delivered each round trip.
    Startup { most: f64, rounds: u32, lossy: u32 },
    /// What queued at first goes.
    Drain,
    /// Nothing leaves until a packet that was alone has arrived: what queued at first is in all round trips so far.
    Alone,
    /// Which of [`GAINS`], and since when.
    Steady { phase: usize, since: Instant },
}

/// How fast packets of one session may leave.
#[derive(Debug)]
pub(crate) struct Pace {
    /// Whether the path is a connection of TCP.
    is_stream: bool,
    in_flight: f64,
    /// The largest packet of late.
    packet: f64,
    /// Bytes that have arrived, and when that was last known to grow.
    delivered: u64,
    delivered_at: Instant,
    /// When the first packet left of those that the next sample is about.
    first_sent_at: Instant,
    /// Until so much has arrived, samples tell what there was to send, and not what the path carries.
    limited_until: Option<u64>,
    round: u64,
    round_ends: u64,
    /// What was delivered before this round, and lost in it.
    round_began: u64,
    round_lost: u64,
    /// Whether the path stood still in it.
    round_stalled: bool,
    /// The shortest round trip of this round, of how many.
    round_shortest: Duration,
    round_samples: u32,
    /// Whether packets queued in the last round.
    was_queued: bool,
    /// Bytes a second by round, the highest first.
    rates: VecDeque<(u64, f64)>,
    /// The shortest round trips of this half and the one before.
    shortest: [Option<Duration>; 2],
    half_began: Instant,
    mode: Mode,
    next_at: Instant,
    /// When the last packet left, and how long packets leave after each other, of late: each counts for an eighth.
    left: Instant,
    spacing: Duration,
    /// Whether there was as much to send as may leave since the last packet left.
    is_crowded: bool,
    /// When something was last heard, or left while nothing was under way, and how long nothing may be heard
    /// from then on before a stream stands still.
    heard_at: Instant,
    quiet: Duration,
}

impl Pace {
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            is_stream: false,
            in_flight: 0.0,
            packet: 0.0,
            delivered: 0,
            delivered_at: now,
            first_sent_at: now,
            limited_until: None,
            round: 0,
            round_ends: 0,
            round_began: 0,
            round_lost: 0,
            round_stalled: false,
            round_shortest: Duration::MAX,
            round_samples: 0,
            was_queued: false,
            rates: VecDeque::new(),
            shortest: [None; 2],
            half_began: now,
            mode: Mode::Startup {
                most: 0.0,
                rounds: 0,
                lossy: 0,
            },
            next_at: now,
            left: now,
            spacing: Duration::ZERO,
            is_crowded: false,
            heard_at: now,
            quiet: Duration::ZERO,
        }
    }

    /// Whether one more packet may be under way.
    pub(crate) fn has_window(&self) -> bool {
        self.in_flight <= 0.0 || self.in_flight < self.window()
    }

    pub(crate) fn set_stream(&mut self, is_stream: bool) {
        self.is_stream = is_stream;
    }

    /// When the path stands still, should nothing be heard until then; it never does where it is no stream.
    pub(crate) fn stalls_at(&self) -> Option<Instant> {
        let is_measured = self.is_stream && self.shortest().is_some();
        is_measured.then(|| self.heard_at + self.quiet)
    }

    /// Whether the path stands still.
    pub(crate) fn is_stalled(&self, now: Instant) -> bool {
        self.stalls_at().is_some_and(|at| now >= at)
    }

    /// Whether one more packet may be under way where the path stands still.
    pub(crate) fn has_stall_window(&self) -> bool {
        self.in_flight < STALLED_PACKETS * self.packet
    }

    /// Before when no packet leaves.
    pub(crate) fn next_at(&self) -> Instant {
        self.next_at
    }

    /// There was less to send than may leave.
    pub(crate) fn limit(&mut self) {
        if self.has_window() {
            self.limited_until = Some(self.delivered + self.in_flight as u64);
            self.is_crowded = false;
        }
    }

    /// A packet of so many bytes leaves.
    pub(crate) fn sent(&mut self, now: Instant, bytes: usize) -> Snapshot {
        let is_alone = self.in_flight <= 0.0;
        if is_alone {
            self.first_sent_at = now;
            self.delivered_at = now;
            self.heard_at = now;
            self.quiet = self.first_quiet();
        } else {
            follow(&mut self.spacing, now, self.left);
        }
        self.left = now;
        self.is_crowded = true;
        let cost = (bytes + OVERHEAD) as f64;
        self.in_flight += cost;
        self.packet = cost.max(SMALLER * self.packet);
        if let Some(rate) = self.rate() {
            let starts = self.next_at.max(now.checked_sub(LATE).unwrap_or(now));
            self.next_at = starts + Duration::from_secs_f64(cost / rate);
        }
        Snapshot {
            at: now,
            delivered: self.delivered,
            delivered_at: self.delivered_at,
            first_sent_at: self.first_sent_at,
            is_limited: self.limited_until.is_some(),
            is_alone,
        }
    }

    /// A packet of so many bytes is lost.
    pub(crate) fn lost(&mut self, bytes: usize) {
        self.round_lost += (bytes + OVERHEAD) as u64;
        self.landed(bytes);
    }

    fn landed(&mut self, bytes: usize) {
        self.in_flight = (self.in_flight - (bytes + OVERHEAD) as f64).max(0.0);
    }

    /// A packet of so many bytes has arrived: known now, before [`Pace::learn`].
    pub(crate) fn arrived(&mut self, now: Instant, bytes: usize, was_in_flight: bool) {
        self.delivered += (bytes + OVERHEAD) as u64;
        self.delivered_at = now;
        if was_in_flight {
            self.landed(bytes);
        }
    }

    /// What an acknowledgement tells by the newest packet of those that it is about.
    pub(crate) fn learn(&mut self, now: Instant, newest: Snapshot) {
        self.round_stalled |= self.is_stalled(now);
        self.heard_at = now;
        self.quiet = match self.mode {
            Mode::Startup { .. } | Mode::Drain => self.first_quiet(),
            Mode::Alone | Mode::Steady { .. } => self.spacing.mul_f64(STALL) + MAX_HELD,
        };
        if self
            .limited_until
            .is_some_and(|until| self.delivered > until)
        {
            self.limited_until = None;
        }
        let is_new_round = newest.delivered >= self.round_ends;
        let (mut is_lossy, mut is_queued) = (false, false);
        if is_new_round {
            let came = self.delivered - self.round_began;
            is_lossy = self.round_stalled || self.round_lost as f64 > LOSSY_PART * came as f64;
            // On a narrow path a round has fewer.
            if self.round_samples >= QUEUED_SAMPLES {
                is_queued = self.is_queued();
                self.was_queued = is_queued;
                self.round_shortest = Duration::MAX;
                self.round_samples = 0;
            }
            self.round += 1;
            self.round_ends = self.delivered;
            self.round_began = self.delivered;
            self.round_lost = 0;
            self.round_stalled = false;
        }
        self.first_sent_at = newest.at;
        let sending = newest.at.saturating_duration_since(newest.first_sent_at);
        let arriving = self
            .delivered_at
            .saturating_duration_since(newest.delivered_at);
        let interval = sending.max(arriving).max(SHORTEST);
        // Shorter than the path is what came at once after it was held up.
        if interval >= self.shortest().unwrap_or(Duration::MAX).mul_f64(0.9) {
            let rate = (self.delivered - newest.delivered) as f64 / interval.as_secs_f64();
            if !newest.is_limited || rate > self.most() {
                self.note(rate);
            }
        }
        let is_startup = matches!(self.mode, Mode::Startup { .. });
        if is_startup && is_queued {
            self.mode = Mode::Drain;
        } else if matches!(self.mode, Mode::Alone) {
            if newest.is_alone {
                let (phase, since) = (2, now);
                self.mode = Mode::Steady { phase, since };
            }
        } else if !is_startup || (is_new_round && !newest.is_limited) {
            self.go_on(now, is_lossy);
        }
    }

    /// Takes a round trip in, without the time for which the reader has held its acknowledgement.
    pub(crate) fn measured(&mut self, now: Instant, round_trip: Duration) {
        if now.saturating_duration_since(self.half_began) >= HALF {
            self.half_began = now;
            self.shortest = [None, self.shortest[0]];
        }
        let round_trip = round_trip.max(SHORTEST);
        self.round_shortest = self.round_shortest.min(round_trip);
        self.round_samples += 1;
        let least = self.shortest[0].map_or(round_trip, |known| known.min(round_trip));
        self.shortest[0] = Some(least);
    }

    fn go_on(&mut self, now: Instant, is_lossy: bool) {
        let (most, round_trip) = (self.most(), self.shortest());
        match &mut self.mode {
            Mode::Startup {
                most: before,
                rounds,
                lossy,
            } => {
                if most >= *before * FULL_GROWTH {
                    (*before, *rounds) = (most, 0);
                    return;
                }
                if is_lossy && *lossy < LOSSY_ROUNDS {
                    *lossy += 1;
                    return;
                }
                *rounds += 1;
                if *rounds >= FULL_ROUNDS {
                    self.mode = Mode::Drain;
                }
            }
            Mode::Drain => {
                if self.in_flight <= self.holds() {
                    // Not with the faster one.
                    let (phase, since) = (2, now);
                    // Where it may be lost, it would be waited for for longer than that is worth.
                    self.mode = if self.is_stream && self.is_crowded {
                        Mode::Alone
                    } else {
                        Mode::Steady { phase, since }
                    };
                }
            }
            Mode::Alone => {}
            Mode::Steady { phase, since } => {
                if round_trip.is_some_and(|it| now.saturating_duration_since(*since) >= it) {
                    *phase = (*phase + 1) % GAINS.len();
                    *since = now;
                }
            }
        }
    }

    /// Enters a rate; those that are lower, or too old, are not needed any more.
    fn note(&mut self, rate: f64) {
        let round = self.round;
        self.rates
            .retain(|(seen, known)| seen + ROUNDS > round && *known > rate);
        self.rates.push_back((round, rate));
    }

    /// The most that was delivered, in bytes a second; 0 where nothing is known.
    fn most(&self) -> f64 {
        self.rates.front().map_or(0.0, |(_, rate)| *rate)
    }

    /// Whether packets queue on the path, by the round trips of this round.
    fn is_queued(&self) -> bool {
        let [least, most] = QUEUED;
        let shortest = self.shortest().unwrap_or_default();
        self.round_shortest >= shortest + (shortest / 8).clamp(least, most)
    }

    fn first_quiet(&self) -> Duration {
        let shortest = self.shortest().unwrap_or_default();
        shortest.mul_f64(FIRST_STALL) + MAX_HELD
    }

    fn shortest(&self) -> Option<Duration> {
        self.shortest.into_iter().flatten().min()
    }

    /// What the path holds when it is full and nothing queues.
    fn holds(&self) -> f64 {
        self.most() * self.shortest().unwrap_or_default().as_secs_f64()
    }

    /// How fast packets leave; as fast as may be, before anything is known.
    pub(crate) fn rate(&self) -> Option<f64> {
        let gain = match self.mode {
            Mode::Startup { .. } => STARTUP_GAIN,
            Mode::Drain => 1.0 / STARTUP_GAIN,
            Mode::Alone => 1.0,
            Mode::Steady { phase, .. } if self.was_queued => QUEUED_GAIN * GAINS[phase],
            Mode::Steady { phase, .. } => GAINS[phase],
        };
        let most = self.most();
        (most > 0.0).then_some(gain * most)
    }

    fn window(&self) -> f64 {
        if self.rates.is_empty() {
            return INITIAL_WINDOW;
        }
        let gain = match self.mode {
            Mode::Startup { .. } => STARTUP_GAIN,
            Mode::Alone => return 0.0,
            _ => WINDOW_GAIN,
        };
        gain * self.holds() + SPARE_PACKETS * self.packet
    }
}

/// Enters how long it is since `last` into an average of such times.
fn follow(spacing: &mut Duration, now: Instant, last: Instant) {
    let new = now.saturating_duration_since(last).min(LONGEST_SPACING);
    *spacing = (*spacing * 7 + new) / 8;
}
