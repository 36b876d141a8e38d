//! One data channel as a feed sees it: messages in, messages out, bounded both ways.
//!
//! **What a peer can make the server hold.** A feed that waits for a slow reader stops reading
//! from it, and then SCTP's window closes. Until then there are:
//!
//! - a channel: [`ChannelConfig::send_buffer_bytes`] and one message on the way out, and 256
//!   messages of [`ChannelConfig::message_bytes`] on the way in, which is the queue between the
//!   connection and the channel;
//! - a session: 256 such messages more, and SCTP's receive window of 1 MiB (RFC 9260 section
//!   6.2), and 256 KiB of datagrams that its task has not read yet.
//!
//! With the defaults that is 17 MB a channel and 18 MB a session, if all messages are of the
//! largest size; with messages of 100 bytes it is 0.4 MB and 1.4 MB. What is on its way from
//! one queue to the next can add to it for a moment. A reader that takes nothing for
//! [`ChannelConfig::stall_timeout`] loses its channel, and none of this is held for longer.

use super::config::ChannelConfig;
use bytes::BytesMut;
use std::sync::Arc;
use std::time::Duration;
use tracing::debug;
use webrtc::data_channel::{DataChannel, DataChannelEvent, RTCDataChannelMessage};
use webrtc::error::Error;

/// A message that arrived.
#[derive(Debug, PartialEq, Eq)]
pub enum Message {
    /// Text, which RFC 8831 section 6.6 says is UTF-8.
    Text(String),
    /// Bytes.
    Binary(BytesMut),
    /// What claims to be text and is not UTF-8. No browser sends it.
    Malformed,
}

impl From<RTCDataChannelMessage> for Message {
    fn from(message: RTCDataChannelMessage) -> Self {
        if !message.is_string {
            return Self::Binary(message.data);
        }
        String::from_utf8(message.data.into()).map_or(Self::Malformed, Self::Text)
    }
}

/// Why a message was not sent.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// The channel has closed.
    #[error("the channel is closed")]
    Closed,
    /// The browser has taken nothing for too long.
    #[error("the browser took nothing for {0:?}")]
    Stalled(Duration),
    /// The message is larger than the browser takes (RFC 8841 section 6). The next can be sent.
    #[error("the message is larger than the browser takes")]
    TooLarge,
}

/// An open data channel.
pub struct Channel {
    inner: Arc<dyn DataChannel>,
    stall_timeout: Duration,
}

impl Channel {
    /// Waits for the channel to open; `None` where it closes first.
    pub async fn open(inner: Arc<dyn DataChannel>, config: &ChannelConfig) -> Option<Self> {
        loop {
            match inner.poll().await? {
                DataChannelEvent::OnOpen => {
                    return Some(Self {
                        inner,
                        stall_timeout: config.stall_timeout,
                    });
                }
                DataChannelEvent::OnClose => return None,
                _ => {}
            }
        }
    }

    /// The next message; `None` once the channel has closed. A call that is dropped loses none.
    pub async fn recv(&self) -> Option<Message> {
        loop {
            match self.inner.poll().await? {
                DataChannelEvent::OnMessage(message) => return Some(message.into()),
                DataChannelEvent::OnClose => return None,
                _ => {}
            }
        }
    }

    /// Sends text once there is room for it.
    ///
    /// # Errors
    /// Where the channel has closed, the browser takes nothing for the stall timeout, or the
    /// message is larger than it takes.
    pub async fn send_text(&self, text: &str) -> Result<(), SendError> {
        self.within_stall_timeout(self.inner.send_text(text)).await
    }

    /// Sends bytes once there is room for them.
    ///
    /// # Errors
    /// As [`Channel::send_text`].
    pub async fn send_binary(&self, data: BytesMut) -> Result<(), SendError> {
        self.within_stall_timeout(self.inner.send(data)).await
    }

    /// Sends text if there is room for it now; otherwise it is dropped. For values of which the
    /// next one makes up for the last.
    ///
    /// # Errors
    /// Where the channel has closed, or the message is larger than the browser takes.
    pub async fn try_send_text(&self, text: &str) -> Result<(), SendError> {
        match self.inner.try_send_text(text).await {
            Err(Error::ErrSendBufferFull) => Ok(()),
            sent => settle(sent),
        }
    }

    async fn within_stall_timeout(
        &self,
        send: impl Future<Output = Result<(), Error>>,
    ) -> Result<(), SendError> {
        match tokio::time::timeout(self.stall_timeout, send).await {
            Ok(sent) => settle(sent),
            Err(_) => Err(SendError::Stalled(self.stall_timeout)),
        }
    }
}

fn settle(sent: Result<(), Error>) -> Result<(), SendError> {
    match sent {
        Ok(()) => Ok(()),
        Err(Error::ErrOutboundPacketTooLarge) => Err(SendError::TooLarge),
        Err(cause) => {
            debug!(%cause, "nothing can be sent");
            Err(SendError::Closed)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_utf_8_never_becomes_text() {
        let read = |is_string, data: &[u8]| -> Message {
            RTCDataChannelMessage {
                is_string,
                data: data.into(),
            }
            .into()
        };
        assert_eq!(read(true, "é".as_bytes()), Message::Text("é".into()));
        assert_eq!(read(true, b""), Message::Text(String::new()));
        for malformed in [&b"\xff"[..], b"a\xc3", b"\xed\xa0\x80"] {
            assert_eq!(read(true, malformed), Message::Malformed);
            assert_eq!(read(false, malformed), Message::Binary(malformed.into()));
        }
    }
}
