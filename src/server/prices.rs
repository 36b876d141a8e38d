//! The demonstration topic: prices of twenty symbols, from one that changes twenty times a second to
//! one that changes once a minute.

use std::time::Duration;
use tickwire_server::{Policy, Topic, Topics};
use tokio::time::{Instant, sleep_until};

/// Its name.
pub const PRICES: &str = "prices";
/// How many symbols there are.
const SYMBOLS: u32 = 20;
/// How often the first and the last change.
const FASTEST: Duration = Duration::from_millis(50);
const SLOWEST: Duration = Duration::from_secs(60);
/// How often it is looked whether somebody reads, while nobody does.
const LOOK: Duration = Duration::from_millis(500);

struct Symbol {
    name: String,
    interval: Duration,
    changes: u32,
    due: Instant,
}

impl Symbol {
    /// The intervals grow by a factor from one to the next.
    fn new(index: u32, now: Instant) -> Self {
        let share = f64::from(index) / f64::from(SYMBOLS - 1);
        let slower = SLOWEST.as_secs_f64() / FASTEST.as_secs_f64();
        Self {
            name: format!("SYM{index:02}"),
            interval: FASTEST.mul_f64(slower.powf(share)),
            changes: 0,
            due: now,
        }
    }

    /// Goes up and down around 100, each symbol in its own time.
    fn price(&self) -> String {
        let change = (f64::from(self.changes) / 7.0).sin() + (f64::from(self.changes) / 3.1).sin();
        format!("{:.2}", 100.0 + change)
    }
}

/// Adds a topic with these prices. They change while somebody reads it.
///
/// # Panics
/// Outside a Tokio runtime.
pub fn add(topics: &Topics) {
    let policy = Policy::latest().max_keys(SYMBOLS as usize);
    tokio::spawn(change(topics.topic(PRICES, policy)));
}

async fn change(topic: Topic) {
    let now = Instant::now();
    let mut symbols: Vec<Symbol> = (0..SYMBOLS).map(|index| Symbol::new(index, now)).collect();
    loop {
        let now = Instant::now();
        for symbol in symbols.iter_mut().filter(|symbol| symbol.due <= now) {
            // There is room for all of them, and their names are short.
            let _ = topic.put(&symbol.name, symbol.price());
            symbol.changes = symbol.changes.wrapping_add(1);
            symbol.due = now + symbol.interval;
        }
        let next = symbols.iter().map(|symbol| symbol.due).min();
        sleep_until(next.unwrap_or(now + SLOWEST)).await;
        while !topic.has_readers() {
            sleep_until(Instant::now() + LOOK).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_intervals_reach_from_the_fastest_to_the_slowest() {
        let now = Instant::now();
        let intervals: Vec<_> = (0..SYMBOLS)
            .map(|index| Symbol::new(index, now).interval)
            .collect();
        assert!(intervals.is_sorted());
        assert_eq!(intervals[0], FASTEST);
        assert_eq!(
            intervals.last().unwrap().as_secs_f64().round(),
            SLOWEST.as_secs_f64()
        );
    }
}
