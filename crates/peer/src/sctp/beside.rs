//! Messages that are sent once, beside the SCTP engine.
//!
//! The engine's congestion window takes each loss for a path that is full, and after a few it sends a
//! packet for each time-out (RFC 9260 section 7.2.3). A sender with acknowledgements of its own knows
//! better how fast the path is, and paces its messages by that. They are DATA of the same association,
//! and the engine is not told of them: it numbers its own DATA without gaps, and here its TSNs are
//! changed into those that the client sees, and the client's acknowledgements back.
//!
//! What is lost of them is given up at once, and FORWARD-TSN says so (RFC 3758 section 3.5).

mod heard;

use std::collections::{BTreeSet, VecDeque};
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};

use super::wire::{self, Builder, Chunk, Chunks, Header, ahead, u16_at, u32_at};

/// How many messages may be between the cumulative TSN and the last one, with those that wait to be sent.
const MAX_MESSAGES: usize = 2_048;

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
}
