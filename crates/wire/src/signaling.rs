//! What travels over HTTP before the data channels open: one offer, one answer, or an error.
//!
//! `POST /sdp` takes what `JSON.stringify(pc.localDescription)` gives and returns what
//! `pc.setRemoteDescription` takes, with the session's id as one more field, status 201 and
//! `Location: /sdp/{id}`. `PATCH /sdp/{id}` changes that session ([`Change`]), and
//! `DELETE /sdp/{id}` ends it. A failed request carries a [`SignalingError`] as JSON.
//!
//! `ETag` in an answer names the ICE session, and `PATCH` needs `If-Match`: that name, or `*` for
//! whichever it is (RFC 9725 section 4.3.1). A browser that restarts ICE sends `*`: the answer
//! to an earlier restart may have been lost, and its name with it.
//!
//! An offer may name channels that both sides create by themselves ([`ChannelInit`]): they are
//! open as soon as the connection is, and keep the reliability that they were given, both ways.

use crate::Fields;
use serde::{Deserialize, Serialize};

/// The `type` of a session description that asks for a connection (RFC 9429 section 4.1.8).
pub const OFFER: &str = "offer";
/// The `type` of a session description that accepts one.
pub const ANSWER: &str = "answer";

/// What the server answers an offer with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// Always [`ANSWER`], as `pc.setRemoteDescription` wants it.
    #[serde(rename = "type")]
    pub kind: String,
    /// The server's session description, its candidates included.
    pub sdp: String,
    /// The session's id: 32 hexadecimal digits, and not to be guessed.
    pub id: String,
}

impl Answer {
    /// Reads an answer; `None` for what is none.
    pub fn read(fields: &impl Fields) -> Option<Self> {
        Some(Self {
            kind: fields.text("type")?,
            sdp: fields.text("sdp")?,
            id: fields.text("id")?,
        })
    }
}

/// A channel that both sides create, each for itself: the browser with
/// `pc.createDataChannel(label, {negotiated: true, …})`, the server from the same values in the
/// offer's `channels`. The names are those of W3C's `RTCDataChannelInit`.
///
/// A channel that the browser announces on the connection instead (RFC 8832) needs none of this.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ChannelInit {
    /// What names the feed: at most 65,535 bytes of UTF-8.
    pub label: String,
    /// The SCTP stream, 0 to 65,534, each once. Browsers take even numbers from 0 for the
    /// channels that they announce, and leave out those that are taken.
    pub id: u16,
    /// Whether messages arrive in the order in which they were sent. True unless given.
    #[serde(default = "in_order")]
    pub ordered: bool,
    /// How often a lost message is sent again; without it, and without a lifetime, until it
    /// arrives. Not together with `maxPacketLifeTime`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_retransmits: Option<u16>,
    /// For how many milliseconds a lost message is sent again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_packet_life_time: Option<u16>,
    /// The subprotocol: what is spoken on the channel. Empty unless given.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub protocol: String,
    /// May be given, so that one object serves both sides; it must be true.
    #[serde(default = "negotiated")]
    pub negotiated: bool,
}

fn in_order() -> bool {
    true
}

fn negotiated() -> bool {
    true
}

/// What `PATCH /sdp/{id}` takes: an offer that restarts ICE, channels to add, or both; and, with
/// an offer, what `POST /sdp` takes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// [`OFFER`], where there is one.
    #[serde(rename = "type", default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// The offer's session description (RFC 8866).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sdp: Option<String>,
    /// Channels that both sides create, besides those that there are.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub channels: Vec<ChannelInit>,
}

impl Change {
    /// An offer, with the channels that both sides create beside it.
    pub fn offer(sdp: String, channels: Vec<ChannelInit>) -> Self {
        Self {
            kind: Some(OFFER.into()),
            sdp: Some(sdp),
            channels,
        }
    }

    /// Channels alone.
    pub fn channels(channels: Vec<ChannelInit>) -> Self {
        Self {
            channels,
            ..Self::default()
        }
    }
}

/// Where an offer is posted to, relative to the path at which the server's router is.
pub const SDP_PATH: &str = "sdp";

/// Where a session can be changed with `PATCH`, and ended with `DELETE`, relative to the same: and so
/// it is relative to what was posted to, too (RFC 3986 section 5.2).
pub fn session_path(id: &str) -> String {
    format!("{SDP_PATH}/{id}")
}

/// Why a request about a session failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct SignalingError {
    /// For programs.
    pub code: Code,
    /// For people: what was wrong, and what is expected.
    pub message: String,
    /// When to try again, in seconds, where that is known.
    #[serde(
        rename = "retryAfter",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub retry_after: Option<u32>,
}

impl SignalingError {
    /// An error with a message that says what was wrong and what is expected.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        let message = message.into();
        let retry_after = None;
        Self {
            code,
            message,
            retry_after,
        }
    }

    /// The same for whoever may try again after so many seconds.
    pub fn retry_after(self, seconds: u32) -> Self {
        let retry_after = Some(seconds);
        Self {
            retry_after,
            ..self
        }
    }

    /// Reads an error; `None` for what is none of ours.
    pub fn read(fields: &impl Fields) -> Option<Self> {
        Some(Self {
            code: Code::named(&fields.text("code")?)?,
            message: fields.text("message")?,
            retry_after: fields.number("retryAfter").map(|seconds| seconds as u32),
        })
    }
}

/// The kinds of [`SignalingError`], with the HTTP status of each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "&'static str", try_from = "String")]
pub enum Code {
    /// 400: the body is not the JSON object that is expected. In the browser: the answer is not.
    BadJson,
    /// 415: the body's content type is not `application/json`.
    UnsupportedMediaType,
    /// 413: the body is larger than 64 KiB.
    TooLarge,
    /// 408: the body did not arrive in time.
    Timeout,
    /// 400: the description's `type` is not `offer`.
    NotAnOffer,
    /// 400: the session description does not parse, or cannot be answered.
    BadSdp,
    /// 400: the offer has no data channel section.
    NoDataChannel,
    /// 400: the offer's data channels have no transport but that of audio or video.
    MediaOffered,
    /// 400: the offer has no certificate fingerprint (RFC 8122).
    NoFingerprint,
    /// 400: none of the offer's fingerprints is of a hash that is checked.
    UnusableFingerprint,
    /// 400: the offer has no `ice-ufrag` or `ice-pwd` (RFC 8839).
    NoIceCredentials,
    /// 400: the offer's `ice-ufrag` or `ice-pwd` is too short, too long or has other characters.
    BadIceCredentials,
    /// 400: the offer's `setup` is not one that can be answered (RFC 8842).
    BadSetup,
    /// 400: the offer is of an ICE-lite agent, which makes no checks (RFC 8445 section 2.5).
    IceLite,
    /// 400: the offer can be reached by TCP alone.
    TcpOnly,
    /// 400: the offer lists more candidates than any browser does.
    TooManyCandidates,
    /// 400: one of the offer's `channels` cannot be created, or there are too many.
    BadChannel,
    /// 401: the request has no token, or one that does not hold.
    Unauthorized,
    /// 403: this user may not, or this page or name.
    Forbidden,
    /// 429: a limit of the address or the user is met.
    TooMany,
    /// 404: no session has this id, or nothing is at this path.
    NotFound,
    /// 409: the session cannot be changed like this: a channel of this id is open, or the offer
    /// has another certificate.
    Conflict,
    /// 412: `If-Match` names an ICE session that is not the present one.
    PreconditionFailed,
    /// 428: a change came without `If-Match`.
    PreconditionRequired,
    /// 503: too many changes of this session wait, or this one has taken too long.
    Busy,
    /// 405: the path does not take this method.
    MethodNotAllowed,
    /// 503: as many sessions are open as the server allows.
    Full,
    /// 503: the server is shutting down.
    ShuttingDown,
    /// 500: the server failed, through no fault of the request.
    Internal,
    /// No status: the request got no answer.
    Unreachable,
}

/// What each code is called in JSON.
const NAMES: [(Code, &str); 30] = [
    (Code::BadJson, "bad-json"),
    (Code::UnsupportedMediaType, "unsupported-media-type"),
    (Code::TooLarge, "too-large"),
    (Code::Timeout, "timeout"),
    (Code::NotAnOffer, "not-an-offer"),
    (Code::BadSdp, "bad-sdp"),
    (Code::NoDataChannel, "no-data-channel"),
    (Code::MediaOffered, "media-offered"),
    (Code::NoFingerprint, "no-fingerprint"),
    (Code::UnusableFingerprint, "unusable-fingerprint"),
    (Code::NoIceCredentials, "no-ice-credentials"),
    (Code::BadIceCredentials, "bad-ice-credentials"),
    (Code::BadSetup, "bad-setup"),
    (Code::IceLite, "ice-lite"),
    (Code::TcpOnly, "tcp-only"),
    (Code::TooManyCandidates, "too-many-candidates"),
    (Code::BadChannel, "bad-channel"),
    (Code::Unauthorized, "unauthorized"),
    (Code::Forbidden, "forbidden"),
    (Code::TooMany, "too-many"),
    (Code::NotFound, "not-found"),
    (Code::Conflict, "conflict"),
    (Code::PreconditionFailed, "precondition-failed"),
    (Code::PreconditionRequired, "precondition-required"),
    (Code::Busy, "busy"),
    (Code::MethodNotAllowed, "method-not-allowed"),
    (Code::Full, "full"),
    (Code::ShuttingDown, "shutting-down"),
    (Code::Internal, "internal"),
    (Code::Unreachable, "unreachable"),
];

impl Code {
    /// The code that is called this in JSON.
    pub fn named(name: &str) -> Option<Self> {
        let named = NAMES.iter().find(|(_, known)| *known == name);
        named.map(|(code, _)| *code)
    }
}

impl From<Code> for &'static str {
    fn from(code: Code) -> Self {
        let named = NAMES.iter().find(|(known, _)| *known == code);
        named.map_or("internal", |(_, name)| name)
    }
}

impl TryFrom<String> for Code {
    type Error = &'static str;

    fn try_from(name: String) -> Result<Self, Self::Error> {
        Self::named(&name).ok_or("expected the name of a signalling error")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_what_set_remote_description_takes() {
        let answer = Answer {
            kind: ANSWER.into(),
            sdp: "v=0\r\n".into(),
            id: "0f".into(),
        };
        let json = r#"{"type":"answer","sdp":"v=0\r\n","id":"0f"}"#;
        assert_eq!(serde_json::to_string(&answer).unwrap(), json);
        let fields: serde_json::Value = serde_json::from_str(json).unwrap();
        assert_eq!(Answer::read(&fields), Some(answer));
    }

    #[test]
    fn an_error_has_a_code_and_a_message() {
        let error = SignalingError::new(Code::NotAnOffer, "no");
        let json = r#"{"code":"not-an-offer","message":"no"}"#;
        assert_eq!(serde_json::to_string(&error).unwrap(), json);
        let fields: serde_json::Value = serde_json::from_str(json).unwrap();
        assert_eq!(SignalingError::read(&fields), Some(error));
        let later = SignalingError::new(Code::TooMany, "no").retry_after(3);
        let json = r#"{"code":"too-many","message":"no","retryAfter":3}"#;
        assert_eq!(serde_json::to_string(&later).unwrap(), json);
    }

    #[test]
    fn every_code_has_a_name_of_its_own() {
        for (code, name) in NAMES {
            assert_eq!(serde_json::to_value(code).unwrap(), name);
            assert_eq!(Code::named(name), Some(code));
        }
        assert_eq!(Code::named("no-such-code"), None);
    }
}
