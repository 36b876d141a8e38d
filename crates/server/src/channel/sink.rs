//! What a channel is turned into, so that what it sends stays fresh.

use super::{Channel, Message, SendError};
use crate::fresh::{ByKey, Counts, InTime, Outbox};
use std::hash::Hash;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// A channel that sends the newest value of each key: [`Channel::latest`].
///
/// For positions, prices and gauges. A value waits while the path has no room, and a newer one
/// of its key takes its place; keys leave in turn, so none starves. What can still be received
/// is received through the channel, to which this dereferences.
///
/// On a channel that loses messages, the last value of a key leaves again while there is no newer
/// one: after 0.2, 0.4, 0.8, 1.6 and 3.2 s, when nothing else waits. [`Latest::once`] turns that off.
pub struct Latest<K> {
    channel: Channel,
    outbox: Arc<ByKey<K>>,
}

impl<K: Hash + Eq + Clone + Send + 'static> Latest<K> {
    pub(super) fn new(channel: Channel) -> Self {
        let outbox = Arc::new(ByKey::new(channel.outbox_limit(), channel.is_lossy()));
        channel.send_from(outbox.clone());
        Self { channel, outbox }
    }

    /// The same, but each value leaves once: for samples of which another follows soon whatever
    /// happens, such as a clock's time.
    pub fn once(self) -> Self {
        self.outbox.once();
        self
    }

    /// Puts the newest value of a key. It leaves by itself as soon as the path takes it; this
    /// does not wait. Where `send-buffer-bytes` of other keys wait already, the oldest go, which
    /// [`Counts::overflowed`] tells.
    ///
    /// # Errors
    /// Where the channel has closed.
    pub fn put(&self, key: K, value: impl Into<Message>) -> Result<(), SendError> {
        self.channel.is_open()?;
        self.outbox.put(Instant::now(), key, value.into());
        Ok(())
    }

    /// What became of the values so far.
    pub fn counts(&self) -> Counts {
        self.outbox.counts()
    }
}

impl<K> Deref for Latest<K> {
    type Target = Channel;

    fn deref(&self) -> &Channel {
        &self.channel
    }
}

/// A channel that sends each value in time or not at all: [`Channel::deadline`].
///
/// For events that are worth something for a while. Values leave in the order in which they were
/// put; one that has waited for as long as the deadline is dropped.
pub struct Deadline {
    channel: Channel,
    outbox: Arc<InTime>,
}

impl Deadline {
    pub(super) fn new(channel: Channel, lifetime: Duration) -> Self {
        let outbox = Arc::new(InTime::new(lifetime, channel.outbox_limit()));
        channel.send_from(outbox.clone());
        Self { channel, outbox }
    }

    /// Puts a value. It leaves by itself, in its turn and in time; this does not wait. Where
    /// `send-buffer-bytes` wait already, the oldest go.
    ///
    /// # Errors
    /// Where the channel has closed.
    pub fn put(&self, value: impl Into<Message>) -> Result<(), SendError> {
        self.channel.is_open()?;
        self.outbox.put(Instant::now(), value.into());
        Ok(())
    }

    /// What became of the values so far.
    pub fn counts(&self) -> Counts {
        self.outbox.counts()
    }
}

impl Deref for Deadline {
    type Target = Channel;

    fn deref(&self) -> &Channel {
        &self.channel
    }
}
