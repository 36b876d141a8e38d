//! Why an offer is refused.

/// So many characters of the offer are shown in an error.
const MAX_SHOWN: usize = 32;

/// Why an offer cannot be answered: what was found, and what is expected.
///
/// Text of the offer in it is cut to 32 characters and escaped, and never a password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OfferError {
    /// The text is longer than is read.
    #[error("Expected a session description of at most {max} bytes, found {found}.")]
    TooLarge {
        /// The text's length in bytes.
        found: usize,
        /// The most that is read, in bytes.
        max: usize,
    },
    /// A line is not what RFC 8866, or the attribute's own RFC, allows.
    #[error("Line {line} of the session description: expected {expected}, found \"{found}\".")]
    BadSdp {
        /// The line's number, from 1.
        line: usize,
        /// The line's beginning.
        found: String,
        /// What such a line looks like.
        expected: &'static str,
    },
    /// More media sections than are read.
    #[error("Expected at most {max} media sections (m= lines), found more.")]
    TooManySections {
        /// The most that are read.
        max: usize,
    },
    /// No section is one of data channels.
    #[error(
        "Expected a data channel section (m=application … webrtc-datachannel), found {found}. Create a data channel before the offer."
    )]
    NoDataChannel {
        /// What the first section is instead, or that there is none.
        found: String,
    },
    /// Each data channel section has port 0 (RFC 3264 section 5.1).
    #[error(
        "The data channel section is switched off (port 0 in line {line}). Expected one with another port, such as 9."
    )]
    DataChannelRejected {
        /// The number of the section's m= line, from 1.
        line: usize,
    },
    /// The data channel has no transport but the one of a media section, which this server does
    /// not take (RFC 9143 section 7.3.1).
    #[error(
        "The data channel section uses the transport of a section of the kind \"{media}\", and this server takes data channels only. Expected an offer without \"{media}\", or another bundle policy than max-bundle."
    )]
    MediaOffered {
        /// The kind of that section, such as `video`.
        media: String,
    },
    /// The offer comes from an ICE-lite agent, which never checks (RFC 8445 section 2.5).
    #[error(
        "An ICE-lite offer cannot be served: this server waits for the client's connectivity checks. Expected a full ICE agent, without a=ice-lite."
    )]
    IceLite,
    /// More candidates than any client lists.
    #[error("Expected at most {max} candidates, found {found}.")]
    TooManyCandidates {
        /// How many there are.
        found: usize,
        /// The most that are taken.
        max: usize,
    },
    /// The ICE user name fragment or password is missing.
    #[error("Expected a=ice-ufrag and a=ice-pwd (RFC 8839), found no a={missing}.")]
    NoIceCredentials {
        /// The attribute's name.
        missing: &'static str,
    },
    /// The ICE user name fragment or password is too short, too long, or has characters that
    /// cannot be sent.
    #[error(
        "a={name} has {found}. Expected {min} to {max} letters, digits, + and / (RFC 8839 section 5.4)."
    )]
    BadIceCredentials {
        /// The attribute's name.
        name: &'static str,
        /// How many characters there are, and whether one of them is wrong.
        found: String,
        /// The least.
        min: usize,
        /// The most.
        max: usize,
    },
    /// The certificate's fingerprint is missing.
    #[error(
        "Expected the certificate's a=fingerprint, such as \"sha-256 7B:8B:…\" (RFC 8122), found none."
    )]
    NoFingerprint,
    /// More fingerprints than are read.
    #[error("Expected at most {max} fingerprints, found {found}.")]
    TooManyFingerprints {
        /// How many there are.
        found: usize,
        /// The most that are read.
        max: usize,
    },
    /// No fingerprint is of a hash that can be checked.
    #[error("Expected a fingerprint of sha-256, sha-384 or sha-512, found \"{found}\" only.")]
    UnusableFingerprint {
        /// The first hash's name.
        found: String,
    },
    /// `a=setup` is none of the roles that an offer can name (RFC 5763 section 5).
    #[error("Expected a=setup:actpass, active or passive, found \"{found}\".")]
    BadSetup {
        /// The value.
        found: String,
    },
}

/// The first 32 characters, escaped, and `…` where there are more.
pub(super) fn shown(text: &str) -> String {
    let mut characters = text.chars();
    let start: String = characters.by_ref().take(MAX_SHOWN).collect();
    let more = if characters.next().is_some() {
        "…"
    } else {
        ""
    };
    format!("{}{more}", start.escape_debug())
}
