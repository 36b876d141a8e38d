//! What a topic promises, and what is allowed in it.

use crate::engine::TopicSetup;
use std::time::Duration;
use tickwire_values::{Limits, Policy as Kind, Topic};

/// How many keys a topic may have, unless it is told otherwise.
const MAX_KEYS: usize = 100_000;
/// How many values of a deadline are kept while they may still arrive.
const MAX_EVENTS: usize = 10_000;

/// What a topic promises of its values, and what is allowed in it.
#[derive(Clone, Copy, Debug)]
pub struct Policy {
    kind: Kind,
    limits: Limits,
    takes_from_clients: bool,
    has_presence: bool,
    is_durable: bool,
}

impl Policy {
    /// The newest value of each key: what is there first, then what changes, never an older value after
    /// a newer one, and the last one whatever is lost on the way. For prices, positions, gauges. A topic
    /// may have 100,000 keys, or as many as [`Policy::max_keys`] says.
    pub fn latest() -> Self {
        Self::of(Kind::Latest, MAX_KEYS)
    }

    /// Each value within this time of being put, or not at all, in any order: what is lost is sent again
    /// while it can still arrive in time. A reader gets what is put after it has subscribed. For events,
    /// inputs, strokes. Of more than 10,000 that may still arrive, the oldest go.
    pub fn deadline(within: Duration) -> Self {
        Self::of(Kind::Deadline(within), MAX_EVENTS)
    }

    /// All values, in order: first those that are there, of which so many are kept, then each that
    /// follows. Who was away goes on where it was, or is told that there is a gap. For chats, orders,
    /// alarms.
    pub fn log(keep: usize) -> Self {
        // Each topic gets an epoch of its own.
        Self::of(Kind::Log { epoch: 0 }, keep)
    }

    fn of(kind: Kind, max: usize) -> Self {
        Self {
            kind,
            limits: Limits::new(max),
            takes_from_clients: false,
            has_presence: false,
            is_durable: false,
        }
    }

    /// The same for so many keys, of a topic of the newest values.
    pub fn max_keys(mut self, max_keys: usize) -> Self {
        if self.kind == Kind::Latest {
            self.limits.max = max_keys;
        }
        self
    }

    /// The same with values of at most so many bytes; 64,000 is the most.
    pub fn max_value_bytes(mut self, bytes: usize) -> Self {
        self.limits.max_value = bytes;
        self
    }

    /// The same, where each reader gets each key at most so many times a second, of a topic of the newest
    /// values: a reader may ask for less.
    ///
    /// # Panics
    /// Where it is not above 0.
    pub fn max_rate(mut self, times_a_second: f64) -> Self {
        assert!(times_a_second > 0.0, "expected a rate above 0");
        if self.kind == Kind::Latest {
            self.limits.interval = Duration::from_secs_f64(1.0 / times_a_second);
        }
        self
    }

    /// The same, where a value that is older than this is removed, for its readers too, within half a
    /// second. An entry of a log is gone for those that have not had it.
    pub fn max_age(mut self, max_age: Duration) -> Self {
        self.limits.max_age = Some(max_age);
        self
    }

    /// The same, where clients may put values too: whoever reaches the server.
    pub fn publish(mut self) -> Self {
        self.takes_from_clients = true;
        self
    }

    /// The same, where the sessions that read it are told in a topic of its own, `rooms/7/$presence` for
    /// `rooms/7`: for each a key, what the client is called, and since when it is there, in milliseconds
    /// since 1970, and whether nothing was heard of it for 3 s: `{"since":1764000000000,"silent":false}`.
    /// A client that vanishes is gone after the silence timeout.
    pub fn presence(mut self) -> Self {
        self.has_presence = true;
        self
    }

    /// The same, where who puts a value over HTTP is told that it is taken once the engine has it that keeps
    /// the topic, rather than once it is on its way. In one process it is there at once.
    pub fn durable(mut self) -> Self {
        self.is_durable = true;
        self
    }

    pub(super) fn is_durable(self) -> bool {
        self.is_durable
    }

    pub(super) fn has_presence(self) -> bool {
        self.has_presence
    }

    /// How the topic of those who read another is kept.
    pub(super) fn of_presence() -> TopicSetup {
        TopicSetup {
            is_of_node: true,
            ..Self::latest().setup()
        }
    }

    /// How a topic is kept.
    pub(super) fn setup(self) -> TopicSetup {
        TopicSetup {
            policy: self.new_kind(),
            limits: self.limits,
            is_durable: self.is_durable,
            is_of_node: false,
        }
    }

    pub(super) fn takes_from_clients(self) -> bool {
        self.takes_from_clients
    }

    pub(super) fn name(self) -> &'static str {
        name(self.kind)
    }

    /// Whether its values grow too old.
    pub(super) fn ages(&self) -> bool {
        self.limits.max_age.is_some()
    }

    /// Whether a topic of this kind was saved for this one.
    pub(super) fn is_as(self, saved: Kind) -> bool {
        std::mem::discriminant(&self.kind) == std::mem::discriminant(&saved)
    }

    pub(super) fn limits(self) -> Limits {
        self.limits
    }

    pub(super) fn topic(self) -> Topic {
        Topic::new(self.new_kind(), self.limits)
    }

    fn new_kind(self) -> Kind {
        match self.kind {
            // Readers in JavaScript have no larger whole numbers.
            Kind::Log { .. } => Kind::Log {
                epoch: rand::random::<u64>() >> 11,
            },
            kind => kind,
        }
    }
}

/// What a policy is called in a configuration and over HTTP.
pub(super) fn name(kind: Kind) -> &'static str {
    match kind {
        Kind::Latest => "latest",
        Kind::Deadline(_) => "deadline",
        Kind::Log { .. } => "log",
    }
}
