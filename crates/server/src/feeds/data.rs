//! The plain-text demonstration: the time each second, and echoes, on one channel.

use super::clock::{ticks, timestamp};
use crate::channel::Channel;
use crate::message::{Message, SendError};
use tickwire_wire::feed::{DEFAULT_INTERVAL, FromData};

/// Sends the server's time each second from the moment the channel is open, and an echo of each
/// message.
///
/// # Errors
/// Where the channel closes while something is being sent, or its reader stalls.
pub async fn data(channel: Channel) -> Result<(), SendError> {
    send_time(&channel)?;
    let mut tick = ticks(DEFAULT_INTERVAL);
    loop {
        tokio::select! {
            _ = tick.tick() => send_time(&channel)?,
            message = channel.recv() => match message {
                Some(message) => echo(&channel, message).await?,
                None => return Ok(()),
            },
        }
    }
}

/// Sends the time if there is room for it now: the next one makes up for it.
fn send_time(channel: &Channel) -> Result<(), SendError> {
    let line = FromData::Time(&timestamp()).to_string();
    match channel.try_send(line) {
        Err(SendError::Full) => Ok(()),
        sent => sent,
    }
}

async fn echo(channel: &Channel, message: Message) -> Result<(), SendError> {
    let echo = match message {
        Message::Text(text) => FromData::Echo(&text).to_string().into(),
        Message::Binary(data) => Message::Binary(data),
    };
    match channel.send(echo).await {
        Err(SendError::TooLarge) => {
            channel
                .refuse("the echo is larger than your side takes")
                .await
        }
        sent => sent,
    }
}
