//! What carries a channel: a data channel, or a WebSocket.

use crate::socket::SocketChannel;
use bytes::Bytes;
use std::time::Duration;
use tickwire_peer::port::{DataChannel, Released};
use tickwire_peer::sctp::{ChannelInit, Kind, Message, SendError};

/// A channel, however it comes. What it does is said at [`DataChannel`].
#[derive(Debug)]
pub enum Carrier {
    Data(DataChannel),
    Socket(SocketChannel),
}

/// The same of whichever it is.
macro_rules! either {
    ($self:ident, $channel:ident => $what:expr) => {
        match $self {
            Self::Data($channel) => $what,
            Self::Socket($channel) => $what,
        }
    };
}

impl Carrier {
    pub fn init(&self) -> &ChannelInit {
        either!(self, it => it.init())
    }

    pub fn try_send(&self, kind: Kind, data: &Bytes, limit: usize) -> Result<bool, SendError> {
        either!(self, it => it.try_send(kind, data, limit))
    }

    pub fn try_send_once(&self, data: &Bytes, limit: usize) -> Result<bool, SendError> {
        either!(self, it => it.try_send_once(data, limit))
    }

    /// The round trip of the path, where it is known.
    pub fn round_trip(&self) -> Option<Duration> {
        match self {
            Self::Data(channel) => channel.round_trip(),
            Self::Socket(_) => None,
        }
    }

    /// Whether what is sent before anything has come may be lost: some clients that announce a data channel do not
    /// know it yet.
    pub fn may_be_unknown(&self) -> bool {
        matches!(self, Self::Data(_))
    }

    pub fn outstanding(&self) -> usize {
        either!(self, it => it.outstanding())
    }

    pub async fn released(&self, is_enough: impl Fn() -> bool) {
        either!(self, it => it.released(is_enough).await);
    }

    pub fn on_released(&self, listener: impl Fn(Released) + Send + Sync + 'static) {
        either!(self, it => it.on_released(listener));
    }

    pub async fn recv(&self) -> Option<Message> {
        either!(self, it => it.recv().await)
    }

    pub fn unread_for(&self) -> Option<Duration> {
        either!(self, it => it.unread_for())
    }

    pub fn is_closed(&self) -> bool {
        either!(self, it => it.is_closed())
    }

    pub async fn closed(&self) {
        either!(self, it => it.closed().await);
    }

    pub fn close(&self) {
        either!(self, it => it.close());
    }
}
