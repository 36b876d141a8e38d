//! The pulse: something each second, so that each side notices when the other has gone silent,
//! sooner than ICE does (RFC 7675 section 5.1: 30 s).

use super::clock::ticks;
use crate::channel::Channel;
use crate::message::SendError;
use crate::presence::Presence;
use tickwire_wire::feed::{PROTOCOL, PULSE_INTERVAL};

/// Sends one byte each second, and one for each message. What comes back for it is SCTP's acknowledgement, and the session
/// counts as silent while nothing does.
///
/// # Errors
/// Where the channel closes while something is being sent.
pub async fn pulse(channel: Channel, presence: Presence) -> Result<(), SendError> {
    if !super::speaks(&channel, PROTOCOL).await? {
        return Ok(());
    }
    beat(&channel)?;
    let mut tick = ticks(PULSE_INTERVAL);
    loop {
        tokio::select! {
            _ = tick.tick() => {
                presence.look();
                beat(&channel)?;
            }
            message = channel.recv() => match message {
                // Who misses a beat asks for one.
                Some(_) => beat(&channel)?,
                None => return Ok(()),
            },
        }
    }
}

/// One beat, if there is room for it: where there is none, other messages are on their way.
fn beat(channel: &Channel) -> Result<(), SendError> {
    match channel.try_send(vec![0]) {
        Err(SendError::Full) => Ok(()),
        sent => sent,
    }
}
