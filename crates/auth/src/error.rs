//! What may be wrong with a token, with a key, and with what shall be signed.

use crate::{MAX_KEYS, MAX_TOKEN, MIN_SECRET, NameError, PassedOver};

/// Why a token is not taken. Nothing of the token or of a key is in the sentences, so that they may be
/// told to whoever sent it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// It has more than [`MAX_TOKEN`] bytes; it was not read.
    #[error("the token is too long: it has at most {MAX_TOKEN} bytes")]
    TooLong,
    /// It is no JSON Web Token.
    #[error("the token cannot be read: {0}")]
    Malformed(&'static str),
    /// Its `alg` is none of those that are taken.
    #[error("the token's algorithm is not taken: HS256, ES256, EdDSA or RS256 is expected")]
    Algorithm,
    /// There is a key of that `kid`, or there are keys without, and none is for its algorithm.
    #[error(
        "the token's algorithm fits no key that it may be checked with: use the key's algorithm"
    )]
    WrongAlgorithm,
    /// No key has its `kid`. The keys may have changed: where they are fetched, that is a reason to fetch
    /// them again.
    #[error("the token names a key that is not known: a kid of the keys in use is expected")]
    UnknownKey,
    /// It was not signed with a key that is known, or was altered.
    #[error("the token's signature is wrong: it was signed with another key, or altered")]
    BadSignature,
    /// A claim is not there, or not of its form.
    #[error("the token's claim {claim} cannot be used: {expected} is expected")]
    Claim {
        /// Its name.
        claim: &'static str,
        /// What it should be.
        expected: &'static str,
    },
    /// Its `exp` is past.
    #[error("the token has expired: a newer one is expected")]
    Expired,
    /// Its `nbf` is not reached.
    #[error("the token is not valid yet: compare the clocks of who made it and of this server")]
    NotYet,
    /// Its `aud` does not hold this server's.
    #[error("the token is for somebody else: this server's audience is expected in aud")]
    WrongAudience,
}

/// Why a key cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// A secret is shorter than [`MIN_SECRET`] bytes (RFC 7518 section 3.2).
    #[error(
        "the secret has {0} bytes, and needs at least {MIN_SECRET}: `openssl rand 32` makes one"
    )]
    ShortSecret(usize),
    /// A text is no PEM, or has no key of the kind that is expected.
    #[error("no {0} was found: PEM is expected, with a line `-----BEGIN {0}-----`")]
    NoPem(&'static str),
    /// A private key stands where a public one is expected.
    #[error(
        "there is a private key: the public one is expected, which `openssl pkey -pubout` makes of it"
    )]
    Private,
    /// It is of no algorithm that is taken, or damaged.
    #[error("the key cannot be used: {0}")]
    Unusable(&'static str),
    /// An RSA key is too short (RFC 7518 section 3.3), or longer than is checked.
    #[error("the RSA key has {0} bits: 2048 to 8192 are expected")]
    RsaBits(usize),
    /// A text is no set of keys.
    #[error(
        "that is no set of keys: JSON is expected, with a list `keys` of objects (RFC 7517 section 5)"
    )]
    NoSet,
    /// No key of a set can be used.
    #[error("no key of the set can be used{}", list(.0))]
    NoneUsable(Vec<PassedOver>),
    /// There are more than [`MAX_KEYS`].
    #[error("there are more than {MAX_KEYS} keys")]
    TooMany,
}

fn list(passed_over: &[PassedOver]) -> String {
    let each = passed_over.iter().map(|it| format!("; {it}"));
    each.collect()
}

/// Why a token is not made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignError {
    /// Its `sub` is not the name of a user.
    #[error(transparent)]
    Name(#[from] NameError),
    /// A time is before 1970, or after the year 9999.
    #[error("a token's times are in the years 1970 to 9999")]
    Time,
    /// It would have more than [`MAX_TOKEN`] bytes, and no server would take it.
    #[error("the token would be longer than {MAX_TOKEN} bytes: give it fewer patterns")]
    TooLong,
    /// The system gave no random numbers.
    #[error("the token could not be signed")]
    Failed,
}
