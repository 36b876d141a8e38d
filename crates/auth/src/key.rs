//! One key that signatures are checked with, and what it must be for that.

use crate::{KeyError, MIN_SECRET};
use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, ParsedPublicKey, RsaPublicKeyComponents};
use jsonwebtoken::crypto::{self, aws_lc};
use jsonwebtoken::{Algorithm, DecodingKey};
use std::fmt;

/// What comes before the point of a P-256 key (RFC 5480 section 2), uncompressed, in its
/// SubjectPublicKeyInfo.
const P256_INFO: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a,
    0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];
/// What comes before the 32 bytes of an Ed25519 key in its SubjectPublicKeyInfo (RFC 8410 section 4).
const ED25519_INFO: [u8; 12] = [
    0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00,
];

/// A key, and the one algorithm it is for.
#[derive(Clone)]
pub(crate) struct Key {
    /// Its `kid`.
    pub id: Option<String>,
    pub algorithm: Algorithm,
    key: DecodingKey,
}

impl Key {
    pub fn hmac(secret: &[u8]) -> Result<Self, KeyError> {
        if secret.len() < MIN_SECRET {
            return Err(KeyError::ShortSecret(secret.len()));
        }
        Ok(Self::new(
            Algorithm::HS256,
            DecodingKey::from_secret(secret),
        ))
    }

    /// Of a point on P-256: a byte 4, and both coordinates.
    pub fn p256(point: &[u8]) -> Result<Self, KeyError> {
        let whole = point.len() == 65 && point[0] == 4;
        if !whole || ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).is_err() {
            return Err(KeyError::Unusable("it is no point on P-256"));
        }
        Ok(Self::new(Algorithm::ES256, DecodingKey::from_ec_der(point)))
    }

    pub fn ed25519(key: &[u8]) -> Result<Self, KeyError> {
        if key.len() != 32 {
            return Err(KeyError::Unusable("an Ed25519 key has 32 bytes"));
        }
        Ok(Self::new(Algorithm::EdDSA, DecodingKey::from_ed_der(key)))
    }

    /// Of a modulus and an exponent, each as bytes that begin with the highest.
    pub fn rsa(modulus: &[u8], exponent: &[u8]) -> Result<Self, KeyError> {
        let (n, e) = (trimmed(modulus), trimmed(exponent));
        let bits = n.len() * 8 - n.first().map_or(0, |it| it.leading_zeros() as usize);
        if !(2_048..=8_192).contains(&bits) {
            return Err(KeyError::RsaBits(bits));
        }
        let info: Result<PublicKeyX509Der, _> = RsaPublicKeyComponents { n, e }.as_der();
        let sound = info.is_ok_and(|it| aws_lc_rs::rsa::PublicKey::from_der(it.as_ref()).is_ok());
        if !sound {
            return Err(KeyError::Unusable("it is no RSA key"));
        }
        let key = DecodingKey::from_rsa_raw_components(n, e);
        Ok(Self::new(Algorithm::RS256, key))
    }

    /// Of a SubjectPublicKeyInfo (RFC 5280 section 4.1), as it is in PEM.
    pub fn info(der: &[u8]) -> Result<Self, KeyError> {
        if let Some(point) = der.strip_prefix(&P256_INFO) {
            return Self::p256(point);
        }
        if let Some(key) = der.strip_prefix(&ED25519_INFO) {
            return Self::ed25519(key);
        }
        let Ok(key) = aws_lc_rs::rsa::PublicKey::from_der(der) else {
            let expected = "one on P-256 (uncompressed), of Ed25519 or of RSA is expected";
            return Err(KeyError::Unusable(expected));
        };
        let RsaPublicKeyComponents { n, e } = RsaPublicKeyComponents::<Vec<u8>>::from(&key);
        Self::rsa(&n, &e)
    }

    fn new(algorithm: Algorithm, key: DecodingKey) -> Self {
        provide();
        Self {
            id: None,
            algorithm,
            key,
        }
    }

    /// Whether this is a signature of that with this key. It is in base64url.
    pub fn signed(&self, text: &str, signature: &str) -> bool {
        let checked = crypto::verify(signature, text.as_bytes(), &self.key, self.algorithm);
        checked.unwrap_or(false)
    }
}

/// Without its secret, or what is public.
impl fmt::Debug for Key {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        let mut shown = formatter.debug_struct("Key");
        shown.field("id", &self.id);
        shown.field("algorithm", &self.algorithm);
        shown.finish_non_exhaustive()
    }
}

/// In a program that has jsonwebtoken with two providers of cryptography, it panics until one is chosen.
/// A choice that was made before stays.
pub(crate) fn provide() {
    aws_lc::DEFAULT_PROVIDER.install_default().ok();
}

fn trimmed(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|it| **it == 0).count();
    &number[zeros..]
}
