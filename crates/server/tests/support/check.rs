//! A connectivity check (RFC 8445 section 7.2) as a browser or a stranger sends it.

use hmac::{Hmac, Mac};
use sha1::Sha1;

const HEADER: usize = 20;
/// MESSAGE-INTEGRITY with its own header.
const INTEGRITY: usize = 24;

/// A STUN binding request: USERNAME, other attributes by kind and value, MESSAGE-INTEGRITY made
/// with `password`, and something in the place of FINGERPRINT.
pub fn check(username: &[u8], password: &[u8], others: &[(u16, Vec<u8>)]) -> Vec<u8> {
    let mut bytes = vec![0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42];
    bytes.extend(b"transaction!");
    add(&mut bytes, 0x0006, username);
    for (kind, value) in others {
        add(&mut bytes, *kind, value);
    }
    // The HMAC covers a header whose length ends with this attribute (RFC 8489 section 14.5).
    set_length(&mut bytes, INTEGRITY);
    let mut mac = Hmac::<Sha1>::new_from_slice(password).unwrap();
    mac.update(&bytes);
    let integrity = mac.finalize().into_bytes();
    add(&mut bytes, 0x0008, &integrity);
    add(&mut bytes, 0x8028, &[1, 2, 3, 4]);
    bytes
}

/// Adds an attribute to a message, and to its length.
pub fn add(bytes: &mut Vec<u8>, kind: u16, value: &[u8]) {
    bytes.extend(kind.to_be_bytes());
    bytes.extend((value.len() as u16).to_be_bytes());
    bytes.extend(value);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    set_length(bytes, 0);
}

fn set_length(bytes: &mut [u8], more: usize) {
    let length = (bytes.len() - HEADER + more) as u16;
    bytes[2..4].copy_from_slice(&length.to_be_bytes());
}
