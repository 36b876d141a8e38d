//! Changes of a session that is open: what they ask for, and on which condition.

use super::channel::Opening;
use super::offer::Offer;
use super::peer::Peer;
use crate::signaling::{ChannelInit, Code, SignalingError};
use std::collections::HashSet;
use std::net::IpAddr;
use tokio::sync::oneshot;

/// What a request wants of a session.
#[derive(Debug)]
pub struct Update {
    /// Restarts ICE.
    pub offer: Option<Offer>,
    /// Channels to add.
    pub channels: Vec<ChannelInit>,
    /// Which ICE session the request is about.
    pub condition: Condition,
    /// Where the request came from.
    pub from: Option<IpAddr>,
}

/// What a request gets.
#[derive(Debug)]
pub struct Updated {
    /// The answer's SDP, where there was an offer.
    pub sdp: Option<String>,
    /// The entity tag of the ICE session.
    pub entity_tag: String,
}

/// An [`Update`] on its way to the session.
#[derive(Debug)]
pub struct Asked {
    pub update: Update,
    pub reply: oneshot::Sender<Result<Updated, SignalingError>>,
}

/// `If-Match` (RFC 9110 section 13.1.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// `*`: whichever it is.
    Any,
    /// One that has one of these entity tags.
    OneOf(Vec<String>),
}

impl Condition {
    /// Reads the header field. What is no entity tag names no ICE session; nor does a weak one,
    /// which this field is not compared with.
    pub fn read(value: &str) -> Self {
        match value.trim() {
            "*" => Self::Any,
            tags => Self::OneOf(tags.split(',').map(|tag| tag.trim().to_owned()).collect()),
        }
    }

    fn holds(&self, entity_tag: &str) -> bool {
        match self {
            Self::Any => true,
            Self::OneOf(tags) => tags.iter().any(|tag| tag == entity_tag),
        }
    }
}

/// The ids and the number of the channels that a session has.
pub struct Channels<'a> {
    pub taken: &'a HashSet<u16>,
    pub count: usize,
    pub max: usize,
}

impl Update {
    /// Changes the peer, and returns the channels that it has more.
    ///
    /// # Errors
    /// Where the condition does not hold, or what is asked for cannot be had. Then nothing has
    /// changed, unless it is the connection that fails.
    pub async fn make(
        self,
        peer: &mut Peer,
        channels: Channels<'_>,
    ) -> Result<(Updated, Vec<(u16, Opening)>), SignalingError> {
        if !self.condition.holds(&peer.entity_tag()) {
            return Err(SignalingError::new(
                Code::PreconditionFailed,
                "ICE was restarted since: If-Match does not name the present ICE session. It can be \"*\".",
            ));
        }
        self.check(&channels)?;
        let sdp = match self.offer {
            Some(offer) => Some(peer.answer(offer, self.from).await?),
            None => None,
        };
        let ids: Vec<u16> = self.channels.iter().map(|channel| channel.id).collect();
        for channel in self.channels {
            peer.negotiate(channel).await?;
        }
        let updated = Updated {
            sdp,
            entity_tag: peer.entity_tag(),
        };
        Ok((
            updated,
            ids.into_iter().zip(peer.negotiated.drain(..)).collect(),
        ))
    }

    fn check(&self, channels: &Channels<'_>) -> Result<(), SignalingError> {
        let Channels { taken, count, max } = channels;
        if count + self.channels.len() > *max && !self.channels.is_empty() {
            return Err(SignalingError::new(
                Code::BadChannel,
                format!(
                    "Expected at most {max} channels, found {count} that are open and {} more.",
                    self.channels.len()
                ),
            ));
        }
        match self
            .channels
            .iter()
            .find(|channel| taken.contains(&channel.id))
        {
            None => Ok(()),
            Some(channel) => Err(SignalingError::new(
                Code::Conflict,
                format!(
                    "Channel with the id {}: expected an id that no open channel has.",
                    channel.id
                ),
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_condition_holds_for_its_own_tags_alone() {
        let tag = "\"aB3+/\"";
        for (value, holds) in [
            ("*", true),
            (" * ", true),
            (tag, true),
            ("\"x\" , \"aB3+/\"", true),
            ("\"x\"", false),
            ("aB3+/", false),
            ("W/\"aB3+/\"", false),
            ("", false),
            ("*, \"x\"", false),
            ("\"aB3+/", false),
        ] {
            assert_eq!(Condition::read(value).holds(tag), holds, "{value}");
        }
    }
}
