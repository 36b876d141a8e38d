//! One data channel as a feed sees it: messages in, messages out, bounded both ways.
//!
//! **What a peer can make the server hold.** A feed that does not read, or waits for a slow
//! reader, stops reading from its peer, and then SCTP's window closes. Until then there are:
//!
//! - a channel: [`ChannelConfig::send_buffer_bytes`] and one message on the way out, as much
//!   again for a sink's unsent values, and 256 messages of [`ChannelConfig::message_bytes`] on
//!   the way in, which is the queue between the connection and the channel, and [`INBOX`] more;
//! - a session: 256 such messages more, and SCTP's receive window of 1 MiB (RFC 9260 section
//!   6.2), and 256 KiB of datagrams that its task has not read yet.
//!
//! With the defaults that is 17 MB a channel and 18 MB a session, if all messages are of the
//! largest size; with messages of 100 bytes it is 0.5 MB and 1.4 MB. What is on its way from
//! one queue to the next can add to it for a moment. A reader that takes nothing for
//! [`ChannelConfig::stall_timeout`] loses its channel, and none of this is held for longer.

mod message;
mod pump;
mod shared;

pub use message::{Message, Reliability, SendError};
pub use pump::{OpenError, Opening, Pump};
pub use shared::{close, refuse};

#[cfg(doc)]
use super::config::ChannelConfig;
use super::fresh::{Deadline, Latest, Outbox};
use crate::wire::FromData;
use shared::Shared;
use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Mutex, mpsc};

/// Messages that may wait for the feed, besides the connection's own queue.
const INBOX: usize = 16;

/// An open data channel. When it is dropped, its messages are thrown away; it closes when its
/// feed returns.
pub struct Channel {
    shared: Arc<Shared>,
    inbox: Mutex<mpsc::Receiver<Message>>,
}

impl Channel {
    /// The label, which named the feed.
    pub fn label(&self) -> &str {
        &self.shared.label
    }

    /// The subprotocol; empty where the browser gave none.
    pub fn protocol(&self) -> &str {
        &self.shared.protocol
    }

    /// How reliable what the server sends is. For a negotiated channel it is what the browser
    /// chose; for one that the browser announced, [`Reliability::ANNOUNCED`].
    pub fn reliability(&self) -> Reliability {
        self.shared.reliability
    }

    /// The next message; `None` once the channel has closed and all that came before is read. A
    /// call that is dropped loses none. While a feed does not call it, its peer has to wait
    /// before it can send more, and nobody else.
    pub async fn recv(&self) -> Option<Message> {
        let mut inbox = self.inbox.lock().await;
        // The inbox outlives the channel, for as long as the feed is given to end.
        tokio::select! {
            message = inbox.recv() => message,
            () = self.shared.closed.cancelled() => inbox.try_recv().ok(),
        }
    }

    /// Waits until the channel has closed.
    pub async fn closed(&self) {
        self.shared.closed.cancelled().await;
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
    pub async fn try_send(&self, message: impl Into<Message>) -> Result<(), SendError> {
        self.shared.try_send(message.into()).await
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

    pub(in crate::server) fn is_open(&self) -> Result<(), SendError> {
        if self.shared.closed.is_cancelled() {
            return Err(SendError::Closed);
        }
        Ok(())
    }

    /// The bytes that a sink may keep.
    pub(in crate::server) fn outbox_limit(&self) -> usize {
        self.shared.config.send_buffer_bytes
    }

    /// From here on the channel sends what is put into `outbox`.
    pub(in crate::server) fn send_from(&self, outbox: Arc<dyn Outbox>) {
        // A channel is turned into a sink by value, so there is no other outbox.
        let _ = self.shared.outbox.set(outbox);
    }
}
