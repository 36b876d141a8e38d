//! Messages that are sent once, beside the SCTP engine.
//!
//! The engine's congestion window takes each loss for a path that is full, and after a few it sends a
//! packet for each time-out (RFC 9260 section 7.2.3). A sender with acknowledgements of its own knows
//! better how fast the path is, and paces its messages by that. They are DATA of the same association,
//! and the engine is not told of them: it numbers its own DATA without gaps, and here its TSNs are
//! changed into those that the client sees, and the client's acknowledgements back.
//!
//! What is lost of them is given up at once, and FORWARD-TSN says so (RFC 3758 section 3.5).

use std::collections::{BTreeSet, VecDeque};
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};

use super::wire::{self, Builder, Chunk, Chunks, Header, ahead, u16_at, u32_at};

/// How many later TSNs are acknowledged before one is taken for lost (RFC 9260 section 7.2.4).
const LATER: usize = 3;
/// When one is given up of which no later acknowledgement tells.
const LONGEST: Duration = Duration::from_secs(1);
/// When FORWARD-TSN is sent again: at first, or after one and a half round trips, and then after twice as
/// long each time, up to the longest.
const AGAIN: [Duration; 2] = [Duration::from_millis(50), Duration::from_secs(1)];
/// How many messages may be between the cumulative TSN and the last one, with those that wait to be sent.
const MAX_MESSAGES: usize = 2_048;
/// Where the gap blocks of a SACK are, from its value's start.
const SACK_GAPS: usize = 12;

/// Whose DATA a TSN is.
#[derive(Debug)]
enum Whose {
    /// The engine's, with the chunk as it was sent, until it is sent again here.
    /// `None` too where the engine may give it up.
    Engine(Option<Bytes>),
    /// A message that was sent then, of so many bytes.
    Ours(Instant, usize),
}

#[derive(Debug)]
struct Slot {
    whose: Whose,
    has_arrived: bool,
    is_given_up: bool,
}

impl Slot {
    fn new(whose: Whose) -> Self {
        Self {
            whose,
            has_arrived: false,
            is_given_up: false,
        }
    }

    fn is_engines(&self) -> bool {
        matches!(self.whose, Whose::Engine(_))
    }

    /// When it was sent and its bytes, where it is ours and its fate is not known.
    fn open(&self) -> Option<(Instant, usize)> {
        match self.whose {
            Whose::Ours(at, bytes) if !self.has_arrived && !self.is_given_up => Some((at, bytes)),
            _ => None,
        }
    }
}

/// The TSNs of an association, and what is sent beside its engine.
#[derive(Debug)]
pub(super) struct Beside {
    /// The highest TSN that was sent.
    pub(super) sent: u32,
    /// The client has all up to this one.
    cumulative: u32,
    /// How many TSNs up to the cumulative one are not the engine's.
    ours: u32,
    /// TSNs beyond the cumulative one; none before the first message.
    slots: VecDeque<Slot>,
    /// How many of the slots are the engine's.
    engines: usize,
    is_used: bool,
    /// The engine has sent the beginning of a message and not its end. The fragments of a message have TSNs
    /// that follow each other (RFC 9260 section 6.9).
    is_amid: bool,
    /// What the engine was told last of what has come, and the window, where nothing of its was under way.
    told: Option<(u32, u32)>,
    /// The streams on which the engine may give up a message.
    limited: BTreeSet<u16>,
    /// Messages to be sent, with their streams.
    waiting: VecDeque<(u16, Bytes)>,
    /// Bytes of messages whose fate is not known, and what the client takes at most.
    in_flight: usize,
    window: usize,
    /// The TSN of the last FORWARD-TSN, and when and after how long it is sent again.
    forwarded: u32,
    again: Option<(Instant, Duration)>,
    /// Packets that an acknowledgement led to.
    out: VecDeque<Bytes>,
}

impl Beside {
    /// `first` is our initial TSN.
    pub(super) fn new(first: u32) -> Self {
        let before = first.wrapping_sub(1);
        Self {
            sent: before,
            cumulative: before,
            ours: 0,
            slots: VecDeque::new(),
            engines: 0,
            is_used: false,
            is_amid: false,
            told: None,
            limited: BTreeSet::new(),
            waiting: VecDeque::new(),
            in_flight: 0,
            window: usize::MAX,
            forwarded: before,
            again: None,
            out: VecDeque::new(),
        }
    }

    /// Whether the engine may give up a message of a stream.
    pub(super) fn set_limited(&mut self, stream: u16, is_limited: bool) {
        if is_limited {
            self.limited.insert(stream);
        } else {
            self.limited.remove(&stream);
        }
    }

    /// Takes a message for [`Beside::take`]. False where there is no room for it.
    pub(super) fn write(&mut self, stream: u16, data: &Bytes) -> bool {
        if !self.is_used {
            self.is_used = true;
            let count = ahead(self.sent, self.cumulative).max(0);
            self.engines = count.unsigned_abs() as usize;
            self.slots
                .extend((0..count).map(|_| Slot::new(Whose::Engine(None))));
        }
        let messages = self.slots.len() - self.engines + self.waiting.len();
        let has_room = messages < MAX_MESSAGES && self.in_flight + data.len() <= self.window;
        if has_room {
            self.in_flight += data.len();
            self.waiting.push_back((stream, data.clone()));
        }
        has_room
    }

    /// Drops what waits to be sent on a stream, which closes.
    pub(super) fn close(&mut self, stream: u16) {
        let in_flight = &mut self.in_flight;
        self.waiting.retain(|(of, data)| {
            let is_kept = *of != stream;
            if !is_kept {
                *in_flight = in_flight.saturating_sub(data.len());
            }
            is_kept
        });
    }

    /// Changes the TSNs of a packet of the engine's into those that the client sees.
    pub(super) fn outgoing(&mut self, packet: Bytes) -> Bytes {
        let mut changes = Vec::new();
        for chunk in Chunks::of(&packet) {
            let Some(engine) = u32_at(chunk.value, 0) else {
                continue;
            };
            let tsn = match chunk.kind {
                wire::DATA => self.number(engine, &packet, &chunk),
                wire::FORWARD_TSN => self.forward_engine(engine),
                _ => continue,
            };
            if tsn != engine {
                changes.push((chunk.start + wire::CHUNK_HEADER, tsn));
            }
        }
        if changes.is_empty() {
            return packet;
        }
        let mut bytes = BytesMut::from(packet);
        for (at, tsn) in changes {
            if let Some(field) = bytes.get_mut(at..at + 4) {
                field.copy_from_slice(&tsn.to_be_bytes());
            }
        }
        wire::sealed(bytes)
    }

    /// How many of the engine's slots there are up to its TSN `engine`; none or fewer where the client
    /// has it.
    fn rank(&self, engine: u32) -> i32 {
        ahead(engine, self.cumulative.wrapping_sub(self.ours))
    }

    /// Where the engine's slot of this rank is, from 1 on.
    fn find(&self, rank: i32) -> Option<usize> {
        let rank = usize::try_from(rank).ok()?.checked_sub(1)?;
        let mut engines = self.slots.iter().enumerate();
        engines
            .by_ref()
            .filter(|(_, slot)| slot.is_engines())
            .nth(rank)
            .map(|(at, _)| at)
    }

    /// The TSN of the slot at `at`.
    fn tsn(&self, at: usize) -> u32 {
        // There are at most as many as the client acknowledges in a SACK.
        self.cumulative.wrapping_add(at as u32).wrapping_add(1)
    }

    fn number(&mut self, engine: u32, packet: &Bytes, chunk: &Chunk<'_>) -> u32 {
        let is_end = chunk.raw.get(1).is_some_and(|flags| flags & 1 != 0);
        if !self.is_used {
            if ahead(engine, self.sent) > 0 {
                self.is_amid = !is_end;
            }
            return self.same(engine);
        }
        let rank = self.rank(engine);
        if rank <= 0 {
            return self.cumulative;
        }
        if let Some(at) = self.find(rank) {
            return self.tsn(at);
        }
        let stream = u16_at(chunk.value, 4).unwrap_or(u16::MAX);
        let is_kept = !self.limited.contains(&stream);
        self.fill(rank - 1);
        self.push_engine(is_kept.then(|| packet.slice_ref(chunk.raw)));
        self.is_amid = !is_end;
        self.sent
    }

    /// The client sees the engine's TSN as it is.
    fn same(&mut self, engine: u32) -> u32 {
        if ahead(engine, self.sent) > 0 {
            self.sent = engine;
        }
        engine
    }

    /// Gives TSNs to those of the engine's that it has given up before they were sent.
    fn fill(&mut self, rank: i32) {
        while i32::try_from(self.engines).is_ok_and(|engines| engines < rank) {
            self.push_engine(None);
            self.is_amid = false;
        }
    }

    fn push_engine(&mut self, chunk: Option<Bytes>) {
        self.slots.push_back(Slot::new(Whose::Engine(chunk)));
        self.engines += 1;
        self.sent = self.sent.wrapping_add(1);
    }

    /// The engine gives up what is its own. What is ours before that left earlier, and is known to have
    /// arrived or is lost.
    fn forward_engine(&mut self, engine: u32) -> u32 {
        if !self.is_used {
            self.is_amid &= ahead(engine, self.sent) <= 0;
            return self.same(engine);
        }
        let rank = self.rank(engine);
        self.fill(rank);
        let Some(last) = self.find(rank) else {
            return self.cumulative;
        };
        self.give_up(last + 1);
        self.tsn(last)
    }

    /// The next packet that is not the engine's.
    pub(super) fn take(&mut self, now: Instant, to_peer: Header) -> Option<Bytes> {
        if let Some(packet) = self.out.pop_front() {
            return Some(packet);
        }
        let (stream, data) = match self.is_amid {
            true => None,
            false => self.waiting.pop_front(),
        }?;
        self.slots
            .push_back(Slot::new(Whose::Ours(now, data.len())));
        self.sent = self.sent.wrapping_add(1);
        Some(Builder::data(to_peer, self.sent, stream, &data))
    }

    /// Takes a packet of the client's, and returns it as the engine is to have it; `None` where there is
    /// nothing in it for the engine. `round_trip` is the engine's.
    pub(super) fn incoming(
        &mut self,
        now: Instant,
        packet: Bytes,
        to_peer: Header,
        round_trip: Option<Duration>,
    ) -> Option<Bytes> {
        let is_sack = |chunk: &Chunk<'_>| chunk.kind == wire::SACK;
        let Some(sack) = Chunks::of(&packet).find(is_sack) else {
            return Some(packet);
        };
        if !self.is_used {
            if let Some(cumulative) = u32_at(sack.value, 0)
                && ahead(cumulative, self.cumulative) > 0
                && ahead(cumulative, self.sent) <= 0
            {
                self.cumulative = cumulative;
                self.forwarded = cumulative;
            }
            return Some(packet);
        }
        let changed = self.acknowledged(sack.value);
        self.repeat_engine(to_peer);
        self.forward(now, to_peer, round_trip);
        let header = Header::read(&packet)?;
        let mut builder = Builder::new(header, packet.len() + 4);
        let mut is_empty = true;
        for chunk in Chunks::of(&packet) {
            match &changed {
                _ if chunk.kind != wire::SACK => builder.raw(chunk.raw),
                Some(value) => builder = builder.chunk(wire::SACK, 0, value),
                None => continue,
            }
            is_empty = false;
        }
        (!is_empty).then(|| builder.finish())
    }

    /// Takes a SACK, and returns the one for the engine; `None` if it is older than another, or tells
    /// nothing to the engine.
    fn acknowledged(&mut self, value: &[u8]) -> Option<Vec<u8>> {
        let (cumulative, window) = u32_at(value, 0).zip(u32_at(value, 4))?;
        let advance = usize::try_from(ahead(cumulative, self.cumulative)).ok()?;
        if advance > self.slots.len() {
            // What was never sent: the engine ends the association by the same.
            let last = self.cumulative.wrapping_sub(self.ours);
            let beyond = last.wrapping_add(self.engines as u32).wrapping_add(1);
            return Some(acknowledgement(beyond, window, &[]));
        }
        self.window = window as usize;
        for slot in self.slots.drain(..advance) {
            match slot.open() {
                Some((_, bytes)) => self.in_flight = self.in_flight.saturating_sub(bytes),
                None if slot.is_engines() => self.engines -= 1,
                None => {}
            }
            if !slot.is_engines() {
                self.ours = self.ours.wrapping_add(1);
            }
        }
        self.cumulative = cumulative;
        if ahead(self.cumulative, self.forwarded) >= 0 {
            self.forwarded = self.cumulative;
            self.again = None;
        }
        self.arrived(value);
        let told = (cumulative.wrapping_sub(self.ours), window);
        if self.engines > 0 {
            self.told = None;
        } else if self.told.replace(told) == Some(told) {
            return None;
        }
        Some(self.for_engine(window))
    }

    /// Takes the gap blocks of a SACK, and gives up what they tell to be lost.
    fn arrived(&mut self, value: &[u8]) {
        let mut highest = None;
        let gaps = u16_at(value, 8).unwrap_or(0);
        for block in 0..usize::from(gaps) {
            let at = SACK_GAPS + 4 * block;
            let (Some(start), Some(end)) = (u16_at(value, at), u16_at(value, at + 2)) else {
                break;
            };
            let end = usize::from(end).min(self.slots.len());
            let start = usize::from(start).saturating_sub(1).min(end);
            for slot in self.slots.range_mut(start..end) {
                if let Some((_, bytes)) = slot.open() {
                    self.in_flight = self.in_flight.saturating_sub(bytes);
                }
                slot.has_arrived = true;
            }
            if start < end {
                highest = Some(end - 1);
            }
        }
        if let Some(lost) = highest.and_then(|highest| (highest + 1).checked_sub(LATER)) {
            self.give_up(lost);
        }
    }

    /// Gives up the first so many slots, as far as they are ours and have not arrived.
    fn give_up(&mut self, count: usize) {
        for slot in self.slots.range_mut(..count) {
            if let Some((_, bytes)) = slot.open() {
                self.in_flight = self.in_flight.saturating_sub(bytes);
                slot.is_given_up = true;
            }
        }
    }

    /// A SACK of the engine's DATA alone. What has come of it before a gap of ours counts as if there
    /// were none: no client takes back what it has acknowledged.
    fn for_engine(&self, window: u32) -> Vec<u8> {
        let mut engines = self.slots.iter().filter(|slot| slot.is_engines());
        let whole = engines.by_ref().take_while(|slot| slot.has_arrived).count();
        let last = self.cumulative.wrapping_sub(self.ours);
        let cumulative = last.wrapping_add(whole as u32);
        // The one that ended the loop is the first that is missing.
        let mut gaps: Vec<[u16; 2]> = Vec::new();
        for (offset, slot) in (2..=u16::MAX).zip(engines) {
            match gaps.last_mut() {
                _ if !slot.has_arrived => {}
                Some([_, end]) if *end + 1 == offset => *end = offset,
                _ => gaps.push([offset; 2]),
            }
        }
        acknowledgement(cumulative, window, &gaps)
    }

    /// Sends the engine's last DATA again where only what is ours tells that it is lost; of that the
    /// engine does not know.
    fn repeat_engine(&mut self, to_peer: Header) {
        let mut later = 0;
        for at in (0..self.slots.len()).rev() {
            let tsn = self.tsn(at);
            let slot = &mut self.slots[at];
            if slot.has_arrived && slot.is_engines() {
                return;
            }
            if slot.has_arrived {
                later += 1;
            } else if later >= LATER
                && let Whose::Engine(chunk) = &mut slot.whose
                && let Some(chunk) = chunk.take()
            {
                let mut packet = Builder::new(to_peer, wire::HEADER + chunk.len() + 4);
                packet.raw(&chunk);
                self.out.push_back(packet.number(tsn).finish());
            }
        }
    }

    /// Has FORWARD-TSN sent for what is given up at the beginning, where it is due.
    fn forward(&mut self, now: Instant, to_peer: Header, round_trip: Option<Duration>) {
        let is_done = |slot: &&Slot| !slot.is_engines() && (slot.has_arrived || slot.is_given_up);
        let run = self.slots.iter().take_while(is_done);
        let Some(last) = run
            .enumerate()
            .filter(|(_, slot)| slot.is_given_up)
            .map(|(at, _)| at)
            .last()
        else {
            self.again = None;
            return;
        };
        let point = self.tsn(last);
        let [least, most] = AGAIN;
        let wait = match self.again {
            _ if ahead(point, self.forwarded) > 0 => least.max(round_trip.unwrap_or(most) * 3 / 2),
            Some((at, wait)) if at <= now => wait * 2,
            _ => return,
        };
        let wait = wait.min(most);
        self.forwarded = point;
        self.again = Some((now + wait, wait));
        // An unordered message has no sequence number to be told (RFC 3758 section 3.2).
        let packet = Builder::new(to_peer, 32).chunk(wire::FORWARD_TSN, 0, &point.to_be_bytes());
        self.out.push_back(packet.finish());
    }

    /// When [`Beside::handle_timeout`] is to be called.
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        let again = self.again.map(|(at, _)| at);
        again.into_iter().chain(self.oldest()).min()
    }

    /// When the first message is given up of which nothing is heard.
    fn oldest(&self) -> Option<Instant> {
        let (at, _) = self.slots.iter().find_map(Slot::open)?;
        Some(at + LONGEST)
    }

    pub(super) fn handle_timeout(
        &mut self,
        now: Instant,
        to_peer: Header,
        round_trip: Option<Duration>,
    ) {
        if self.oldest().is_some_and(|at| at <= now) {
            let is_later = |slot: &Slot| slot.open().is_some_and(|(at, _)| at + LONGEST > now);
            let count = self.slots.iter().position(is_later);
            self.give_up(count.unwrap_or(self.slots.len()));
        }
        self.forward(now, to_peer, round_trip);
    }
}

/// A SACK's value.
fn acknowledgement(cumulative: u32, window: u32, gaps: &[[u16; 2]]) -> Vec<u8> {
    let count = u16::try_from(gaps.len()).unwrap_or(u16::MAX);
    let mut value = Vec::with_capacity(SACK_GAPS + 4 * gaps.len());
    value.extend(cumulative.to_be_bytes());
    value.extend(window.to_be_bytes());
    value.extend(count.to_be_bytes());
    value.extend([0; 2]);
    for bound in gaps.iter().take(usize::from(count)).flatten() {
        value.extend(bound.to_be_bytes());
    }
    value
}
