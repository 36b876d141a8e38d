//! How often which round trip was measured, in constant memory.

/// A round trip is counted in so many parts of a millisecond: with a power of two of them, the
/// bins of the picture begin at 1, 2, 4 and 8 ms, at 1.25, 1.5 and 1.75.
pub const PARTS: u32 = 1_024;
/// Each doubling of the time has so many buckets, a power of two: a bucket is never wider than
/// 1/32 of what it holds.
const STEPS: usize = 1 << STEP_BITS;
const STEP_BITS: u32 = 5;
/// The longest time that is told apart, in parts: 65.5 s. What is longer counts as this.
pub const LONGEST: u32 = (1 << 26) - 1;
/// Below two doublings' worth each part has a bucket of its own; see [`bucket`].
const BUCKETS: usize = bucket(LONGEST) + 1;

/// So many bins of the picture are a doubling of the time.
pub const BINS_A_DOUBLING: usize = 4;
/// Where the first bin begins, in thousandths of a millisecond. What is shorter is in it too.
pub const FIRST_BIN: u32 = 125;
/// How many bins there are.
pub const BINS: usize = BUCKETS / BUCKETS_A_BIN - BINS_BEFORE;
const BUCKETS_A_BIN: usize = STEPS / BINS_A_DOUBLING;
const BINS_BEFORE: usize = bucket(PARTS * FIRST_BIN / 1_000) / BUCKETS_A_BIN;

/// Times by how long they are, to about 3 %: buckets as those of HdrHistogram, a number of equal
/// ones for each doubling. All in [`PARTS`] of a millisecond.
#[derive(Clone, Debug)]
pub struct Histogram {
    counts: Box<[u32; BUCKETS]>,
    total: u32,
    shortest: u32,
    longest: u32,
}

impl Histogram {
    /// Adds a time. One that is longer than `LONGEST` counts as that.
    pub fn add(&mut self, time: u32) {
        let time = time.min(LONGEST);
        self.counts[bucket(time)] += 1;
        self.total += 1;
        self.shortest = self.shortest.min(time);
        self.longest = self.longest.max(time);
    }

    /// How many times there are.
    pub fn total(&self) -> u32 {
        self.total
    }

    /// The time that so many per cent of all do not exceed (the nearest rank), 0 to 100, to about
    /// 1.6 %, and the shortest and the longest as they were; `None` where there is none.
    pub fn percentile(&self, percent: u32) -> Option<u32> {
        // No run has so many messages that this is too large.
        let rank = (self.total * percent).div_ceil(100);
        if self.total == 0 {
            return None;
        }
        if rank <= 1 {
            return Some(self.shortest);
        }
        let mut below = 0;
        for (index, count) in self.counts.iter().enumerate() {
            below += count;
            if below >= rank && rank < self.total {
                let middle = (start(index) + start(index + 1) - 1) / 2;
                return Some(middle.clamp(self.shortest, self.longest));
            }
        }
        Some(self.longest)
    }

    /// How many times are in each bin, the shortest times first. Bins are of equal width within a
    /// doubling.
    pub fn bins(&self) -> [u32; BINS] {
        let mut bins = [0; BINS];
        for (index, count) in self.counts.iter().enumerate() {
            bins[(index / BUCKETS_A_BIN).saturating_sub(BINS_BEFORE)] += count;
        }
        bins
    }
}

impl Default for Histogram {
    fn default() -> Self {
        Self {
            counts: Box::new([0; BUCKETS]),
            total: 0,
            shortest: u32::MAX,
            longest: 0,
        }
    }
}

/// Parts as milliseconds.
pub fn milliseconds(parts: u32) -> f64 {
    f64::from(parts) / f64::from(PARTS)
}

/// The bucket of a time. From the second doubling on, the highest six bits tell which of its
/// doubling's it is, and how many are below them tells which doubling.
const fn bucket(time: u32) -> usize {
    let bits = u32::BITS - time.leading_zeros();
    let below = bits.saturating_sub(STEP_BITS + 1);
    below as usize * STEPS + (time >> below) as usize
}

/// The shortest time of a bucket.
const fn start(bucket: usize) -> u32 {
    let below = (bucket / STEPS).saturating_sub(1);
    ((bucket - below * STEPS) as u32) << below
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn histogram(times: impl IntoIterator<Item = u32>) -> Histogram {
        let mut histogram = Histogram::default();
        for time in times {
            histogram.add(time);
        }
        histogram
    }

    fn is_about(found: Option<u32>, expected: u32) -> bool {
        found.is_some_and(|found| {
            f64::from(found.abs_diff(expected)) <= f64::from(expected) * 0.016 + 1.0
        })
    }

    #[test]
    fn known_numbers() {
        let histogram = histogram((1..=1_000).map(|time| time * 100));
        assert_eq!(histogram.total(), 1_000);
        for (percent, expected) in [(50, 50_000), (95, 95_000), (99, 99_000), (100, 100_000)] {
            let found = histogram.percentile(percent);
            assert!(is_about(found, expected), "{percent}: {found:?}");
        }
    }

    #[test]
    fn one_time_is_every_percentile_of_itself() {
        let histogram = histogram([12_345]);
        for percent in [0, 50, 99, 100] {
            assert_eq!(histogram.percentile(percent), Some(12_345));
        }
        assert_eq!(Histogram::default().percentile(50), None);
    }

    #[test]
    fn what_is_out_of_range_counts_at_its_end() {
        let histogram = histogram([0, u32::MAX]);
        assert_eq!(histogram.percentile(50), Some(0));
        assert_eq!(histogram.percentile(100), Some(LONGEST));
        let bins = histogram.bins();
        assert_eq!((bins[0], bins[BINS - 1]), (1, 1));
    }

    #[test]
    fn the_buckets_leave_no_gap() {
        for index in 0..BUCKETS {
            assert_eq!(bucket(start(index)), index);
            assert_eq!(bucket(start(index + 1) - 1), index);
        }
        assert_eq!(start(BUCKETS), LONGEST + 1);
    }

    #[test]
    fn four_bins_a_doubling_from_an_eighth_of_a_millisecond_on() {
        assert_eq!(milliseconds(1_536), 1.5);
        for (time, bin) in [
            (127, 0),
            (128, 0),
            (160, 1),
            (255, 3),
            (256, 4),
            (1_024, 12),
        ] {
            assert_eq!(histogram([time]).bins()[bin], 1, "{time}");
        }
        assert_eq!(BINS / BINS_A_DOUBLING, 19);
        assert_eq!(FIRST_BIN << 3, 1_000);
    }

    proptest! {
        #[test]
        fn a_percentile_is_near_that_of_the_sorted_times(
            mut times in prop::collection::vec(0..60_000_000_u32, 1..300),
            percent in 0..=100_u32,
        ) {
            let found = histogram(times.iter().copied()).percentile(percent);
            times.sort_unstable();
            let rank = (times.len() * percent as usize).div_ceil(100).max(1);
            prop_assert!(is_about(found, times[rank - 1]), "{found:?} {}", times[rank - 1]);
        }
    }
}
