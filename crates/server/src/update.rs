//! Changes of a session that is open: what they ask for, and on which condition.

use super::offer::Offer;
use super::peer::Peer;
use std::net::IpAddr;
use tickwire_auth::User;
use tickwire_peer::port::DataChannel;
use tickwire_wire::signaling::{ChannelInit, Code, SignalingError};
use tokio::sync::oneshot;

/// What a request wants of a session.
#[derive(Debug)]
pub struct Update {
    /// Who asks, where anybody is asked: the session's user.
    pub user: Option<User>,
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
    /// Boxed: a queue of these has room for 32.
    pub update: Box<Update>,
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

impl Update {
    /// Changes the peer of a session that has `count` channels of `max`, and returns those that it
    /// has more.
    ///
    /// # Errors
    /// Where the condition does not hold, or what is asked for cannot be had. Then nothing has
    /// changed.
    pub fn make(
        self,
        peer: &Peer,
        count: usize,
        max: usize,
    ) -> Result<(Updated, Vec<DataChannel>), SignalingError> {
        if !self.condition.holds(&peer.entity_tag()) {
            return Err(SignalingError::new(
                Code::PreconditionFailed,
                "ICE was restarted since: If-Match does not name the present ICE session. It can be \"*\".",
            ));
        }
        if count + self.channels.len() > max && !self.channels.is_empty() {
            return Err(SignalingError::new(
                Code::BadChannel,
                format!(
                    "Expected at most {max} channels, found {count} that are open and {} more.",
                    self.channels.len()
                ),
            ));
        }
        let added = peer.negotiate(self.channels)?;
        let restart = self.offer.map(|offer| peer.restart(offer, self.from));
        let sdp = restart.transpose().inspect_err(|_| {
            added.iter().for_each(DataChannel::close);
        })?;
        let updated = Updated {
            sdp,
            entity_tag: peer.entity_tag(),
        };
        Ok((updated, added))
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
