//! One data channel as a feed sees it: messages in, messages out, bounded both ways.
//!
//! **What a peer can make the server hold.** On the way in, SCTP's receive window (RFC 9260
//! section 6.2), four of the largest messages or 256 KiB for all channels of a session: a feed
//! that does not read leaves messages in it, and it closes. On the way out, [`ChannelConfig::send_buffer_bytes`] and
//! one message a channel, and as much again for a sink's unsent values. A reader that takes nothing
//! for [`ChannelConfig::stall_timeout`] loses its channel.

mod carrier;
mod pump;
mod shared;
mod sink;

pub use carrier::Carrier;
pub use pump::{Pump, open};
pub use shared::refuse;
pub use sink::{Deadline, Latest};

#[cfg(doc)]
use super::config::ChannelConfig;
use super::fresh::Outbox;
use super::message::{Message, Reliability, SendError};
use bytes::Bytes;
use shared::Shared;
use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;
use tickwire_peer::sctp::Kind;
use tickwire_wire::feed::FromData;
use tokio::sync::Mutex;

/// An open data channel. When it is dropped, its messages are thrown away; it closes when its
/// feed returns.
pub struct Channel {
    shared: Arc<Shared>,
    /// Who receives.
    receiving: Mutex<()>,
}

impl Channel {
    /// The label, which named the feed.
    pub fn label(&self) -> &str {
        &self.shared.inner.init().label
    }

    /// The subprotocol; empty where the browser gave none.
    pub fn protocol(&self) -> &str {
        &self.shared.inner.init().protocol
    }

    /// How reliable it is, both ways: what the browser chose.
    pub fn reliability(&self) -> Reliability {
        self.shared.inner.init().reliability.into()
    }

    /// The next message; `None` once the channel has closed and all that came before is read. A
    /// call that is dropped loses none. While a feed does not call it, its peer has to wait
    /// before it can send more, on its other channels too in the end.
    pub async fn recv(&self) -> Option<Message> {
        let _one_at_a_time = self.receiving.lock().await;
        loop {
            let message = self.shared.inner.recv().await?;
            match message.kind {
                Kind::Binary => return Some(Message::Binary(message.data)),
                Kind::Text => match String::from_utf8(message.data.into()) {
                    Ok(text) => return Some(Message::Text(text)),
                    Err(_) => self.shared.refuse_malformed(),
                },
            }
        }
    }

    /// Waits until the channel has closed.
    pub async fn closed(&self) {
        self.shared.inner.closed().await;
    }

    /// Sends a message once there is room for it: everything, in order, with backpressure.
    ///
    /// # Errors
    /// Where the channel has closed, the browser takes nothing for the stall timeout, or the
    /// message is larger than it takes.
    pub async fn send(&self, message: impl Into<Message>) -> Result<(), SendError> {
        self.shared.send(message.into()).await
    }

    /// Sends a message if there is room for it now.
    ///
    /// # Errors
    /// [`SendError::Full`] where there is none; where the channel has closed, or the message is
    /// larger than the browser takes.
    pub fn try_send(&self, message: impl Into<Message>) -> Result<(), SendError> {
        self.shared.try_send(message.into())
    }

    /// Says that a message could not be served, and why: `Refused: <reason>`.
    ///
    /// # Errors
    /// As [`Channel::send`].
    pub async fn refuse(&self, reason: &str) -> Result<(), SendError> {
        self.send(FromData::Refused(reason).to_string()).await
    }

    /// Turns the channel into a sink that sends the newest value of each key.
    pub fn latest<K: Hash + Eq + Clone + Send + 'static>(self) -> Latest<K> {
        Latest::new(self)
    }

    /// Turns the channel into a sink that sends each value within `lifetime`, or not at all.
    pub fn deadline(self, lifetime: Duration) -> Deadline {
        Deadline::new(self, lifetime)
    }

    pub(crate) fn is_open(&self) -> Result<(), SendError> {
        if self.shared.inner.is_closed() {
            return Err(SendError::Closed);
        }
        Ok(())
    }

    /// Whether what leaves may be lost: the browser chose that it is not sent again for ever.
    pub(crate) fn is_lossy(&self) -> bool {
        self.shared.inner.init().reliability.limit.is_some()
    }

    /// The bytes that a sink may keep.
    pub(crate) fn outbox_limit(&self) -> usize {
        self.shared.config.send_buffer_bytes
    }

    /// Sends a message at once, or not at all, for a sender with acknowledgements and a pace of its own.
    ///
    /// # Errors
    /// As [`Channel::try_send`].
    pub(crate) fn try_send_once(&self, message: &Bytes) -> Result<(), SendError> {
        let limit = self.outbox_limit();
        self.shared.gate.beside(message.len());
        if self.shared.inner.try_send_once(message, limit)? {
            Ok(())
        } else {
            Err(SendError::Full)
        }
    }

    /// Whether what is sent before anything has come may be lost.
    pub(crate) fn may_be_unknown(&self) -> bool {
        self.shared.inner.may_be_unknown()
    }

    /// The round trip of the session's path, as it was when it was proven.
    pub(crate) fn round_trip(&self) -> Option<Duration> {
        self.shared.inner.round_trip()
    }

    /// Whether that path is a connection of TCP.
    pub(crate) fn is_stream(&self) -> bool {
        self.shared.gate.is_stream()
    }

    /// Completes when the session's path is another, for one channel of those that have a pace of
    /// their own.
    pub(crate) async fn path_changed(&self) {
        self.shared.gate.path_changed().await;
    }

    /// From here on the channel sends what is put into `outbox`.
    pub(crate) fn send_from(&self, outbox: Arc<dyn Outbox>) {
        self.shared.send_from(outbox);
    }
}

impl Drop for Channel {
    fn drop(&mut self) {
        // There is one channel, so nobody has said so before.
        let _ = self.shared.unheard.set(());
    }
}
