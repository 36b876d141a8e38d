//! A clock that runs faster than the wall, for timers whose length is fixed elsewhere.

use std::time::{Duration, Instant};

/// How much faster the association's clock runs.
///
/// The SCTP engine has a least and first retransmission timeout of 1 s, a largest of 60 s, and
/// acknowledges after 200 ms, all constant. A lost value of live data must not wait a second.
/// At five times the speed the real lengths are 200 ms, 12 s and 40 ms. RFC 9260 section 6.2
/// wants the acknowledgement within 500 ms, and section 16 only recommends the 1 s. A timeout
/// that is computed from the round trip (section 6.3.1) stays right in real time, since the
/// round trip is measured with the same clock.
const SPEED: u32 = 5;

/// Maps real time to the association's time and back.
#[derive(Clone, Copy, Debug)]
pub(super) struct FastClock {
    epoch: Instant,
    /// How much of the association's time was left out.
    skipped: Duration,
}

impl FastClock {
    /// A clock that agrees with real time at `epoch`.
    pub(super) fn new(epoch: Instant) -> Self {
        Self {
            epoch,
            skipped: Duration::ZERO,
        }
    }

    /// The association's time at the real instant `now`. Before the epoch it is the epoch.
    pub(super) fn fast(self, now: Instant) -> Instant {
        let real = now.saturating_duration_since(self.epoch);
        self.epoch + real * SPEED + self.skipped
    }

    /// The first real instant (to the nanosecond) at which the association's clock shows `at`.
    pub(super) fn real(self, at: Instant) -> Instant {
        let fast = at.saturating_duration_since(self.epoch + self.skipped);
        self.epoch + (fast + Duration::from_nanos(u64::from(SPEED) - 1)) / SPEED
    }

    /// Leaves out time of the association's, so that its clock shows `at` at the real instant
    /// `now`; nothing where it is past that.
    pub(super) fn skip_to(&mut self, now: Instant, at: Instant) {
        self.skipped += at.saturating_duration_since(self.fast(now));
    }

    /// A duration that was measured by the association's clock, in real time.
    pub(super) fn real_duration(fast: Duration) -> Duration {
        fast / SPEED
    }

    /// A real duration in whole milliseconds of the association's clock; at most `u32::MAX`.
    pub(super) fn fast_milliseconds(real: Duration) -> u32 {
        let fast = real.as_millis().saturating_mul(u128::from(SPEED));
        u32::try_from(fast).unwrap_or(u32::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_is_never_early() {
        let epoch = Instant::now();
        let clock = FastClock::new(epoch);
        for nanos in (0..2_000).chain([1_000_000_001, 999_999_999]) {
            let at = epoch + Duration::from_nanos(nanos);
            let real = clock.real(at);
            assert!(clock.fast(real) >= at);
            if let Some(before) = real.checked_sub(Duration::from_nanos(1)) {
                assert!(before < epoch || clock.fast(before) < at || at == epoch);
            }
        }
    }

    #[test]
    fn a_second_of_the_association_is_a_fifth_of_a_real_one() {
        let epoch = Instant::now();
        let clock = FastClock::new(epoch);
        let second = Duration::from_secs(1);
        assert_eq!(
            clock.real(epoch + second),
            epoch + Duration::from_millis(200)
        );
        assert_eq!(FastClock::real_duration(second), Duration::from_millis(200));
        assert_eq!(FastClock::fast_milliseconds(second), 5_000);
        assert_eq!(FastClock::fast_milliseconds(Duration::MAX), u32::MAX);
    }

    #[test]
    fn a_time_before_the_epoch_is_the_epoch() {
        let before = Instant::now();
        let epoch = before + Duration::from_secs(1);
        assert_eq!(FastClock::new(epoch).fast(before), epoch);
    }

    #[test]
    fn time_that_is_left_out_makes_a_deadline_due_and_no_other_late() {
        let epoch = Instant::now();
        let mut clock = FastClock::new(epoch);
        let now = epoch + Duration::from_secs(1);
        let due = clock.fast(now + Duration::from_secs(3));
        clock.skip_to(now, due);
        assert_eq!((clock.fast(now), clock.real(due)), (due, now));
        clock.skip_to(now, epoch);
        assert_eq!(clock.fast(now), due);
        let next = due + Duration::from_secs(5);
        assert_eq!(clock.real(next), now + Duration::from_secs(1));
    }
}
