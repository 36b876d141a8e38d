//! The keys that tokens are checked with.

use crate::key::Key;
use crate::{KeyError, TokenError};
use jsonwebtoken::Algorithm;
use rustls_pki_types::pem::{PemObject, SectionKind};
use std::fmt;

/// How many keys there are at most.
pub const MAX_KEYS: usize = 64;
/// The shortest secret, in bytes: as many as HS256 makes of it (RFC 7518 section 3.2).
pub const MIN_SECRET: usize = 32;

/// The keys that tokens are checked with: secrets, public keys, and sets of them, together at most
/// [`MAX_KEYS`].
///
/// Each key is for one algorithm, and no token chooses another: a secret for HS256, a key on P-256 for
/// ES256, one of Ed25519 for EdDSA (RFC 8037), an RSA key of 2048 to 8192 bits for RS256. What is shown
/// by `Debug` has nothing secret in it.
#[derive(Clone, Debug)]
pub struct Keys {
    pub(crate) keys: Vec<Key>,
    pub(crate) passed_over: Vec<PassedOver>,
}

impl Keys {
    /// A secret that whoever makes tokens has too, for HS256.
    ///
    /// # Errors
    ///
    /// Where it has less than [`MIN_SECRET`] bytes.
    pub fn hmac(secret: &[u8]) -> Result<Self, KeyError> {
        Self::new(vec![Key::hmac(secret)?], Vec::new())
    }

    /// The public keys in a text of PEM (RFC 7468 section 13): P-256, Ed25519, or RSA of 2048 bits or
    /// more.
    ///
    /// # Errors
    ///
    /// Where there is none, one is of another kind, or there is a private key.
    pub fn pem(text: &str) -> Result<Self, KeyError> {
        let mut keys = Vec::new();
        for section in <(SectionKind, Vec<u8>)>::pem_slice_iter(text.as_bytes()) {
            match section.map_err(|_| KeyError::NoPem("PUBLIC KEY"))? {
                (SectionKind::PublicKey, der) => keys.push(Key::info(&der)?),
                (
                    SectionKind::PrivateKey
                    | SectionKind::RsaPrivateKey
                    | SectionKind::EcPrivateKey,
                    _,
                ) => return Err(KeyError::Private),
                _ => (),
            }
        }
        if keys.is_empty() {
            return Err(KeyError::NoPem("PUBLIC KEY"));
        }
        Self::new(keys, Vec::new())
    }

    /// These keys and those.
    ///
    /// # Errors
    ///
    /// Where there are more than [`MAX_KEYS`].
    pub fn and(mut self, others: Self) -> Result<Self, KeyError> {
        self.keys.extend(others.keys);
        self.passed_over.extend(others.passed_over);
        Self::new(self.keys, self.passed_over)
    }

    pub(crate) fn new(keys: Vec<Key>, passed_over: Vec<PassedOver>) -> Result<Self, KeyError> {
        if keys.len() > MAX_KEYS {
            return Err(KeyError::TooMany);
        }
        Ok(Self { keys, passed_over })
    }

    /// How many there are; at least one.
    #[expect(clippy::len_without_is_empty, reason = "there is none without a key")]
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// What sets held that cannot be used, and why.
    pub fn passed_over(&self) -> &[PassedOver] {
        &self.passed_over
    }

    /// Checks a signature, in base64url, of a text. The key of that id is meant where one has it, and
    /// otherwise each without one; or each there is where no id is given.
    pub(crate) fn check(
        &self,
        algorithm: Algorithm,
        id: Option<&str>,
        text: &str,
        signature: &str,
    ) -> Result<(), TokenError> {
        let known = id.is_some_and(|id| self.keys.iter().any(|it| it.id.as_deref() == Some(id)));
        let meant = |key: &&Key| match (id, key.id.as_deref()) {
            (None, _) => true,
            (Some(id), Some(of_key)) => id == of_key,
            (Some(_), None) => !known,
        };
        let fits = |key: &&Key| key.algorithm == algorithm;
        let mut fitting = self.keys.iter().filter(meant).filter(fits).peekable();
        let some = fitting.peek().is_some();
        if fitting.any(|key| key.signed(text, signature)) {
            return Ok(());
        }
        let with_ids = self.keys.iter().any(|it| it.id.is_some());
        Err(if id.is_some() && !known && with_ids {
            TokenError::UnknownKey
        } else if some {
            TokenError::BadSignature
        } else {
            TokenError::WrongAlgorithm
        })
    }
}

/// A key of a set that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PassedOver {
    /// Which of the set it is, from 1.
    pub number: usize,
    /// Its `kid`, where it has one that can be used.
    pub id: Option<String>,
    /// Why: a sentence without its subject.
    pub cause: String,
}

impl fmt::Display for PassedOver {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        write!(formatter, "key {}", self.number)?;
        if let Some(id) = &self.id {
            write!(formatter, " ({id:?})")?;
        }
        write!(formatter, ": {}", self.cause)
    }
}
