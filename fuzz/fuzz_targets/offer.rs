//! Offers: whatever is posted is refused or answered, and an answer has the offer's sections.

#![no_main]

use std::net::SocketAddr;
use tickwire_peer::sdp::{Fingerprint, Hash, Local, Offer};

libfuzzer_sys::fuzz_target!(|text: &str| {
    let Ok(offer) = Offer::read(text) else {
        return;
    };
    let answer = offer.answer(&Local {
        ufrag: "ufrag",
        password: "a+password+of+some+length",
        fingerprint: &Fingerprint::of(Hash::Sha256, b"certificate"),
        sctp_port: 5_000,
        max_message_size: 65_536,
        candidates: &[SocketAddr::from(([192, 0, 2, 1], 8_080))],
        session_id: 1,
        version: 1,
        ice_lite: false,
    });
    let sections = answer.lines().filter(|line| line.starts_with("m="));
    assert_eq!(sections.filter(|line| line.contains(" 8080 ")).count(), 1);
    assert!(answer.lines().all(|line| line.as_bytes().get(1) == Some(&b'=')));
});
