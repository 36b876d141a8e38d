//! SCTP packets and chunks (RFC 9260 section 3), as far as they are looked at or built here.

use bytes::{BufMut, Bytes, BytesMut};

pub(super) const DATA: u8 = 0;
pub(super) const INIT: u8 = 1;
pub(super) const INIT_ACK: u8 = 2;
pub(super) const SACK: u8 = 3;
pub(super) const HEARTBEAT: u8 = 4;
pub(super) const ABORT: u8 = 6;
pub(super) const SHUTDOWN: u8 = 7;
pub(super) const SHUTDOWN_ACK: u8 = 8;
pub(super) const COOKIE_ECHO: u8 = 10;
pub(super) const COOKIE_ACK: u8 = 11;
pub(super) const RE_CONFIG: u8 = 130;
pub(super) const FORWARD_TSN: u8 = 192;

/// The I bit of a DATA chunk: acknowledge at once (RFC 9260 section 3.3.1).
pub(super) const DATA_IMMEDIATE: u8 = 8;
/// The B and E bits of a DATA chunk: a message in one piece.
pub(super) const DATA_WHOLE: u8 = 3;

/// Bytes of the common header.
pub(super) const HEADER: usize = 12;
/// Bytes of a chunk's own header.
pub(super) const CHUNK_HEADER: usize = 4;

/// The largest packet that is sent: what an IPv6 datagram of 1,280 bytes leaves after IPv6 (40),
/// UDP (8), TURN's channel data (4) and a DTLS 1.2 record with AEAD (37).
pub(super) const MTU: u32 = 1_191;

/// What a DATA chunk has before the message: TSN, stream, sequence number, payload protocol.
const DATA_FIELDS: usize = 12;
/// The payload protocol of a binary message (RFC 8831 section 8).
const BINARY: u32 = 53;
/// The longest message in one packet, whose length is a multiple of four.
pub(super) const MAX_WHOLE: usize = (MTU as usize & !3) - HEADER - CHUNK_HEADER - DATA_FIELDS;

/// How far `a` is ahead of `b` in serial number arithmetic (RFC 1982); negative if behind.
pub(super) fn ahead(a: u32, b: u32) -> i32 {
    a.wrapping_sub(b).cast_signed()
}

pub(super) fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    let field = bytes.get(at..)?.first_chunk()?;
    Some(u16::from_be_bytes(*field))
}

pub(super) fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    let field = bytes.get(at..)?.first_chunk()?;
    Some(u32::from_be_bytes(*field))
}

/// The common header without the checksum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) source: u16,
    pub(super) destination: u16,
    pub(super) tag: u32,
}

impl Header {
    pub(super) fn read(packet: &[u8]) -> Option<Self> {
        Some(Self {
            source: u16_at(packet, 0)?,
            destination: u16_at(packet, 2)?,
            tag: u32_at(packet, 4)?,
        })
    }

    /// The header of a packet the other way, with its verification tag.
    pub(super) fn reversed(self, tag: u32) -> Self {
        Self {
            source: self.destination,
            destination: self.source,
            tag,
        }
    }
}

/// Whether the CRC-32C of `packet` is right.
pub(super) fn checksum_holds(packet: &[u8]) -> bool {
    let (Some(before), Some(sum), Some(after)) =
        (packet.get(..8), packet.get(8..12), packet.get(12..))
    else {
        return false;
    };
    let crc = crc32c::crc32c_append(crc32c::crc32c(before), &[0; 4]);
    sum == crc32c::crc32c_append(crc, after).to_le_bytes()
}

/// One chunk of a packet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Chunk<'a> {
    pub(super) kind: u8,
    /// What follows the chunk's header, without padding.
    pub(super) value: &'a [u8],
    /// Where the chunk begins in the packet.
    pub(super) start: usize,
    /// The chunk as it is in the packet, with padding.
    pub(super) raw: &'a [u8],
}

/// The chunks of a packet in order. It ends early where a length is wrong.
pub(super) struct Chunks<'a> {
    packet: &'a [u8],
    at: usize,
}

impl<'a> Chunks<'a> {
    pub(super) fn of(packet: &'a [u8]) -> Self {
        Self { packet, at: HEADER }
    }
}

impl<'a> Iterator for Chunks<'a> {
    type Item = Chunk<'a>;

    fn next(&mut self) -> Option<Chunk<'a>> {
        let rest = self.packet.get(self.at..)?;
        let [kind, _, high, low, ..] = *rest else {
            return None;
        };
        let length = usize::from(u16::from_be_bytes([high, low]));
        let value = rest.get(CHUNK_HEADER..length)?;
        let raw = rest.get(..length.next_multiple_of(4).min(rest.len()))?;
        let start = self.at;
        self.at += raw.len();
        Some(Chunk {
            kind,
            value,
            start,
            raw,
        })
    }
}

/// The fixed part of a DATA chunk (RFC 9260 section 3.3.1).
#[derive(Clone, Copy, Debug)]
pub(super) struct Data {
    pub(super) tsn: u32,
    pub(super) stream: u16,
    /// Bytes of user data.
    pub(super) length: usize,
    pub(super) unordered: bool,
    /// The stream sequence number, which means nothing where it is unordered.
    pub(super) sequence: u16,
    /// Whether it is the first, and the last, fragment of its message.
    pub(super) is_first: bool,
    pub(super) is_last: bool,
}

impl Data {
    /// Of a chunk of the kind DATA (RFC 9260 section 3.3.1).
    pub(super) fn read(chunk: &Chunk<'_>) -> Option<Self> {
        let (flags, value) = (*chunk.raw.get(1)?, chunk.value);
        Some(Self {
            tsn: u32_at(value, 0)?,
            stream: u16_at(value, 4)?,
            length: value.len().checked_sub(12)?,
            unordered: flags & 4 != 0,
            sequence: u16_at(value, 6)?,
            is_first: flags & 2 != 0,
            is_last: flags & 1 != 0,
        })
    }
}

/// Builds a packet chunk by chunk.
pub(super) struct Builder(BytesMut);

impl Builder {
    pub(super) fn new(header: Header, capacity: usize) -> Self {
        let mut packet = BytesMut::with_capacity(capacity);
        packet.put_u16(header.source);
        packet.put_u16(header.destination);
        packet.put_u32(header.tag);
        packet.put_u32(0);
        Self(packet)
    }

    /// Adds a chunk. `value` is at most 65,531 bytes; what is longer is left out whole.
    pub(super) fn chunk(mut self, kind: u8, flags: u8, value: &[u8]) -> Self {
        let Ok(length) = u16::try_from(CHUNK_HEADER + value.len()) else {
            return self;
        };
        self.0.put_u8(kind);
        self.0.put_u8(flags);
        self.0.put_u16(length);
        self.raw(value);
        self
    }

    /// A packet with DATA that is a binary message in one piece, of at most [`MAX_WHOLE`] bytes, and
    /// unordered.
    pub(super) fn data(header: Header, tsn: u32, stream: u16, message: &[u8]) -> Bytes {
        const UNORDERED: u8 = 4;
        let flags = [DATA, UNORDERED | DATA_WHOLE];
        let length = CHUNK_HEADER + DATA_FIELDS + message.len();
        let mut packet = Self::new(header, HEADER + length.next_multiple_of(4));
        packet.0.put_slice(&flags);
        packet.0.put_u16(length as u16);
        packet.0.put_u32(tsn);
        packet.0.put_u16(stream);
        // The sequence number means nothing where it is unordered.
        packet.0.put_u16(0);
        packet.0.put_u32(BINARY);
        packet.raw(message);
        packet.finish()
    }

    /// Adds bytes and pads them to a multiple of four.
    pub(super) fn raw(&mut self, bytes: &[u8]) {
        self.0.put_slice(bytes);
        self.0
            .put_bytes(0, self.0.len().next_multiple_of(4) - self.0.len());
    }

    /// Writes `tsn` into the first chunk, which is DATA.
    pub(super) fn number(mut self, tsn: u32) -> Self {
        let at = HEADER + CHUNK_HEADER;
        if let Some(field) = self.0.get_mut(at..at + 4) {
            field.copy_from_slice(&tsn.to_be_bytes());
        }
        self
    }

    pub(super) fn finish(self) -> Bytes {
        sealed(self.0)
    }
}

/// The packet of INIT as the engine is given it: alone, as it has to be (RFC 9260 section 6.10),
/// with the parameters that the engine knows, and one of padding behind them (RFC 4820 section 4).
/// `None` where it has another chunk, or a parameter is cut off.
///
/// The engine takes for a chunk what it does not count to a parameter: a last one without a value,
/// such as Forward-TSN-Supported, and what is behind the values of some others.
pub(super) fn plain_init(packet: &[u8]) -> Option<Bytes> {
    plain(packet, INIT, &[])
}

/// The same of INIT ACK, with the state cookie that it has to have.
pub(super) fn plain_init_ack(packet: &[u8]) -> Option<Bytes> {
    const STATE_COOKIE: u16 = 7;
    plain(packet, INIT_ACK, &[STATE_COOKIE])
}

/// Whether a packet that [`plain_init`] or [`plain_init_ack`] has made says that FORWARD-TSN is understood
/// (RFC 3758 section 3.1, RFC 5061 section 4.2.7).
pub(super) fn takes_forward_tsn(packet: &[u8]) -> bool {
    let init = Chunks::of(packet).next();
    let parameters = init.and_then(|it| it.value.get(FIXED..));
    let mut parameters = Parameters(parameters.unwrap_or_default()).flatten();
    parameters.any(|(name, parameter)| {
        let is_listed = name == SUPPORTED_EXTENSIONS && parameter[4..].contains(&FORWARD_TSN);
        name == FORWARD_TSN_SUPPORTED || is_listed
    })
}

/// The parameters of a chunk (RFC 9260 section 3.2.1), each with its type, and whole but for padding. One
/// that is cut off is `None`, and nothing is behind it.
struct Parameters<'a>(&'a [u8]);

impl<'a> Iterator for Parameters<'a> {
    type Item = Option<(u16, &'a [u8])>;

    fn next(&mut self) -> Option<Self::Item> {
        let rest = std::mem::take(&mut self.0);
        if rest.is_empty() {
            return None;
        }
        let length = u16_at(rest, 2).map(usize::from);
        let length = length.filter(|length| *length >= 4);
        let parameter = length.and_then(|length| rest.get(..length));
        let (Some(name), Some(parameter)) = (u16_at(rest, 0), parameter) else {
            return Some(None);
        };
        let padded = parameter.len().next_multiple_of(4).min(rest.len());
        self.0 = &rest[padded..];
        Some(Some((name, parameter)))
    }
}

const FORWARD_TSN_SUPPORTED: u16 = 0xc000;
const SUPPORTED_EXTENSIONS: u16 = 0x8008;
/// Tag, window, streams and TSN of INIT and INIT ACK.
const FIXED: usize = 16;

fn plain(packet: &[u8], kind: u8, also: &[u16]) -> Option<Bytes> {
    const PADDING: [u8; 8] = [0x80, 0x05, 0, 8, 0, 0, 0, 0];
    let header = Header::read(packet)?;
    let init = Chunks::of(packet).next().filter(|it| it.kind == kind)?;
    if HEADER + init.raw.len() != packet.len() {
        return None;
    }
    let (fixed, parameters) = init.value.split_at_checked(FIXED)?;
    let mut value = fixed.to_vec();
    for parameter in Parameters(parameters) {
        let (name, parameter) = parameter?;
        if [FORWARD_TSN_SUPPORTED, SUPPORTED_EXTENSIONS].contains(&name) || also.contains(&name) {
            value.extend(parameter);
            value.resize(value.len().next_multiple_of(4), 0);
        }
    }
    value.extend(PADDING);
    let builder = Builder::new(header, packet.len() + PADDING.len());
    Some(builder.chunk(kind, 0, &value).finish())
}

/// Writes the checksum into a packet.
pub(super) fn sealed(mut packet: BytesMut) -> Bytes {
    if let Some(field) = packet.get_mut(8..12) {
        field.fill(0);
    }
    let sum = crc32c::crc32c(&packet);
    if let Some(field) = packet.get_mut(8..12) {
        field.copy_from_slice(&sum.to_le_bytes());
    }
    packet.freeze()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TO: Header = Header {
        source: 5000,
        destination: 5001,
        tag: 7,
    };

    #[test]
    fn what_is_built_is_read_again() {
        let packet = Builder::new(TO, 64)
            .chunk(SACK, 0, b"12345")
            .chunk(DATA, 3, b"")
            .finish();
        assert_eq!(Header::read(&packet), Some(TO));
        assert!(checksum_holds(&packet));
        let chunks: Vec<_> = Chunks::of(&packet).collect();
        assert_eq!(chunks.len(), 2);
        assert_eq!((chunks[0].kind, chunks[0].value), (SACK, &b"12345"[..]));
        assert_eq!(chunks[0].raw.len(), 12);
        assert_eq!((chunks[1].kind, chunks[1].start), (DATA, 24));
    }

    #[test]
    fn a_wrong_length_ends_the_packet() {
        let mut packet = Builder::new(TO, 64)
            .chunk(DATA, 3, b"1234")
            .finish()
            .to_vec();
        packet[15] = 9;
        assert_eq!(Chunks::of(&packet).count(), 0);
        packet[15] = 3;
        assert_eq!(Chunks::of(&packet).count(), 0);
        assert!(!checksum_holds(&packet));
        assert!(!checksum_holds(&packet[..10]));
    }

    #[test]
    fn serial_numbers_wrap() {
        assert_eq!(ahead(1, u32::MAX), 2);
        assert_eq!(ahead(u32::MAX, 1), -2);
    }
}
