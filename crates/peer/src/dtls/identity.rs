//! The server's certificate.

use crate::sdp::{Fingerprint, Hash};
use dimpl::DtlsCertificate;
use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair, PKCS_ECDSA_P256_SHA256};
use std::time::{Duration, SystemTime};

/// A certificate is valid from a day before it is made, for clocks that are behind, ...
const BEFORE: Duration = Duration::from_secs(24 * 60 * 60);
/// ... to so long after, ...
const AFTER: Duration = Duration::from_secs(90 * 24 * 60 * 60);
/// ... and new peers get another once it is so old.
const FRESH_FOR: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// No certificate could be made.
#[derive(Debug, thiserror::Error)]
#[error("no certificate can be made: {0}")]
pub struct IdentityError(#[from] rcgen::Error);

/// A self-signed certificate with its key, on P-256. One serves many peers: to make one for each
/// costs more than their handshakes.
#[derive(Clone, Debug)]
pub struct Identity {
    certificate: DtlsCertificate,
    fingerprint: Fingerprint,
    made: SystemTime,
}

impl Identity {
    /// Makes one at this time of the wall clock.
    ///
    /// # Errors
    /// Where the system gives no random numbers.
    pub fn generate(now: SystemTime) -> Result<Self, IdentityError> {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
        let mut params = CertificateParams::new(Vec::new())?;
        let mut name = DistinguishedName::new();
        name.push(DnType::CommonName, "tickwire");
        params.distinguished_name = name;
        params.not_before = (now - BEFORE).into();
        params.not_after = (now + AFTER).into();
        // Firefox refuses two certificates of one issuer with the same number.
        params.serial_number = Some(rand::random::<[u8; 16]>().to_vec().into());
        let certificate = params.self_signed(&key)?.der().to_vec();
        Ok(Self {
            fingerprint: Fingerprint::of(Hash::Sha256, &certificate),
            certificate: DtlsCertificate {
                certificate,
                private_key: key.serialize_der(),
            },
            made: now,
        })
    }

    /// Whether it is still right for a new peer: neither old, nor from a time that is yet to come,
    /// as it is where the wall clock was set back.
    pub fn is_fresh(&self, now: SystemTime) -> bool {
        now.duration_since(self.made)
            .is_ok_and(|age| age < FRESH_FOR)
    }

    /// What answers name.
    pub fn fingerprint(&self) -> &Fingerprint {
        &self.fingerprint
    }

    pub(super) fn certificate(&self) -> DtlsCertificate {
        self.certificate.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_is_replaced_before_it_ends_and_when_the_clock_jumps() {
        let now = SystemTime::now();
        let identity = Identity::generate(now).unwrap();
        let day = Duration::from_secs(24 * 60 * 60);
        assert!(identity.is_fresh(now) && identity.is_fresh(now + 29 * day));
        assert!(!identity.is_fresh(now + 30 * day));
        assert!(!identity.is_fresh(now - day));
        let other = Identity::generate(now).unwrap();
        assert_ne!(identity.fingerprint(), other.fingerprint());
    }
}
