//! Channels that are opened on a link beside those that it starts with.

use std::rc::Rc;
use tickwire_wire::signaling::ChannelInit;

/// What to open: the names are those of W3C's `RTCDataChannelInit`. The link chooses the id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChannelOptions {
    /// What names the feed: at most 65,535 bytes of UTF-8.
    pub label: String,
    /// Whether messages arrive in the order in which they were sent.
    pub ordered: bool,
    /// How often a lost message is sent again; without it, and without a lifetime, until it
    /// arrives. Not together with a lifetime.
    pub max_retransmits: Option<u16>,
    /// For how many milliseconds a lost message is sent again.
    pub max_packet_life_time: Option<u16>,
    /// The subprotocol; may be empty.
    pub protocol: String,
}

impl ChannelOptions {
    /// A channel of this label on which everything arrives, in order.
    pub fn reliable(label: impl Into<String>) -> Self {
        Self {
            label: label.into(),
            ordered: true,
            max_retransmits: None,
            max_packet_life_time: None,
            protocol: String::new(),
        }
    }

    /// A channel of this label on which nothing is sent again and nothing waits for anything.
    pub fn newest_only(label: impl Into<String>) -> Self {
        Self {
            ordered: false,
            max_retransmits: Some(0),
            ..Self::reliable(label)
        }
    }

    /// The same with a subprotocol.
    pub fn with_protocol(self, protocol: impl Into<String>) -> Self {
        Self {
            protocol: protocol.into(),
            ..self
        }
    }

    /// The channel of this id that both sides create.
    pub fn negotiated(self, id: u16) -> ChannelInit {
        ChannelInit {
            label: self.label,
            id,
            ordered: self.ordered,
            max_retransmits: self.max_retransmits,
            max_packet_life_time: self.max_packet_life_time,
            protocol: self.protocol,
            negotiated: true,
        }
    }
}

/// What happens on a channel that [`Link::open`](crate::Link::open) has opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChannelEvent {
    /// It is open. It comes again when the link has come back on a new session, or moved to one.
    Opened,
    /// A text message arrived.
    Text(String),
    /// A binary message arrived.
    Binary(Vec<u8>),
    /// The session is lost, or left for another, and the channel comes back with the link; what was on its way is
    /// lost.
    Lost,
    /// It has ended: the server has closed it, or does not serve it (why). Nothing follows.
    Closed(Option<String>),
}

/// Why a channel cannot be opened.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// The component that made the link is gone, or the page is being rendered by the server.
    #[error("there is no link to open a channel on")]
    NoLink,
    /// As many channels are open as the link has ids for.
    #[error("too many channels are open")]
    TooMany,
}

/// Why a message was not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotSent {
    /// The channel is not open now.
    #[error("the channel is not open")]
    NotOpen,
    /// The browser does not take it: its buffer is full, or the message is larger than the
    /// server takes.
    #[error("the browser does not take the message")]
    Refused,
}

/// A channel that was opened on a link. It closes when this is dropped, and when the component
/// that called [`use_link`](crate::use_link) goes. It comes back with the link.
pub struct LinkChannel(pub(crate) Rc<dyn ChannelHandle>);

/// What a [`LinkChannel`] is made of: the browser's half. Dropping it closes the channel.
pub(crate) trait ChannelHandle {
    fn send_text(&self, text: &str) -> Result<(), NotSent>;
    fn send_binary(&self, bytes: &[u8]) -> Result<(), NotSent>;
    fn buffered_amount(&self) -> u32;
}

impl LinkChannel {
    /// Hands a text message to the browser, which sends it as soon as it can.
    ///
    /// # Errors
    /// Where the channel is not open, or the browser does not take the message.
    pub fn send_text(&self, text: &str) -> Result<(), NotSent> {
        self.0.send_text(text)
    }

    /// Hands a binary message to the browser, likewise.
    ///
    /// # Errors
    /// As [`LinkChannel::send_text`].
    pub fn send_binary(&self, bytes: &[u8]) -> Result<(), NotSent> {
        self.0.send_binary(bytes)
    }

    /// How many bytes wait in the browser's queue; 0 where the channel is not open.
    pub fn buffered_amount(&self) -> u32 {
        self.0.buffered_amount()
    }
}
