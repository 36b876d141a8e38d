//! What is sent, why it is not, and how reliably.

use bytes::{Bytes, BytesMut};
use std::fmt;
use std::time::Duration;
use tickwire_peer::sctp::{self, Kind, Limit};

/// A message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// Text, which is UTF-8 (RFC 8831 section 6.6).
    Text(String),
    /// Bytes.
    Binary(Bytes),
}

impl Message {
    /// How many bytes it has.
    pub fn len(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Binary(data) => data.len(),
        }
    }

    /// Its kind and its bytes, as they travel.
    pub(crate) fn into_parts(self) -> (Kind, Bytes) {
        match self {
            Self::Text(text) => (Kind::Text, text.into()),
            Self::Binary(data) => (Kind::Binary, data),
        }
    }

    /// Whether it has none. It is a message all the same.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl From<String> for Message {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<&str> for Message {
    fn from(text: &str) -> Self {
        Self::Text(text.into())
    }
}

impl From<Vec<u8>> for Message {
    fn from(data: Vec<u8>) -> Self {
        Self::Binary(data.into())
    }
}

impl From<Bytes> for Message {
    fn from(data: Bytes) -> Self {
        Self::Binary(data)
    }
}

impl From<BytesMut> for Message {
    fn from(data: BytesMut) -> Self {
        Self::Binary(data.freeze())
    }
}

/// Why a message was not sent.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// The channel has closed.
    #[error("the channel is closed")]
    Closed,
    /// There is no room now: of [`try_send`](crate::Channel::try_send). The message is
    /// dropped.
    #[error("there is no room now")]
    Full,
    /// The browser has taken nothing for too long.
    #[error("the browser took nothing for {0:?}")]
    Stalled(Duration),
    /// The message is larger than the browser takes (RFC 8841 section 6). The next can be sent.
    #[error("the message is larger than the browser takes")]
    TooLarge,
}
/// How reliable a channel is: what W3C's `RTCDataChannelInit` says. A message is sent again until
/// it arrives, unless one of the limits is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reliability {
    /// Whether messages arrive in the order in which they were sent.
    pub ordered: bool,
    /// How often a lost message is sent again.
    pub max_retransmits: Option<u16>,
    /// For how long a lost message is sent again.
    pub max_packet_life_time: Option<Duration>,
}

impl From<Reliability> for sctp::Reliability {
    fn from(chosen: Reliability) -> Self {
        let retransmits = chosen
            .max_retransmits
            .map(|times| Limit::Retransmits(times.into()));
        let lifetime = chosen.max_packet_life_time.map(Limit::Lifetime);
        Self {
            ordered: chosen.ordered,
            limit: retransmits.or(lifetime),
        }
    }
}

impl From<sctp::Reliability> for Reliability {
    fn from(known: sctp::Reliability) -> Self {
        let (max_retransmits, max_packet_life_time) = match known.limit {
            // A browser counts them in 16 bits.
            Some(Limit::Retransmits(times)) => {
                (Some(u16::try_from(times).unwrap_or(u16::MAX)), None)
            }
            Some(Limit::Lifetime(time)) => (None, Some(time)),
            None => (None, None),
        };
        Self {
            ordered: known.ordered,
            max_retransmits,
            max_packet_life_time,
        }
    }
}

impl fmt::Display for Reliability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.ordered { "ordered" } else { "unordered" })?;
        match (self.max_retransmits, self.max_packet_life_time) {
            (Some(times), _) => write!(f, ", {times} retransmissions"),
            (None, Some(time)) => write!(f, ", retransmitted for {time:?}"),
            (None, None) => f.write_str(", reliable"),
        }
    }
}
