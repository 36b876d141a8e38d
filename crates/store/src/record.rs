//! Topics and rows, as they are in the file: numbers in network order.

use crate::MAX_NAME;
use bytes::Bytes;
use std::sync::Arc;
use std::time::Duration;
use tickwire_values::{About, Policy, Row, Value};
use tickwire_wire::values::{MAX_ABOUT, MAX_KEY, MAX_VALUE};

const LATEST: u8 = 1;
const LOG: u8 = 2;

/// A topic: what tells it from others, and up to which version it is saved.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct TopicRecord {
    pub(crate) name: String,
    pub(crate) policy: Policy,
    pub(crate) version: u64,
}

impl TopicRecord {
    /// The kind, the epoch of a log, the version, and the name.
    pub(crate) fn write(name: &str, policy: Policy, version: u64) -> Vec<u8> {
        let (kind, epoch) = match policy {
            Policy::Log { epoch } => (LOG, epoch),
            Policy::Latest | Policy::Deadline(_) => (LATEST, 0),
        };
        let numbers = [epoch.to_be_bytes(), version.to_be_bytes()];
        [&[kind], numbers.as_flattened(), name.as_bytes()].concat()
    }

    /// `None` where it is none.
    pub(crate) fn read(mut bytes: &[u8]) -> Option<Self> {
        let [kind] = *take(&mut bytes)?;
        let epoch = number(&mut bytes)?;
        let policy = match kind {
            LATEST => Policy::Latest,
            LOG => Policy::Log { epoch },
            _ => return None,
        };
        let version = number(&mut bytes)?;
        let name = str::from_utf8(bytes).ok()?.to_owned();
        (name.len() <= MAX_NAME).then_some(Self {
            name,
            policy,
            version,
        })
    }
}

/// Writes a row in place of what is in `bytes`: its version, when it has changed, the key, what is said of
/// the value, and the value. `wall` is what the wall clock shows when the row's age was taken, in milliseconds since 1970.
pub(crate) fn write_row(bytes: &mut Vec<u8>, wall: u64, row: &Row, value: &Value) {
    let age = u64::try_from(row.age.as_millis()).unwrap_or(u64::MAX);
    // No key is longer than `MAX_KEY`.
    let length = row.key.len() as u16;
    bytes.clear();
    bytes.extend_from_slice(&row.version.to_be_bytes());
    bytes.extend_from_slice(&wall.saturating_sub(age).to_be_bytes());
    bytes.extend_from_slice(&length.to_be_bytes());
    bytes.extend_from_slice(row.key.as_bytes());
    let about = value.about.as_deref();
    let about = about.map(|it| [&*it.content_type, &*it.by]);
    for text in about.unwrap_or_default() {
        // None is longer than `MAX_ABOUT`.
        bytes.push(text.len() as u8);
        bytes.extend_from_slice(text.as_bytes());
    }
    bytes.extend_from_slice(&value.bytes);
}

/// Reads one as old as it is when the wall clock shows `wall`; `None` where it is none.
pub(crate) fn read_row(wall: u64, place: u64, mut bytes: &[u8]) -> Option<Row> {
    let version = number(&mut bytes)?;
    let changed = number(&mut bytes)?;
    let length = u16::from_be_bytes(*take(&mut bytes)?).into();
    let key = text(&mut bytes, length, MAX_KEY)?;
    let [content_type, by] = [short(&mut bytes)?, short(&mut bytes)?];
    if bytes.len() > MAX_VALUE {
        return None;
    }
    let is_said = !content_type.is_empty() || !by.is_empty();
    let about = is_said.then(|| {
        Arc::new(About {
            content_type: content_type.into(),
            by: by.into(),
        })
    });
    Some(Row {
        place,
        version,
        // A clock that was set back makes nothing younger than new.
        age: Duration::from_millis(wall.saturating_sub(changed)),
        key: key.into(),
        value: Some(Value {
            bytes: Bytes::copy_from_slice(bytes),
            about,
        }),
    })
}

/// So many bytes of text, of which there are at most `most`.
fn text<'a>(bytes: &mut &'a [u8], length: usize, most: usize) -> Option<&'a str> {
    let (text, rest) = bytes.split_at_checked(length)?;
    *bytes = rest;
    str::from_utf8(text).ok().filter(|text| text.len() <= most)
}

/// What is said of a value.
fn short<'a>(bytes: &mut &'a [u8]) -> Option<&'a str> {
    let [length] = *take(bytes)?;
    text(bytes, length.into(), MAX_ABOUT)
}

fn take<'a, const N: usize>(bytes: &mut &'a [u8]) -> Option<&'a [u8; N]> {
    let (taken, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    Some(taken)
}

fn number(bytes: &mut &[u8]) -> Option<u64> {
    take(bytes).copied().map(u64::from_be_bytes)
}
