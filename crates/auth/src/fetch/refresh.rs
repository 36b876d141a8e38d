//! When to fetch keys.

use std::time::{Duration, Instant};

/// How long keys are kept where nothing is said of it.
const EVERY: Duration = Duration::from_secs(5 * 60);
/// How long they are kept at least and at most where something is.
const BOUNDS: (Duration, Duration) = (Duration::from_secs(60), Duration::from_secs(60 * 60));
/// How long it is at least from one time to the next where a key is not known.
const UNKNOWN: Duration = Duration::from_secs(30);
/// The first wait after a failure, and the longest.
const BACK_OFF: (Duration, Duration) = (Duration::from_secs(5), EVERY);

/// Tells when keys are to be fetched: at once, and then each 5 minutes, or as the server of the keys says,
/// within a minute and an hour. Where a token names a key that is not known they are fetched at once, 30
/// seconds after the last time at the earliest. After a failure it is 5 seconds, then twice as long each
/// time, up to 5 minutes; that is not made shorter by keys that are not known, as anybody can name some.
///
/// Time is an input here, and never goes back.
#[derive(Clone, Debug)]
pub struct Refresh {
    next: Instant,
    /// When they were fetched, unless that failed since.
    fetched: Option<Instant>,
    /// How long the last failure is waited after.
    wait: Option<Duration>,
}

impl Refresh {
    /// Fetches now for the first time.
    pub fn new(now: Instant) -> Self {
        Self {
            next: now,
            fetched: None,
            wait: None,
        }
    }

    /// When to fetch next.
    pub fn next(&self) -> Instant {
        self.next
    }

    /// They were fetched, and may be kept so long (RFC 9111 section 5.2.2.1) if that was said.
    pub fn fetched(&mut self, now: Instant, max_age: Option<Duration>) {
        let age = max_age.map_or(EVERY, |it| it.clamp(BOUNDS.0, BOUNDS.1));
        self.next = now + age;
        self.fetched = Some(now);
        self.wait = None;
    }

    /// They could not be fetched, or none of them could be used. The old ones are still good.
    pub fn failed(&mut self, now: Instant) {
        let wait = self.wait.map_or(BACK_OFF.0, |it| (it * 2).min(BACK_OFF.1));
        self.next = now + wait;
        self.fetched = None;
        self.wait = Some(wait);
    }

    /// A token names a key that is not known.
    pub fn unknown_key_seen(&mut self, now: Instant) {
        if let Some(fetched) = self.fetched {
            self.next = self.next.min(now.max(fetched + UNKNOWN));
        }
    }
}
