//! Keys, which `openssl genpkey` made for these tests alone, and tokens that are made by hand.
#![allow(dead_code, reason = "no test needs all of it")]

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tickwire_auth::{Grant, Keys, Options, Patterns, Signer, TokenError, User, Verifier};

pub const SECRET: [u8; 32] = [7; 32];
pub const P256: [&str; 2] = [
    include_str!("../keys/p256.pem"),
    include_str!("../keys/p256.public.pem"),
];
pub const ED25519: [&str; 2] = [
    include_str!("../keys/ed25519.pem"),
    include_str!("../keys/ed25519.public.pem"),
];
pub const RSA: [&str; 2] = [
    include_str!("../keys/rsa.pem"),
    include_str!("../keys/rsa.public.pem"),
];

/// So many seconds after 1970.
pub fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(seconds)
}

pub fn grant() -> Grant {
    let mut grant = Grant::new("alice", at(2_000));
    grant.subscribe = Patterns::parse(&["rooms/*/cursors"]).unwrap();
    grant
}

pub fn hmac() -> (Signer, Verifier) {
    let keys = Keys::hmac(&SECRET).unwrap();
    let verifier = Verifier::new(keys, Options::default());
    (Signer::hmac(&SECRET).unwrap(), verifier)
}

pub fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// A token of this header and these claims, signed with a secret.
pub fn by_hand(header: &str, claims: &str, secret: &[u8]) -> String {
    let text = format!("{}.{}", encode(header), encode(claims));
    let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, secret);
    let signature = aws_lc_rs::hmac::sign(&key, text.as_bytes());
    format!("{text}.{}", encode(signature))
}

/// What is made of these claims at the time 1,000.
pub fn claims(claims: &str) -> Result<User, TokenError> {
    let token = by_hand(r#"{"alg":"HS256"}"#, claims, &SECRET);
    hmac().1.verify(&token, at(1_000))
}
