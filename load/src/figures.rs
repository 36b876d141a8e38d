//! What the peers have seen.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::{Duration, SystemTime};

/// Longer between two of the server's stamps than this, and a message is missing: they come each
/// second.
const GAP: Duration = Duration::from_millis(1_500);

/// Shared by the peers of a run, which all live on one thread.
pub type Shared = Rc<RefCell<Figures>>;

#[derive(Debug, Default)]
pub struct Figures {
    pub opened: Vec<Duration>,
    pub first_failure: Option<String>,
    pub failed: usize,
    /// Peers that were open and went before they were told to.
    pub lost: usize,
    pub pushed: usize,
    /// Peers that missed a message.
    pub missed: usize,
    /// How late the pushed times were by this machine's clock, in milliseconds. Negative where
    /// the server's clock is ahead.
    pub lateness: Vec<i32>,
    pub round_trips: Vec<Duration>,
    /// Clients that went to another server as they were told.
    pub moved: usize,
    /// How old the newest value became at most, at each client, in milliseconds.
    pub oldest: Vec<i32>,
    pub flooded: usize,
}

impl Figures {
    pub fn fail(&mut self, cause: String) {
        self.failed += 1;
        self.first_failure.get_or_insert(cause);
    }
}

/// The times that one peer was pushed.
#[derive(Debug, Default)]
pub struct Times {
    last: Option<SystemTime>,
    has_gap: bool,
}

impl Times {
    /// Takes in a stamp.
    pub fn add(&mut self, stamp: SystemTime) {
        let is_late = |last: SystemTime| stamp.duration_since(last).is_ok_and(|gap| gap > GAP);
        self.has_gap |= self.last.is_some_and(is_late);
        self.last = Some(stamp);
    }

    /// Whether none was missed until `now`.
    pub fn is_complete(&self, now: SystemTime) -> bool {
        !self.has_gap
            && self.last.is_some_and(|last| {
                now.duration_since(last).is_ok_and(|gap| gap <= GAP) || last > now
            })
    }
}

/// How late a stamp is at `now`, in milliseconds.
pub fn lateness(stamp: SystemTime, now: SystemTime) -> i32 {
    let milliseconds = |time: Duration| i32::try_from(time.as_millis()).unwrap_or(i32::MAX);
    match now.duration_since(stamp) {
        Ok(late) => milliseconds(late),
        Err(early) => -milliseconds(early.duration()),
    }
}

/// By nearest rank, of values that are sorted; `None` of none.
pub fn percentile<T: Copy>(sorted: &[T], percent: f64) -> Option<T> {
    let rank = (percent / 100.0 * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.max(1) - 1).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_values_that_occurred() {
        let values: Vec<u32> = (1..=100).collect();
        assert_eq!(percentile(&values, 50.0), Some(50));
        assert_eq!(percentile(&values, 99.0), Some(99));
        assert_eq!(percentile(&values, 100.0), Some(100));
        assert_eq!(percentile(&[7], 1.0), Some(7));
        assert_eq!(percentile::<u32>(&[], 50.0), None);
    }

    #[test]
    fn a_missing_time_is_noticed_in_the_middle_and_at_the_end() {
        let at = |milliseconds| SystemTime::UNIX_EPOCH + Duration::from_millis(milliseconds);
        let mut times = Times::default();
        assert!(!times.is_complete(at(0)));
        for stamp in [1_000, 2_010, 2_990] {
            times.add(at(stamp));
        }
        assert!(times.is_complete(at(4_000)));
        assert!(!times.is_complete(at(5_000)));
        times.add(at(5_000));
        assert!(!times.is_complete(at(5_000)));
    }
}
