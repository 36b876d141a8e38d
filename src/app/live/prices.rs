//! What is known of the prices, and what the page says of it. No I/O; bounded, however long nobody
//! looks.

use crate::app::text::{self, UNKNOWN};
use crate::prices::{Price, SYMBOLS};
use std::collections::VecDeque;

/// Over how long it is told how old values were when they came, in milliseconds.
const WINDOW: f64 = 10_000.0;
/// How many of them are kept: there are some 130 a second.
const MAX_AGES: usize = 4_096;
/// The bar of an age: empty up to the first, full from the second on, in milliseconds. A tenfold age
/// is always as much longer.
const FRESH: f64 = 10.0;
const STALE: f64 = 100_000.0;
/// From which age at its arrival on a value came late, in milliseconds.
const LATE: f64 = 100.0;

/// The newest price of a symbol.
#[derive(Clone, Debug)]
struct Newest {
    price: Price,
    is_late: bool,
}

/// The newest price of each symbol, and how old those of late were when they came.
#[derive(Debug, Default)]
pub struct Prices {
    newest: [Option<Newest>; SYMBOLS],
    /// When each came, and how old it was.
    ages: VecDeque<(f64, f64)>,
}

/// What the page says of one symbol.
#[derive(Clone, Debug, PartialEq)]
pub struct RowTexts {
    /// The price.
    pub price: String,
    /// How old it is.
    pub age: String,
    /// How much of the bar that is, 0 to 100.
    pub share: u32,
    /// Whether it came late.
    pub is_late: bool,
}

/// What the page says of the prices.
#[derive(Clone, Debug, PartialEq)]
pub struct PriceTexts {
    /// Of each symbol.
    pub rows: Vec<RowTexts>,
    /// Of how old they were when they came.
    pub ages: AgeTexts,
}

/// What the page says of how old values were when they came.
#[derive(Clone, Debug, PartialEq)]
pub struct AgeTexts {
    /// Half of the values were no older when they came.
    pub median: String,
    /// 95 of 100 were no older.
    pub most: String,
    /// None was older.
    pub longest: String,
}

impl Prices {
    /// Takes in a price that comes at `now`, by the server's clock; one that was there before it was
    /// asked for is as old as it is.
    pub fn take(&mut self, symbol: usize, price: Price, is_snapshot: bool, now: f64) {
        // Two clocks are never quite alike.
        let age = (now - price.time).max(0.0);
        if !is_snapshot {
            if self.ages.len() == MAX_AGES {
                self.ages.pop_front();
            }
            self.ages.push_back((now, age));
        }
        let is_late = age >= LATE && !is_snapshot;
        if let Some(newest) = self.newest.get_mut(symbol) {
            *newest = Some(Newest { price, is_late });
        }
    }

    /// What there is to say at `now`, by the server's clock.
    pub fn texts(&mut self, now: f64) -> PriceTexts {
        PriceTexts {
            rows: (0..SYMBOLS).map(|symbol| self.row(symbol, now)).collect(),
            ages: self.ages(now),
        }
    }

    /// What there is to say of a symbol at `now`, by the server's clock.
    fn row(&self, symbol: usize, now: f64) -> RowTexts {
        let Some(Some(Newest { price, is_late })) = self.newest.get(symbol) else {
            return RowTexts::default();
        };
        let age = (now - price.time).max(0.0);
        let share = (age / FRESH).log10() / (STALE / FRESH).log10();
        RowTexts {
            price: price.price.clone(),
            age: text::duration(age),
            share: (share.clamp(0.0, 1.0) * 100.0).round() as u32,
            is_late: *is_late,
        }
    }

    /// What there is to say of those that have come within ten seconds.
    fn ages(&mut self, now: f64) -> AgeTexts {
        while self.ages.front().is_some_and(|(at, _)| now - at > WINDOW) {
            self.ages.pop_front();
        }
        let mut ages: Vec<f64> = self.ages.iter().map(|(_, age)| *age).collect();
        ages.sort_unstable_by(f64::total_cmp);
        let at = |of_hundred: usize| {
            // The smallest that so many are not above.
            let rank = (ages.len() * of_hundred).div_ceil(100);
            let age = ages.get(rank.saturating_sub(1)).copied();
            age.map_or_else(|| UNKNOWN.into(), text::duration)
        };
        AgeTexts {
            median: at(50),
            most: at(95),
            longest: at(100),
        }
    }
}

impl Default for RowTexts {
    fn default() -> Self {
        Self {
            price: UNKNOWN.into(),
            age: UNKNOWN.into(),
            share: 0,
            is_late: false,
        }
    }
}

impl Default for PriceTexts {
    fn default() -> Self {
        Self {
            rows: vec![RowTexts::default(); SYMBOLS],
            ages: AgeTexts::default(),
        }
    }
}

impl Default for AgeTexts {
    fn default() -> Self {
        Self {
            median: UNKNOWN.into(),
            most: UNKNOWN.into(),
            longest: UNKNOWN.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn price(price: &str, time: f64) -> Price {
        Price {
            price: price.into(),
            time,
        }
    }

    #[test]
    fn an_age_grows_from_fresh_to_stale() {
        let mut prices = Prices::default();
        assert_eq!(prices.row(0, 0.0), RowTexts::default());
        prices.take(0, price("100.00", 1_000.0), false, 1_030.0);
        let row = prices.row(0, 1_100.0);
        assert_eq!((&*row.price, &*row.age), ("100.00", "100 ms"));
        assert_eq!((row.share, row.is_late), (25, false));
        assert_eq!(prices.row(0, 1_005.0).share, 0);
        assert_eq!(prices.row(0, 1e9).share, 100);
        assert_eq!(prices.row(1, 1e9), RowTexts::default());
        prices.take(0, price("101.00", 1_100.0), false, 1_300.0);
        assert!(prices.row(0, 1_300.0).is_late);
        // One of a server whose clock is ahead.
        prices.take(0, price("102.00", 2_000.0), false, 1_400.0);
        assert_eq!(prices.row(0, 1_400.0).age, "0.0 ms");
        prices.take(0, price("103.00", 0.0), true, 2_000.0);
        assert!(!prices.row(0, 2_000.0).is_late);
        // There is no such symbol.
        prices.take(SYMBOLS, price("1.00", 0.0), false, 0.0);
    }

    #[test]
    fn ages_are_told_of_ten_seconds_and_no_more_are_kept_than_may_be() {
        let mut prices = Prices::default();
        assert_eq!(prices.ages(0.0), AgeTexts::default());
        for age in 1..=100 {
            let age = f64::from(age);
            prices.take(0, price("1.00", 1_000.0 - age), false, 1_000.0);
        }
        let ages = prices.ages(1_000.0);
        assert_eq!(ages.median, "50.0 ms");
        assert_eq!(ages.most, "95.0 ms");
        assert_eq!(ages.longest, "100 ms");
        assert_eq!(prices.ages(11_001.0), AgeTexts::default());
        for _ in 0..2 * MAX_AGES {
            prices.take(0, price("1.00", 0.0), false, 0.0);
        }
        assert_eq!(prices.ages.len(), MAX_AGES);
    }
}
