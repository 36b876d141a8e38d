//! What goes in and out of [`Sctp`](super::Sctp).

use std::time::Duration;

use bytes::Bytes;
use thiserror::Error;

/// How hard a channel tries to deliver a message, in both directions (RFC 8831 section 6.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reliability {
    /// Whether messages are delivered in the order in which they were sent.
    pub ordered: bool,
    /// When a message is given up; never, if `None`.
    pub limit: Option<Limit>,
}

impl Default for Reliability {
    /// Ordered and reliable.
    fn default() -> Self {
        Self {
            ordered: true,
            limit: None,
        }
    }
}

/// When a message is given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// After this many retransmissions (`maxRetransmits`).
    Retransmits(u32),
    /// When it is this old, in whole milliseconds (`maxPacketLifeTime`).
    Lifetime(Duration),
}

/// What both ends know of a channel when it begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChannelInit {
    /// The SCTP stream identifier, 0 to 65,534.
    pub id: u16,
    /// The label.
    pub label: String,
    /// The subprotocol; empty if none.
    pub protocol: String,
    /// The reliability.
    pub reliability: Reliability,
}

/// Whether a message is text or binary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Text. What is received is not checked to be UTF-8.
    Text,
    /// Binary.
    Binary,
}

/// A message that was received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Text or binary.
    pub kind: Kind,
    /// The bytes; may be empty.
    pub data: Bytes,
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The association is established: negotiated channels can send now.
    Up,
    /// The browser has announced a channel (RFC 8832), and it was acknowledged.
    Opened(ChannelInit),
    /// There may be messages to [`recv`](super::Sctp::recv) on this channel. It comes again only
    /// after `recv` has returned `None`.
    Readable(u16),
    /// Something that was sent on this channel was acknowledged or given up.
    Released(u16),
    /// A message that is larger than we take came on this channel and was dropped.
    TooLarge(u16),
    /// The browser has closed this channel. Nothing more can be sent; what it sent before can be
    /// received. `Closed` follows when all of that is received and all that we sent is out.
    Closing(u16),
    /// The channel is closed on both ends, and its id is free.
    Closed(u16),
    /// The association has ended, and all channels with it. No other event follows.
    Ended(End),
}

/// Why an association ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The browser sent ABORT: it has closed the connection.
    Aborted,
    /// The browser sent SHUTDOWN.
    Shutdown,
    /// The browser broke the protocol or a bound, which is named here. It was sent an ABORT.
    Violation(&'static str),
    /// The SCTP engine gave up on what the browser sent, such as an acknowledgement of data that
    /// was never sent.
    Failed,
}

/// Why a message was not sent. Nothing else is lost by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum SendError {
    /// The channel is closed, is closing, or was never open; or the association is not up.
    #[error("the channel is not open")]
    Closed,
    /// The message is larger than this many bytes, the most that the browser takes.
    #[error("the browser takes at most {0} bytes in a message")]
    TooLarge(u64),
}

/// Why a channel was not negotiated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum NegotiateError {
    /// The id is in use by another channel, or by one that is still closing.
    #[error("the id is in use by another channel")]
    Conflict,
    /// The id is 65,535, which is reserved (RFC 8832 section 6).
    #[error("the id 65535 is reserved")]
    Reserved,
    /// There are as many channels as there may be.
    #[error("too many channels")]
    TooMany,
    /// The association has ended.
    #[error("the association has ended")]
    Ended,
}

/// Counters of one association.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Channels that the browser announced and that were closed at once: one too many, or an
    /// OPEN that is malformed or has too long a label.
    pub refused_channels: u32,
    /// Messages that were dropped because they are larger than we take.
    pub too_large: u32,
    /// Messages that were dropped because of their payload protocol: among them the partial
    /// messages 52 and 54, which are deprecated (RFC 8831 section 6.6), and an OPEN on a channel
    /// that is open.
    pub unknown_messages: u32,
    /// DATA chunks that were not let in: on too many strange streams, or too many small ones.
    pub refused_chunks: u32,
    /// Retransmission timeouts.
    pub timeouts: u64,
    /// Chunks that were retransmitted early, after three reports that they are missing.
    pub fast_retransmits: u64,
}
