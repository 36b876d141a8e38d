//! Reads an offer and refuses what cannot be answered, with the reason.

use crate::signaling::{ChannelInit, Code, OFFER, SignalingError};
use std::collections::HashSet;
use webrtc::peer_connection::RTCSessionDescription;

/// More candidates than any browser lists: one for each interface, protocol and STUN server.
const MAX_CANDIDATES: usize = 100;

/// RFC 8832 section 5.1 counts a label's and a subprotocol's bytes in 16 bits.
const MAX_LABEL: usize = 65_535;
/// RFC 8832 section 6: the stream 65,535 is not to be used.
const MAX_ID: u16 = 65_534;

/// An offer that can be answered: one data channel section, credentials and a fingerprint, and
/// the channels that both sides create.
///
/// Its candidates are left out. The server's own are in the answer, so the browser's
/// connectivity checks find the server and are answered where they come from, as
/// peer-reflexive candidates (RFC 8445 section 7.3.1.3); and an offer cannot make the server
/// send to an address that never sent anything to it.
#[derive(Debug)]
pub struct Offer {
    description: RTCSessionDescription,
    fingerprint: String,
    channels: Vec<ChannelInit>,
}

impl Offer {
    /// Reads a session description's `type` and `sdp`.
    ///
    /// # Errors
    /// What is missing or wrong, as a person would say it.
    pub fn read(kind: &str, sdp: &str) -> Result<Self, SignalingError> {
        let refuse = |code, message: &str| Err(SignalingError::new(code, message));
        if kind != OFFER {
            return Err(SignalingError::new(
                Code::NotAnOffer,
                format!(
                    "Expected a description of the type \"offer\", found \"{}\".",
                    kind.chars().take(32).collect::<String>().escape_debug()
                ),
            ));
        }
        let (candidates, lines): (Vec<&str>, Vec<&str>) = sdp
            .lines()
            .partition(|line| line.starts_with("a=candidate:"));
        if candidates.len() > MAX_CANDIDATES {
            return Err(SignalingError::new(
                Code::TooManyCandidates,
                format!(
                    "Expected at most {MAX_CANDIDATES} candidates, found {}.",
                    candidates.len()
                ),
            ));
        }
        let sdp = lines.join("\r\n") + "\r\n";
        let unparsable = |cause: webrtc::error::Error| {
            SignalingError::new(
                Code::BadSdp,
                format!(
                    "Expected a session description (RFC 8866), but it does not parse: {cause}."
                ),
            )
        };
        let description = RTCSessionDescription::offer(sdp).map_err(unparsable)?;
        let parsed = description.unmarshal().map_err(unparsable)?;

        let (data, other): (Vec<_>, Vec<_>) =
            parsed.media_descriptions.iter().partition(|section| {
                section.media_name.media == "application"
                    && section
                        .media_name
                        .formats
                        .iter()
                        .any(|format| format == "webrtc-datachannel")
            });
        if let Some(section) = other.first() {
            return Err(SignalingError::new(
                Code::MediaOffered,
                format!(
                    "Expected data channels only, found a section of the kind \"{}\". Offer no audio or video.",
                    section
                        .media_name
                        .media
                        .chars()
                        .take(32)
                        .collect::<String>()
                        .escape_debug()
                ),
            ));
        }
        let [section] = data.as_slice() else {
            return refuse(
                Code::NoDataChannel,
                "Expected one data channel section (m=application … webrtc-datachannel). Create a data channel before the offer.",
            );
        };
        let attribute = |key: &str| {
            let own = section.attribute(key).flatten();
            own.or_else(|| parsed.attribute(key).map(String::as_str))
                .unwrap_or_default()
        };
        let fingerprint = attribute("fingerprint").to_ascii_lowercase();
        if !is_fingerprint(&fingerprint) {
            return refuse(
                Code::NoFingerprint,
                "Expected the certificate's a=fingerprint, such as \"sha-256 7B:8B:…\" (RFC 8122).",
            );
        }
        if attribute("ice-ufrag").is_empty() || attribute("ice-pwd").is_empty() {
            return refuse(
                Code::NoIceCredentials,
                "Expected a=ice-ufrag and a=ice-pwd (RFC 8839).",
            );
        }
        Ok(Self {
            description,
            fingerprint,
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

    /// The ids of the channels that both sides create, in their order.
    pub fn ids(&self) -> Vec<u16> {
        self.channels.iter().map(|channel| channel.id).collect()
    }

    /// The hash of the browser's certificate, in lower case.
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// The description, without candidates, and the channels.
    pub fn into_parts(self) -> (RTCSessionDescription, Vec<ChannelInit>) {
        (self.description, self.channels)
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

/// RFC 8122 section 5: the hash function's name, a space, and bytes in hexadecimal.
fn is_fingerprint(value: &str) -> bool {
    value.split_once(' ').is_some_and(|(function, bytes)| {
        !function.is_empty()
            && bytes
                .split(':')
                .all(|byte| byte.len() == 2 && byte.bytes().all(|digit| digit.is_ascii_hexdigit()))
    })
}

#[cfg(test)]
mod tests;
