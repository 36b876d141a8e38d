//! The server's clock: its time at an interval that the browser chooses, and exchanges of
//! timestamps, from which the browser learns how far its own clock is off.

use crate::channel::Channel;
use crate::message::{Message, SendError};
use serde::Serialize;
use std::sync::LazyLock;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tickwire_wire::feed::{DEFAULT_INTERVAL, FromClock, PROTOCOL, ToClock};
use tokio::time::{Instant, sleep_until};

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
    let channel = channel.latest();
    channel.put((), text(&FromClock::Time { time: now() }))?;
    let mut ticks = Ticks::every(DEFAULT_INTERVAL);
    loop {
        let message = tokio::select! {
            () = ticks.next() => {
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
                ticks = Ticks::every(interval);
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

/// Ticks without drift: each is a whole number of intervals after the first. One that would be
/// late is left out.
pub struct Ticks {
    due: Instant,
    interval: Duration,
}

impl Ticks {
    /// Ticks at each interval, in milliseconds: the first time after about one.
    pub fn every(interval: u32) -> Self {
        let interval = Duration::from_millis(interval.into());
        let group = GROUP.min(interval);
        let ago = EPOCH.elapsed().as_nanos() % group.as_nanos();
        Self {
            due: Instant::now() + interval - Duration::from_nanos(ago as u64),
            interval,
        }
    }

    /// The next tick. A call that is dropped loses none.
    pub async fn next(&mut self) {
        sleep_until(self.due).await;
        self.due = self.after(Instant::now());
    }

    /// The first tick after the one that is due, and after now.
    fn after(&self, now: Instant) -> Instant {
        let late = now.saturating_duration_since(self.due).as_nanos();
        let missed = late / self.interval.as_nanos();
        // At most 60 s times what a u32 holds, which is far below what a Duration does.
        self.due + self.interval * u32::try_from(missed + 1).unwrap_or(u32::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_minutes_of_ticks_are_on_the_second() {
        let mut ticks = Ticks::every(1_000);
        let first = ticks.due;
        for second in 1..=600 {
            // The scheduler is late each time, up to a millisecond short of the next tick.
            let late = Duration::from_millis(second * 37 % 1_000);
            ticks.due = ticks.after(ticks.due + late);
            assert_eq!(ticks.due - first, Duration::from_secs(second));
        }
    }

    #[test]
    fn a_late_tick_is_left_out_and_the_rest_stay_on_the_grid() {
        let mut ticks = Ticks::every(100);
        let first = ticks.due;
        ticks.due = ticks.after(first + Duration::from_millis(350));
        assert_eq!(ticks.due - first, Duration::from_millis(400));
        // A laptop that slept for a year.
        ticks.due = ticks.after(first + Duration::from_secs(31_536_000));
        assert_eq!((ticks.due - first).as_nanos() % 100_000_000, 0);
    }

    #[tokio::test]
    async fn ticks_come_when_they_are_due() {
        let mut ticks = Ticks::every(10);
        for _ in 0..3 {
            let due = ticks.due;
            ticks.next().await;
            assert!(Instant::now() >= due);
            assert!(ticks.due > due);
        }
    }
}
