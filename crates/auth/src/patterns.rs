//! Which names somebody may use, as a bounded list of patterns.

use serde::de::{Error, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::sync::Arc;

/// How many patterns a list has at most.
pub const MAX_PATTERNS: usize = 64;
/// The longest pattern, in bytes.
pub const MAX_PATTERN: usize = 256;

/// Patterns of the names of topics or feeds: a name is allowed where at least one of them fits.
///
/// A name is parts joined by `/`. A part of a pattern is a part of the name as it is, upper and lower
/// case apart; or `*`, which stands for exactly one part, whatever it is; or at the end `**`, which
/// stands for one or more parts. `**` alone fits every name.
///
/// ```
/// use tickwire_auth::Patterns;
///
/// let patterns = Patterns::parse(&["rooms/*/cursors", "files/**"])?;
/// assert!(patterns.allows("rooms/7/cursors") && patterns.allows("files/a/b"));
/// assert!(!patterns.allows("rooms/7") && !patterns.allows("files"));
/// # Ok::<(), tickwire_auth::PatternError>(())
/// ```
///
/// Serde reads a list of strings, or one string of patterns with blanks between them, as OAuth has its
/// scopes (RFC 6749 section 3.3), and writes a list. There are at most [`MAX_PATTERNS`], each of 1 to
/// [`MAX_PATTERN`] bytes; more is an error. It is cheap to clone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Patterns(Arc<[Box<str>]>);

impl Patterns {
    /// Every name.
    pub fn all() -> Self {
        Self([Box::from("**")].into())
    }

    /// No name.
    pub fn none() -> Self {
        Self::default()
    }

    /// The names that fit at least one of these.
    ///
    /// # Errors
    ///
    /// Where there are too many, or one is empty, too long, or has a `*` in a place that means nothing.
    pub fn parse<S: AsRef<str>>(patterns: &[S]) -> Result<Self, PatternError> {
        Self::collect(patterns.iter().map(|pattern| Ok(pattern.as_ref())))
    }

    /// Takes no more from what may be long than is allowed.
    fn collect<S: AsRef<str>, E: From<PatternError>>(
        patterns: impl Iterator<Item = Result<S, E>>,
    ) -> Result<Self, E> {
        let mut checked = Vec::new();
        for pattern in patterns {
            let pattern = pattern?;
            if checked.len() == MAX_PATTERNS {
                return Err(PatternError::TooMany.into());
            }
            check(pattern.as_ref())?;
            checked.push(Box::from(pattern.as_ref()));
        }
        Ok(Self(checked.into()))
    }

    /// Whether one of them fits this name.
    pub fn allows(&self, name: &str) -> bool {
        self.iter().any(|pattern| fits(pattern, name))
    }

    /// Whether no name is allowed.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The patterns, in the order they were given in.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|it| &**it)
    }
}

fn check(pattern: &str) -> Result<(), PatternError> {
    if pattern.is_empty() {
        return Err(PatternError::Empty);
    }
    if pattern.len() > MAX_PATTERN {
        return Err(PatternError::TooLong);
    }
    let mut parts = pattern.split('/').peekable();
    while let Some(part) = parts.next() {
        match part {
            "*" => (),
            "**" if parts.peek().is_none() => (),
            "**" => return Err(PatternError::NotLast(pattern.to_owned())),
            part if part.contains('*') => return Err(PatternError::Mixed(pattern.to_owned())),
            _ => (),
        }
    }
    Ok(())
}

fn fits(pattern: &str, name: &str) -> bool {
    let mut parts = name.split('/');
    for wanted in pattern.split('/') {
        let Some(part) = parts.next() else {
            return false;
        };
        match wanted {
            "**" => return true,
            "*" => (),
            wanted if wanted == part => (),
            _ => return false,
        }
    }
    parts.next().is_none()
}

/// Why patterns cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// There are more than [`MAX_PATTERNS`].
    #[error("there are more than {MAX_PATTERNS} patterns: use fewer, with * or ** in them")]
    TooMany,
    /// One has no character.
    #[error("a pattern is empty: ** is every name, and no pattern at all is none")]
    Empty,
    /// One is longer than [`MAX_PATTERN`] bytes.
    #[error("a pattern has at most {MAX_PATTERN} bytes")]
    TooLong,
    /// A `**` has parts behind it.
    #[error("the pattern {0:?} has ** before its end: only the last part may be **")]
    NotLast(String),
    /// A `*` stands beside other characters.
    #[error(
        "the pattern {0:?} has a * beside other characters: a part is * for any one part, ** for all that follow, or has no *"
    )]
    Mixed(String),
}

impl Serialize for Patterns {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

impl<'de> Deserialize<'de> for Patterns {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Read)
    }
}

struct Read;

/// What serde makes of an error, and ours as it says it.
struct Wrapped<E>(E);

impl<E: Error> From<PatternError> for Wrapped<E> {
    fn from(cause: PatternError) -> Self {
        Self(E::custom(cause))
    }
}

impl<'de> Visitor<'de> for Read {
    type Value = Patterns;

    fn expecting(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter
            .write_str("a list of patterns, or one string of patterns with blanks between them")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Patterns, E> {
        Patterns::collect(text.split_ascii_whitespace().map(Ok))
            .map_err(|cause: PatternError| E::custom(cause))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Patterns, A::Error> {
        let next = || list.next_element::<String>().map_err(Wrapped).transpose();
        Patterns::collect(std::iter::from_fn(next)).map_err(|Wrapped(cause)| cause)
    }
}
