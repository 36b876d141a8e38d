//! The session's half of a channel: opens it, moves its messages, closes it.

use super::shared::{Shared, close, close_after};
use super::{Channel, INBOX, Message, Reliability, SendError};
use crate::server::config::ChannelConfig;
use crate::server::fresh::Gate;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Mutex, SetOnce, mpsc};
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;
use tracing::info;
use webrtc::data_channel::{DataChannel, DataChannelEvent, RTCDataChannelState};

/// The other half of a [`Channel`]: what moves its messages. The session's.
pub struct Pump {
    shared: Arc<Shared>,
    inbox: mpsc::Sender<Message>,
}

/// A channel before it is open, and what was negotiated for it.
pub struct Opening {
    pub inner: Arc<dyn DataChannel>,
    /// `None` for a channel that the browser announced.
    pub negotiated: Option<Reliability>,
}

/// Why a channel is not served.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("it closed before it was open")]
    Closed,
    #[error(
        "unordered delivery can be had on negotiated channels only: create it with negotiated: true and an id, and name it in the offer's channels"
    )]
    Unordered,
}

impl Opening {
    /// Waits for the channel to open.
    ///
    /// # Errors
    /// Where it closes first, or what the browser chose cannot be had.
    pub async fn open(
        self,
        config: &ChannelConfig,
        gate: Arc<Gate>,
    ) -> Result<(Channel, Pump), OpenError> {
        let inner = self.inner;
        let closed = |_| OpenError::Closed;
        // One that is added to an open connection is open at once, and nothing says so.
        while inner.ready_state().await.map_err(closed)? != RTCDataChannelState::Open {
            match inner.poll().await.ok_or(OpenError::Closed)? {
                DataChannelEvent::OnOpen => break,
                DataChannelEvent::OnClose => return Err(OpenError::Closed),
                _ => {}
            }
        }
        // `webrtc` 0.21.1 opens a negotiated channel's stream, with its reliability, when its
        // task next writes, and without this that is when the browser's first message has come
        // and made a stream that is reliable and ordered. Any call that writes will do.
        inner
            .set_buffered_amount_low_threshold(0)
            .await
            .map_err(closed)?;
        let (label, protocol) = (
            inner.label().await.map_err(closed)?,
            inner.protocol().await.map_err(closed)?,
        );
        if self.negotiated.is_none() && !inner.ordered().await.map_err(closed)? {
            return Err(OpenError::Unordered);
        }
        let shared = Arc::new(Shared {
            inner,
            label,
            protocol,
            reliability: self.negotiated.unwrap_or(Reliability::ANNOUNCED),
            config: config.clone(),
            closed: CancellationToken::new(),
            gate,
            ledger: Mutex::default(),
            outbox: SetOnce::new(),
        });
        let (inbox, messages) = mpsc::channel(INBOX);
        let channel = Channel {
            shared: shared.clone(),
            inbox: Mutex::new(messages),
        };
        Ok((channel, Pump { shared, inbox }))
    }
}

impl Pump {
    /// Moves what arrives to the feed, until the channel has closed.
    ///
    /// # Errors
    /// Where the feed leaves messages unread for the stall timeout.
    pub async fn receive(&self) -> Result<(), Unread> {
        while let Some(event) = self.shared.inner.poll().await {
            match event {
                DataChannelEvent::OnMessage(message) if message.is_string => {
                    match String::from_utf8(message.data.into()) {
                        Ok(text) => self.deliver(Message::Text(text)).await?,
                        Err(_) => self.shared.refuse_malformed().await,
                    }
                }
                DataChannelEvent::OnMessage(message) => {
                    self.deliver(Message::Binary(message.data)).await?;
                }
                DataChannelEvent::OnBufferedAmountLow => self.shared.look().await,
                DataChannelEvent::OnClose => break,
                _ => {}
            }
        }
        self.shared.closed.cancel();
        Ok(())
    }

    /// Hands a message to the feed once it has room for it. One whose feed has dropped the
    /// channel is thrown away.
    ///
    /// It cannot wait for ever: while it does, the connection's own task stands still in the
    /// end, and then nobody would notice that the peer has gone.
    async fn deliver(&self, message: Message) -> Result<(), Unread> {
        let limit = self.shared.config.stall_timeout;
        match timeout(limit, self.inbox.send(message)).await {
            Ok(_) => Ok(()),
            Err(_) => Err(Unread(limit)),
        }
    }

    /// Lets values of the channel's sink out as the path takes them. Completes where that fails.
    pub async fn send(&self) -> SendError {
        let shared = &*self.shared;
        let outbox = &**shared.outbox.wait().await;
        let sending = async {
            loop {
                if outbox.next(Instant::now()).is_none() {
                    outbox.filled().notified().await;
                    continue;
                }
                if let Err(cause) = shared.send_next(outbox).await {
                    return cause;
                }
            }
        };
        shared.answering(sending).await
    }

    /// Sends what is left in the sink, once its feed has returned.
    pub async fn flush(&self) -> Result<(), SendError> {
        let shared = &*self.shared;
        let Some(outbox) = shared.outbox.get() else {
            return Ok(());
        };
        let sending = async {
            while outbox.next(Instant::now()).is_some() {
                shared.send_next(&**outbox).await?;
            }
            Ok(())
        };
        shared.answering(sending).await
    }

    /// Closes the channel, as the browser sees too, once what was sent before has arrived.
    pub async fn close(&self) {
        close_after(&*self.shared.inner, self.shared.config.stall_timeout).await;
    }

    /// Closes the channel of a browser that has taken nothing for the stall timeout: it would
    /// not take what was sent before either, and could send all the while.
    pub async fn close_at_once(&self) {
        close(&*self.shared.inner).await;
    }
}

impl Drop for Pump {
    fn drop(&mut self) {
        self.shared.closed.cancel();
        if let Some(outbox) = self.shared.outbox.get() {
            info!(counts = %outbox.counts(), "values");
        }
        // Nobody else has it: sending and looking are the pump's own, and it is not in them.
        if let Ok(mut ledger) = self.shared.ledger.try_lock() {
            self.shared.gate.forget(&mut ledger);
        }
    }
}

/// A feed has left messages unread for so long.
#[derive(Debug, thiserror::Error)]
#[error("the feed left messages unread for {0:?}")]
pub struct Unread(Duration);
