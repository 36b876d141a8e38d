//! STUN messages (RFC 8489) as connectivity checks need them (RFC 8445 section 7): read one that
//! came, and write the three kinds that leave. Reading borrows and allocates nothing.

use hmac::{Hmac, Mac};
use sha1::Sha1;
use std::net::{IpAddr, SocketAddr};

/// The header, and where its parts stand (RFC 8489 section 5).
const HEADER: usize = 20;
const MAGIC_COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];
const ATTRIBUTE_HEADER: usize = 4;
const HMAC_SHA1: usize = 20;
/// What FINGERPRINT is the CRC-32 mixed with (section 14.7).
const FINGERPRINT_MASK: u32 = 0x5354_554e;

/// Attributes (RFC 8489 section 14, RFC 8445 section 7.1).
const USERNAME: u16 = 0x0006;
const MESSAGE_INTEGRITY: u16 = 0x0008;
const ERROR_CODE: u16 = 0x0009;
const XOR_MAPPED_ADDRESS: u16 = 0x0020;
const PRIORITY: u16 = 0x0024;
const USE_CANDIDATE: u16 = 0x0025;
const FINGERPRINT: u16 = 0x8028;
const ICE_CONTROLLED: u16 = 0x8029;

/// What tells a message and the answer to it from others (section 5).
pub type Transaction = [u8; 12];

/// The kinds of a message that matter here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A connectivity check.
    Request,
    /// Tells, and wants no answer: a keepalive (RFC 8445 section 11).
    Indication,
    Success,
    Error,
}

impl Kind {
    fn number(self) -> u16 {
        match self {
            Self::Request => 0x0001,
            Self::Indication => 0x0011,
            Self::Success => 0x0101,
            Self::Error => 0x0111,
        }
    }

    fn of(number: u16) -> Option<Self> {
        [Self::Request, Self::Indication, Self::Success, Self::Error]
            .into_iter()
            .find(|kind| kind.number() == number)
    }
}

/// A binding message of which the lengths are right. Whether it is authentic is another question.
#[derive(Clone, Copy, Debug)]
pub struct Message<'a> {
    bytes: &'a [u8],
    kind: Kind,
    transaction: Transaction,
    username: Option<&'a [u8]>,
    nominates: bool,
    is_controlled: bool,
    /// Where MESSAGE-INTEGRITY begins.
    integrity: Option<usize>,
}

impl<'a> Message<'a> {
    /// Reads a datagram; `None` where it is no binding message, is cut short, or lies about a
    /// length.
    pub fn read(bytes: &'a [u8]) -> Option<Self> {
        let (header, attributes) = bytes.split_first_chunk::<HEADER>()?;
        let [high, low, length_high, length_low, rest @ ..] = header;
        let length = usize::from(u16::from_be_bytes([*length_high, *length_low]));
        let (cookie, transaction) = rest.split_first_chunk::<4>()?;
        if *cookie != MAGIC_COOKIE || length % 4 != 0 || attributes.len() != length {
            return None;
        }
        let mut message = Self {
            bytes,
            kind: Kind::of(u16::from_be_bytes([*high, *low]))?,
            transaction: transaction.try_into().ok()?,
            username: None,
            nominates: false,
            is_controlled: false,
            integrity: None,
        };
        message.read_attributes(attributes)?;
        Some(message)
    }

    fn read_attributes(&mut self, mut attributes: &'a [u8]) -> Option<()> {
        while !attributes.is_empty() {
            let at = self.bytes.len() - attributes.len();
            let (head, rest) = attributes.split_first_chunk::<ATTRIBUTE_HEADER>()?;
            let [kind_high, kind_low, length_high, length_low] = *head;
            let length = usize::from(u16::from_be_bytes([length_high, length_low]));
            let value = rest.get(..length)?;
            attributes = rest.get(length.next_multiple_of(4)..)?;
            // What follows MESSAGE-INTEGRITY is not covered by it, and is not believed (RFC 8489
            // section 14.5). Of two alike the first counts (section 14).
            if self.integrity.is_some() {
                continue;
            }
            match u16::from_be_bytes([kind_high, kind_low]) {
                USERNAME if self.username.is_none() => self.username = Some(value),
                USE_CANDIDATE => self.nominates = true,
                ICE_CONTROLLED => self.is_controlled = true,
                MESSAGE_INTEGRITY if length != HMAC_SHA1 => return None,
                MESSAGE_INTEGRITY => self.integrity = Some(at),
                _ => {}
            }
        }
        Some(())
    }

    /// What kind it is.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// What tells it from other messages.
    pub fn transaction(&self) -> Transaction {
        self.transaction
    }

    /// Whether it nominates the path that it takes (RFC 8445 section 7.1.2).
    pub fn nominates(&self) -> bool {
        self.nominates
    }

    /// Whether its sender takes itself for the controlled side (RFC 8445 section 7.1.3).
    pub fn is_controlled(&self) -> bool {
        self.is_controlled
    }

    /// The receiver's own ufrag: in a check's USERNAME, what stands before the colon (RFC 8445
    /// section 7.2.2).
    pub fn local_ufrag(&self) -> Option<&'a [u8]> {
        let username = self.username?;
        let colon = username.iter().position(|&byte| byte == b':')?;
        username.get(..colon)
    }

    /// Whether MESSAGE-INTEGRITY is there and was made with `password` (RFC 8489 section 14.5).
    pub fn is_authentic(&self, password: &[u8]) -> bool {
        let Some(at) = self.integrity else {
            return false;
        };
        let claimed = &self.bytes[at + ATTRIBUTE_HEADER..][..HMAC_SHA1];
        mac(password, &self.bytes[..at])
            .verify_slice(claimed)
            .is_ok()
    }
}

/// The HMAC over what stands before MESSAGE-INTEGRITY, with a header whose length ends with that
/// attribute, whatever follows it.
fn mac(password: &[u8], before: &[u8]) -> Hmac<Sha1> {
    let length = (before.len() + ATTRIBUTE_HEADER + HMAC_SHA1 - HEADER) as u16;
    let mut mac = Hmac::new_from_slice(password).expect("an HMAC takes a key of any length");
    mac.update(&before[..2]);
    mac.update(&length.to_be_bytes());
    mac.update(&before[4..]);
    mac
}

/// Whether a datagram is STUN, if it is anything (RFC 7983 section 7).
pub fn is_stun(datagram: &[u8]) -> bool {
    datagram.first().is_some_and(|&first| first <= 3)
}

/// Adds to `out` the answer to a check that came from `remote` (RFC 8445 section 7.3.1.2), made
/// with the password that the check was made with.
pub fn write_success(
    out: &mut Vec<u8>,
    transaction: Transaction,
    remote: SocketAddr,
    password: &[u8],
) {
    let mut writer = Writer::begin(out, Kind::Success, transaction);
    writer.attribute(XOR_MAPPED_ADDRESS, &mapped(remote, transaction));
    writer.finish(password);
}

/// Adds to `out` the answer to a check whose sender takes itself for the controlled side, as this
/// side is (RFC 8445 section 7.3.1.1): error 487, upon which it takes the other role.
pub fn write_role_conflict(out: &mut Vec<u8>, transaction: Transaction, password: &[u8]) {
    let mut writer = Writer::begin(out, Kind::Error, transaction);
    writer.attribute(ERROR_CODE, b"\0\0\x04\x57Role Conflict");
    writer.finish(password);
}

/// A connectivity check of the controlled side.
pub struct Check<'a> {
    pub transaction: Transaction,
    /// The receiver's ufrag, and the sender's.
    pub ufrags: (&'a str, &'a str),
    /// RFC 8445 section 7.1.1.
    pub priority: u32,
    /// RFC 8445 section 7.3.1.1.
    pub tie_breaker: u64,
}

impl Check<'_> {
    /// Adds it to `out`, made with the receiver's password.
    pub fn write(&self, out: &mut Vec<u8>, password: &[u8]) {
        let mut writer = Writer::begin(out, Kind::Request, self.transaction);
        let username = [self.ufrags.0, ":", self.ufrags.1].concat();
        writer.attribute(USERNAME, username.as_bytes());
        writer.attribute(PRIORITY, &self.priority.to_be_bytes());
        writer.attribute(ICE_CONTROLLED, &self.tie_breaker.to_be_bytes());
        writer.finish(password);
    }
}

/// An address as XOR-MAPPED-ADDRESS has it (RFC 8489 section 14.2).
fn mapped(remote: SocketAddr, transaction: Transaction) -> Vec<u8> {
    let mask = [&MAGIC_COOKIE[..], &transaction].concat();
    let (family, ip) = match remote.ip() {
        IpAddr::V4(ip) => (1, ip.octets().to_vec()),
        IpAddr::V6(ip) => (2, ip.octets().to_vec()),
    };
    let port = remote.port().to_be_bytes();
    let masked = |bytes: &[u8]| -> Vec<u8> {
        let pairs = bytes.iter().zip(&mask);
        pairs.map(|(byte, mask)| byte ^ mask).collect()
    };
    [&[0, family][..], &masked(&port), &masked(&ip)].concat()
}

/// Writes a message behind what a buffer has already.
struct Writer<'a> {
    out: &'a mut Vec<u8>,
    start: usize,
}

impl<'a> Writer<'a> {
    fn begin(out: &'a mut Vec<u8>, kind: Kind, transaction: Transaction) -> Self {
        let start = out.len();
        out.extend(kind.number().to_be_bytes());
        out.extend([0, 0]);
        out.extend(MAGIC_COOKIE);
        out.extend(transaction);
        Self { out, start }
    }

    fn attribute(&mut self, kind: u16, value: &[u8]) {
        self.out.extend(kind.to_be_bytes());
        self.out.extend((value.len() as u16).to_be_bytes());
        self.out.extend(value);
        let written = self.out.len() - self.start;
        self.out.resize(self.start + written.next_multiple_of(4), 0);
        let length = (self.out.len() - self.start - HEADER) as u16;
        self.out[self.start + 2..self.start + 4].copy_from_slice(&length.to_be_bytes());
    }

    fn finish(mut self, password: &[u8]) {
        let integrity = mac(password, &self.out[self.start..]).finalize();
        self.attribute(MESSAGE_INTEGRITY, &integrity.into_bytes());
        // Its CRC covers a header whose length counts FINGERPRINT in (RFC 8489 section 14.7).
        let at = self.out.len();
        self.attribute(FINGERPRINT, &[0; 4]);
        let crc = crc32fast::hash(&self.out[self.start..at]) ^ FINGERPRINT_MASK;
        self.out[at + ATTRIBUTE_HEADER..].copy_from_slice(&crc.to_be_bytes());
    }
}

#[cfg(test)]
pub(crate) mod tests;
