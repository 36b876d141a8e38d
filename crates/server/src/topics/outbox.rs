//! What is due to a session's reader, as the gate sees it: packets that are made when they leave.

use super::Subscriptions;
use crate::fresh::{Counts, HandOver, Outbox, lock};
use crate::message::SendError;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tickwire_peer::sctp::Kind;
use tokio::sync::Notify;
use tokio::time::Instant;

/// The packets of a session.
pub struct Packets {
    of: Arc<Subscriptions>,
    sent: AtomicU64,
}

impl Packets {
    pub fn new(of: Arc<Subscriptions>) -> Self {
        Self {
            of,
            sent: AtomicU64::new(0),
        }
    }
}

impl Outbox for Packets {
    fn next(&self, now: Instant) -> Option<usize> {
        if let Some(kept) = &*lock(&self.of.kept) {
            return Some(kept.len());
        }
        // What changes from here on is told.
        self.of.has_changed.store(false, Ordering::Release);
        let mut sender = self.of.sender();
        let bytes = sender.measure(now.into());
        // Where nothing of a snapshot is wanted, it is complete without a packet.
        if sender.has_complete() {
            self.of.to_say.notify_one();
        }
        bytes
    }

    fn leave(&self, now: Instant, hand_over: &mut HandOver<'_>) -> Result<bool, SendError> {
        let mut kept = lock(&self.of.kept);
        if kept.is_none() {
            *kept = self.of.sender().poll(now.into()).map(Into::into);
        }
        let Some(packet) = &*kept else {
            return Ok(true);
        };
        let has_left = hand_over(Kind::Binary, packet)?;
        if has_left {
            *kept = None;
            self.sent.fetch_add(1, Ordering::Relaxed);
            self.of.moved.notify_one();
        }
        Ok(has_left)
    }

    fn filled(&self) -> &Notify {
        &self.of.filled
    }

    /// Of packets, not of values.
    fn counts(&self) -> Counts {
        Counts {
            sent: self.sent.load(Ordering::Relaxed),
            ..Counts::default()
        }
    }
}
