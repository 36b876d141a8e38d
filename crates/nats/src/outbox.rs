//! What is to be put into topics that NATS keeps: given to it, and again where it has not said that it has
//! it.
//!
//! No I/O, and no clock: `now` is an input. Of the newest values of a key one is under way at a time, and of
//! those that come meanwhile the newest waits, so that a slow NATS is not given more than it takes, and
//! nothing overtakes. Entries of logs leave in their order, and again in their order, with a number by which
//! NATS knows them again.

mod log;
mod newest;

use log::Entries;
use newest::Newest;
use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};
use tickwire_values::Value;

/// How many may be under way.
const WINDOW: usize = 4_096;
/// After how long it is sent again what is not known to be there.
const TIMEOUT: Duration = Duration::from_secs(2);
/// How many entries of a log may wait.
const MAX_ENTRIES: usize = 10_000;

/// A topic, here.
pub type TopicId = u64;

/// What tells under which conditions a value is put.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refill {
    /// The version that it had in the stream that is gone.
    pub version: u64,
    /// That of what is in the stream now, whose place it takes; 0 where nothing is.
    pub expected: u64,
}

/// Something to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outgoing {
    /// Stands for it in [`Outbox::acknowledge`].
    pub token: u64,
    pub topic: TopicId,
    pub key: String,
    /// `None` where the key is removed.
    pub value: Option<Value>,
    /// Where it is put only under a condition.
    pub refill: Option<Refill>,
    /// Of an entry of a log, what tells it from all others.
    pub entry: Option<u64>,
    /// Whether it was sent before.
    pub is_again: bool,
}

/// What NATS says of something that was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reply {
    /// It is in the stream, with this sequence.
    Stored(u64),
    /// Its condition does not hold.
    Outdated,
    /// It is never taken as it is.
    Refused,
    /// It is not taken now.
    Busy,
}

/// There is no room for another value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoRoom;

/// Values on their way to NATS.
#[derive(Debug, Default)]
pub struct Outbox {
    topics: HashMap<TopicId, Topic>,
    /// Topics with something to be sent, by turns.
    queue: VecDeque<TopicId>,
    flying: HashMap<u64, Flying>,
    /// The same, in the order in which they were sent.
    flights: VecDeque<(u64, Instant)>,
    last_token: u64,
    last_number: u64,
    pub counts: Counts,
}

/// What was counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub sent: u64,
    pub repeated: u64,
    pub refused: u64,
}

#[derive(Debug)]
struct Topic {
    kind: Kind,
    is_queued: bool,
}

#[derive(Debug)]
enum Kind {
    Newest(Newest),
    Entries(Entries),
}

#[derive(Debug)]
struct Flying {
    topic: TopicId,
    what: What,
}

#[derive(Clone, Debug)]
enum What {
    Key(String),
    Refill(String),
    Entry(u64),
}

impl Outbox {
    /// Begins a topic of the newest values, with at most so many keys.
    pub fn open_newest(&mut self, topic: TopicId, max_keys: usize) {
        self.open(topic, Kind::Newest(Newest::new(max_keys)));
    }

    /// Begins a log.
    pub fn open_log(&mut self, topic: TopicId) {
        self.open(topic, Kind::Entries(Entries::default()));
    }

    fn open(&mut self, topic: TopicId, kind: Kind) {
        let is_queued = false;
        self.topics.insert(topic, Topic { kind, is_queued });
    }

    /// Ends a topic, with what it has.
    pub fn close(&mut self, topic: TopicId) {
        self.topics.remove(&topic);
    }

    /// Puts a value, or removes a key with `None`; of a log, adds an entry. Returns its number, by which
    /// [`Outbox::is_stored`] knows it.
    pub fn put(
        &mut self,
        topic: TopicId,
        key: &str,
        value: Option<Value>,
        now: Instant,
    ) -> Result<u64, NoRoom> {
        let Some(at) = self.topics.get_mut(&topic) else {
            return Err(NoRoom);
        };
        let number = self.last_number + 1;
        match &mut at.kind {
            Kind::Newest(newest) => newest.put(key, value, number, now)?,
            Kind::Entries(entries) => entries.add(key, value, number)?,
        }
        self.last_number = number;
        self.enqueue(topic);
        Ok(number)
    }

    /// Puts a value that was in a stream which is gone into the one that takes its place.
    pub fn refill(&mut self, topic: TopicId, key: &str, value: Value, refill: Refill) {
        if let Some(Topic {
            kind: Kind::Newest(newest),
            ..
        }) = self.topics.get_mut(&topic)
        {
            newest.refill(key, value, refill);
            self.enqueue(topic);
        }
    }

    /// What is known of the keys that were put here, and are in the stream: the value, and its version.
    pub fn own(&self, topic: TopicId) -> Vec<(String, Value, u64)> {
        match self.topics.get(&topic).map(|it| &it.kind) {
            Some(Kind::Newest(newest)) => newest.own(),
            _ => Vec::new(),
        }
    }

    /// Topics with such keys.
    pub fn owners(&self) -> Vec<TopicId> {
        let has_own = |it: &Topic| matches!(&it.kind, Kind::Newest(newest) if newest.has_own());
        let owners = self.topics.iter().filter(|(_, it)| has_own(it));
        owners.map(|(topic, _)| *topic).collect()
    }

    /// A key has another value that was put elsewhere, with this version.
    pub fn heard(&mut self, topic: TopicId, key: &str, version: u64) {
        if let Some(Topic {
            kind: Kind::Newest(newest),
            ..
        }) = self.topics.get_mut(&topic)
        {
            newest.heard(key, version);
        }
    }

    /// Forgets what was put before then, and is in the stream: it has grown too old.
    pub fn expire(&mut self, topic: TopicId, before: Instant) {
        if let Some(Topic {
            kind: Kind::Newest(newest),
            ..
        }) = self.topics.get_mut(&topic)
        {
            newest.expire(before);
        }
    }

    /// Whether all of a topic up to this number is in its stream, or something newer is.
    pub fn is_stored(&self, topic: TopicId, number: u64) -> bool {
        let kind = self.topics.get(&topic).map(|it| &it.kind);
        let oldest = kind.and_then(|kind| match kind {
            Kind::Newest(newest) => newest.oldest(),
            Kind::Entries(entries) => entries.oldest(),
        });
        oldest.is_none_or(|oldest| oldest > number)
    }

    /// Whether nothing is kept of a topic.
    pub fn is_unused(&self, topic: TopicId) -> bool {
        self.topics.get(&topic).is_none_or(|it| match &it.kind {
            Kind::Newest(newest) => newest.is_unused(),
            Kind::Entries(entries) => entries.oldest().is_none(),
        })
    }

    /// The number of the newest that was put.
    pub fn last_number(&self) -> u64 {
        self.last_number
    }

    /// How many values are not known to be in a stream.
    pub fn pending(&self) -> usize {
        let pending = self.topics.values().map(|it| match &it.kind {
            Kind::Newest(newest) => newest.pending(),
            Kind::Entries(entries) => entries.pending(),
        });
        pending.sum()
    }

    /// The next to be sent; `None` while as many are under way as may be, too.
    pub fn poll(&mut self, now: Instant) -> Option<Outgoing> {
        while self.flying.len() < WINDOW {
            let topic = *self.queue.front()?;
            let Some(at) = self.topics.get_mut(&topic) else {
                self.queue.pop_front();
                continue;
            };
            let token = self.last_token + 1;
            let next = match &mut at.kind {
                Kind::Newest(newest) => newest.poll(token, topic),
                Kind::Entries(entries) => entries.poll(token, topic),
            };
            let Some((what, outgoing)) = next else {
                at.is_queued = false;
                self.queue.pop_front();
                continue;
            };
            // Each topic has its turn.
            self.queue.rotate_left(1);
            self.last_token = token;
            self.flying.insert(token, Flying { topic, what });
            self.flights.push_back((token, now));
            match outgoing.is_again {
                true => self.counts.repeated += 1,
                false => self.counts.sent += 1,
            }
            return Some(outgoing);
        }
        None
    }

    /// NATS has said what became of something. What it says twice, or of what was given up, is nothing.
    pub fn acknowledge(&mut self, token: u64, reply: Reply) {
        let Some(Flying { topic, what }) = self.flying.remove(&token) else {
            return;
        };
        if reply == Reply::Refused {
            self.counts.refused += 1;
        }
        self.landed(topic, &what, token, reply);
    }

    fn landed(&mut self, topic: TopicId, what: &What, token: u64, reply: Reply) {
        let Some(at) = self.topics.get_mut(&topic) else {
            return;
        };
        let has_more = match (&mut at.kind, what) {
            (Kind::Newest(newest), What::Key(key)) => newest.landed(key, token, reply),
            (Kind::Newest(newest), What::Refill(key)) => newest.refilled(key, token, reply),
            (Kind::Entries(entries), What::Entry(number)) => entries.landed(*number, token, reply),
            _ => false,
        };
        if has_more {
            self.enqueue(topic);
        }
    }

    /// All that is under way may be lost.
    pub fn lose(&mut self) {
        self.flights.clear();
        let flying: Vec<_> = self.flying.drain().collect();
        for (token, Flying { topic, what }) in flying {
            self.landed(topic, &what, token, Reply::Busy);
        }
    }

    /// When to call [`Outbox::handle_timeout`].
    pub fn poll_timeout(&mut self) -> Option<Instant> {
        while let Some((token, at)) = self.flights.front() {
            if self.flying.contains_key(token) {
                return Some(*at + TIMEOUT);
            }
            self.flights.pop_front();
        }
        None
    }

    /// What has been under way for too long is to be sent again.
    pub fn handle_timeout(&mut self, now: Instant) {
        while let Some((token, at)) = self.flights.front().copied()
            && (at + TIMEOUT <= now || !self.flying.contains_key(&token))
        {
            self.flights.pop_front();
            self.acknowledge(token, Reply::Busy);
        }
    }

    fn enqueue(&mut self, topic: TopicId) {
        if let Some(at) = self.topics.get_mut(&topic)
            && !std::mem::replace(&mut at.is_queued, true)
        {
            self.queue.push_back(topic);
        }
    }
}

#[cfg(test)]
mod tests;
