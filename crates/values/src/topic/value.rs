//! A value, and what is said of it.

use bytes::Bytes;
use std::sync::Arc;
use tickwire_wire::values;

/// A key's value.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Value {
    /// What was put.
    pub bytes: Bytes,
    /// What is said of it, if anything is.
    pub about: Option<Arc<About>>,
}

/// What is said of a value beside it. What is empty is not said.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct About {
    /// Its media type, such as `application/json`, of at most 128 bytes.
    pub content_type: Box<str>,
    /// What the client is called that has put it, of at most 128 bytes.
    pub by: Box<str>,
}

impl Value {
    /// How it travels.
    pub(crate) fn about(&self) -> values::About<'_> {
        self.about
            .as_deref()
            .map_or_else(values::About::default, |about| values::About {
                content_type: &about.content_type,
                by: &about.by,
            })
    }
}

impl From<Bytes> for Value {
    fn from(bytes: Bytes) -> Self {
        Self { bytes, about: None }
    }
}

impl From<Vec<u8>> for Value {
    fn from(bytes: Vec<u8>) -> Self {
        Bytes::from(bytes).into()
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Bytes::from(text).into()
    }
}

impl From<&'static [u8]> for Value {
    fn from(bytes: &'static [u8]) -> Self {
        Bytes::from_static(bytes).into()
    }
}

impl From<&'static str> for Value {
    fn from(text: &'static str) -> Self {
        Bytes::from(text).into()
    }
}
