//! What a client publishes.

use super::{Acknowledgement, FrameError, MAX_KEY, PUBLICATION, REMOVED, Reader, Writer};

/// The longest name of a topic, in bytes of UTF-8.
pub const MAX_TOPIC: usize = 1_024;

/// Values that a client puts into topics of the newest values. What is lost is not sent again, but the
/// newest value of each of its keys; so a publication tells all that the server is not known to have, and
/// one that is not newer than another is passed over whole. The server says that it has come by an
/// [`Acknowledgement`] of its number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Publication<'a> {
    /// Counts the publications of a session from 0.
    pub number: u64,
    /// The values.
    pub entries: Vec<Published<'a>>,
}

/// A key's value, or that it has none any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Published<'a> {
    /// The topic's name.
    pub topic: &'a str,
    /// The key.
    pub key: &'a str,
    /// The value; `None` where the key is to be removed.
    pub value: Option<&'a [u8]>,
}

impl<'a> Publication<'a> {
    /// Reads a message.
    ///
    /// # Errors
    /// Where it is none, or cut short.
    pub fn read(message: &'a [u8]) -> Result<Self, FrameError> {
        let mut reader = Reader::new(message);
        reader.kind(PUBLICATION)?;
        let number = reader.number()?;
        let mut entries = Vec::new();
        while !reader.is_empty() {
            let flags = reader.byte()?;
            if flags & !REMOVED != 0 {
                return Err(FrameError::Flags(flags));
            }
            entries.push(Published {
                topic: reader.text(MAX_TOPIC)?,
                key: reader.text(MAX_KEY)?,
                value: match flags {
                    0 => Some(reader.bytes()?),
                    _ => None,
                },
            });
        }
        Ok(Self { number, entries })
    }

    /// Begins a message, to which entries are added.
    pub fn begin(number: u64, capacity: usize) -> Writer {
        let mut writer = Writer::new(capacity);
        writer.byte(PUBLICATION);
        writer.number(number);
        writer
    }

    /// What says that it has come.
    pub fn acknowledgement(number: u64) -> Acknowledgement {
        Acknowledgement {
            held: 0,
            ranges: vec![(number, number)],
        }
    }
}

impl Published<'_> {
    /// Adds this to a message.
    pub fn write(&self, writer: &mut Writer) {
        writer.byte(if self.value.is_some() { 0 } else { REMOVED });
        writer.bytes(self.topic.as_bytes());
        writer.bytes(self.key.as_bytes());
        if let Some(value) = self.value {
            writer.bytes(value);
        }
    }

    /// How long it is in a message, at most.
    pub fn written_len(&self) -> usize {
        let value = self.value.map_or(0, <[u8]>::len);
        self.topic.len() + self.key.len() + value + 13
    }
}
