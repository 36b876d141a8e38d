//! The record layer of DTLS 1.2 once the handshake is over (RFC 6347 section 4.1).

use super::{DtlsError, Out};
use aws_lc_rs::aead::{Aad, LessSafeKey, NONCE_LEN, Nonce};

/// A record's header: type, version, epoch with sequence number, length.
const HEADER: usize = 13;
/// What a header says where the version is 1.2.
const VERSION: [u8; 2] = [0xfe, 0xfd];
/// The epoch that the handshake ends with. There is no other, since nothing is renegotiated.
const EPOCH: u64 = 1;
/// Bits of a sequence number; the epoch stands above them.
const SEQUENCE_BITS: u32 = 48;
/// What GCM's nonces say of themselves in each record (RFC 5288 section 3).
const EXPLICIT: usize = 8;
/// What each cipher of 1.2 appends.
const TAG: usize = 16;
/// The most that a record carries (RFC 6347 section 4.1).
const LARGEST_DATA: usize = 1 << 14;

const ALERT: u8 = 21;
const DATA: u8 = 23;
/// The alert that ends a connection: level and description (RFC 5246 section 7.2.1).
const CLOSE_NOTIFY: [u8; 2] = [1, 0];
const FATAL: u8 = 2;

/// How a suite makes the nonce of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nonces {
    /// Four bytes of the key block, and eight that the record carries (RFC 5288 section 3).
    Explicit,
    /// Twelve bytes of the key block, mixed with the record's number (RFC 7905 section 2).
    Mixed,
}

/// Numbers of records, epoch included: the newest, and which of the 64 up to it there were.
#[derive(Clone, Copy, Debug, Default)]
struct Window {
    newest: u64,
    seen: u64,
}

impl Window {
    /// Whether a record of this number was not there yet and is not too old to tell (RFC 6347
    /// section 4.1.2.6).
    fn is_new(&self, number: u64) -> bool {
        match self.newest.checked_sub(number) {
            None => true,
            Some(behind) => behind < 64 && self.seen & (1 << behind) == 0,
        }
    }

    fn add(&mut self, number: u64) {
        if let Some(behind) = self.newest.checked_sub(number) {
            self.seen |= 1_u64.checked_shl(clamped(behind)).unwrap_or(0);
        } else {
            let ahead = number - self.newest;
            self.seen = self.seen.checked_shl(clamped(ahead)).unwrap_or(0) | 1;
            self.newest = number;
        }
    }
}

fn clamped(distance: u64) -> u32 {
    u32::try_from(distance).unwrap_or(u32::MAX)
}

/// The key of one direction, and the records that it has protected so far. Whoever uses the key
/// says so here: a number that is used twice would give the key away.
pub struct Half {
    key: LessSafeKey,
    nonces: Nonces,
    /// The part of the nonces that comes from the key block; known from the first record on.
    iv: [u8; NONCE_LEN],
    direction: Option<Direction>,
    window: Window,
}

/// Whether a key is for what is sent or for what is received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    Write,
    Read,
}

impl Half {
    pub fn new(key: LessSafeKey, nonces: Nonces) -> Self {
        Self {
            key,
            nonces,
            iv: [0; NONCE_LEN],
            direction: None,
            window: Window::default(),
        }
    }

    pub fn key(&self) -> &LessSafeKey {
        &self.key
    }

    /// What the key is for; `None` before its first use.
    pub fn direction(&self) -> Option<Direction> {
        self.direction
    }

    /// Notes that a record of this number was protected, or opened, with this nonce.
    pub fn used(&mut self, direction: Direction, number: u64, nonce: [u8; NONCE_LEN]) {
        self.iv = nonce;
        if self.nonces == Nonces::Mixed {
            mix(&mut self.iv, number);
        }
        self.direction = Some(direction);
        self.window.add(number);
    }

    /// The bytes that a record carries of its nonce.
    fn explicit(&self) -> usize {
        match self.nonces {
            Nonces::Explicit => EXPLICIT,
            Nonces::Mixed => 0,
        }
    }

    fn nonce(&self, number: u64, explicit: &[u8]) -> Nonce {
        let mut nonce = self.iv;
        match self.nonces {
            Nonces::Explicit => nonce[NONCE_LEN - EXPLICIT..].copy_from_slice(explicit),
            Nonces::Mixed => mix(&mut nonce, number),
        }
        Nonce::assume_unique_for_key(nonce)
    }

    /// Writes a record into `room`, which is larger than any. Returns its length.
    fn seal(&mut self, kind: u8, data: &[u8], room: &mut [u8]) -> Result<usize, DtlsError> {
        if data.len() > LARGEST_DATA {
            return Err(DtlsError::TooLong(data.len()));
        }
        let number = self.window.newest + 1;
        if number >> SEQUENCE_BITS != EPOCH {
            return Err(DtlsError::Exhausted);
        }
        // Before anything can fail: a number that is lost does no harm.
        self.window.add(number);
        let start = HEADER + self.explicit();
        let end = start + data.len();
        let header = header(kind, number, self.explicit() + data.len() + TAG);
        room[..HEADER].copy_from_slice(&header);
        // A counter never comes twice, as a random nonce may.
        let explicit = number.to_be_bytes();
        room[HEADER..start].copy_from_slice(&explicit[..self.explicit()]);
        room[start..end].copy_from_slice(data);
        let tag = self
            .key
            .seal_in_place_separate_tag(
                self.nonce(number, &explicit),
                associated(kind, number, data.len()),
                &mut room[start..end],
            )
            .map_err(|_| DtlsError::Cipher)?;
        room[end..end + TAG].copy_from_slice(tag.as_ref());
        Ok(end + TAG)
    }

    /// Opens what a record carries, in place. `None` where the other side has not made it, or it
    /// came before.
    fn open<'a>(&mut self, kind: u8, number: u64, fragment: &'a mut [u8]) -> Option<&'a [u8]> {
        let length = fragment.len().checked_sub(self.explicit() + TAG)?;
        if number >> SEQUENCE_BITS != EPOCH || !self.window.is_new(number) {
            return None;
        }
        let (explicit, sealed) = fragment.split_at_mut(self.explicit());
        let (nonce, associated) = (
            self.nonce(number, explicit),
            associated(kind, number, length),
        );
        let data = self.key.open_in_place(nonce, associated, sealed).ok()?;
        self.window.add(number);
        Some(data)
    }
}

/// Both directions of a connection whose handshake is over.
pub struct Records {
    pub write: Half,
    pub read: Half,
}

impl Records {
    /// Takes a datagram. What the other side has not made, or has sent before, is passed over.
    ///
    /// # Errors
    /// Where the other side says that it cannot go on.
    pub fn handle(
        &mut self,
        datagram: &[u8],
        scratch: &mut [u8],
        take: &mut impl FnMut(Out<'_>),
    ) -> Result<(), DtlsError> {
        let mut rest = datagram;
        while let Some((header, behind)) = rest.split_first_chunk::<HEADER>() {
            let [kind, major, minor, number @ .., length_high, length_low] = *header;
            let length = usize::from(u16::from_be_bytes([length_high, length_low]));
            let Some((fragment, behind)) = behind.split_at_checked(length) else {
                break;
            };
            rest = behind;
            let number = u64::from_be_bytes(number);
            let Some(room) = scratch.get_mut(..length) else {
                continue;
            };
            if [major, minor] != VERSION {
                continue;
            }
            room.copy_from_slice(fragment);
            match (kind, self.read.open(kind, number, room)) {
                (DATA, Some(data)) => take(Out::Data(data)),
                (ALERT, Some(&[_, 0])) => {
                    self.close(scratch, take);
                    take(Out::Closed);
                }
                (ALERT, Some(&[FATAL, description])) => {
                    return Err(DtlsError::Alert(description));
                }
                // Nothing is renegotiated, and a flight that is late says nothing.
                _ => {}
            }
        }
        Ok(())
    }

    /// Protects what fits into one datagram.
    ///
    /// # Errors
    /// Where there are no numbers left.
    pub fn send(
        &mut self,
        data: &[u8],
        scratch: &mut [u8],
        take: &mut impl FnMut(Out<'_>),
    ) -> Result<(), DtlsError> {
        self.put(DATA, data, scratch, take)
    }

    /// Tells the other side that the connection is closed.
    pub fn close(&mut self, scratch: &mut [u8], take: &mut impl FnMut(Out<'_>)) {
        // Who has no numbers left has nothing to say any more.
        let _ = self.put(ALERT, &CLOSE_NOTIFY, scratch, take);
    }

    fn put(
        &mut self,
        kind: u8,
        data: &[u8],
        scratch: &mut [u8],
        take: &mut impl FnMut(Out<'_>),
    ) -> Result<(), DtlsError> {
        let length = self.write.seal(kind, data, scratch)?;
        take(Out::Datagram(&scratch[..length]));
        Ok(())
    }
}

fn header(kind: u8, number: u64, length: usize) -> [u8; HEADER] {
    let mut header = [0; HEADER];
    header[0] = kind;
    header[1..3].copy_from_slice(&VERSION);
    header[3..11].copy_from_slice(&number.to_be_bytes());
    let length = u16::try_from(length).expect("no record is so long");
    header[11..].copy_from_slice(&length.to_be_bytes());
    header
}

/// What is protected beside the data (RFC 5246 section 6.2.3.3).
fn associated(kind: u8, number: u64, length: usize) -> Aad<[u8; HEADER]> {
    let header = header(kind, number, length);
    let mut associated = [0; HEADER];
    associated[..8].copy_from_slice(&header[3..11]);
    associated[8..11].copy_from_slice(&header[..3]);
    associated[11..].copy_from_slice(&header[11..]);
    Aad::from(associated)
}

fn mix(nonce: &mut [u8; NONCE_LEN], number: u64) {
    for (byte, of_number) in nonce[4..].iter_mut().zip(number.to_be_bytes()) {
        *byte ^= of_number;
    }
}

#[cfg(test)]
mod tests;
