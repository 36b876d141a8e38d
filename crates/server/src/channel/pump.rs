//! The session's half of a channel: sees that its messages move, closes it.

use super::shared::{Shared, close};
use super::{Carrier, Channel, SendError};
use crate::config::ChannelConfig;
use crate::fresh::Gate;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Mutex, SetOnce};
use tokio::time::{Instant, sleep, timeout_at};
use tracing::info;

/// The other half of a [`Channel`]: what moves its values. The session's.
pub struct Pump {
    shared: Arc<Shared>,
}

/// Both halves of a channel that is open.
pub fn open(inner: Carrier, config: &ChannelConfig, gate: Arc<Gate>) -> (Channel, Pump) {
    let shared = Arc::new(Shared {
        inner,
        config: config.clone(),
        unheard: SetOnce::new(),
        gate,
        ledger: Arc::default(),
        outbox: SetOnce::new(),
    });
    let channel = Channel {
        shared: shared.clone(),
        receiving: Mutex::new(()),
    };
    (channel, Pump { shared })
}

impl Pump {
    /// Sees that what arrives is taken, until the channel has closed. What arrives once the feed
    /// has dropped the channel is thrown away.
    ///
    /// # Errors
    /// Where the feed leaves messages unread for the stall timeout. It cannot wait for ever: while
    /// it does, SCTP's window closes, for the session's other channels too.
    pub async fn receive(&self) -> Result<(), Unread> {
        let inner = &self.shared.inner;
        tokio::select! {
            () = inner.closed() => return Ok(()),
            unread = self.unread() => return Err(unread),
            _ = self.shared.unheard.wait() => {}
        }
        while inner.recv().await.is_some() {}
        Ok(())
    }

    /// Completes when messages have been left unread for the stall timeout.
    async fn unread(&self) -> Unread {
        let limit = self.shared.config.stall_timeout;
        loop {
            let waited = self.shared.inner.unread_for().unwrap_or_default();
            match limit.checked_sub(waited) {
                None | Some(Duration::ZERO) => return Unread(limit),
                Some(left) => sleep(left).await,
            }
        }
    }

    /// Lets values of the channel's sink out as the path takes them. Completes where that fails.
    pub async fn send(&self) -> SendError {
        let shared = &*self.shared;
        let outbox = &**shared.outbox.wait().await;
        loop {
            if outbox.next(Instant::now()).is_none() {
                let filled = outbox.filled().notified();
                match outbox.wakes_at() {
                    None => filled.await,
                    // Either way there is something to look at.
                    Some(at) => drop(timeout_at(at, filled).await),
                }
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
