//! What is served on a channel: the server's time each second, and an echo of each message.

use super::channel::{Channel, Message, SendError};
use crate::wire::FromServer;
use std::sync::LazyLock;
use std::time::{Duration, SystemTime};
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};

/// How often the time is sent.
const TICK: Duration = Duration::from_secs(1);
/// Clocks tick together, in so many groups a second: a thousand peers that wake in groups cost
/// less than a thousand that wake each at a time of their own, and none waits for all others.
const GROUPS: u32 = 20;
/// From when the groups are counted.
static EPOCH: LazyLock<Instant> = LazyLock::new(Instant::now);

/// Serves one channel until it closes.
///
/// # Errors
/// Where the channel closes while something is being sent, or its reader stalls.
pub async fn time_and_echo(channel: &Channel) -> Result<(), SendError> {
    send_time(channel).await?;
    let mut clock = clock();
    loop {
        tokio::select! {
            _ = clock.tick() => send_time(channel).await?,
            message = channel.recv() => match message {
                Some(message) => echo(channel, message).await?,
                None => return Ok(()),
            },
        }
    }
}

/// Ticks each second from the next time on that a group does.
fn clock() -> Interval {
    let group = TICK / GROUPS;
    let ago = EPOCH.elapsed().as_nanos() % group.as_nanos();
    let first = Instant::now() + TICK - Duration::from_nanos(ago as u64);
    let mut clock = interval_at(first, TICK);
    // A late time is worth nothing: after a delay the clock goes on, and does not catch up.
    clock.set_missed_tick_behavior(MissedTickBehavior::Skip);
    clock
}

async fn send_time(channel: &Channel) -> Result<(), SendError> {
    let now = humantime::format_rfc3339_millis(SystemTime::now()).to_string();
    channel
        .try_send_text(&FromServer::Time(&now).to_string())
        .await
}

async fn echo(channel: &Channel, message: Message) -> Result<(), SendError> {
    let sent = match message {
        Message::Text(text) => {
            channel
                .send_text(&FromServer::Echo(&text).to_string())
                .await
        }
        Message::Binary(data) => channel.send_binary(data).await,
        Message::Malformed => {
            return refuse(channel, "a text message must be UTF-8 (RFC 8831)").await;
        }
    };
    match sent {
        Err(SendError::TooLarge) => {
            refuse(channel, "the echo is larger than your side takes").await
        }
        sent => sent,
    }
}

async fn refuse(channel: &Channel, reason: &str) -> Result<(), SendError> {
    channel
        .send_text(&FromServer::Refused(reason).to_string())
        .await
}
