//! The server's clock: its time at an interval that the browser chooses, and exchanges of
//! timestamps, from which the browser learns how far its own clock is off.

use crate::channel::Channel;
use crate::message::{Message, SendError};
use serde::Serialize;
use std::sync::LazyLock;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tickwire_wire::feed::{DEFAULT_INTERVAL, FromClock, PROTOCOL, ToClock};
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};

/// Clocks tick together, in groups that are so far apart: a thousand peers that wake in groups
/// cost less than a thousand that wake each at a time of their own, and none waits for all others.
const GROUP: Duration = Duration::from_millis(50);
/// From when the groups are counted.
static EPOCH: LazyLock<Instant> = LazyLock::new(Instant::now);

/// Sends the server's time at an interval, and answers what [`ToClock`] asks. A time waits for
/// the path no longer than until the next.
///
/// # Errors
/// Where the channel closes while something is being sent, or its reader stalls.
pub async fn clock(channel: Channel) -> Result<(), SendError> {
    if !super::speaks(&channel, PROTOCOL).await? {
        return Ok(());
    }
    let channel = channel.latest().once();
    channel.put((), text(&FromClock::Time { time: now() }))?;
    let mut tick = ticks(DEFAULT_INTERVAL);
    loop {
        let message = tokio::select! {
            _ = tick.tick() => {
                channel.put((), text(&FromClock::Time { time: now() }))?;
                continue;
            }
            message = channel.recv() => match message {
                Some(message) => message,
                None => return Ok(()),
            },
        };
        let arrived = now();
        let request = match &message {
            Message::Text(text) => ToClock::parse(text),
            Message::Binary(_) => Err("Expected JSON text, found a binary message.".into()),
        };
        let answer = match request {
            Ok(ToClock::Interval { interval }) => {
                // It is whole, and in bounds: `parse` sees to that.
                let interval = interval as u32;
                tick = ticks(interval);
                FromClock::Interval { interval }
            }
            Ok(ToClock::Exchange { t1 }) => FromClock::Exchange {
                t1,
                t2: arrived,
                t3: now(),
            },
            Err(reason) => FromClock::Refused { reason },
        };
        channel.send(text(&answer)).await?;
    }
}

/// A message of a feed, as JSON.
pub fn text(message: &impl Serialize) -> String {
    // Numbers and strings under fixed names always become JSON.
    serde_json::to_string(message).unwrap_or_default()
}

/// The server's time as the built-in feeds have it: milliseconds since 1970, down to the
/// microsecond.
pub fn now() -> f64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.unwrap_or_default().as_micros() as f64 / 1e3
}

/// The time in RFC 3339, with milliseconds, in UTC.
pub fn timestamp() -> String {
    humantime::format_rfc3339_millis(SystemTime::now()).to_string()
}

/// Ticks at each interval, in milliseconds, without drift: the first time after about one. One that
/// would be late is left out.
pub fn ticks(interval: u32) -> Interval {
    let interval = Duration::from_millis(interval.into());
    let group = GROUP.min(interval);
    let ago = EPOCH.elapsed().as_nanos() % group.as_nanos();
    let first = Instant::now() + interval - Duration::from_nanos(ago as u64);
    let mut ticks = interval_at(first, interval);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    ticks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn ticks_come_in_groups_and_a_late_one_is_left_out() {
        let mut first = ticks(1_000);
        tokio::time::advance(Duration::from_millis(70)).await;
        let mut second = ticks(1_000);
        let since_epoch = |tick: Instant| tick.duration_since(*EPOCH).as_micros() % 50_000;
        let tick = first.tick().await;
        assert_eq!(since_epoch(tick), since_epoch(second.tick().await));
        tokio::time::advance(Duration::from_millis(3_700)).await;
        first.tick().await;
        assert_eq!(first.tick().await - tick, Duration::from_secs(4));
    }
}
