//! Topics: keys and values that are kept here, and brought to whoever subscribes.
//!
//! A reader says on the channel `control` what it wants ([`tickwire_wire::control`]), and has the
//! values on the channel `values` ([`tickwire_wire::values`]). What it has, what is under way to it and
//! what is due, and when it may leave, is known by [`tickwire_values`]; here it meets the session's
//! channels and the clock.

mod attendance;
mod feeds;
mod policy;
mod publish;
mod reader;
mod registry;
mod rest;
mod saving;
mod topic;

pub use feeds::{control, ended, values};
pub use policy::Policy;
pub use reader::{Reader, Told};
pub use registry::{AddTopicError, Listed, NoTopic, Topics};
pub use saving::Saving;
pub use tickwire_store::{SaveError, StoreError};
pub use tickwire_values::{About, PutError, Value};
pub use topic::{Followed, Topic};

use crate::auth::Caller;
use crate::config::{LimitConfig, quota};
use crate::lock::lock;
use crate::stats::Stats;
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};
use std::time::{Duration, Instant};
use tickwire_values::{Sender, Watcher};
use tickwire_wire::control::Refusal;
use tokio::sync::Notify;

/// How many subscriptions a session may have.
const MAX_SUBSCRIPTIONS: usize = 64;
/// How many keys all topics may have to which a session subscribes: some 60 bytes are kept of each.
const MAX_READ_KEYS: usize = 250_000;

/// What a session has to do with topics; next to nothing, until it has.
#[derive(Clone)]
pub struct Reading {
    caller: Caller,
    stats: Arc<Stats>,
    bounds: Bounds,
    begun: Arc<OnceLock<Arc<Subscriptions>>>,
}

/// What a session has read in all.
#[derive(Clone, Copy, Debug, Default)]
pub struct Figures {
    /// Values that have arrived.
    pub values: u64,
    pub packets: u64,
    pub packets_lost: u64,
}

/// How much a session may ask of topics.
#[derive(Clone, Copy)]
struct Bounds {
    /// How many of its messages may be refused before its channel closes: one that goes on is broken, or
    /// means harm.
    refusals: usize,
    /// Values that it publishes in a second.
    values_per_second: usize,
    quota: Quota,
}

impl Reading {
    pub fn new(caller: Caller, limits: &LimitConfig, stats: &Arc<Stats>) -> Self {
        Self {
            caller,
            stats: stats.clone(),
            bounds: Bounds {
                refusals: limits.refusals,
                values_per_second: limits.values_per_second,
                quota: quota(limits.values_per_second),
            },
            begun: Arc::default(),
        }
    }

    fn subscriptions(&self) -> Arc<Subscriptions> {
        let begin = || {
            let caller = self.caller.clone();
            Arc::new(Subscriptions::new(caller, self.bounds, self.stats.clone()))
        };
        self.begun.get_or_init(begin).clone()
    }

    /// Has its client told to open another session elsewhere.
    pub fn go_away(&self) {
        // One that opens `control` later is told then.
        let subscriptions = self.subscriptions();
        subscriptions.is_to_leave.store(true, Ordering::Release);
        subscriptions.to_say.notify_one();
    }

    /// Its user is known by another token: what that does not allow is over.
    pub fn renewed(&self) {
        if let Some(subscriptions) = self.begun.get() {
            subscriptions.is_renewed.store(true, Ordering::Release);
            subscriptions.to_say.notify_one();
        }
    }

    /// Adds what was counted of it to what is counted of the server.
    pub fn count(&self) {
        if let Some(subscriptions) = self.begun.get() {
            subscriptions.count();
        }
    }

    /// What was counted of it in all.
    pub fn figures(&self) -> Figures {
        let begun = self.begun.get();
        begun.map_or_else(Figures::default, |begun| *lock(&begun.figures))
    }
}

/// A session's subscriptions, between its two channels.
struct Subscriptions {
    /// What the session is called where others are told of it: its user's name, where it has one, `~`,
    /// and what tells it apart.
    you: String,
    /// Who it is of.
    caller: Caller,
    bounds: Bounds,
    stats: Arc<Stats>,
    figures: Mutex<Figures>,
    /// Its client is to be told to open another session elsewhere.
    is_to_leave: AtomicBool,
    /// There may be subscriptions that the present token does not allow.
    is_renewed: AtomicBool,
    /// Of what it publishes.
    rate: DefaultDirectRateLimiter,
    sender: Mutex<Sender>,
    /// Something has changed since it was looked what is due.
    has_changed: AtomicBool,
    /// When that was first, in microseconds since this was made.
    changed_at: AtomicU64,
    made: Instant,
    /// Tells the channel `values` that something may be due.
    filled: Notify,
    /// Why what came on `values` could not be taken, to be said on `control`.
    refusals: Mutex<VecDeque<(Refusal, String)>>,
    /// Tells the channel `control` that there is something to say: of these, of a snapshot that is
    /// complete, or of a log.
    to_say: Notify,
    /// Whether a channel `values` is open, and one of `control`.
    has_values: AtomicBool,
    has_control: AtomicBool,
}

impl Subscriptions {
    fn new(caller: Caller, bounds: Bounds, stats: Arc<Stats>) -> Self {
        let number = rand::random::<u64>();
        let you = match caller.user() {
            Some(user) => format!("{}~{number:016x}", user.name()),
            None => format!("{number:016x}"),
        };
        Self {
            you,
            caller,
            bounds,
            stats,
            figures: Mutex::default(),
            is_to_leave: AtomicBool::new(false),
            is_renewed: AtomicBool::new(false),
            rate: RateLimiter::direct(bounds.quota),
            sender: Mutex::new(Sender::new(
                Instant::now(),
                MAX_SUBSCRIPTIONS,
                MAX_READ_KEYS,
            )),
            has_changed: AtomicBool::new(false),
            changed_at: AtomicU64::new(0),
            made: Instant::now(),
            filled: Notify::new(),
            refusals: Mutex::default(),
            to_say: Notify::new(),
            has_values: AtomicBool::new(false),
            has_control: AtomicBool::new(false),
        }
    }

    /// Adds what was counted since this was last called to what is counted of the server.
    fn count(&self) {
        let (tally, round_trip, rate) = {
            let mut sender = self.sender();
            (sender.take_tally(), sender.round_trip(), sender.rate())
        };
        self.stats.add(&tally);
        if let Some(round_trip) = round_trip {
            self.stats.round_trips.note(round_trip);
        }
        if let Some(rate) = rate {
            self.stats.rates.note_value(rate);
        }
        let mut figures = lock(&self.figures);
        figures.values += tally.values_arrived;
        figures.packets += tally.packets;
        figures.packets_lost += tally.packets_lost;
    }

    fn sender(&self) -> MutexGuard<'_, Sender> {
        lock(&self.sender)
    }

    /// Something may be due.
    fn fill(&self) {
        if !self.has_changed.swap(true, Ordering::AcqRel) {
            let at = self.made.elapsed().as_micros();
            let at = u64::try_from(at).unwrap_or(u64::MAX);
            self.changed_at.store(at, Ordering::Relaxed);
            self.filled.notify_one();
        }
    }

    /// Since when something may be due; `None` where that was looked at meanwhile.
    fn filled_at(&self) -> Option<Instant> {
        if !self.has_changed.load(Ordering::Acquire) {
            return None;
        }
        let at = self.changed_at.load(Ordering::Relaxed);
        self.made.checked_add(Duration::from_micros(at))
    }
}

impl Watcher for Subscriptions {
    fn changed(&self, policy: tickwire_values::Policy) {
        match policy {
            tickwire_values::Policy::Log { .. } => self.to_say.notify_one(),
            _ => self.fill(),
        }
    }
}
