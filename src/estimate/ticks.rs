//! What the ticks of a clock tell beside the time.

/// How unevenly messages arrive (RFC 3550 section 6.4.1): a running mean of by how much the
/// delay of each differs from that of the one before it. The times at which they were sent are
/// part of it, so that neither a change of interval nor a lost message counts, and one that
/// overtakes another counts for its delay alone.
#[derive(Clone, Copy, Debug, Default)]
pub struct Jitter {
    /// The delay of the newest arrival, and by how far the clocks are apart, which is in each.
    transit: Option<f64>,
    mean: Option<f64>,
}

impl Jitter {
    /// Takes in a message: when it was sent, by the server's clock, and when it arrived, by the
    /// device's.
    pub fn add(&mut self, sent: f64, arrived: f64) {
        let transit = arrived - sent;
        if !transit.is_finite() {
            return;
        }
        if let Some(before) = self.transit.replace(transit) {
            let mean = self.mean.unwrap_or(0.0);
            self.mean = Some(mean + ((transit - before).abs() - mean) / 16.0);
        }
    }

    /// The jitter in milliseconds; `None` before the second message.
    pub fn value(&self) -> Option<f64> {
        self.mean
    }
}

/// The newest of the times that have arrived, in whatever order they do.
#[derive(Clone, Copy, Debug, Default)]
pub struct Newest(Option<f64>);

impl Newest {
    /// Takes in a time of the server; one that is older than the newest changes nothing.
    pub fn add(&mut self, time: f64) {
        if time.is_finite() && self.0.is_none_or(|newest| time > newest) {
            self.0 = Some(time);
        }
    }

    /// How old the newest is in milliseconds, when the server's clock says `now`.
    pub fn age(&self, now: f64) -> Option<f64> {
        self.0.map(|newest| (now - newest).max(0.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn jitter(messages: &[(f64, f64)]) -> Option<f64> {
        let mut jitter = Jitter::default();
        for &(sent, arrived) in messages {
            jitter.add(sent, arrived);
        }
        jitter.value()
    }

    #[test]
    fn known_numbers() {
        assert_eq!(jitter(&[]), None);
        assert_eq!(jitter(&[(0.0, 5.0)]), None);
        assert_eq!(jitter(&[(0.0, 5.0), (10.0, 31.0)]), Some(1.0));
        assert_eq!(
            jitter(&[(0.0, 5.0), (10.0, 31.0), (20.0, 25.0)]),
            Some(1.9375)
        );
    }

    #[test]
    fn an_even_delay_is_no_jitter_whatever_the_interval_and_the_clocks() {
        let sent = [0.0, 10.0, 20.0, 1_020.0, 61_020.0, 61_030.0];
        for delay in [0.0, 40.0, -3_600_000.0] {
            assert_eq!(jitter(&sent.map(|sent| (sent, sent + delay))), Some(0.0));
        }
    }

    #[test]
    fn a_steady_swing_is_what_it_comes_to() {
        let swing = |number: u32| {
            let sent = f64::from(number) * 100.0;
            (sent, sent + f64::from(number % 2) * 8.0)
        };
        let found = jitter(&(0..200).map(swing).collect::<Vec<_>>()).unwrap();
        assert!((found - 8.0).abs() < 0.01, "{found}");
    }

    #[test]
    fn one_that_was_overtaken_counts_for_its_delay() {
        // The second was 30 ms late, and arrived 20 ms after the third.
        let found = jitter(&[(0.0, 5.0), (20.0, 25.0), (10.0, 45.0), (50.0, 55.0)]);
        let (late, on_time) = (30.0 / 16.0, 30.0);
        assert_eq!(found, Some(late + (on_time - late) / 16.0));
    }

    #[test]
    fn garbage_is_ignored() {
        let mut jitter = Jitter::default();
        let mut newest = Newest::default();
        for time in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            jitter.add(time, 0.0);
            newest.add(time);
        }
        assert_eq!(jitter.value(), None);
        assert_eq!(newest.age(0.0), None);
    }

    #[test]
    fn an_older_time_never_replaces_a_newer_one() {
        let mut newest = Newest::default();
        assert_eq!(newest.age(1_000.0), None);
        for time in [900.0, 950.0, 910.0, 950.0] {
            newest.add(time);
        }
        assert_eq!(newest.age(1_000.0), Some(50.0));
        assert_eq!(newest.age(940.0), Some(0.0));
    }
}
