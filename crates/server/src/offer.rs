//! Reads an offer and refuses what cannot be answered, with the reason.

use std::collections::HashSet;
use tickwire_peer::sdp::{self, OfferError};
use tickwire_wire::signaling::{ChannelInit, Code, OFFER, SignalingError};

/// RFC 8832 section 5.1 counts a label's and a subprotocol's bytes in 16 bits.
const MAX_LABEL: usize = 65_535;
/// RFC 8832 section 6: the stream 65,535 is not to be used.
const MAX_ID: u16 = 65_534;

/// An offer that can be answered, and the channels that both sides create.
#[derive(Debug)]
pub struct Offer {
    description: sdp::Offer,
    channels: Vec<ChannelInit>,
}

impl Offer {
    /// Reads a session description's `type` and `sdp`.
    ///
    /// # Errors
    /// What is missing or wrong, as a person would say it.
    pub fn read(kind: &str, sdp: &str) -> Result<Self, SignalingError> {
        if kind != OFFER {
            return Err(SignalingError::new(
                Code::NotAnOffer,
                format!(
                    "Expected a description of the type \"offer\", found \"{}\".",
                    kind.chars().take(32).collect::<String>().escape_debug()
                ),
            ));
        }
        let description = sdp::Offer::read(sdp)
            .map_err(|cause| SignalingError::new(code(&cause), cause.to_string()))?;
        Ok(Self {
            description,
            channels: Vec::new(),
        })
    }

    /// The same with channels that both sides create, at most `max` of them.
    ///
    /// # Errors
    /// [`Code::BadChannel`], with what is wrong and what is expected.
    pub fn with_channels(
        self,
        channels: Vec<ChannelInit>,
        max: usize,
    ) -> Result<Self, SignalingError> {
        check_channels(&channels, max)?;
        Ok(Self { channels, ..self })
    }

    /// The SHA-256 fingerprint of the one certificate that it names; none where it names more, or by
    /// another hash.
    pub fn fingerprint(&self) -> Option<[u8; 32]> {
        match self.description.fingerprints() {
            [only] if only.hash() == sdp::Hash::Sha256 => only.bytes().try_into().ok(),
            _ => None,
        }
    }

    /// The description, and the channels.
    pub fn into_parts(self) -> (sdp::Offer, Vec<ChannelInit>) {
        (self.description, self.channels)
    }
}

fn code(cause: &OfferError) -> Code {
    match cause {
        OfferError::BadSdp { .. }
        | OfferError::TooLarge { .. }
        | OfferError::TooManySections { .. }
        | OfferError::TooManyFingerprints { .. } => Code::BadSdp,
        OfferError::NoDataChannel { .. } | OfferError::DataChannelRejected { .. } => {
            Code::NoDataChannel
        }
        OfferError::MediaOffered { .. } => Code::MediaOffered,
        OfferError::NoFingerprint => Code::NoFingerprint,
        OfferError::UnusableFingerprint { .. } => Code::UnusableFingerprint,
        OfferError::NoIceCredentials { .. } => Code::NoIceCredentials,
        OfferError::BadIceCredentials { .. } => Code::BadIceCredentials,
        OfferError::BadSetup { .. } => Code::BadSetup,
        OfferError::IceLite => Code::IceLite,
        OfferError::TooManyCandidates { .. } => Code::TooManyCandidates,
    }
}

/// Whether both sides can create these channels, of which there may be `max`.
///
/// # Errors
/// [`Code::BadChannel`], with what is wrong and what is expected.
pub fn check_channels(channels: &[ChannelInit], max: usize) -> Result<(), SignalingError> {
    let refuse = |message: String| Err(SignalingError::new(Code::BadChannel, message));
    if channels.len() > max {
        return refuse(format!(
            "Expected at most {max} channels, found {}.",
            channels.len()
        ));
    }
    let mut ids = HashSet::new();
    for channel in channels {
        let id = channel.id;
        let wrong = if id > MAX_ID {
            Some("an id from 0 to 65534")
        } else if !ids.insert(id) {
            Some("each id once")
        } else if !channel.negotiated {
            Some("negotiated: true, since both sides create it")
        } else if channel.max_retransmits.is_some() && channel.max_packet_life_time.is_some() {
            Some("maxRetransmits or maxPacketLifeTime, not both")
        } else if channel.label.len().max(channel.protocol.len()) > MAX_LABEL {
            Some("a label and a protocol of at most 65535 bytes")
        } else {
            None
        };
        if let Some(expected) = wrong {
            return refuse(format!("Channel with the id {id}: expected {expected}."));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
