//! DTLS before a handshake: what a stranger sends who has posted an offer. No datagram is answered
//! by more than a bounded number of bytes, and none ends the process.

#![no_main]

use std::sync::LazyLock;
use std::time::{Duration, Instant, SystemTime};
use tickwire_peer::dtls::{Dtls, DtlsConfig, Identity, Out};

static CONFIG: LazyLock<(DtlsConfig, Identity)> = LazyLock::new(|| {
    let identity = Identity::generate(SystemTime::now()).expect("random numbers");
    (DtlsConfig::new().expect("cryptography"), identity)
});

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Some((&role, mut rest)) = bytes.split_first() else {
        return;
    };
    let mut now = Instant::now();
    let mut dtls = Dtls::new(&CONFIG.0, &CONFIG.1, role & 1 == 1, now);
    let mut scratch = Vec::new();
    while let Some((&length, after)) = rest.split_first() {
        let (datagram, after) = after.split_at(after.len().min(usize::from(length) * 6));
        rest = after;
        now += Duration::from_millis(u64::from(length));
        let mut sent = 0;
        let handled = dtls.handle(now, datagram, &mut scratch, |out| {
            if let Out::Datagram(datagram) = out {
                sent += datagram.len();
            }
        });
        assert!(sent < 16_384, "{sent} bytes for one datagram");
        if handled.is_err() {
            return;
        }
    }
});
