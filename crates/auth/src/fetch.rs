//! Gets a set of keys from where it is published, again and again.
//!
//! [`get`] fetches it once, and blocks; [`Refresh`] tells when, and does nothing itself. A thread that
//! keeps the keys of a [`Verifier`](crate::Verifier) fresh sleeps until [`Refresh::next`], or until a
//! [`TokenError::UnknownKey`](crate::TokenError::UnknownKey), gets them, and tells what came of it. Until
//! others are there it keeps the old ones.

mod get;
mod refresh;

pub use get::{FetchError, Fetched, TIMEOUT, get};
pub use refresh::Refresh;
