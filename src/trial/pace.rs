//! When which message is due.

use super::Settings;

/// How many messages are sent at once at most: more would keep the page from anything else for
/// too long. Timers of a page that is seen come every few milliseconds, so that this is several
/// times as fast as any rate that can be asked for.
const AT_ONCE: u32 = 64;
/// How long to wait for the next message, in milliseconds: browsers do not time more finely than
/// the one, and what waits in the queue is looked at as often as the other.
const WAITS: (f64, f64) = (4.0, 50.0);
/// How long after the end a message that is late is still sent, in milliseconds.
const LATE: f64 = 1_000.0;

/// The pace of a run: its messages at even distances, the first at once. One that the page was
/// too slow for is sent late, up to a second after the others' end.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    began: f64,
    ends: f64,
    /// How many milliseconds a message has.
    distance: f64,
    /// How many messages the run has.
    messages: u32,
    /// How many are sent, or given up.
    done: u32,
}

impl Pace {
    /// The pace of a run that begins at `now`.
    pub fn new(settings: &Settings, now: f64) -> Self {
        Self {
            began: now,
            ends: now + settings.span() + LATE,
            distance: 1e3 / f64::from(settings.rate),
            messages: settings.messages(),
            done: 0,
        }
    }

    /// How many messages to send now. They count as done.
    pub fn take(&mut self, now: f64) -> u32 {
        // A cast of a float saturates.
        let due = ((now - self.began) / self.distance).floor() as u32;
        let due = due.saturating_add(1).min(self.messages);
        let now = due.saturating_sub(self.done).min(AT_ONCE);
        self.done += now;
        now
    }

    /// Whether all are done, or it is too late for the rest.
    pub fn is_over(&self, now: f64) -> bool {
        self.done == self.messages || now >= self.ends
    }

    /// How many messages the page did not come to.
    pub fn left(&self) -> u32 {
        self.messages - self.done
    }

    /// How long to wait before there is something to do, in milliseconds.
    pub fn wait(&self, now: f64) -> f64 {
        let next = self.began + f64::from(self.done) * self.distance;
        (next - now).clamp(WAITS.0, WAITS.1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn pace(rate: u32, seconds: u32) -> Pace {
        let settings = Settings {
            rate,
            seconds,
            ..Settings::default()
        };
        Pace::new(&settings, 1_000.0)
    }

    #[test]
    fn the_first_at_once_and_the_others_at_even_distances() {
        let mut pace = pace(100, 1);
        let sent: Vec<_> = [1_000.0, 1_009.9, 1_010.0, 1_035.0, 1_040.0]
            .map(|now| pace.take(now))
            .into();
        assert_eq!(sent, [1, 0, 1, 2, 1]);
        assert_eq!(pace.left(), 95);
    }

    #[test]
    fn waits_for_the_next_within_its_bounds() {
        let mut slow = pace(1, 60);
        slow.take(1_000.0);
        assert_eq!(slow.wait(1_000.0), 50.0);
        assert_eq!(slow.wait(1_990.0), 10.0);
        let mut fast = pace(2_000, 1);
        fast.take(1_000.0);
        assert_eq!(fast.wait(1_000.0), 4.0);
        assert_eq!(fast.wait(9_000.0), 4.0);
    }

    #[test]
    fn a_page_that_was_held_up_sends_no_flood_and_gives_up_at_the_end() {
        let mut pace = pace(1_000, 2);
        assert_eq!(pace.take(2_900.0), AT_ONCE);
        assert_eq!(pace.take(3_100.0), AT_ONCE);
        assert!(!pace.is_over(3_999.0));
        assert!(pace.is_over(4_000.0));
        assert_eq!(pace.left(), 2_000 - 2 * AT_ONCE);
    }

    proptest! {
        #[test]
        fn whenever_it_is_asked_the_run_ends_with_every_message_sent_or_given_up(
            rate in 1_u32..=2_000,
            seconds in 1_u32..=15,
            steps in prop::collection::vec(0.0..500.0_f64, 0..2_000),
        ) {
            let mut pace = pace(rate, seconds);
            let (mut now, mut sent) = (1_000.0, 0);
            for step in steps {
                now += step;
                let at_once = pace.take(now);
                prop_assert!(at_once <= AT_ONCE);
                sent += at_once;
                prop_assert!(sent + pace.left() == rate * seconds);
                // Not before its time.
                prop_assert!(f64::from(sent) <= (now - 1_000.0) * f64::from(rate) / 1e3 + 1.001);
            }
            prop_assert!(pace.is_over(1_000.0 + f64::from(seconds) * 1e3 + LATE));
        }
    }
}
