//! A connectivity check (RFC 8445 section 7.2) as a stranger or a browser sends it.

use hmac::{Hmac, Mac};
use sha1::Sha1;

/// A STUN binding request with this USERNAME, made with this password.
pub fn check(username: &str, password: &str) -> Vec<u8> {
    let mut bytes = vec![0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42];
    bytes.extend(b"transaction!");
    add(&mut bytes, 0x0006, username.as_bytes());
    // PRIORITY and ICE-CONTROLLING, which a check must have.
    add(&mut bytes, 0x0024, &1_000_u32.to_be_bytes());
    add(&mut bytes, 0x802a, &[7; 8]);
    let covered = bytes.len() - 20 + 24;
    bytes[2..4].copy_from_slice(&(covered as u16).to_be_bytes());
    let mut mac = Hmac::<Sha1>::new_from_slice(password.as_bytes()).unwrap();
    mac.update(&bytes);
    let integrity = mac.finalize().into_bytes();
    add(&mut bytes, 0x0008, &integrity);
    bytes
}

fn add(bytes: &mut Vec<u8>, kind: u16, value: &[u8]) {
    bytes.extend(kind.to_be_bytes());
    bytes.extend((value.len() as u16).to_be_bytes());
    bytes.extend(value);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
}
