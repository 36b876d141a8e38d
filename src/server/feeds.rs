//! What is served on a channel: the server's time each second, and an echo of each message.

use super::channel::{Channel, Message, SendError};
use crate::wire::FromServer;
use std::time::{Duration, SystemTime};
use tokio::time::{MissedTickBehavior, interval};

/// How often the time is sent.
const TICK: Duration = Duration::from_secs(1);

/// Serves one channel until it closes.
///
/// # Errors
/// Where the channel closes while something is being sent, or its reader stalls.
pub async fn time_and_echo(channel: &Channel) -> Result<(), SendError> {
    let mut clock = interval(TICK);
    // A late time is worth nothing: after a delay the clock goes on, and does not catch up.
    clock.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        tokio::select! {
            _ = clock.tick() => {
                let now = humantime::format_rfc3339_millis(SystemTime::now()).to_string();
                channel.try_send_text(&FromServer::Time(&now).to_string()).await?;
            }
            message = channel.recv() => match message {
                Some(message) => echo(channel, message).await?,
                None => return Ok(()),
            },
        }
    }
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
