//! Checks tokens, and makes users of them.

use crate::claims::{Admitted, Claims};
use crate::seen::{self, Seen};
use crate::{Keys, TokenError, User};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::Algorithm;
use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

/// The longest token, in bytes.
pub const MAX_TOKEN: usize = 8 * 1_024;
/// How far clocks may be apart, unless [`Options`] say otherwise.
pub const LEEWAY: Duration = Duration::from_secs(30);

/// What is expected of tokens beside a signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// What `aud` has to hold (RFC 7519 section 4.1.3). Where it is none, `aud` is not looked at.
    pub audience: Option<String>,
    /// How far the clock here may be from that of who makes tokens: [`LEEWAY`] by default.
    pub leeway: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            audience: None,
            leeway: LEEWAY,
        }
    }
}

/// Checks JSON Web Tokens (RFC 7519, and RFC 8725 in how) with [`Keys`]. It is shared by threads as it is.
///
/// Of a token `sub` and `exp` are required; `nbf` and `aud` are looked at; `subscribe`, `publish` and
/// `feeds` are [`Patterns`](crate::Patterns) of what the user may, which is nothing where they are not
/// there; `sessions` is how many sessions they may have at once; `cnf` is the certificate that they have to
/// connect with, as `{"x5t#S256": …}` (RFC 8705 section 3.1). Other claims are ignored.
///
/// It remembers up to 10,000 tokens whose signature by a public key was good, by their SHA-256, until they
/// are over, there are newer ones, or the keys are replaced: a client that connects again costs a thirtieth
/// or less. Each takes some 500 bytes, and at most 15 KiB where it is full of patterns.
pub struct Verifier {
    trust: RwLock<Arc<Trust>>,
    options: Options,
}

/// Keys, and what they were found to have signed. What is found while the keys are replaced stays with
/// those that it was found with.
struct Trust {
    keys: Arc<Keys>,
    seen: Seen<Admitted>,
}

impl Trust {
    fn new(keys: Keys) -> Arc<Self> {
        Arc::new(Self {
            keys: Arc::new(keys),
            seen: Seen::new(),
        })
    }
}

/// RFC 7515 section 4.1.
#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    crit: Option<IgnoredAny>,
}

impl Verifier {
    /// Checks with these keys, until there are others.
    pub fn new(keys: Keys, options: Options) -> Self {
        let trust = RwLock::new(Trust::new(keys));
        Self { trust, options }
    }

    fn trust(&self) -> Arc<Trust> {
        let trust = self.trust.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&trust)
    }

    /// The keys in use.
    pub fn keys(&self) -> Arc<Keys> {
        Arc::clone(&self.trust().keys)
    }

    /// Checks with other keys from now on. Users who are there already stay.
    pub fn set_keys(&self, keys: Keys) {
        let trust = Trust::new(keys);
        *self.trust.write().unwrap_or_else(PoisonError::into_inner) = trust;
    }

    /// The user that a token is of, now. They are one until `exp` and the leeway are over.
    ///
    /// A `kid` says which key is meant where a key has one; without it each key of the token's algorithm
    /// is tried.
    ///
    /// # Errors
    ///
    /// Where anything is not as it should be. A token of more than [`MAX_TOKEN`] bytes is not read, and
    /// of one whose signature is wrong the claims are not.
    pub fn verify(&self, token: &str, now: SystemTime) -> Result<User, TokenError> {
        if token.len() > MAX_TOKEN {
            return Err(TokenError::TooLong);
        }
        let parts = Parts::of(token)?;
        let header = parts.header()?;
        let algorithm = algorithm(&header.alg).ok_or(TokenError::Algorithm)?;
        let trust = self.trust();
        let admit = || self.admit(&trust.keys, algorithm, &header, &parts);
        if algorithm == Algorithm::HS256 {
            return admit()?.at(now);
        }
        let digest = seen::digest(token);
        if let Some(admitted) = trust.seen.get(&digest) {
            let user = admitted.at(now);
            if user == Err(TokenError::Expired) {
                trust.seen.remove(&digest);
            }
            return user;
        }
        let admitted = admit()?;
        let user = admitted.at(now)?;
        trust.seen.add(digest, admitted);
        Ok(user)
    }

    fn admit(
        &self,
        keys: &Keys,
        algorithm: Algorithm,
        header: &Header,
        parts: &Parts,
    ) -> Result<Admitted, TokenError> {
        keys.check(
            algorithm,
            header.kid.as_deref(),
            parts.signed,
            parts.signature,
        )?;
        let otherwise = "its claims are no JSON object in base64url, with each claim once";
        let claims: Claims = part(parts.claims, otherwise)?;
        claims.admit(&self.options)
    }
}

/// Its keys without their secrets, and what is expected.
impl fmt::Debug for Verifier {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        let mut shown = formatter.debug_struct("Verifier");
        shown.field("keys", &self.keys());
        shown.field("options", &self.options);
        shown.finish_non_exhaustive()
    }
}

/// A token as it is written (RFC 7515 section 7.1), each part in base64url.
struct Parts<'a> {
    /// The header and the claims, with the dot between.
    signed: &'a str,
    header: &'a str,
    claims: &'a str,
    signature: &'a str,
}

impl<'a> Parts<'a> {
    fn of(token: &'a str) -> Result<Self, TokenError> {
        let parts = token.rsplit_once('.').and_then(|(signed, signature)| {
            let (header, claims) = signed.split_once('.')?;
            let parts = Self {
                signed,
                header,
                claims,
                signature,
            };
            (!claims.contains('.')).then_some(parts)
        });
        let expected = "three parts in base64url are expected, with dots between";
        parts.ok_or(TokenError::Malformed(expected))
    }

    fn header(&self) -> Result<Header, TokenError> {
        let otherwise = "its header is no JSON object in base64url, with an alg";
        let header: Header = part(self.header, otherwise)?;
        // RFC 7515 section 4.1.11: what is critical and not understood refuses the token.
        if header.crit.is_some() {
            let expected = "it has critical headers, and none is understood";
            return Err(TokenError::Malformed(expected));
        }
        Ok(header)
    }
}

/// Those that are taken: no `none`, and none that is a question of taste (RFC 7518 section 3.1, RFC 8037
/// section 3.1).
fn algorithm(name: &str) -> Option<Algorithm> {
    match name {
        "HS256" => Some(Algorithm::HS256),
        "ES256" => Some(Algorithm::ES256),
        "EdDSA" => Some(Algorithm::EdDSA),
        "RS256" => Some(Algorithm::RS256),
        _ => None,
    }
}

fn part<T: DeserializeOwned>(text: &str, otherwise: &'static str) -> Result<T, TokenError> {
    let bytes = URL_SAFE_NO_PAD.decode(text);
    let read = bytes.ok().and_then(|it| serde_json::from_slice(&it).ok());
    read.ok_or(TokenError::Malformed(otherwise))
}
