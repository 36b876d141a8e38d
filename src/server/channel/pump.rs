//! The session's half of a channel: moves its messages, closes it.

use super::shared::{Shared, close};
use super::{Channel, INBOX, Message, SendError};
use crate::server::config::ChannelConfig;
use crate::server::fresh::Gate;
use std::sync::Arc;
use std::time::Duration;
use tickwire_peer::port::DataChannel;
use tickwire_peer::sctp::Kind;
use tokio::sync::{Mutex, SetOnce, mpsc};
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;
use tracing::info;

/// The other half of a [`Channel`]: what moves its messages. The session's.
pub struct Pump {
    shared: Arc<Shared>,
    inbox: mpsc::Sender<Message>,
}

/// Both halves of a channel that is open.
pub fn open(inner: DataChannel, config: &ChannelConfig, gate: Arc<Gate>) -> (Channel, Pump) {
    let shared = Arc::new(Shared {
        inner,
        config: config.clone(),
        closed: CancellationToken::new(),
        gate,
        ledger: Arc::default(),
        outbox: SetOnce::new(),
    });
    let (inbox, messages) = mpsc::channel(INBOX);
    let channel = Channel {
        shared: shared.clone(),
        inbox: Mutex::new(messages),
    };
    (channel, Pump { shared, inbox })
}

impl Pump {
    /// Moves what arrives to the feed, until the channel has closed.
    ///
    /// # Errors
    /// Where the feed leaves messages unread for the stall timeout.
    pub async fn receive(&self) -> Result<(), Unread> {
        while let Some(message) = self.shared.inner.recv().await {
            match message.kind {
                Kind::Text => match String::from_utf8(message.data.into()) {
                    Ok(text) => self.deliver(Message::Text(text)).await?,
                    Err(_) => self.shared.refuse_malformed(),
                },
                Kind::Binary => self.deliver(Message::Binary(message.data)).await?,
            }
        }
        self.shared.closed.cancel();
        Ok(())
    }

    /// Hands a message to the feed once it has room for it. One whose feed has dropped the
    /// channel is thrown away.
    ///
    /// It cannot wait for ever: while it does, SCTP's window closes, for the session's other
    /// channels too.
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
        loop {
            if outbox.next(Instant::now()).is_none() {
                outbox.filled().notified().await;
                continue;
            }
            if let Err(cause) = shared.send_next(outbox).await {
                return cause;
            }
        }
    }

    /// Sends what is left in the sink, once its feed has returned.
    pub async fn flush(&self) -> Result<(), SendError> {
        let shared = &*self.shared;
        let Some(outbox) = shared.outbox.get() else {
            return Ok(());
        };
        while outbox.next(Instant::now()).is_some() {
            shared.send_next(&**outbox).await?;
        }
        Ok(())
    }

    /// Closes the channel, as the browser sees too, once what was sent before has arrived.
    pub async fn close(&self) {
        close(&self.shared.inner, &self.shared.config).await;
    }
}

impl Drop for Pump {
    fn drop(&mut self) {
        self.shared.closed.cancel();
        if let Some(outbox) = self.shared.outbox.get() {
            info!(counts = %outbox.counts(), "values");
        }
        self.shared.gate.forget(&mut self.shared.ledger());
    }
}

/// A feed has left messages unread for so long.
#[derive(Debug, thiserror::Error)]
#[error("the feed left messages unread for {0:?}")]
pub struct Unread(Duration);
