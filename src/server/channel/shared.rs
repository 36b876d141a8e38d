//! What both halves of a channel share: how messages leave, and what is outstanding.

use super::{Message, Reliability, SendError};
use crate::server::config::ChannelConfig;
use crate::server::fresh::{Gate, Ledger, Outbox};
use crate::wire::FromData;
use bytes::BytesMut;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Mutex, SetOnce};
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;
use tracing::{debug, info};
use webrtc::data_channel::DataChannel;
use webrtc::error::Error;

/// How often a channel that is about to close looks whether all it sent has arrived. It is told
/// as a rule.
const LOOK: Duration = Duration::from_millis(50);

pub struct Shared {
    pub inner: Arc<dyn DataChannel>,
    pub label: String,
    pub protocol: String,
    pub reliability: Reliability,
    pub config: ChannelConfig,
    pub closed: CancellationToken,
    pub gate: Arc<Gate>,
    pub ledger: Mutex<Ledger>,
    pub outbox: SetOnce<Arc<dyn Outbox>>,
}

impl Shared {
    /// Sends the outbox' next value once it is this channel's turn and the path has room.
    pub async fn send_next(&self, outbox: &dyn Outbox) -> Result<(), SendError> {
        let turn = self.gate.turn().await;
        while let Some(bytes) = outbox.next(Instant::now()) {
            if turn.has_room(bytes).await {
                let Some(message) = outbox.take(Instant::now()) else {
                    break;
                };
                return match self.send(message).await {
                    // The feed is told of no value that it has put, so the log is.
                    Err(SendError::TooLarge) => {
                        info!(bytes, "a value is larger than the browser takes: dropped");
                        Ok(())
                    }
                    sent => sent,
                };
            }
            self.look().await;
        }
        Ok(())
    }

    pub async fn send(&self, message: Message) -> Result<(), SendError> {
        let send = async {
            if self.outbox.get().is_some() {
                return self.send_and_enter(message).await;
            }
            settle(match message {
                Message::Text(text) => self.inner.send_text(&text).await,
                Message::Binary(data) => self.inner.send(data).await,
            })
        };
        let sent = timeout(self.config.stall_timeout, send).await;
        sent.unwrap_or(Err(SendError::Stalled(self.config.stall_timeout)))
    }

    /// Sends on a channel that is a sink, once there is room.
    async fn send_and_enter(&self, message: Message) -> Result<(), SendError> {
        let mut message = message;
        loop {
            settle(self.inner.writable().await)?;
            match self.try_send_and_enter(message).await {
                Err((SendError::Full, kept)) => message = kept,
                sent => return sent.map_err(|(cause, _)| cause),
            }
            self.look().await;
        }
    }

    pub async fn try_send(&self, message: Message) -> Result<(), SendError> {
        if self.outbox.get().is_some() {
            let sent = self.try_send_and_enter(message).await;
            return sent.map_err(|(cause, _)| cause);
        }
        self.hand_over(message).await
    }

    /// Sends on a channel that is a sink, and enters the message into the ledger. All of its
    /// messages are there, those too that did not go through the gate: what is outstanding is
    /// known only of all together.
    async fn try_send_and_enter(&self, message: Message) -> Result<(), (SendError, Message)> {
        let bytes = message.len();
        let mut ledger = self.ledger.lock().await;
        if ledger.bytes() > 0 && ledger.bytes() + bytes > self.config.send_buffer_bytes {
            return Err((SendError::Full, message));
        }
        let nothing = || Message::Binary(BytesMut::new());
        self.hand_over(message)
            .await
            .map_err(|cause| (cause, nothing()))?;
        self.gate.sent(&mut ledger, bytes);
        self.watch(&ledger).await;
        Ok(())
    }

    async fn hand_over(&self, message: Message) -> Result<(), SendError> {
        settle(match message {
            Message::Text(text) => self.inner.try_send_text(&text).await,
            Message::Binary(data) => self.inner.try_send(data).await,
        })
    }

    /// Asks to be told of the next acknowledgement, whatever it leaves outstanding.
    async fn watch(&self, ledger: &Ledger) {
        let below = u32::try_from(ledger.bytes().saturating_sub(1)).unwrap_or(u32::MAX);
        // It fails for a channel that has closed, which shows elsewhere.
        let _ = self.inner.set_buffered_amount_low_threshold(below).await;
    }

    /// Looks what is outstanding, and tells the gate.
    pub async fn look(&self) {
        if self.outbox.get().is_none() {
            return;
        }
        let mut ledger = self.ledger.lock().await;
        if let Ok(bytes) = self.inner.outstanding_bytes().await {
            self.gate.outstanding(&mut ledger, bytes);
            self.watch(&ledger).await;
        }
    }

    /// Sends, and looks meanwhile whenever the gate asks.
    pub async fn answering<T>(&self, sending: impl Future<Output = T>) -> T {
        let looking = async {
            loop {
                self.gate.asked().await;
                self.look().await;
            }
        };
        tokio::select! {
            sent = sending => sent,
            never = looking => never,
        }
    }

    /// Answers what claims to be text and is not. No browser sends it.
    pub async fn refuse_malformed(&self) {
        debug!("a text message is not UTF-8");
        let refusal = FromData::Refused("a text message must be UTF-8 (RFC 8831 section 6.6)");
        // Whoever sends such things and takes no answers gets none.
        let _ = self.try_send(refusal.to_string().into()).await;
    }
}

fn settle(sent: Result<(), Error>) -> Result<(), SendError> {
    match sent {
        Ok(()) => Ok(()),
        Err(Error::ErrSendBufferFull) => Err(SendError::Full),
        Err(Error::ErrOutboundPacketTooLarge) => Err(SendError::TooLarge),
        Err(cause) => {
            debug!(%cause, "nothing can be sent");
            Err(SendError::Closed)
        }
    }
}

/// Closes a channel, as the browser sees too.
pub async fn close(channel: &dyn DataChannel) {
    if let Err(cause) = channel.close().await {
        debug!(%cause, "the channel was closed already");
    }
}

/// Says why a channel is not served, and closes it.
pub async fn refuse(channel: &dyn DataChannel, reason: &str, limit: Duration) {
    let refusal = FromData::Refused(reason).to_string();
    if let Err(cause) = channel.try_send_text(&refusal).await {
        debug!(%cause, "the refusal could not be sent");
    }
    close_after(channel, limit).await;
}

/// Closes a channel once all that was sent on it is acknowledged or given up: closing it throws
/// the rest away. What arrives meanwhile is thrown away too.
pub async fn close_after(channel: &dyn DataChannel, limit: Duration) {
    let sent = async {
        let _ = channel.set_buffered_amount_low_threshold(0).await;
        while channel
            .outstanding_bytes()
            .await
            .is_ok_and(|bytes| bytes > 0)
        {
            if let Ok(None) = timeout(LOOK, channel.poll()).await {
                break;
            }
        }
    };
    if timeout(limit, sent).await.is_err() {
        debug!("the channel closes before all that was sent on it has arrived");
    }
    close(channel).await;
}
