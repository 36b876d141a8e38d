//! How values wait for each other where the machine is busy.
//!
//! A packet costs about the same whether it has one value or fifty. Where there is much to do, what is to
//! be sent is found late; so it is known that there is much, and a session waits a little before it sends
//! again, so that more values share a packet. It is no wait at all where there is little to do, nor for the
//! first change after a silence.

use std::time::{Duration, Instant};

/// How many times as long as it was found late it is waited, within these bounds: a shorter wait is none.
const TIMES: u32 = 4;
const WAIT: [Duration; 2] = [Duration::from_millis(2), Duration::from_millis(20)];
/// How much of what was known is left with each that is learnt: of eight parts.
const KEPT: u32 = 7;
/// A timer is as late as this by itself.
const TIMER: Duration = Duration::from_millis(1);

/// When a session sends again.
#[derive(Debug, Default)]
pub struct Rest {
    /// How late it is found what is to be done.
    late: Duration,
    until: Option<Instant>,
}

impl Rest {
    /// Until when it waits, if it does.
    pub fn until(&self, now: Instant) -> Option<Instant> {
        self.until.filter(|until| *until > now)
    }

    /// All was sent that was due.
    pub fn begin(&mut self, now: Instant) {
        let [least, most] = WAIT;
        let wait = (TIMES * self.late).min(most);
        self.until = (wait >= least).then(|| now + wait);
    }

    /// It is done now what was to be done at `at`.
    pub fn woken(&mut self, now: Instant, at: Option<Instant>) {
        if let Some(at) = at {
            let late = now.saturating_duration_since(at).saturating_sub(TIMER);
            self.late = (KEPT * self.late + late) / (KEPT + 1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_found_late_waits_and_who_is_found_at_once_does_not() {
        let mut now = Instant::now();
        let mut rest = Rest::default();
        rest.begin(now);
        assert_eq!(rest.until(now), None);
        for _ in 0..30 {
            rest.woken(now + Duration::from_millis(4), Some(now));
            now += Duration::from_millis(50);
        }
        rest.begin(now);
        let until = rest.until(now).expect("a wait");
        assert!(until > now + Duration::from_millis(10) && until < now + Duration::from_millis(13));
        for _ in 0..100 {
            rest.woken(now + Duration::from_secs(9), Some(now));
        }
        rest.begin(now);
        assert_eq!(rest.until(now), Some(now + Duration::from_millis(20)));
        for _ in 0..100 {
            rest.woken(now, Some(now));
        }
        rest.begin(now);
        assert_eq!(rest.until(now), None);
    }
}
