//! The STUN reader, by itself: whatever a network sends is read or refused.

#![no_main]

use tickwire_peer::stun::Message;

fn read(bytes: &[u8]) {
    if let Some(message) = Message::read(bytes) {
        message.nominates();
        if let Some(ufrag) = message.local_ufrag() {
            assert!(!ufrag.contains(&b':'));
        }
        message.is_authentic(b"a password of some length");
    }
}

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    read(bytes);
    // The same as what follows a header that is right, so that the attributes are reached.
    let attributes = &bytes[..bytes.len() & !3];
    let mut message = vec![0, 1];
    message.extend((attributes.len() as u16).to_be_bytes());
    message.extend([0x21, 0x12, 0xa4, 0x42]);
    message.extend(b"transaction!");
    message.extend(attributes);
    read(&message);
});
