//! What a chart draws.

use std::collections::VecDeque;

/// How many points are kept: 30 s of ten a second.
const CAPACITY: usize = 300;

/// The points of the last 30 s, at most 300.
#[derive(Clone, Debug, Default)]
pub struct Series {
    points: VecDeque<(f64, f64)>,
}

impl Series {
    /// How far back the points reach, in milliseconds.
    pub const SPAN: f64 = 30_000.0;

    /// Adds a value and its time in milliseconds, by one clock for all. One that is not newer
    /// than the newest comes too late, and is left out.
    pub fn add(&mut self, time: f64, value: f64) {
        let is_newer = self.points.back().is_none_or(|&(newest, _)| time > newest);
        if !(time.is_finite() && value.is_finite() && is_newer) {
            return;
        }
        while self
            .points
            .front()
            .is_some_and(|&(oldest, _)| time - oldest > Self::SPAN)
            || self.points.len() == CAPACITY
        {
            self.points.pop_front();
        }
        self.points.push_back((time, value));
    }

    /// Each point from the oldest on: how much older than the newest it is, in milliseconds,
    /// and its value.
    pub fn points(&self) -> impl Iterator<Item = (f64, f64)> {
        let newest = self.points.back().map_or(0.0, |&(time, _)| time);
        self.points
            .iter()
            .map(move |&(time, value)| (newest - time, value))
    }

    /// The lowest and the highest value; `None` where there is no point.
    pub fn range(&self) -> Option<(f64, f64)> {
        self.points.iter().fold(None, |range, &(_, value)| {
            let (low, high) = range.unwrap_or((value, value));
            Some((value.min(low), value.max(high)))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(points: impl IntoIterator<Item = (f64, f64)>) -> Series {
        let mut series = Series::default();
        for (time, value) in points {
            series.add(time, value);
        }
        series
    }

    #[test]
    fn known_numbers() {
        let series = series([(100.0, 0.5), (200.0, 0.25), (350.0, 1.0)]);
        let points: Vec<_> = series.points().collect();
        assert_eq!(points, [(250.0, 0.5), (150.0, 0.25), (0.0, 1.0)]);
        assert_eq!(series.range(), Some((0.25, 1.0)));
        assert_eq!(Series::default().range(), None);
    }

    #[test]
    fn holds_300_points_however_fast_they_come() {
        let series = series((0..1_000).map(|number| (f64::from(number), f64::from(number))));
        assert_eq!(series.points().count(), 300);
        assert_eq!(series.range(), Some((700.0, 999.0)));
    }

    #[test]
    fn reaches_back_30_s_however_slowly_they_come() {
        let series = series([(0.0, 1.0), (10_000.0, 2.0), (30_001.0, 3.0)]);
        let points: Vec<_> = series.points().collect();
        assert_eq!(points, [(20_001.0, 2.0), (0.0, 3.0)]);
    }

    #[test]
    fn what_comes_late_or_is_no_number_is_left_out() {
        let series = series([
            (100.0, 1.0),
            (50.0, 2.0),
            (100.0, 3.0),
            (f64::NAN, 4.0),
            (f64::INFINITY, 5.0),
            (200.0, f64::NAN),
        ]);
        assert_eq!(series.points().collect::<Vec<_>>(), [(0.0, 1.0)]);
    }
}
