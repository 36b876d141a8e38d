//! Values and their acknowledgements: what travels on the channel `values`. No I/O.
//!
//! A message is one packet, and may be lost: the channel is unordered, and sends nothing again. What
//! is lost is not what is sent again: the newest value of its key is.
//!
//! | first byte | message | from |
//! |---|---|---|
//! | 0 | [`Packet`]: values | who has them |
//! | 1 | [`Acknowledgement`] of packets | who reads them |
//! | 2 | [`LogEntry`], on the channel `control` | who has them |
//! | 3 | [`Publication`]: values for topics | a client that may |
//!
//! **Numbers** are QUIC's variable-length integers (RFC 9000 section 16): the two highest bits of the
//! first byte say how many bytes there are, and a number is at most 2⁶² − 1.
//!
//! **Keys are named once.** An [`Entry`] names its key by a number, the alias, which holds within its
//! subscription; until a packet that says which key that is has been acknowledged, each says it. An
//! alias may be given to another key later. So an entry counts only where its version is not below
//! that with which its alias was given: what is older is of the key before.
//!
//! **Versions** are of a topic: a later change of any of its keys has a higher one. A reader keeps the
//! newest of each key, and passes over what is not newer: then nothing that is late, or comes twice,
//! can take a newer value's place. An entry that is an **event** counts by itself: it says its key, has
//! no alias, takes no place, and is passed over only where one of its version has come.
//!
//! The entries of a **log** travel on the channel `control`, which is reliable and ordered, one a
//! message ([`LogEntry`]).

mod publication;
mod varint;

pub use publication::{MAX_TOPIC, Publication, Published};
pub use varint::{MAX_NUMBER, Reader, Writer};

/// The first byte of a [`Packet`].
pub const PACKET: u8 = 0;
/// The first byte of an [`Acknowledgement`].
pub const ACKNOWLEDGEMENT: u8 = 1;
/// The first byte of a [`LogEntry`].
pub const LOG_ENTRY: u8 = 2;
/// The first byte of a [`Publication`].
pub const PUBLICATION: u8 = 3;
/// The longest key, in bytes of UTF-8.
pub const MAX_KEY: usize = 1_024;
/// The longest value, in bytes: with all that stands before it, it fits into the smallest message that
/// a browser takes.
pub const MAX_VALUE: usize = 64_000;
/// The longest media type and the longest name of who has put a value, in bytes.
pub const MAX_ABOUT: usize = 128;
/// The most ranges of an acknowledgement: what is older is lost by now, or acknowledged before.
pub const MAX_RANGES: usize = 32;

/// An entry's flags.
const REMOVED: u8 = 1;
const NAMED: u8 = 2;
const SNAPSHOT: u8 = 4;
const EVENT: u8 = 8;
const ABOUT: u8 = 16;

/// Why a message cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// It ends in the middle of something.
    #[error("the message ends too early")]
    Short,
    /// Its first byte says that it is something else.
    #[error("expected a message that begins with {expected}, but found {found:?}")]
    Kind { expected: u8, found: Option<u8> },
    /// Its first byte is none that is known.
    #[error("messages that begin with {0} are not known")]
    Unknown(u8),
    /// A channel that cannot be.
    #[error("expected the number of a channel, at most 65,535, but found {0}")]
    Channel(u64),
    /// Flags that no version of this has.
    #[error("an entry has flags that are not known: {0:#x}")]
    Flags(u8),
    /// A key, or another text, that is not UTF-8, or longer than it may be.
    #[error("a text is not UTF-8, or longer than it may be")]
    Text,
    /// Ranges that reach below the first packet, or more of them than [`MAX_RANGES`].
    #[error("an acknowledgement has ranges that cannot be")]
    Ranges,
}

/// What is said of a value beside it. What is empty is not said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct About<'a> {
    /// Its media type, such as `application/json` (RFC 9110 section 8.3.1).
    pub content_type: &'a str,
    /// What the client is called that has put it, as the server knows it.
    pub by: &'a str,
}

impl<'a> About<'a> {
    fn read(reader: &mut Reader<'a>, flags: u8) -> Result<Self, FrameError> {
        if flags & ABOUT == 0 {
            return Ok(Self::default());
        }
        Ok(Self {
            content_type: reader.text(MAX_ABOUT)?,
            by: reader.text(MAX_ABOUT)?,
        })
    }

    fn flag(&self) -> u8 {
        if *self == Self::default() { 0 } else { ABOUT }
    }

    fn write(&self, writer: &mut Writer) {
        if self.flag() != 0 {
            writer.bytes(self.content_type.as_bytes());
            writer.bytes(self.by.as_bytes());
        }
    }

    fn size(&self) -> usize {
        let text = |text: &str| varint::len(text.len() as u64) + text.len();
        match self.flag() {
            0 => 0,
            _ => text(self.content_type) + text(self.by),
        }
    }
}

/// Values that travel together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packet<'a> {
    /// Counts the packets of a session from 0.
    pub number: u64,
    /// The values.
    pub entries: Vec<Entry<'a>>,
}

/// A key's value, or that it has none any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry<'a> {
    /// Which subscription it is for, as its reader has numbered it.
    pub subscription: u64,
    /// The key, by the number that it has in this subscription.
    pub alias: u64,
    /// The key itself, where the reader may not know yet.
    pub name: Option<&'a str>,
    /// The topic's version with which it changed.
    pub version: u64,
    /// How long before the packet left it changed, in milliseconds.
    pub age: u64,
    /// Whether it was there before the subscription.
    pub is_snapshot: bool,
    /// Whether it counts by itself.
    pub is_event: bool,
    /// What is said of the value.
    pub about: About<'a>,
    /// The value; `None` where the key was removed.
    pub value: Option<&'a [u8]>,
}

impl<'a> Packet<'a> {
    /// Reads a message.
    ///
    /// # Errors
    /// Where it is none, or cut short.
    pub fn read(message: &'a [u8]) -> Result<Self, FrameError> {
        let mut reader = Reader::new(message);
        reader.kind(PACKET)?;
        let number = reader.number()?;
        let mut entries = Vec::new();
        while !reader.is_empty() {
            entries.push(Entry::read(&mut reader)?);
        }
        Ok(Self { number, entries })
    }

    /// Begins a message, to which entries are added.
    pub fn begin(number: u64, capacity: usize) -> Writer {
        let mut writer = Writer::new(capacity);
        writer.byte(PACKET);
        writer.number(number);
        writer
    }
}

impl<'a> Entry<'a> {
    fn read(reader: &mut Reader<'a>) -> Result<Self, FrameError> {
        let flags = reader.byte()?;
        if flags & !(REMOVED | NAMED | SNAPSHOT | EVENT | ABOUT) != 0 {
            return Err(FrameError::Flags(flags));
        }
        let (subscription, alias) = (reader.number()?, reader.number()?);
        let name = match flags & NAMED {
            0 => None,
            _ => Some(reader.text(MAX_KEY)?),
        };
        let (version, age) = (reader.number()?, reader.number()?);
        let about = About::read(reader, flags)?;
        let value = match flags & REMOVED {
            0 => Some(reader.bytes()?),
            _ => None,
        };
        Ok(Self {
            subscription,
            alias,
            name,
            version,
            age,
            is_snapshot: flags & SNAPSHOT != 0,
            is_event: flags & EVENT != 0,
            about,
            value,
        })
    }

    /// Adds it to a message.
    pub fn write(&self, writer: &mut Writer) {
        let flag = |is_set: bool, flag: u8| if is_set { flag } else { 0 };
        writer.byte(
            flag(self.value.is_none(), REMOVED)
                | flag(self.name.is_some(), NAMED)
                | flag(self.is_snapshot, SNAPSHOT)
                | flag(self.is_event, EVENT)
                | self.about.flag(),
        );
        writer.number(self.subscription);
        writer.number(self.alias);
        if let Some(name) = self.name {
            writer.bytes(name.as_bytes());
        }
        writer.number(self.version);
        writer.number(self.age);
        self.about.write(writer);
        if let Some(value) = self.value {
            writer.bytes(value);
        }
    }

    /// How many bytes it takes.
    pub fn size(&self) -> usize {
        let bytes = |bytes: &[u8]| varint::len(bytes.len() as u64) + bytes.len();
        let numbers = [self.subscription, self.alias, self.version, self.age];
        1 + numbers.into_iter().map(varint::len).sum::<usize>()
            + self.name.map_or(0, |name| bytes(name.as_bytes()))
            + self.about.size()
            + self.value.map_or(0, bytes)
    }
}

/// An entry of a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogEntry<'a> {
    /// Which subscription it is for, as its reader has numbered it.
    pub subscription: u64,
    /// Its place in the log: that of the first is 1.
    pub position: u64,
    /// How long before the message left it was added, in milliseconds.
    pub age: u64,
    /// Its key, which says nothing but what the producer means by it.
    pub key: &'a str,
    /// What is said of the value.
    pub about: About<'a>,
    /// The value: what is left of the message.
    pub value: &'a [u8],
}

impl<'a> LogEntry<'a> {
    /// Reads a message.
    ///
    /// # Errors
    /// Where it is none, or cut short.
    pub fn read(message: &'a [u8]) -> Result<Self, FrameError> {
        let mut reader = Reader::new(message);
        reader.kind(LOG_ENTRY)?;
        let flags = reader.byte()?;
        if flags & !ABOUT != 0 {
            return Err(FrameError::Flags(flags));
        }
        Ok(Self {
            subscription: reader.number()?,
            position: reader.number()?,
            age: reader.number()?,
            key: reader.text(MAX_KEY)?,
            about: About::read(&mut reader, flags)?,
            value: reader.rest(),
        })
    }

    /// Writes the message.
    pub fn write(&self) -> Vec<u8> {
        let mut writer = Writer::new(32 + self.key.len() + self.about.size() + self.value.len());
        writer.byte(LOG_ENTRY);
        writer.byte(self.about.flag());
        writer.number(self.subscription);
        writer.number(self.position);
        writer.number(self.age);
        writer.bytes(self.key.as_bytes());
        self.about.write(&mut writer);
        writer.raw(self.value);
        writer.finish()
    }
}

/// Which packets have come, as QUIC says it (RFC 9000 section 19.3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Acknowledgement {
    /// How long the packet with the highest number was held before this left, in microseconds.
    pub held: u64,
    /// The packets, from and to which number each, the highest first. There is one at least, no two
    /// of them touch, and there are at most [`MAX_RANGES`].
    pub ranges: Vec<(u64, u64)>,
}

impl Acknowledgement {
    /// Reads a message.
    ///
    /// # Errors
    /// Where it is none, cut short, or says what cannot be.
    pub fn read(message: &[u8]) -> Result<Self, FrameError> {
        let mut reader = Reader::new(message);
        reader.kind(ACKNOWLEDGEMENT)?;
        let mut last = reader.number()?;
        let held = reader.number()?;
        let mut ranges = Vec::new();
        loop {
            let first = last
                .checked_sub(reader.number()?)
                .ok_or(FrameError::Ranges)?;
            ranges.push((first, last));
            if reader.is_empty() {
                return Ok(Self { held, ranges });
            }
            if ranges.len() == MAX_RANGES {
                return Err(FrameError::Ranges);
            }
            // At least one is missing between two ranges.
            let gap = reader.number()?;
            let below = first.checked_sub(gap).and_then(|last| last.checked_sub(2));
            last = below.ok_or(FrameError::Ranges)?;
        }
    }

    /// Writes the message.
    ///
    /// # Panics
    /// Where the ranges are not as [`Acknowledgement::ranges`] has them.
    pub fn write(&self) -> Vec<u8> {
        let mut writer = Writer::new(16);
        writer.byte(ACKNOWLEDGEMENT);
        let mut ranges = self.ranges.iter();
        let &(mut below, last) = ranges.next().expect("at least one range");
        writer.number(last);
        writer.number(self.held);
        writer.number(last - below);
        for &(first, last) in ranges {
            writer.number(below - last - 2);
            writer.number(last - first);
            below = first;
        }
        writer.finish()
    }
}

#[cfg(test)]
mod tests;
