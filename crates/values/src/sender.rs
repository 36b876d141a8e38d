//! The side that has values: it decides what a packet carries, and learns what has arrived.

use crate::recovery::{Fate, Recovery};
use crate::subscription::{Carried, Log, Packing, Subscription, ToSay, Wanted};
use crate::tally::Tally;
use crate::topic::{Policy, Topic};
use std::collections::VecDeque;
use std::time::{Duration, Instant};
use tickwire_wire::values::{Acknowledgement, FrameError};

/// What a packet takes where no value is longer, in bytes: what a path of 1,200 bytes leaves beside
/// UDP, DTLS and SCTP.
pub const PACKET_BYTES: usize = 1_100;

/// Why a subscription is not begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SubscribeError {
    /// There is one of this number.
    #[error("there is a subscription of this number")]
    Taken,
    /// There are as many as may be.
    #[error("there are as many subscriptions as may be")]
    TooMany,
    /// A rate is wanted of a topic whose values count each by itself.
    #[error("the topic's values count each by itself, so there is no rate to keep to")]
    NoRate,
    /// With this one there would be more keys than may be, in all subscriptions.
    #[error("with this one there would be more keys than may be")]
    TooManyKeys,
}

/// What an acknowledgement could not be taken for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AcknowledgeError {
    /// It cannot be read.
    #[error(transparent)]
    Frame(FrameError),
    /// It is of a packet that was never sent.
    #[error("an acknowledgement of a packet that was never sent")]
    NeverSent,
}

/// All subscriptions of one reader, and the packets that go to it.
///
/// It has no clock and sends nothing: [`Sender::poll`] makes the next packet, when the path is found to
/// carry one.
#[derive(Debug)]
pub struct Sender {
    subscriptions: VecDeque<Subscription>,
    max_subscriptions: usize,
    max_keys: usize,
    recovery: Recovery<Box<[Carried]>>,
    /// What the next packet carries, while it is made.
    carried: Vec<Carried>,
    /// Subscriptions whose snapshot is complete, to be told.
    complete: VecDeque<u64>,
    tally: Tally,
}

impl Sender {
    /// Without subscriptions, of which there may be so many, to topics of so many keys in all when they
    /// begin: of each some 60 bytes are kept.
    pub fn new(now: Instant, max_subscriptions: usize, max_keys: usize) -> Self {
        Self {
            subscriptions: VecDeque::new(),
            max_subscriptions,
            max_keys,
            recovery: Recovery::new(now),
            carried: Vec::new(),
            complete: VecDeque::new(),
            tally: Tally::default(),
        }
    }

    /// Begins a subscription of the reader's number `id`: all that the topic has, and the reader wants,
    /// is due.
    ///
    /// # Errors
    /// Where there is one of this number, or as many as may be, or too many keys.
    pub fn subscribe(
        &mut self,
        id: u64,
        topic: Topic,
        wanted: Wanted,
    ) -> Result<(), SubscribeError> {
        if self.subscriptions.iter().any(|it| it.id == id) {
            return Err(SubscribeError::Taken);
        }
        if self.subscriptions.len() >= self.max_subscriptions {
            return Err(SubscribeError::TooMany);
        }
        if topic.policy() != Policy::Latest && !wanted.interval.is_zero() {
            return Err(SubscribeError::NoRate);
        }
        let keys: usize = self.subscriptions.iter().map(Subscription::keys).sum();
        let interval = wanted.interval.max(topic.limits().interval);
        let mut subscription = Subscription::new(id, topic, Wanted { interval, ..wanted });
        if keys + subscription.keys() > self.max_keys {
            return Err(SubscribeError::TooManyKeys);
        }
        if !subscription.has_due() && subscription.take_complete() {
            self.complete.push_back(id);
        }
        self.subscriptions.push_back(subscription);
        Ok(())
    }

    /// Ends a subscription, and returns its topic where no other is to it; nothing, where there is none.
    /// What is under way still arrives, and its number is not to be used again.
    pub fn unsubscribe(&mut self, id: u64) -> Option<Topic> {
        self.complete.retain(|it| *it != id);
        let at = self.subscriptions.iter().position(|it| it.id == id)?;
        let ended = self.subscriptions.remove(at)?;
        let mut others = self.subscriptions.iter();
        let is_read = others.any(|it| it.topic().is(ended.topic()));
        (!is_read).then(|| ended.topic().clone())
    }

    /// Whether something may be due.
    pub fn has_due(&self) -> bool {
        self.subscriptions.iter().any(Subscription::has_due)
    }

    /// The next packet, of at most [`PACKET_BYTES`], or one value that is longer. `None` where nothing
    /// is due, or the path carries no more now: [`Sender::poll_timeout`] says when it may.
    pub fn poll(&mut self, now: Instant) -> Option<Vec<u8>> {
        if self.recovery.may_leave_at().is_none_or(|at| at > now) {
            return None;
        }
        let number = self.recovery.next();
        let mut carried = std::mem::take(&mut self.carried);
        let way = self.recovery.way();
        let mut packing = Packing::new(number, now, way, PACKET_BYTES, &mut carried);
        for turn in 0..self.subscriptions.len() {
            let subscription = &mut self.subscriptions[turn];
            if !subscription.fill(&mut packing) {
                // The next packet begins with those that had no turn.
                self.subscriptions.rotate_left(turn);
                break;
            }
        }
        let packet = packing.finish();
        self.note_complete();
        if carried.is_empty() {
            self.carried = carried;
            self.recovery.idle();
            return None;
        }
        self.tally.packets += 1;
        self.tally.values += carried.len() as u64;
        // As long as it is, and no longer: it is kept until it is known what came of it.
        self.recovery.sent(now, packet.len(), carried[..].into());
        carried.clear();
        self.carried = carried;
        Some(packet)
    }

    /// Takes in an acknowledgement.
    ///
    /// # Errors
    /// Where it cannot be read, or be true. Nothing was changed then.
    pub fn acknowledge(&mut self, now: Instant, message: &[u8]) -> Result<(), AcknowledgeError> {
        let acknowledgement = Acknowledgement::read(message).map_err(AcknowledgeError::Frame)?;
        let subscriptions = &mut self.subscriptions;
        let (tally, way) = (&mut self.tally, self.recovery.way());
        let tell = |number, fate: Fate<&mut Box<[Carried]>>| {
            tell(subscriptions, (&mut *tally, way), number, fate);
        };
        let taken = self.recovery.acknowledged(now, &acknowledgement, tell);
        taken.ok_or(AcknowledgeError::NeverSent)?;
        self.note_complete();
        Ok(())
    }

    /// What was counted since this was last asked.
    pub fn take_tally(&mut self) -> Tally {
        for subscription in &mut self.subscriptions {
            self.tally.values_superseded += subscription.take_superseded();
        }
        std::mem::take(&mut self.tally)
    }

    /// The path's round trip, smoothed, where one was measured.
    pub fn round_trip(&self) -> Option<Duration> {
        self.recovery.round_trip()
    }

    /// How many bytes a second the path was found to carry, where that was found out.
    pub fn rate(&self) -> Option<f64> {
        self.recovery.rate()
    }

    /// Whether no round trip of the path was measured yet.
    pub fn is_new(&self) -> bool {
        self.recovery.is_new()
    }

    /// Takes in what is known otherwise of the path's round trip, until one is measured.
    pub fn expect(&mut self, round_trip: Duration) {
        self.recovery.expect(round_trip);
    }

    /// Says whether the path is a connection of TCP, on which what is lost is sent again and all that follows
    /// waits for it.
    pub fn set_stream(&mut self, is_stream: bool) {
        self.recovery.set_stream(is_stream);
    }

    /// The reader is reached by another path from here on: what is under way is due again, and how fast
    /// packets may leave is found anew.
    pub fn begin_path(&mut self, now: Instant) {
        let subscriptions = &mut self.subscriptions;
        let (tally, way) = (&mut self.tally, self.recovery.way());
        let tell = |number, fate: Fate<&mut Box<[Carried]>>| {
            tell(subscriptions, (&mut *tally, way), number, fate);
        };
        self.recovery.begin_path(now, tell);
    }

    /// Does what is due at `now`: what nothing was heard of is due again.
    pub fn handle_timeout(&mut self, now: Instant) {
        let subscriptions = &mut self.subscriptions;
        let (tally, way) = (&mut self.tally, self.recovery.way());
        let tell = |number, fate: Fate<&mut Box<[Carried]>>| {
            tell(subscriptions, (&mut *tally, way), number, fate);
        };
        self.recovery.handle_timeout(now, tell);
    }

    /// When [`Sender::handle_timeout`] has something to do, or more is due.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let rested = self
            .subscriptions
            .iter()
            .filter_map(Subscription::rested_at);
        let may_leave = self.recovery.may_leave_at().filter(|_| self.has_due());
        let others = [self.recovery.poll_timeout(), may_leave];
        rested.chain(others.into_iter().flatten()).min()
    }

    /// Whether [`Sender::poll_to_say`] may give something.
    pub fn has_to_say(&self) -> bool {
        let log_has_due = |it: &Subscription| it.log().is_some_and(Log::has_due);
        !self.complete.is_empty() || self.subscriptions.iter().any(log_has_due)
    }

    /// The next thing to say to the reader, on a channel that is reliable and ordered: which snapshots
    /// are complete, and the entries of logs, whose subscriptions have their turn one after the other.
    pub fn poll_to_say(&mut self, now: Instant) -> Option<ToSay> {
        if let Some(id) = self.complete.pop_front() {
            return Some(ToSay::Complete { id });
        }
        for turn in 0..self.subscriptions.len() {
            let log = self.subscriptions[turn].log_mut();
            if let Some(said) = log.and_then(|log| log.poll(now)) {
                self.subscriptions.rotate_left(turn + 1);
                return Some(said);
            }
        }
        None
    }

    fn note_complete(&mut self) {
        for subscription in &mut self.subscriptions {
            if subscription.take_complete() {
                self.complete.push_back(subscription.id);
            }
        }
    }
}

fn tell(
    subscriptions: &mut VecDeque<Subscription>,
    (tally, way): (&mut Tally, Duration),
    packet: u64,
    fate: Fate<&mut Box<[Carried]>>,
) {
    tally.packets_lost += u64::from(matches!(fate, Fate::Lost(_)));
    let (Fate::Arrived(entries) | Fate::Lost(entries) | Fate::Doubted(entries)) = &fate;
    for carried in entries.iter() {
        if matches!(fate, Fate::Arrived(_)) {
            tally.arrived(carried.age, way);
        }
        // One that has ended since has none.
        let of = subscriptions
            .iter_mut()
            .find(|it| it.id == carried.subscription);
        if let Some(subscription) = of {
            match &fate {
                Fate::Arrived(_) => subscription.arrived(carried),
                Fate::Lost(_) => subscription.lost(packet, carried),
                Fate::Doubted(_) => subscription.doubted(packet, carried),
            }
        }
    }
}
