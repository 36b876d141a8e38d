//! Makes tokens.

use crate::claims::LAST;
use crate::key::{self, Key};
use crate::{KeyError, MAX_TOKEN, Patterns, SignError, User};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, RsaKeyPair,
};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use rustls_pki_types::PrivatePkcs8KeyDer;
use rustls_pki_types::pem::PemObject;
use serde::Serialize;
use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

/// What comes after the length of an RSA key as PKCS #8 (RFC 5208 section 5) and before the length of the
/// key as PKCS #1: the version, the algorithm, and that octets follow with two bytes of length.
const RSA_PKCS8: [u8; 20] = [
    0x02, 0x01, 0x00, 0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01,
    0x05, 0x00, 0x04, 0x82,
];

/// What a token shall say: see [`Verifier`](crate::Verifier) for the claims. Times are kept in whole
/// seconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// The user's name.
    pub sub: String,
    /// When it expires.
    pub exp: SystemTime,
    /// From when on it is valid.
    pub nbf: Option<SystemTime>,
    /// Whom it is for; nobody in particular where it is empty.
    pub aud: Vec<String>,
    /// What they may subscribe to.
    pub subscribe: Patterns,
    /// What they may publish on.
    pub publish: Patterns,
    /// What they may open.
    pub feeds: Patterns,
    /// How many sessions they may have at once.
    pub sessions: Option<usize>,
    /// The SHA-256 of the one certificate they may connect with.
    pub cnf: Option<[u8; 32]>,
    /// Which key it is signed with, where the other side has several.
    pub kid: Option<String>,
}

impl Grant {
    /// For a user who may nothing yet, until `exp`.
    pub fn new(sub: impl Into<String>, exp: SystemTime) -> Self {
        Self {
            sub: sub.into(),
            exp,
            nbf: None,
            aud: Vec::new(),
            subscribe: Patterns::none(),
            publish: Patterns::none(),
            feeds: Patterns::none(),
            sessions: None,
            cnf: None,
            kid: None,
        }
    }
}

#[derive(Serialize)]
struct Claims<'a> {
    sub: &'a str,
    exp: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    nbf: Option<u64>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    aud: &'a [String],
    #[serde(skip_serializing_if = "Patterns::is_empty")]
    subscribe: &'a Patterns,
    #[serde(skip_serializing_if = "Patterns::is_empty")]
    publish: &'a Patterns,
    #[serde(skip_serializing_if = "Patterns::is_empty")]
    feeds: &'a Patterns,
    #[serde(skip_serializing_if = "Option::is_none")]
    sessions: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cnf: Option<Confirmation>,
}

#[derive(Serialize)]
struct Confirmation {
    #[serde(rename = "x5t#S256")]
    sha256: String,
}

/// Makes tokens with one key. `Debug` shows its algorithm alone.
pub struct Signer {
    algorithm: Algorithm,
    key: EncodingKey,
}

impl Signer {
    /// Signs with a secret, by HS256.
    ///
    /// # Errors
    ///
    /// Where it has less than [`MIN_SECRET`](crate::MIN_SECRET) bytes.
    pub fn hmac(secret: &[u8]) -> Result<Self, KeyError> {
        Key::hmac(secret)?;
        Ok(Self::new(
            Algorithm::HS256,
            EncodingKey::from_secret(secret),
        ))
    }

    /// Signs with the first private key in a text of PEM, as PKCS #8 (RFC 7468 section 10): by ES256 with
    /// one on P-256, by EdDSA with one of Ed25519, by RS256 with an RSA key of 2048 to 8192 bits.
    /// `openssl genpkey` makes such keys.
    ///
    /// # Errors
    ///
    /// Where there is none, or it is of another kind.
    pub fn pem(text: &str) -> Result<Self, KeyError> {
        let der = PrivatePkcs8KeyDer::from_pem_slice(text.as_bytes());
        let der = der.map_err(|_| KeyError::NoPem("PRIVATE KEY"))?;
        let der = der.secret_pkcs8_der();
        if EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der).is_ok() {
            return Ok(Self::new(Algorithm::ES256, EncodingKey::from_ec_der(der)));
        }
        if Ed25519KeyPair::from_pkcs8(der).is_ok() {
            return Ok(Self::new(Algorithm::EdDSA, EncodingKey::from_ed_der(der)));
        }
        let pkcs1 = pkcs1(der).filter(|it| RsaKeyPair::from_der(it).is_ok());
        let expected = "one on P-256, of Ed25519, or of RSA with 2048 to 8192 bits is expected";
        let pkcs1 = pkcs1.ok_or(KeyError::Unusable(expected))?;
        Ok(Self::new(
            Algorithm::RS256,
            EncodingKey::from_rsa_der(pkcs1),
        ))
    }

    fn new(algorithm: Algorithm, key: EncodingKey) -> Self {
        key::provide();
        Self { algorithm, key }
    }

    /// A token that says that.
    ///
    /// # Errors
    ///
    /// Where no verifier would take it: its `sub` is no name of a user, a time is out of bounds, or it
    /// would be longer than [`MAX_TOKEN`] bytes.
    pub fn sign(&self, grant: &Grant) -> Result<String, SignError> {
        User::new(&grant.sub)?;
        let mut header = Header::new(self.algorithm);
        header.kid.clone_from(&grant.kid);
        let claims = Claims {
            sub: &grant.sub,
            exp: seconds(grant.exp)?,
            nbf: grant.nbf.map(seconds).transpose()?,
            aud: &grant.aud,
            subscribe: &grant.subscribe,
            publish: &grant.publish,
            feeds: &grant.feeds,
            sessions: grant.sessions,
            cnf: grant.cnf.map(|it| Confirmation {
                sha256: URL_SAFE_NO_PAD.encode(it),
            }),
        };
        let token = jsonwebtoken::encode(&header, &claims, &self.key);
        let token = token.map_err(|_| SignError::Failed)?;
        if token.len() > MAX_TOKEN {
            return Err(SignError::TooLong);
        }
        Ok(token)
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        let mut shown = formatter.debug_struct("Signer");
        shown.field("algorithm", &self.algorithm);
        shown.finish_non_exhaustive()
    }
}

fn seconds(time: SystemTime) -> Result<u64, SignError> {
    let since = time
        .duration_since(UNIX_EPOCH)
        .map_err(|_| SignError::Time)?;
    let seconds = Some(since.as_secs()).filter(|it| *it <= LAST);
    seconds.ok_or(SignError::Time)
}

/// The key as PKCS #1 (RFC 8017 appendix A.1.2) in one as PKCS #8.
fn pkcs1(pkcs8: &[u8]) -> Option<&[u8]> {
    let inner = pkcs8.strip_prefix(&[0x30, 0x82])?.get(2..)?;
    let (length, key) = inner.strip_prefix(&RSA_PKCS8)?.split_first_chunk()?;
    key.get(..usize::from(u16::from_be_bytes(*length)))
}
