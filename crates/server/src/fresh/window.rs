//! How much may be outstanding, and how fast it may leave.
//!
//! What is sent faster than the path takes it waits in a queue on the way and grows old there.
//! So messages leave at the pace that the path is found to take ([`Rate`]), and what is
//! outstanding is bounded by somewhat more than that pace puts on the way in a round trip.
//! Where the path is wide, the pace lets several go at once: SCTP puts those into one packet,
//! which is most of what small values cost.
//!
//! Time is an input, and there is no I/O.

mod base;
mod rate;

use base::Base;
use rate::{Delivery, Rate};
use std::time::{Duration, Instant};

/// What surrounds a datagram on its way, in bytes: Ethernet 14, IPv4 20, UDP 8.
pub const DATAGRAM: usize = 42;
/// What surrounds a packet, in bytes: DTLS 37 and SCTP 12 more. On a narrow link it is most of what
/// a small value costs.
const PACKET: usize = DATAGRAM + 37 + 12;
/// What surrounds a message in a packet, in bytes: SCTP 16, and 2 that fill it up, on average.
const CHUNK: usize = 18;
/// How many bytes of messages go into one packet.
const MAX_PACKET: usize = 1_150;
/// Messages that leave this soon after each other go into one; and what is released so, one
/// acknowledgement has released.
const AT_ONCE: Duration = Duration::from_micros(500);
/// What one FORWARD TSN takes on its way.
const FORWARD_TSN: usize = PACKET + 16;
/// How many messages may be outstanding at least. With one, a receiver that acknowledges each
/// second packet (RFC 9260 section 6.2) would hold up the next for its delay of 200 ms.
const MIN_MESSAGES: usize = 2;
/// How much may be outstanding before anything is known of the path, in bytes of cost.
const FIRST_WINDOW: usize = 500;
/// How much may be outstanding, times what the pace puts on the way in a round trip. Lost
/// messages stay outstanding for up to a second, until SCTP gives them up.
const SPARE: f64 = 1.75;
/// What is added to that round trip: the noise of timers.
const NOISE: Duration = Duration::from_millis(5);
/// For how long messages leave at once, at most: this long they may keep the path busy. Also at
/// most this part of the shortest round trip, so that more than one packet is on the way.
const BURST: Duration = Duration::from_millis(5);
const BURST_PART: u32 = 4;
/// How much of its turn a message that leaves late makes up for: what timers round to.
const LATE: Duration = Duration::from_millis(2);
/// For how long messages are held up by what leaves beside them, at most.
const MAX_BESIDE: Duration = Duration::from_millis(250);
/// Where nothing is heard for this many round trips and for as long as a receiver may delay an
/// acknowledgement, the path may be gone: nothing more leaves, but for a message now and then that
/// shows whether it is there.
const PATIENCE: f64 = 1.5;
/// Bounds of that patience: shorter is the noise of timers; as long is the first guess too.
const MIN_PATIENCE: Duration = Duration::from_millis(10);
const MAX_PATIENCE: Duration = Duration::from_millis(500);
/// A receiver delays an acknowledgement for so long at most (RFC 9260 section 6.2).
const DELAYED: Duration = Duration::from_millis(200);
/// On a connection of TCP what is lost is sent again, and all that follows waits for it. That is so where
/// nothing is heard for so many times as long as messages leave after each other, or of a first one for so many
/// round trips, and for as long as a receiver may hold its word. The path does not carry less then, and the
/// next messages are what the receiver has first when it goes on.
const STALL: u32 = 2;
const FIRST_STALL: f64 = 1.25;
const STALL_HELD: Duration = Duration::from_millis(25);
/// How many messages may be outstanding then.
const STALLED_MESSAGES: usize = 32;
/// A time far off.
const NEVER: Duration = Duration::from_secs(10);
/// So often in a row has a queue been waited out, and it still seems to be there: it is not a
/// queue, and the path is longer than it was.
const WAITED_OUT: u32 = 4;

/// A message that has left, until it is acknowledged or given up.
#[derive(Clone, Copy, Debug)]
pub struct Sent {
    pub at: Instant,
    pub bytes: usize,
    /// What it takes on its way, in bytes.
    pub cost: usize,
    /// Its first packet, and its last, as far as it is known which messages share one.
    packets: (u64, u64),
}

/// How much may be outstanding on one path.
#[derive(Debug)]
pub struct Window {
    outstanding: usize,
    messages: usize,
    /// Whether the path is a connection of TCP.
    is_stream: bool,
    /// What has left before says nothing about the path: it was another, or stood still.
    since: Instant,
    base: Base,
    rate: Rate,
    /// How long packets leave after each other, of late: each counts for an eighth.
    spacing: Duration,
    /// The last round trip.
    round_trip: Option<Duration>,
    /// When something was last released, and the last packet of that.
    heard: Option<(Instant, u64)>,
    /// The packet that the next message may share, and what it has of messages.
    packet: u64,
    packet_bytes: usize,
    /// When the last message left.
    left: Instant,
    /// What has left keeps the path busy until then.
    busy_until: Instant,
    /// The next message may leave from then on.
    paced_until: Instant,
    /// When something was last heard, or left while nothing was outstanding.
    heard_at: Instant,
    /// How long nothing may be heard from then on before a stream stands still.
    quiet: Duration,
    /// When something last left or was released.
    moved: Instant,
    /// How often in a row patience ran out.
    probes: u32,
    /// Whether a message was given up, and none acknowledged since.
    is_lost: bool,
}

impl Window {
    pub fn new(now: Instant) -> Self {
        Self {
            outstanding: 0,
            messages: 0,
            is_stream: false,
            since: now,
            base: Base::new(now),
            rate: Rate::new(now),
            spacing: Duration::ZERO,
            round_trip: None,
            heard: None,
            packet: 0,
            packet_bytes: 0,
            left: now,
            busy_until: now,
            paced_until: now,
            heard_at: now,
            quiet: NEVER,
            moved: now,
            probes: 0,
            is_lost: false,
        }
    }

    /// From now on there is another path, of which nothing is known. What is outstanding stays so:
    /// SCTP has it still.
    pub fn begin_path(&mut self, now: Instant) {
        *self = Self {
            outstanding: self.outstanding,
            messages: self.messages,
            is_stream: self.is_stream,
            packet: self.packet + 1,
            ..Self::new(now)
        };
    }

    pub fn set_stream(&mut self, is_stream: bool) {
        self.is_stream = is_stream;
    }

    pub fn is_stream(&self) -> bool {
        self.is_stream
    }

    /// When the path stands still, should nothing be heard until then; it never does where it is no stream.
    pub fn stalls_at(&self) -> Option<Instant> {
        let is_measured = self.is_stream && self.round_trip.is_some();
        is_measured.then(|| self.heard_at + self.quiet)
    }

    fn is_stalled(&self, now: Instant) -> bool {
        self.stalls_at().is_some_and(|at| now >= at)
    }

    /// Whether a message of this many bytes may leave. Where not, the path is the limit, and
    /// that is noted.
    pub fn has_room(&mut self, now: Instant, bytes: usize) -> bool {
        let after = self.outstanding + self.cost(now, bytes);
        let is_silent = now > self.heard_at + self.patience() + DELAYED;
        let is_stalled = self.messages < STALLED_MESSAGES && self.is_stalled(now);
        let fits = self.messages < MIN_MESSAGES || is_stalled || after <= self.size() && !is_silent;
        let has_room = fits && !self.is_lost;
        let may_leave = has_room && now >= self.paced_until;
        if !may_leave {
            self.rate.limits(has_room);
        }
        may_leave
    }

    /// When a message may leave although there is no room, because nothing has moved for so
    /// long. Twice as long each time in a row, up to a bound.
    pub fn probe_at(&self) -> Instant {
        let patience = self.patience() * (1 << self.probes.min(6));
        self.moved + patience.min(MAX_PATIENCE)
    }

    /// When the path takes the next message, where it is the pace that keeps one back; otherwise
    /// a time far off.
    pub fn paced_until(&self, now: Instant) -> Instant {
        if self.paced_until > now {
            self.paced_until
        } else {
            now + NEVER
        }
    }

    /// What is outstanding, in bytes of cost.
    pub fn outstanding(&self) -> usize {
        self.outstanding
    }

    /// A message left because [`Window::probe_at`] was reached.
    pub fn probed(&mut self) {
        self.probes += 1;
    }

    /// A message leaves.
    pub fn send(&mut self, now: Instant, bytes: usize) -> Sent {
        let cost = self.cost(now, bytes);
        if !self.fits_packet(now, bytes) {
            if self.messages > 0 {
                let spacing = now.duration_since(self.left).min(DELAYED);
                self.spacing = (self.spacing * 7 + spacing) / 8;
            }
            self.packet += 1;
            self.packet_bytes = 0;
        }
        let first = self.packet;
        self.packet += (bytes / MAX_PACKET) as u64;
        self.packet_bytes += bytes + CHUNK;
        if self.messages == 0 {
            self.heard_at = now;
            self.quiet = self.base.shortest().mul_f64(FIRST_STALL) + STALL_HELD;
        }
        self.messages += 1;
        self.outstanding += cost;
        self.left = now;
        self.moved = now;
        self.occupy(now, cost);
        Sent {
            at: now,
            bytes,
            cost,
            packets: (first, self.packet),
        }
    }

    /// A message is not outstanding any more.
    pub fn release(&mut self, message: Sent) {
        self.messages = self.messages.saturating_sub(1);
        self.outstanding = self.outstanding.saturating_sub(message.cost);
    }

    /// A message was given up, and nothing is heard: the path may be gone.
    pub fn lose(&mut self, message: Sent) {
        self.release(message);
        self.is_lost = true;
    }

    /// All from the one to the other of a channel's messages have been released at once, so many
    /// bytes of cost.
    ///
    /// Which messages SCTP releases is not known, only how many bytes. They are taken for the
    /// oldest, so while lost ones are outstanding a round trip looks longer than it is, by as
    /// much as those are apart that have left since. The receiver tells when that may be: it
    /// acknowledges each second packet, and each single one only while it misses another.
    pub fn released(&mut self, now: Instant, oldest: Sent, newest: Sent, cost: usize) {
        // A large message is on its way for longer, without any queue.
        let longer = self.rate.time(newest.cost.saturating_sub(MAX_PACKET));
        let round_trip = now.duration_since(newest.at).saturating_sub(longer);
        let last = self.heard.replace((now, newest.packets.1));
        let first = match last {
            // One acknowledgement may be of messages of several channels.
            Some((at, packet)) if now.duration_since(at) < AT_ONCE => packet.min(oldest.packets.0),
            _ => oldest.packets.0,
        };
        let packets = newest.packets.1.saturating_sub(first) + 1;
        self.moved = now;
        self.probes = 0;
        self.is_lost = false;
        if self.is_stream {
            if self.is_stalled(now) {
                self.since = now;
            }
            self.heard_at = now;
            self.quiet = STALL * self.spacing + STALL_HELD;
        }
        // It took the time that there was no path, or that it stood still.
        if newest.at < self.since {
            return;
        }
        // SCTP gives up all that is outstanding when its timer expires (RFC 9260 section 6.3.3),
        // what cannot have been acknowledged yet too. That says nothing about the path.
        if packets > 2 && self.base.is_shorter(round_trip) {
            return;
        }
        self.heard_at = now;
        self.round_trip = Some(round_trip);
        self.base.observe(now, round_trip);
        let is_sure = packets > 1;
        if !is_sure {
            // What has been given up, the sender's SCTP tells with each acknowledgement that does
            // not know it yet (RFC 3758 section 3.5), and the path carries that too.
            self.occupy(now, FORWARD_TSN);
        }
        let queue = self.rate.heard(
            now,
            Delivery {
                left: newest.at,
                cost,
                outstanding: self.outstanding,
                round_trip,
                base: self.base.shortest(),
                spacing: self.spacing,
                burst: self.burst().saturating_sub(self.rate.time(newest.cost)),
                is_sure,
            },
        );
        if let Some(queue) = queue {
            self.busy_until = self.busy_until.max(now) + queue;
            self.pause();
        }
        if self.rate.waited_out() >= WAITED_OUT {
            self.base = Base::new(now);
            self.rate.restart();
        }
    }

    /// For how long nothing need be heard where the path is there.
    fn patience(&self) -> Duration {
        let round_trip = self.round_trip.unwrap_or(MAX_PATIENCE);
        round_trip
            .mul_f64(PATIENCE)
            .clamp(MIN_PATIENCE, MAX_PATIENCE)
    }

    /// How much may be outstanding, in bytes of cost.
    fn size(&self) -> usize {
        if self.round_trip.is_none() {
            return FIRST_WINDOW;
        }
        let round_trip = (self.base.shortest() + NOISE).as_secs_f64();
        (SPARE * self.rate.bytes_a_second() * round_trip) as usize
    }

    /// What a message takes on its way: a packet of its own, or a part of the last one.
    fn cost(&self, now: Instant, bytes: usize) -> usize {
        let packet = if self.fits_packet(now, bytes) {
            0
        } else {
            PACKET
        };
        bytes + CHUNK + packet
    }

    /// Whether a message can go into the packet of the last one, as far as that is known.
    fn fits_packet(&self, now: Instant, bytes: usize) -> bool {
        let is_open = self.packet_bytes > 0 && now.duration_since(self.left) < AT_ONCE;
        is_open && self.packet_bytes + bytes + CHUNK <= MAX_PACKET
    }

    /// Something else than a message leaves, of so many bytes. It holds messages up, though not for
    /// long if there is ever more of it.
    pub fn beside(&mut self, now: Instant, bytes: usize) {
        if self.busy_until < now + MAX_BESIDE {
            self.occupy(now, bytes);
        }
    }

    /// The path carries this many bytes more.
    fn occupy(&mut self, now: Instant, bytes: usize) {
        let starts = self.busy_until.max(now - LATE);
        self.busy_until = starts + self.rate.time(bytes);
        let burst = self.burst();
        if self.busy_until > now + burst {
            self.pause();
        }
    }

    /// For how long messages may leave at once.
    fn burst(&self) -> Duration {
        if self.round_trip.is_some() {
            BURST.min(self.base.shortest() / BURST_PART)
        } else {
            Duration::ZERO
        }
    }

    /// Nothing leaves until the path has carried what has left.
    fn pause(&mut self) {
        self.paced_until = self.busy_until;
        self.packet_bytes = 0;
    }
}

#[cfg(test)]
mod tests;
