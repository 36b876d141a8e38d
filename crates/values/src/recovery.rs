//! Which packets have come, which are lost, and how long the way takes (RFC 9002).

use crate::pace::{Pace, Snapshot};
use std::collections::VecDeque;
use std::time::{Duration, Instant};
use tickwire_wire::values::Acknowledgement;

/// How many newer packets come before one is taken for lost (RFC 9002 section 6.1.1).
const PACKET_THRESHOLD: u64 = 3;
/// How long a reader may hold an acknowledgement.
pub(crate) const MAX_HELD: Duration = Duration::from_millis(25);
/// The round trip before one was measured (RFC 9002 section 6.2.2).
const INITIAL_ROUND_TRIP: Duration = Duration::from_millis(333);
/// What a timer is at least (RFC 9002 section 6.1.2).
const GRANULARITY: Duration = Duration::from_millis(1);
/// How many probe time-outs in a row have the same length: on a path that loses much, one may pass without
/// an answer. Then it doubles (RFC 9002 section 6.2.1).
const PROBES: u32 = 2;
/// How often it doubles: 64 times the first is as rare as it gets.
const MAX_BACKOFF: u32 = 6;
/// Where more than this part is lost, the last packets before a silence are sent twice: what tells that
/// one is lost is a later one, and there is none. The other copy leaves after a quarter of a round trip,
/// within these bounds.
const LOSSY: f64 = 0.005;
const COPY_AFTER: [Duration; 2] = [Duration::from_millis(5), Duration::from_millis(25)];
/// What is assumed of a path of which nothing is known: so much that the last packets are sent twice until
/// a hundred or so have come.
const UNKNOWN_LOSS: f64 = 0.02;
/// How much a packet's fate counts in what is known of losses.
const LOSS_WEIGHT: f64 = 1.0 / 64.0;
/// Packets that are remembered: those in flight, and lost ones, which may have come after all.
pub(crate) const MAX_PACKETS: usize = 1_024;

/// A packet that was sent.
#[derive(Debug)]
struct Sent<T> {
    number: u64,
    at: Instant,
    bytes: usize,
    /// For the pace.
    snapshot: Snapshot,
    is_lost: bool,
    /// Whether it was copied, or is a copy.
    is_copied: bool,
    /// `None` once it was acknowledged.
    content: Option<T>,
}

/// The packets of a session, each with what was in it.
#[derive(Debug)]
pub(crate) struct Recovery<T> {
    packets: VecDeque<Sent<T>>,
    next: u64,
    largest_acknowledged: Option<u64>,
    pace: Pace,
    round_trip: Option<RoundTrip>,
    /// What the round trip is taken for before one was measured.
    expected: Duration,
    /// Probe time-outs in a row.
    backoff: u32,
    /// What part of packets is lost, of late.
    loss: f64,
    /// Whether the next packet is a copy.
    is_copy_next: bool,
    /// When a path that stood still was last heard to go on.
    stalled_until: Option<Instant>,
}

/// The round trip as it was measured (RFC 9002 section 5).
#[derive(Clone, Copy, Debug)]
struct RoundTrip {
    latest: Duration,
    smoothed: Duration,
    variation: Duration,
    least: Duration,
}

/// What became of a packet.
pub(crate) enum Fate<T> {
    Arrived(T),
    Lost(T),
    /// It may be lost, and nothing would tell.
    Doubted(T),
}

impl<T> Recovery<T> {
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            packets: VecDeque::new(),
            next: 0,
            largest_acknowledged: None,
            pace: Pace::new(now),
            round_trip: None,
            expected: INITIAL_ROUND_TRIP,
            backoff: 0,
            loss: UNKNOWN_LOSS,
            is_copy_next: false,
            stalled_until: None,
        }
    }

    /// Whether no round trip was measured yet.
    pub(crate) fn is_new(&self) -> bool {
        self.round_trip.is_none()
    }

    /// What others have measured of the path's round trip.
    pub(crate) fn expect(&mut self, round_trip: Duration) {
        self.expected = round_trip.clamp(GRANULARITY, INITIAL_ROUND_TRIP);
    }

    /// The round trip, smoothed, where one was measured.
    pub(crate) fn round_trip(&self) -> Option<Duration> {
        self.round_trip.map(|it| it.smoothed)
    }

    /// How many bytes a second the path carries, where that was found out.
    pub(crate) fn rate(&self) -> Option<f64> {
        self.pace.rate()
    }

    /// The number of the next packet.
    pub(crate) fn next(&self) -> u64 {
        self.next
    }

    /// How long a packet is under way to the reader: half of the round trip, where one was measured.
    pub(crate) fn way(&self) -> Duration {
        self.round_trip.map_or(Duration::ZERO, |it| it.smoothed / 2)
    }

    /// Whether another packet can be remembered.
    pub(crate) fn has_room(&self) -> bool {
        self.packets.len() < MAX_PACKETS
    }

    /// There is nothing to send, though something might leave.
    pub(crate) fn idle(&mut self) {
        self.is_copy_next = false;
        self.pace.limit();
    }

    /// When a packet may leave, if one can be remembered and may be under way; otherwise that is
    /// known only when something is heard, or for too long nothing.
    pub(crate) fn may_leave_at(&self) -> Option<Instant> {
        if !self.has_room() {
            return None;
        }
        let next_at = self.pace.next_at();
        if self.pace.has_window() {
            return Some(next_at);
        }
        // What leaves while the path stands still is what the reader has first when it goes on.
        let stalls_at = self
            .pace
            .stalls_at()
            .filter(|_| self.pace.has_stall_window());
        stalls_at.map(|at| at.max(next_at))
    }

    pub(crate) fn set_stream(&mut self, is_stream: bool) {
        self.pace.set_stream(is_stream);
    }

    /// The packet with the number [`Recovery::next`] leaves.
    pub(crate) fn sent(&mut self, at: Instant, bytes: usize, content: T) {
        let snapshot = self.pace.sent(at, bytes);
        self.packets.push_back(Sent {
            number: self.next,
            at,
            bytes,
            snapshot,
            is_lost: false,
            is_copied: std::mem::take(&mut self.is_copy_next),
            content: Some(content),
        });
        self.next += 1;
    }

    /// The path is another, of which nothing is known; what was under way on the one before is taken for
    /// lost.
    pub(crate) fn begin_path(&mut self, now: Instant, mut tell: impl FnMut(u64, Fate<&mut T>)) {
        for packet in &mut self.packets {
            if let Some(content) = packet.content.as_mut().filter(|_| !packet.is_lost) {
                tell(packet.number, Fate::Lost(content));
            }
        }
        self.packets.clear();
        self.pace = Pace::new(now);
        self.round_trip = None;
        self.expected = INITIAL_ROUND_TRIP;
        self.backoff = 0;
        self.loss = self.loss.max(UNKNOWN_LOSS);
    }

    /// Takes in an acknowledgement, and tells what is known by it. `None` where it is of a packet that
    /// was never sent: nothing was changed then.
    pub(crate) fn acknowledged(
        &mut self,
        now: Instant,
        acknowledgement: &Acknowledgement,
        mut tell: impl FnMut(u64, Fate<&mut T>),
    ) -> Option<()> {
        let largest = acknowledgement.ranges.first()?.1;
        if largest >= self.next {
            return None;
        }
        let held = Duration::from_micros(acknowledgement.held).min(MAX_HELD);
        // When the reader had what is acknowledged, seen from here.
        let had = now.checked_sub(held).unwrap_or(now);
        if self.pace.is_stalled(now) {
            self.stalled_until = Some(now);
        }
        let mut newest: Option<(u64, Snapshot)> = None;
        for &(first, last) in &acknowledgement.ranges {
            let start = self.packets.partition_point(|packet| packet.number < first);
            for packet in self.packets.range_mut(start..) {
                if packet.number > last {
                    break;
                }
                let Some(mut content) = packet.content.take() else {
                    continue;
                };
                self.loss -= self.loss * LOSS_WEIGHT;
                self.pace.arrived(had, packet.bytes, !packet.is_lost);
                if newest.is_none_or(|(number, _)| number < packet.number) {
                    newest = Some((packet.number, packet.snapshot));
                }
                // It took the time that the path stood still.
                let was_stalled = self.stalled_until.is_some_and(|until| packet.at < until);
                if packet.number == largest && !was_stalled {
                    let sample = now.saturating_duration_since(packet.at);
                    RoundTrip::measure(&mut self.round_trip, sample, held);
                    self.pace.measured(now, sample.saturating_sub(held));
                }
                tell(packet.number, Fate::Arrived(&mut content));
            }
        }
        if let Some((_, newest)) = newest {
            self.backoff = 0;
            self.pace.learn(now, newest);
        }
        self.largest_acknowledged = self.largest_acknowledged.max(Some(largest));
        self.lose(now, tell);
        self.forget();
        Some(())
    }

    /// Does what is due at `now`.
    pub(crate) fn handle_timeout(&mut self, now: Instant, mut tell: impl FnMut(u64, Fate<&mut T>)) {
        self.lose(now, &mut tell);
        let is_due = self.probe_at().is_some_and(|at| at <= now);
        if is_due {
            // Nothing tells what has come of these. What was in them is sent again, and if they have
            // come after all, that is learnt then.
            self.backoff = (self.backoff + 1).min(PROBES * MAX_BACKOFF);
            for packet in &mut self.packets {
                Self::give_up(packet, &mut self.pace, &mut self.loss, &mut tell);
            }
        }
        if self.copy_at().is_some_and(|at| at <= now) {
            self.is_copy_next = true;
            for packet in &mut self.packets {
                let is_last = packet.number + PACKET_THRESHOLD >= self.next;
                if is_last
                    && !packet.is_lost
                    && !std::mem::replace(&mut packet.is_copied, true)
                    && let Some(content) = &mut packet.content
                {
                    tell(packet.number, Fate::Doubted(content));
                }
            }
        }
        self.forget();
    }

    /// When [`Recovery::handle_timeout`] has something to do.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        let by_time = self
            .in_flight()
            .find(|packet| Some(packet.number) < self.largest_acknowledged)
            .map(|packet| packet.at + self.reordering());
        let timers = [by_time, self.copy_at(), self.probe_at()];
        timers.into_iter().flatten().min()
    }

    fn in_flight(&self) -> impl Iterator<Item = &Sent<T>> {
        let is_in_flight = |packet: &&Sent<T>| !packet.is_lost && packet.content.is_some();
        self.packets.iter().filter(is_in_flight)
    }

    /// RFC 9002 section 6.1: by three newer ones, or by time where a newer one has come.
    fn lose(&mut self, now: Instant, mut tell: impl FnMut(u64, Fate<&mut T>)) {
        let Some(largest) = self.largest_acknowledged else {
            return;
        };
        let reordering = self.reordering();
        for packet in &mut self.packets {
            if packet.number >= largest {
                break;
            }
            if packet.number + PACKET_THRESHOLD <= largest || packet.at + reordering <= now {
                Self::give_up(packet, &mut self.pace, &mut self.loss, &mut tell);
            }
        }
    }

    fn give_up(
        packet: &mut Sent<T>,
        pace: &mut Pace,
        loss: &mut f64,
        tell: &mut impl FnMut(u64, Fate<&mut T>),
    ) {
        if packet.is_lost {
            return;
        }
        if let Some(content) = &mut packet.content {
            packet.is_lost = true;
            *loss += (1.0 - *loss) * LOSS_WEIGHT;
            pace.lost(packet.bytes);
            tell(packet.number, Fate::Lost(content));
        }
    }

    /// Drops what nothing is to be learnt of any more: what has come, and what is lost for as long as
    /// it takes to be told that it is not.
    fn forget(&mut self) {
        let kept = self
            .largest_acknowledged
            .unwrap_or(0)
            .saturating_sub(MAX_PACKETS as u64 / 2);
        while let Some(first) = self.packets.front()
            && (first.content.is_none() || (first.is_lost && first.number < kept))
        {
            self.packets.pop_front();
        }
        // Where nothing is acknowledged at all, room has to come from what was sent longest ago.
        while self.packets.len() >= MAX_PACKETS && self.packets.front().is_some_and(|it| it.is_lost)
        {
            self.packets.pop_front();
        }
    }

    /// How much later than others a packet may come (RFC 9002 section 6.1.2).
    fn reordering(&self) -> Duration {
        let longer = self.round_trip.map(|it| it.smoothed.max(it.latest));
        (longer.unwrap_or(self.expected) * 9 / 8).max(GRANULARITY)
    }

    /// When the last packet is sent once more, though it may have come.
    fn copy_at(&self) -> Option<Instant> {
        let last = self.packets.back()?;
        let is_alone = !last.is_copied && !last.is_lost && last.content.is_some();
        if !is_alone || self.loss <= LOSSY {
            return None;
        }
        let round_trip = self.round_trip.map_or(self.expected, |it| it.smoothed);
        let [least, most] = COPY_AFTER;
        Some(last.at + (round_trip / 4).clamp(least, most))
    }

    /// When nothing was heard for too long (RFC 9002 section 6.2.1).
    fn probe_at(&self) -> Option<Instant> {
        let last = self.in_flight().last()?;
        let timeout = match self.round_trip {
            None => 2 * self.expected + MAX_HELD,
            Some(it) => it.smoothed + (4 * it.variation).max(GRANULARITY) + MAX_HELD,
        };
        Some(last.at + timeout * (1 << (self.backoff / PROBES)))
    }
}

impl RoundTrip {
    /// RFC 9002 section 5.3.
    fn measure(known: &mut Option<Self>, sample: Duration, held: Duration) {
        let Some(it) = known else {
            *known = Some(Self {
                latest: sample,
                smoothed: sample,
                variation: sample / 2,
                least: sample,
            });
            return;
        };
        it.least = it.least.min(sample);
        let adjusted = if sample >= it.least + held {
            sample - held
        } else {
            sample
        };
        it.latest = sample;
        it.variation = (3 * it.variation + it.smoothed.abs_diff(adjusted)) / 4;
        it.smoothed = (7 * it.smoothed + adjusted) / 8;
    }
}
