//! What both halves of a channel share: how messages leave, and what is outstanding.

use super::{Carrier, Message, SendError};
use crate::config::ChannelConfig;
use crate::fresh::{Gate, Ledger, Outbox};
use crate::lock::lock;
use bytes::Bytes;
use std::sync::{Arc, Mutex, MutexGuard};
use tickwire_peer::sctp::{self, Kind};
use tickwire_wire::feed::FromData;
use tokio::sync::SetOnce;
use tokio::time::{Instant, timeout};
use tracing::{debug, info};

pub struct Shared {
    pub inner: Carrier,
    pub config: ChannelConfig,
    /// That the feed receives no more.
    pub unheard: SetOnce<()>,
    pub gate: Arc<Gate>,
    /// What a sink has outstanding.
    pub ledger: Arc<Mutex<Ledger>>,
    pub outbox: SetOnce<Arc<dyn Outbox>>,
}

impl Shared {
    /// Sends the outbox' next value once it is this channel's turn and the path has room. Whoever
    /// stops waiting for this loses no value.
    pub async fn send_next(&self, outbox: &dyn Outbox) -> Result<(), SendError> {
        let turn = self.gate.turn().await;
        while let Some(bytes) = outbox.next(Instant::now()) {
            if !turn.has_room(bytes).await {
                continue;
            }
            let mut hand_over = |kind, data: &Bytes| match self.hand_over(kind, data) {
                // The feed is told of no value that it has put, so the log is.
                Err(SendError::TooLarge) => {
                    info!(bytes, "a value is larger than the browser takes: dropped");
                    Ok(true)
                }
                handed_over => handed_over,
            };
            if !outbox.leave(Instant::now(), &mut hand_over)? {
                // The other channels of the session do not wait for this one's room.
                drop(turn);
                return Box::pin(self.room(bytes)).await;
            }
            break;
        }
        Ok(())
    }

    /// Sends once there is room.
    pub async fn send(&self, message: Message) -> Result<(), SendError> {
        let (kind, data) = message.into_parts();
        while !self.hand_over(kind, &data)? {
            // Rare, and larger than all else that a feed waits for.
            Box::pin(self.room(data.len())).await?;
        }
        Ok(())
    }

    /// Waits until there is room for a message of this many bytes, or the channel has closed.
    async fn room(&self, bytes: usize) -> Result<(), SendError> {
        let limit = self.config.send_buffer_bytes;
        let has_room = || {
            let outstanding = self.inner.outstanding();
            outstanding == 0 || outstanding + bytes <= limit
        };
        let waiting = async {
            while !self.inner.is_closed() && !has_room() {
                self.inner.released(has_room).await;
            }
        };
        let waited = timeout(self.config.stall_timeout, waiting).await;
        waited.map_err(|_| SendError::Stalled(self.config.stall_timeout))
    }

    /// Sends if there is room now.
    pub fn try_send(&self, message: Message) -> Result<(), SendError> {
        let (kind, data) = message.into_parts();
        if self.hand_over(kind, &data)? {
            Ok(())
        } else {
            Err(SendError::Full)
        }
    }

    /// False where there is no room.
    fn hand_over(&self, kind: Kind, data: &Bytes) -> Result<bool, SendError> {
        let limit = self.config.send_buffer_bytes;
        let is_sent = self.inner.try_send(kind, data, limit)?;
        // All messages of a sink are entered, those too that did not go through the gate: what is
        // outstanding is known only of all together.
        if is_sent && self.outbox.get().is_some() {
            self.gate.sent(&mut self.ledger(), data.len());
            // It may have been released before it was entered.
            let outstanding = self.inner.outstanding();
            self.gate.outstanding(&mut self.ledger(), outstanding);
        }
        Ok(is_sent)
    }

    /// From here on the channel sends what is put into `outbox`.
    pub fn send_from(&self, outbox: Arc<dyn Outbox>) {
        let (gate, ledger) = (self.gate.clone(), self.ledger.clone());
        self.inner.on_released(move |released| {
            let mut ledger = lock(&ledger);
            if released.is_given_up {
                gate.given_up(&mut ledger, released.outstanding, released.is_silent);
            } else {
                gate.outstanding(&mut ledger, released.outstanding);
            }
        });
        // A channel is turned into a sink by value, so there is no other outbox.
        let _ = self.outbox.set(outbox);
    }

    pub fn ledger(&self) -> MutexGuard<'_, Ledger> {
        lock(&self.ledger)
    }

    /// Answers what claims to be text and is not. No browser sends it.
    pub fn refuse_malformed(&self) {
        debug!("a text message is not UTF-8");
        let refusal = FromData::Refused("a text message must be UTF-8 (RFC 8831 section 6.6)");
        // Whoever sends such things and takes no answers gets none.
        let _ = self.try_send(refusal.to_string().into());
    }
}

impl From<sctp::SendError> for SendError {
    fn from(cause: sctp::SendError) -> Self {
        match cause {
            sctp::SendError::Closed => Self::Closed,
            sctp::SendError::TooLarge(_) => Self::TooLarge,
        }
    }
}

/// Says why a channel is not served, and closes it.
pub async fn refuse(channel: &Carrier, reason: &str, config: &ChannelConfig) {
    let refusal = Bytes::from(FromData::Refused(reason).to_string());
    if let Err(cause) = channel.try_send(Kind::Text, &refusal, config.send_buffer_bytes) {
        debug!(%cause, "the refusal could not be sent");
    }
    close(channel, config).await;
}

/// Closes a channel, as the browser sees too, once what was sent before has arrived. What arrives
/// meanwhile is thrown away.
pub async fn close(channel: &Carrier, config: &ChannelConfig) {
    channel.close();
    if timeout(config.stall_timeout, channel.closed())
        .await
        .is_err()
    {
        debug!("the browser did not close its side of the channel");
    }
}
