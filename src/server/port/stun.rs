//! Reads a STUN message (RFC 8489) as far as routing needs: is it one, what kind, for whom, and
//! did someone who knows the password write it. Borrows, allocates nothing, never panics.

use hmac::{Hmac, Mac};
use sha1::Sha1;

/// The header, and the attributes that routing reads (RFC 8489 sections 5 and 14).
const HEADER: usize = 20;
const MAGIC_COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];
const USERNAME: u16 = 0x0006;
const MESSAGE_INTEGRITY: u16 = 0x0008;
/// RFC 8445 section 7.1.2.
const USE_CANDIDATE: u16 = 0x0025;
const ATTRIBUTE_HEADER: usize = 4;
const HMAC_SHA1: usize = 20;

/// The first two bytes of a connectivity check (RFC 8489 section 5).
pub const BINDING_REQUEST: u16 = 0x0001;
/// … and of the answer to one.
pub const BINDING_SUCCESS: u16 = 0x0101;
/// The bytes that an answer has in common with what it answers.
pub type Transaction = [u8; 12];

/// A STUN message of which the lengths are right.
#[derive(Debug)]
pub struct Message<'a> {
    bytes: &'a [u8],
    kind: u16,
    username: Option<&'a [u8]>,
    has_use_candidate: bool,
    /// Where the MESSAGE-INTEGRITY attribute begins.
    integrity: Option<usize>,
}

impl<'a> Message<'a> {
    /// Reads a datagram; `None` where it is no STUN message, is cut short or lies about a length.
    pub fn read(bytes: &'a [u8]) -> Option<Self> {
        let header = bytes.first_chunk::<HEADER>()?;
        let [high, low, length_high, length_low, cookie @ ..] = header;
        let length = usize::from(u16::from_be_bytes([*length_high, *length_low]));
        if *high & 0xc0 != 0
            || !cookie.starts_with(&MAGIC_COOKIE)
            || length % 4 != 0
            || bytes.len() != HEADER + length
        {
            return None;
        }
        let mut message = Self {
            bytes,
            kind: u16::from_be_bytes([*high, *low]),
            username: None,
            has_use_candidate: false,
            integrity: None,
        };
        let mut at = HEADER;
        while let Some((head, rest)) = bytes[at..].split_first_chunk::<ATTRIBUTE_HEADER>() {
            let [kind_high, kind_low, length_high, length_low] = *head;
            let length = usize::from(u16::from_be_bytes([length_high, length_low]));
            let value = rest.get(..length)?;
            match u16::from_be_bytes([kind_high, kind_low]) {
                // What comes after MESSAGE-INTEGRITY is not covered by it, and is not believed
                // (RFC 8489 section 14.5). Of two alike the first counts (section 14).
                USERNAME if message.username.is_none() && message.integrity.is_none() => {
                    message.username = Some(value);
                }
                USE_CANDIDATE if message.integrity.is_none() => message.has_use_candidate = true,
                MESSAGE_INTEGRITY if message.integrity.is_none() => {
                    if length != HMAC_SHA1 {
                        return None;
                    }
                    message.integrity = Some(at);
                }
                _ => {}
            }
            at += ATTRIBUTE_HEADER + length.next_multiple_of(4);
            if at > bytes.len() {
                return None;
            }
        }
        (at == bytes.len()).then_some(message)
    }

    /// Whether it asks, rather than answers or tells: a connectivity check (RFC 8445 section
    /// 7.2).
    pub fn is_binding_request(&self) -> bool {
        self.kind == BINDING_REQUEST
    }

    /// Whether it is a check that nominates the pair it is made on (RFC 8445 section 7.1.2).
    pub fn is_nomination(&self) -> bool {
        self.is_binding_request() && self.has_use_candidate
    }

    /// What tells it from other messages (RFC 8489 section 5).
    pub fn transaction(&self) -> Option<Transaction> {
        transaction(self.bytes)
    }

    /// The receiver's own ufrag: in a check's USERNAME, what stands before the colon (RFC 8445
    /// section 7.2.2).
    pub fn local_ufrag(&self) -> Option<&'a [u8]> {
        let username = self.username?;
        let colon = username.iter().position(|&byte| byte == b':')?;
        Some(&username[..colon])
    }

    /// Whether MESSAGE-INTEGRITY is there and was made with `password` (RFC 8489 section 14.5).
    pub fn is_authentic(&self, password: &[u8]) -> bool {
        let Some(at) = self.integrity else {
            return false;
        };
        let Ok(mut mac) = Hmac::<Sha1>::new_from_slice(password) else {
            return false;
        };
        // The HMAC is taken over a header whose length ends with this attribute, whatever
        // follows it.
        let covered = at + ATTRIBUTE_HEADER + HMAC_SHA1 - HEADER;
        let Ok(length) = u16::try_from(covered) else {
            return false;
        };
        mac.update(&self.bytes[..2]);
        mac.update(&length.to_be_bytes());
        mac.update(&self.bytes[4..at]);
        let claimed = &self.bytes[at + ATTRIBUTE_HEADER..][..HMAC_SHA1];
        mac.verify_slice(claimed).is_ok()
    }
}

/// Whether a datagram is STUN, if it is anything (RFC 7983 section 7).
pub fn is_stun(datagram: &[u8]) -> bool {
    datagram.first().is_some_and(|&first| first <= 3)
}

/// The transaction of a datagram that is STUN (RFC 8489 section 5).
pub fn transaction(stun: &[u8]) -> Option<Transaction> {
    stun.get(8..HEADER)?.try_into().ok()
}

#[cfg(test)]
pub mod tests;
