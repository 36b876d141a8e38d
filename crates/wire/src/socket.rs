//! What travels on a WebSocket (RFC 6455), by which clients come that UDP does not reach: all channels of
//! a session. No I/O.
//!
//! A text message is one on the channel `control`. A binary one says by its first byte what it is:
//!
//! | first byte | message | from |
//! |---|---|---|
//! | 0, 1, 3 | as on the channel `values` ([`crate::values`]) | either |
//! | 2 | [`crate::values::LogEntry`], as on the channel `control` | the server |
//! | 4 | [`Frame::Open`]: a channel of a label | the client |
//! | 5 | [`Frame::Text`] on such a channel | either |
//! | 6 | [`Frame::Binary`] on such a channel | either |
//! | 7 | [`Frame::Close`] of a channel | either |
//! | 8 | [`Frame::Received`] | the client |
//!
//! **The first message** is a text, [`crate::control::ToServer::Token`], where the server asks who somebody
//! is. Who is let in is told [`crate::control::ToReader::Hello`], where the server has topics; who is not,
//! [`crate::control::ToReader::Denied`], and the connection ends.
//!
//! **What waits** is up to the server, not to TCP: it sends values at the pace that their acknowledgements
//! show, and of all else no more than a client has [received](Frame::Received) of it.
//!
//! Numbers are those of [`crate::values`].

use crate::values::{
    ACKNOWLEDGEMENT, FrameError, LOG_ENTRY, MAX_NUMBER, PACKET, PUBLICATION, Reader, Writer,
};
use std::time::Duration;

/// Where a client connects, relative to the path at which the server's router is.
pub const SOCKET_PATH: &str = "ws";
/// The channels that are there from the start: their numbers in [`Frame::Close`].
pub const CONTROL_ID: u16 = 0;
/// As [`CONTROL_ID`].
pub const VALUES_ID: u16 = 1;
/// The longest label and the longest subprotocol of a channel, in bytes.
pub const MAX_LABEL: usize = 1_024;

/// How long it may take to say that a message has come: long enough that one word is of two, and a narrow path
/// carries few of them.
pub const HELD: Duration = Duration::from_millis(20);

const OPEN: u8 = 4;
const TEXT: u8 = 5;
const BINARY: u8 = 6;
const CLOSE: u8 = 7;
const RECEIVED: u8 = 8;

/// What a binary message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Frame<'a> {
    /// One of the channel `values`.
    Values(&'a [u8]),
    /// One of the channel `control`.
    LogEntry(&'a [u8]),
    /// A channel is wanted. It is there at once, reliable and in order; one that the server does not serve is
    /// closed.
    Open {
        /// From 2 on, and higher than each before it.
        id: u16,
        /// What names the feed.
        label: &'a str,
        /// The subprotocol; may be empty.
        protocol: &'a str,
    },
    /// Text on a channel.
    Text(u16, &'a str),
    /// Bytes on a channel.
    Binary(u16, &'a [u8]),
    /// Nothing more comes on a channel. Who is told closes it too, unless that is done.
    Close(u16),
    /// So many messages have come since the beginning that are not of `values`. To be said of each second one at
    /// once, and of a single one within [`HELD`]: what waits for it is not sent.
    Received(u64),
}

impl<'a> Frame<'a> {
    /// Whether a binary message is of `values`, and not counted in [`Frame::Received`].
    pub fn is_of_values(message: &[u8]) -> bool {
        matches!(
            message.first(),
            Some(&(PACKET | ACKNOWLEDGEMENT | PUBLICATION))
        )
    }

    /// Reads a binary message.
    ///
    /// # Errors
    /// For what is none.
    pub fn read(message: &'a [u8]) -> Result<Self, FrameError> {
        if Self::is_of_values(message) {
            return Ok(Self::Values(message));
        }
        let mut reader = Reader::new(message);
        let frame = match reader.byte()? {
            LOG_ENTRY => return Ok(Self::LogEntry(message)),
            OPEN => Self::Open {
                id: id(&mut reader)?,
                label: reader.text(MAX_LABEL)?,
                protocol: reader.text(MAX_LABEL)?,
            },
            TEXT => {
                let id = id(&mut reader)?;
                let text = str::from_utf8(reader.rest());
                Self::Text(id, text.map_err(|_| FrameError::Text)?)
            }
            BINARY => Self::Binary(id(&mut reader)?, reader.rest()),
            CLOSE => Self::Close(id(&mut reader)?),
            RECEIVED => Self::Received(reader.number()?),
            found => return Err(FrameError::Unknown(found)),
        };
        Ok(frame)
    }

    /// Writes the message.
    pub fn write(&self) -> Vec<u8> {
        let about = |kind: u8, id: u16, rest: &[u8]| {
            let mut writer = Writer::new(5 + rest.len());
            writer.byte(kind);
            writer.number(id.into());
            writer.raw(rest);
            writer
        };
        let writer = match *self {
            Self::Values(message) | Self::LogEntry(message) => return message.to_vec(),
            Self::Open {
                id,
                label,
                protocol,
            } => {
                let mut writer = about(OPEN, id, &[]);
                writer.bytes(label.as_bytes());
                writer.bytes(protocol.as_bytes());
                writer
            }
            Self::Text(id, text) => about(TEXT, id, text.as_bytes()),
            Self::Binary(id, bytes) => about(BINARY, id, bytes),
            Self::Close(id) => about(CLOSE, id, &[]),
            Self::Received(count) => {
                let mut writer = Writer::new(9);
                writer.byte(RECEIVED);
                writer.number(count.min(MAX_NUMBER));
                writer
            }
        };
        writer.finish()
    }
}

fn id(reader: &mut Reader<'_>) -> Result<u16, FrameError> {
    let number = reader.number()?;
    u16::try_from(number).map_err(|_| FrameError::Channel(number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let frames = [
            Frame::Values(&[0, 7]),
            Frame::Values(&[1, 7]),
            Frame::Values(&[3, 7]),
            Frame::LogEntry(&[2, 7]),
            Frame::Open {
                id: 2,
                label: "prices/EURUSD",
                protocol: "tickwire.1",
            },
            Frame::Text(64, "täglich"),
            Frame::Text(64, ""),
            Frame::Binary(16_384, &[0, 1]),
            Frame::Close(u16::MAX),
            Frame::Received(1 << 40),
        ];
        for frame in frames {
            assert_eq!(Frame::read(&frame.write()), Ok(frame));
        }
        assert_eq!(Frame::Text(2, "a").write(), [5, 2, b'a']);
        assert_eq!(Frame::Received(100).write(), [8, 0x40, 100]);
    }

    #[test]
    fn what_is_none_is_refused() {
        let long = [[4, 2].as_slice(), &[0x44, 0x01], &[b'a'; 1_025], &[0]].concat();
        for (message, cause) in [
            (&[][..], FrameError::Short),
            (&[5], FrameError::Short),
            (&[9, 1], FrameError::Unknown(9)),
            (&[6, 0x80, 1, 0, 0], FrameError::Channel(65_536)),
            (&[5, 2, 0xff], FrameError::Text),
            (&[4, 2, 5, b'a'], FrameError::Short),
            (&long, FrameError::Text),
        ] {
            assert_eq!(Frame::read(message), Err(cause), "{message:?}");
        }
    }
}
