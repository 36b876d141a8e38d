//! The demonstration topic and a feed beside it: prices of twenty symbols, from one that changes twenty
//! times a second to one that changes once a minute.

use crate::prices::{PRICES, SYMBOLS, symbol};
use std::time::Duration;
use tickwire_server::feeds::{self, speaks};
use tickwire_server::{Channel, Feeds, Policy, SendError, Topic, Topics};
use tickwire_wire::feed;
use tokio::sync::broadcast;
use tokio::time::{Instant, sleep_until};

/// How many changes wait for a slow network on a channel that brings each in order: those of a minute.
const MAX_WAITING: usize = 8_192;
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
    fn new(index: usize, now: Instant) -> Self {
        let share = index as f64 / (SYMBOLS - 1) as f64;
        let slower = SLOWEST.as_secs_f64() / FASTEST.as_secs_f64();
        Self {
            name: symbol(index),
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

/// Adds a topic with these prices, and a feed of the same name that sends each change in order. They
/// change while somebody reads either.
///
/// # Panics
/// Outside a Tokio runtime, and where there is a topic of this name.
pub fn add(feeds: Feeds, topics: &Topics) -> Feeds {
    // Each server has its own, whatever others have in common.
    let added = topics.add_here(PRICES, Policy::latest().max_keys(SYMBOLS));
    let topic = added.unwrap_or_else(|cause| panic!("{cause}"));
    let (changes, _) = broadcast::channel(MAX_WAITING);
    tokio::spawn(change(topic, changes.clone()));
    let each = move |channel: Channel| each(channel, changes.subscribe());
    feeds.feed(PRICES, each)
}

/// Sends each change, in order, whoever takes it slowly.
async fn each(channel: Channel, mut changes: broadcast::Receiver<String>) -> Result<(), SendError> {
    if !speaks(&channel, feed::PROTOCOL).await? {
        return Ok(());
    }
    let sending = async {
        loop {
            match changes.recv().await {
                Ok(change) => channel.send(change).await?,
                // It is too slow for all of them.
                Err(broadcast::error::RecvError::Lagged(_)) => {}
                Err(broadcast::error::RecvError::Closed) => return Ok(()),
            }
        }
    };
    let closed = async { while channel.recv().await.is_some() {} };
    tokio::select! {
        sent = sending => sent,
        () = closed => Ok(()),
    }
}

async fn change(topic: Topic, changes: broadcast::Sender<String>) {
    let now = Instant::now();
    let mut symbols: Vec<Symbol> = (0..SYMBOLS).map(|index| Symbol::new(index, now)).collect();
    loop {
        let now = Instant::now();
        for symbol in symbols.iter_mut().filter(|symbol| symbol.due <= now) {
            let (name, price, time) = (&symbol.name, symbol.price(), feeds::now());
            let value = format!(r#"{{"price":"{price}","time":{time}}}"#);
            // There is room for all of them, and their names are short.
            let _ = topic.put(name, value);
            // Nobody may listen.
            let _ = changes.send(format!(
                r#"{{"symbol":"{name}","price":"{price}","time":{time}}}"#
            ));
            symbol.changes = symbol.changes.wrapping_add(1);
            symbol.due = now + symbol.interval;
        }
        let next = symbols.iter().map(|symbol| symbol.due).min();
        sleep_until(next.unwrap_or(now + SLOWEST)).await;
        while topic.readers() == 0 && changes.receiver_count() == 0 {
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
