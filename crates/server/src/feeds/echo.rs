//! What came goes back.

use super::clock::text;
use crate::channel::Channel;
use crate::message::{Message, SendError};
use tickwire_wire::feed::{COUNTED, Counted};

/// Sends each message back as it came: text as text, binary as binary. With the subprotocol
/// [`COUNTED`] it counts the binary ones, and answers text with the count.
///
/// # Errors
/// Where the channel closes while something is being sent, or its reader stalls.
pub async fn echo(channel: Channel) -> Result<(), SendError> {
    let mut count = (channel.protocol() == COUNTED).then(Counted::default);
    while let Some(message) = channel.recv().await {
        let answer = match &mut count {
            Some(count) => counted(count, message),
            None => message,
        };
        match channel.send(answer).await {
            Err(SendError::TooLarge) => {
                channel
                    .refuse("the message is larger than your side takes")
                    .await?;
            }
            sent => sent?,
        }
    }
    Ok(())
}

/// What an echo that counts answers.
fn counted(count: &mut Counted, message: Message) -> Message {
    match &message {
        Message::Binary(data) => {
            count.received = count.received.saturating_add(1);
            count.bytes = count.bytes.saturating_add(data.len() as u64);
            message
        }
        Message::Text(_) => text(count).into(),
    }
}
