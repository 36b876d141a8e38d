//! What came goes back.

use crate::server::channel::{Channel, SendError};

/// Sends each message back as it came: text as text, binary as binary.
///
/// # Errors
/// Where the channel closes while something is being sent, or its reader stalls.
pub async fn echo(channel: Channel) -> Result<(), SendError> {
    while let Some(message) = channel.recv().await {
        match channel.send(message).await {
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
