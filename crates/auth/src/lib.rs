//! Who a user is, and what they may: JSON Web Tokens (RFC 7519), the keys they are checked with, and
//! patterns of the names of topics and feeds.
//!
//! A [`Verifier`] has [`Keys`] and makes a [`User`] of a token, who answers what they may subscribe to,
//! publish on and open, by [`Patterns`]. A [`Signer`] makes tokens. Nothing here does I/O or waits, and
//! what time it is comes from whoever asks. With the feature `jwks-fetch` there is `fetch`, which gets
//! keys from where they are published, and tells when to do so again.
//!
//! ```
//! use std::time::{Duration, SystemTime};
//! use tickwire_auth::{Grant, Keys, Options, Patterns, Signer, Verifier};
//!
//! let (secret, now) = ([7; 32], SystemTime::now());
//! let mut grant = Grant::new("alice", now + Duration::from_secs(3_600));
//! grant.subscribe = Patterns::parse(&["rooms/*/cursors"])?;
//! let token = Signer::hmac(&secret)?.sign(&grant)?;
//!
//! let verifier = Verifier::new(Keys::hmac(&secret)?, Options::default());
//! let alice = verifier.verify(&token, now)?;
//! assert!(alice.may_subscribe("rooms/7/cursors") && !alice.may_publish("rooms/7/cursors"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod claims;
mod error;
#[cfg(feature = "jwks-fetch")]
pub mod fetch;
mod jwks;
mod key;
mod keys;
mod patterns;
mod seen;
mod signer;
mod user;
mod verifier;

pub use error::{KeyError, SignError, TokenError};
pub use jwks::MAX_SET;
pub use keys::{Keys, MAX_KEYS, MIN_SECRET, PassedOver};
pub use patterns::{MAX_PATTERN, MAX_PATTERNS, PatternError, Patterns};
pub use signer::{Grant, Signer};
pub use user::{MAX_NAME, NameError, User};
pub use verifier::{LEEWAY, MAX_TOKEN, Options, Verifier};
