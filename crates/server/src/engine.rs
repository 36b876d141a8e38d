//! Where topics are kept: in this process, or by an engine that several nodes have in common.
//!
//! A node is a server of several that have the same topics. Each has copies of those that somebody reads
//! there ([`tickwire_values::Topic::following`]), and what is put on any node comes to all of them by the
//! engine.

use bytes::Bytes;
use futures_util::future::{BoxFuture, ready};
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tickwire_values::{Change, Limits, Policy, PutError, Topic, Value};
use tokio::sync::watch;

/// How long is waited for an engine, and for another node, before somebody who asks is told that it cannot
/// be reached.
pub const PATIENCE: Duration = Duration::from_secs(2);

/// What keeps topics.
pub trait Engine: fmt::Debug + Send + Sync + 'static {
    /// The topic of a name, which was added by that name or by the pattern `of`. It is asked for once, and
    /// again when nobody has had it any more.
    fn topic(&self, name: &str, of: &str, setup: TopicSetup) -> Arc<dyn Kept>;

    /// Since when what this node's readers have may be old, as the engine cannot be reached; `None` while it
    /// can.
    fn stale(&self) -> watch::Receiver<Option<Instant>>;

    /// The other nodes, if there may be any.
    fn nodes(&self) -> Option<Arc<dyn Nodes>> {
        None
    }

    /// What was counted.
    fn figures(&self) -> EngineFigures {
        EngineFigures::default()
    }

    /// Waits until what was put on this node is with the engine, for at most [`PATIENCE`].
    fn flush(&self) -> BoxFuture<'_, ()> {
        Box::pin(ready(()))
    }
}

/// Tells since when what readers have may be old: at once where it is so now, and from then on.
pub(crate) fn watch_stale(engine: &dyn Engine) -> watch::Receiver<Option<Instant>> {
    let mut stale = engine.stale();
    if stale.borrow().is_some() {
        stale.mark_changed();
    }
    stale
}

/// For how many milliseconds that is so.
pub(crate) fn stale_for(since: Option<Instant>) -> Option<u64> {
    let since = since.map(|since| since.elapsed().as_millis());
    since.map(|since| u64::try_from(since).unwrap_or(u64::MAX))
}

/// How a topic is to be kept.
#[derive(Clone, Copy, Debug)]
pub struct TopicSetup {
    /// What it promises. Of a log the engine knows the epoch.
    pub policy: Policy,
    /// What is allowed in it.
    pub limits: Limits,
    /// Whether who puts a value over HTTP is told that it is taken once the engine has it.
    pub is_durable: bool,
    /// Whether its values are about this node's clients, and go with it.
    pub is_of_node: bool,
}

/// A topic that is kept somewhere.
pub trait Kept: fmt::Debug + Send + Sync {
    /// What this node has of it: all of it, or, where an engine keeps it, all while somebody watches it.
    fn values(&self) -> &Topic;

    /// Sets a key's value, or adds one where each counts by itself. It never waits.
    ///
    /// # Errors
    /// As [`Topic::put`]; [`PutError::Unreachable`] where a value that counts by itself cannot be had away.
    fn put(&self, key: &str, value: Value) -> Result<(), PutError>;

    /// Removes a key; nothing, where each value counts by itself.
    fn remove(&self, key: &str);

    /// Makes all of these changes, or none, with no other between them.
    ///
    /// # Errors
    /// As [`Topic::change`]; [`PutError::NotAtomic`] where that cannot be.
    fn change(&self, changes: Vec<Change>) -> Result<(), (usize, PutError)>;

    /// Waits until all that was put into it on this node is with the engine, for at most [`PATIENCE`].
    ///
    /// # Errors
    /// [`PutError::Unreachable`], where it is not: it may come to be later.
    fn confirmed(&self) -> BoxFuture<'_, Result<(), PutError>>;

    /// Whether nothing is in it at `now`, and nobody else has it.
    fn is_unused(&self, now: Instant) -> bool;
}

/// The nodes of an engine, which ask each other.
pub trait Nodes: Send + Sync {
    /// What this one is called: letters and digits.
    fn this(&self) -> &str;

    /// Asks the node of this name, and waits for its reply for at most [`PATIENCE`].
    fn ask(&self, node: &str, request: Bytes) -> BoxFuture<'_, Result<Bytes, AskError>>;

    /// Has what this node is asked answered so, from here on; not at all with `None`.
    fn answer(&self, answer: Option<Answerer>);
}

/// Answers what another node asks; with nothing where it has no answer.
pub type Answerer = Arc<dyn Fn(Bytes) -> BoxFuture<'static, Bytes> + Send + Sync>;

/// Why another node does not reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AskError {
    /// There is none of this name, or none any more, or it has no answer.
    #[error("there is no such node")]
    Gone,
    /// It did not reply in time, or the engine cannot be reached.
    #[error("the node does not reply")]
    Silent,
}

/// What an engine has counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EngineFigures {
    /// Values that were given to it.
    pub sent: u64,
    /// Those that it had to be given again.
    pub repeated: u64,
    /// Values that it has brought.
    pub received: u64,
    /// Topics that are followed.
    pub followed: usize,
    /// Values that it does not have yet.
    pub pending: usize,
}

/// Keeps topics in this process.
#[derive(Debug)]
pub(crate) struct InProcess(watch::Sender<Option<Instant>>);

impl Default for InProcess {
    fn default() -> Self {
        Self(watch::Sender::new(None))
    }
}

impl Engine for InProcess {
    fn topic(&self, _: &str, _: &str, setup: TopicSetup) -> Arc<dyn Kept> {
        Arc::new(Here(Topic::new(setup.policy, setup.limits)))
    }

    fn stale(&self) -> watch::Receiver<Option<Instant>> {
        self.0.subscribe()
    }
}

/// A topic of this process.
#[derive(Debug)]
pub(crate) struct Here(pub(crate) Topic);

impl Kept for Here {
    fn values(&self) -> &Topic {
        &self.0
    }

    fn put(&self, key: &str, value: Value) -> Result<(), PutError> {
        self.0.put(Instant::now(), key, value).map(drop)
    }

    fn remove(&self, key: &str) {
        self.0.remove(Instant::now(), key);
    }

    fn change(&self, changes: Vec<Change>) -> Result<(), (usize, PutError)> {
        self.0.change(Instant::now(), changes)
    }

    fn confirmed(&self) -> BoxFuture<'_, Result<(), PutError>> {
        Box::pin(ready(Ok(())))
    }

    fn is_unused(&self, now: Instant) -> bool {
        self.0.is_unused(now)
    }
}
