//! Answers a connectivity check in the agent's place.

use rtc::crypto::{self, RTCCryptoProvider};
use rtc::stun::fingerprint::FINGERPRINT;
use rtc::stun::integrity::MessageIntegrity;
use rtc::stun::message::{BINDING_SUCCESS, Message, TransactionId};
use rtc::stun::xoraddr::XorMappedAddress;
use std::net::SocketAddr;
use std::sync::{Arc, LazyLock};

static CRYPTO: LazyLock<Option<Arc<dyn RTCCryptoProvider>>> =
    LazyLock::new(|| crypto::default_provider().ok());

/// The success response (RFC 8445 section 7.3.1.2) to a check that came from `remote` and was
/// made with `password`. `None` where it cannot be made; the agent answers the next check itself.
pub fn success(transaction: [u8; 12], remote: SocketAddr, password: &[u8]) -> Option<Vec<u8>> {
    let crypto = CRYPTO.as_ref()?.crypto();
    let mut response = Message::new();
    response
        .build(&[
            Box::new(BINDING_SUCCESS),
            Box::new(TransactionId(transaction)),
            Box::new(XorMappedAddress {
                ip: remote.ip(),
                port: remote.port(),
            }),
            Box::new(MessageIntegrity::new_raw_integrity_with_provider(
                password, crypto,
            )),
            Box::new(FINGERPRINT),
        ])
        .ok()?;
    Some(response.raw)
}
