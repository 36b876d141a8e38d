//! Looks at what came before the SCTP engine does.
//!
//! The engine trusts its peer: it panics on a malformed error cause, makes a stream for any id,
//! steps through up to 2^31 TSNs for one FORWARD-TSN, counts only payload against its window, and
//! takes an endless message. It also answers stream resets late or twice. So chunks that it must
//! not see are taken out here, and what they ask for is handed to the caller.

use bytes::Bytes;

use super::channel::{Admit, Streams};
use super::held::Held;
use super::wire::{self, Builder, Chunk, Chunks, Data, Header, ahead, u16_at, u32_at};

/// TSNs beyond the acknowledged one that are looked at. The engine keeps what came of them until the
/// gap before them is filled, whether it was read or not.
const REACH: i32 = 4_096;

/// The largest HEARTBEAT that is answered, in bytes of its value.
const MAX_HEARTBEAT: usize = 512;

/// Refused chunks on strange streams before the association is ended.
const MAX_STRANGE: u32 = 1_024;

/// What the association has taken in and not handed out.
#[derive(Debug)]
pub(super) struct Intake {
    /// The cumulative TSN that we acknowledged last.
    pub(super) acknowledged: u32,
    /// The highest TSN that was let in.
    top: u32,
    /// DATA chunks that the engine holds.
    held: Held,
    /// Those that it was given with the last packet.
    given: Vec<Data>,
    /// The window of the last SACK, as the engine counts it.
    window: u32,
    /// More than half as many chunks as may be were held at the last SACK.
    crowded: bool,
    /// Bytes that were read since the last SACK.
    read_bytes: usize,
    /// Bytes that were let in since that window is zero.
    excess: usize,
    /// DATA chunks that were refused on strange streams.
    strange: u32,
    pub(super) refused: u32,
    max_held: usize,
    max_excess: usize,
    full_window: u32,
}

/// A packet after it was looked at.
#[derive(Debug, Default)]
pub(super) struct Sorted {
    /// For the engine.
    pub(super) pass: Option<Bytes>,
    /// Bytes of user data in it.
    pub(super) bytes: usize,
    /// RE-CONFIG chunks' values.
    pub(super) resets: Vec<Bytes>,
    /// Streams whose id is used again.
    pub(super) reused: Vec<u16>,
    pub(super) abort: bool,
    pub(super) shutdown: bool,
    pub(super) violation: Option<&'static str>,
}

/// What was seen earlier in the same packet.
#[derive(Default)]
struct Seen {
    sack: bool,
    heartbeat: bool,
    cookie: bool,
    forward: bool,
}

impl Intake {
    /// `first` is the browser's initial TSN, `window` our receive window in bytes.
    pub(super) fn new(first: u32, window: u32, max_held: usize, max_message: u32) -> Self {
        let before = first.wrapping_sub(1);
        Self {
            acknowledged: before,
            top: before,
            held: Held::new(before),
            given: Vec::new(),
            window,
            crowded: false,
            read_bytes: 0,
            excess: 0,
            strange: 0,
            refused: 0,
            max_held,
            max_excess: window as usize + max_message as usize,
            full_window: window,
        }
    }

    /// Takes the chunks apart. `up` says whether the association is established.
    pub(super) fn sort(&mut self, packet: &Bytes, streams: &mut Streams, up: bool) -> Sorted {
        let mut sorted = Sorted::default();
        let mut seen = Seen::default();
        self.given.clear();
        let mut kept = Vec::new();
        let mut end = wire::HEADER;
        let mut whole = true;
        for chunk in Chunks::of(packet) {
            end = chunk.start + chunk.raw.len();
            let keep = self.keep(packet, &chunk, streams, up, &mut seen, &mut sorted);
            if sorted.abort || sorted.shutdown || sorted.violation.is_some() {
                return sorted;
            }
            if keep {
                kept.push(chunk.raw);
            } else {
                whole = false;
                // RFC 9260 section 3.2: the highest bit says whether to go on.
                if !known(chunk.kind) && chunk.kind & 0x80 == 0 {
                    break;
                }
            }
        }
        if kept.is_empty() {
            return sorted;
        }
        if whole && end == packet.len() {
            sorted.pass = Some(packet.clone());
        } else if let Some(header) = Header::read(packet) {
            let mut builder = Builder::new(header, packet.len());
            for raw in kept {
                builder.raw(raw);
            }
            sorted.pass = Some(builder.finish());
        }
        sorted
    }

    fn keep(
        &mut self,
        packet: &Bytes,
        chunk: &Chunk<'_>,
        streams: &mut Streams,
        up: bool,
        seen: &mut Seen,
        sorted: &mut Sorted,
    ) -> bool {
        match chunk.kind {
            // The engine takes what is in it for chunks that nobody has looked at: there is to be nothing.
            wire::COOKIE_ACK if !chunk.value.is_empty() => false,
            wire::COOKIE_ECHO | wire::COOKIE_ACK => !std::mem::replace(&mut seen.cookie, true),
            wire::ABORT => {
                sorted.abort = true;
                false
            }
            _ if !up && !seen.cookie => false,
            wire::DATA => self.keep_data(chunk, streams, sorted),
            wire::SACK => {
                let is_sound = ends_with_lists(chunk.value) && gaps_ascend(chunk.value);
                is_sound && !std::mem::replace(&mut seen.sack, true)
            }
            wire::HEARTBEAT => {
                let is_sound = chunk.value.len() <= MAX_HEARTBEAT && is_one_parameter(chunk.value);
                is_sound && !std::mem::replace(&mut seen.heartbeat, true)
            }
            wire::FORWARD_TSN => {
                let reached = u32_at(chunk.value, 0)
                    .is_some_and(|tsn| ahead(tsn, self.acknowledged) <= REACH);
                let is_kept = reached && !std::mem::replace(&mut seen.forward, true);
                if is_kept {
                    self.forward(chunk.value);
                }
                is_kept
            }
            wire::RE_CONFIG => {
                sorted.resets.push(packet.slice_ref(chunk.value));
                false
            }
            wire::SHUTDOWN => {
                sorted.shutdown = true;
                false
            }
            _ => false,
        }
    }

    /// A FORWARD-TSN is given to the engine: the new cumulative TSN, then streams and sequence numbers
    /// (RFC 3758 section 3.2).
    fn forward(&mut self, value: &[u8]) {
        let streams: Vec<(u16, u16)> = (4..value.len())
            .step_by(4)
            .map_while(|at| u16_at(value, at).zip(u16_at(value, at + 2)))
            .collect();
        if let Some(cumulative) = u32_at(value, 0) {
            self.held.forwarded(cumulative, &streams);
        }
    }

    fn keep_data(&mut self, chunk: &Chunk<'_>, streams: &mut Streams, sorted: &mut Sorted) -> bool {
        let Some(data) = Data::read(chunk) else {
            return false;
        };
        if data.length == 0 {
            // RFC 9260 section 6.2: such a chunk must end the association.
            sorted.violation = Some("DATA without user data");
            return false;
        }
        let distance = ahead(data.tsn, self.acknowledged);
        if distance <= 0 || self.held.has(data.tsn) {
            // The engine acknowledges it once more (RFC 9260 section 6.2).
            return true;
        }
        // One that fills a gap is let in, or what is held could never be read.
        let new = ahead(data.tsn, self.top) > 0;
        if distance > REACH || (new && self.held.count() + self.given.len() >= self.max_held) {
            self.refused = self.refused.saturating_add(1);
            return false;
        }
        if sorted.reused.contains(&data.stream) {
            // Already found to be in use again by a chunk before.
        } else {
            match streams.admit(data.stream, data.tsn) {
                Admit::Yes => {}
                Admit::Reused => sorted.reused.push(data.stream),
                Admit::Later => return false,
                Admit::Full => {
                    self.refused = self.refused.saturating_add(1);
                    self.strange += 1;
                    if self.strange > MAX_STRANGE {
                        sorted.violation = Some("too many strange streams");
                    }
                    return false;
                }
            }
        }
        if new {
            self.top = data.tsn;
        }
        self.given.push(data);
        sorted.bytes += data.length;
        true
    }

    /// The engine took so many chunks of a packet with `bytes` of user data. False when it holds more
    /// than can be right: the engine goes on taking a message that has no end.
    pub(super) fn took(&mut self, chunks: usize, bytes: usize) -> bool {
        if chunks == self.given.len() {
            self.given.drain(..).for_each(|data| self.held.took(&data));
        } else {
            // Its window is shut, and which of them it took is not known.
            self.held.took_some(chunks);
            self.given.clear();
        }
        if self.window == 0 && chunks > 0 {
            self.excess += bytes;
        }
        self.excess <= self.max_excess
    }

    /// A message of `chunks` DATA chunks and `bytes` was read from a stream.
    pub(super) fn read(&mut self, stream: u16, chunks: usize, bytes: usize) {
        self.held.read(stream, chunks);
        self.read_bytes = self.read_bytes.saturating_add(bytes);
    }

    /// Whether we send in order on a stream, once it is known.
    pub(super) fn set_ordered(&mut self, stream: u16, ordered: bool) {
        self.held.set_ordered(stream, ordered);
    }

    /// A stream was dropped, with all that was not read.
    pub(super) fn dropped(&mut self, stream: u16) {
        self.held.dropped(stream);
    }

    /// A SACK leaves. Returns the window that it shall state.
    pub(super) fn acknowledge(&mut self, cumulative: u32, window: u32) -> u32 {
        self.acknowledged = cumulative;
        self.held.acknowledged(cumulative);
        if ahead(cumulative, self.top) > 0 {
            self.top = cumulative;
        }
        self.window = window;
        self.read_bytes = 0;
        if window > 0 {
            self.excess = 0;
        }
        if window == self.full_window {
            self.held.clear();
        }
        self.crowded = self.held.count() > self.max_held / 2;
        window.min(self.room_for_chunks(window))
    }

    /// The window that leaves room for no more chunks than may be held, if those to come are as
    /// large as those that are held.
    fn room_for_chunks(&self, window: u32) -> u32 {
        let held = self.held.count();
        if held < self.max_held / 4 {
            return u32::MAX;
        }
        let bytes = self.full_window.saturating_sub(window) as usize;
        let free = self.max_held.saturating_sub(held);
        u32::try_from(free * bytes / held.max(1)).unwrap_or(u32::MAX)
    }

    /// Whether a SACK should tell the browser that there is room again. Without one it would find
    /// out only by a probe, a second or more later (RFC 9260 section 6.1). Not every read does it:
    /// half the window was taken, and a quarter of it is read (section 6.2).
    pub(super) fn wants_update(&self) -> bool {
        let window = self.full_window as usize;
        let roomy = self.held.count() <= self.max_held / 2;
        let was_narrow = self.window as usize <= window / 2;
        (self.crowded && roomy) || (was_narrow && self.read_bytes >= window / 4)
    }
}

fn known(kind: u8) -> bool {
    kind <= 14 || kind == wire::RE_CONFIG || kind == wire::FORWARD_TSN
}

/// Whether a SACK's value ends where its gap blocks and duplicates do. The engine takes what is
/// behind them for chunks that nobody has looked at.
fn ends_with_lists(value: &[u8]) -> bool {
    let lists = u16_at(value, 8).zip(u16_at(value, 10));
    lists.is_some_and(|(gaps, duplicates)| {
        value.len() == 12 + 4 * (usize::from(gaps) + usize::from(duplicates))
    })
}

/// Whether a HEARTBEAT's value is one parameter and no more, for the same reason.
fn is_one_parameter(value: &[u8]) -> bool {
    u16_at(value, 2).is_some_and(|length| {
        let length = usize::from(length);
        length >= 4 && (value.len() == length || value.len() == length.next_multiple_of(4))
    })
}

/// Whether the gap blocks of a SACK ascend. If not, it can cost 65,535 steps a block.
fn gaps_ascend(value: &[u8]) -> bool {
    let Some(count) = u16_at(value, 8) else {
        return false;
    };
    let mut last = 0;
    for block in 0..usize::from(count) {
        let (Some(start), Some(end)) =
            (u16_at(value, 12 + 4 * block), u16_at(value, 14 + 4 * block))
        else {
            return false;
        };
        if start <= last || end < start {
            return false;
        }
        last = end;
    }
    true
}
