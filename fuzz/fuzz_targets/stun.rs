//! The STUN reader, by itself: whatever a network sends is read or refused.

#![no_main]

#[path = "../../src/server/port/stun.rs"]
#[allow(dead_code, reason = "the router uses the rest")]
mod stun;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Some(message) = stun::Message::read(bytes) {
        message.is_binding_request();
        if let Some(ufrag) = message.local_ufrag() {
            assert!(!ufrag.contains(&b':'));
        }
        message.is_authentic(b"a password of some length");
    }
});
