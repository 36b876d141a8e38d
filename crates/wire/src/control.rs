//! What is said on the channel `control`: which topics a reader wants, and what becomes of that. JSON
//! text, one message each. No I/O.
//!
//! Values themselves, but for the entries of logs, come on the channel `values` ([`crate::values`]), and nothing that decides how old
//! they are waits for this channel: it is reliable and ordered, so what is lost on it comes late.
//!
//! Fields that a reader does not know are ignored, in either direction.

use crate::signaling::SignalingError;
use serde::{Deserialize, Serialize};

/// The label of the channel on which this is said.
pub const CONTROL: &str = "control";
/// The label of the channel on which values come.
pub const VALUES: &str = "values";
/// The subprotocol of both, in this version.
pub const PROTOCOL: &str = "tickwire.2";

/// What a reader says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(
    tag = "type",
    rename_all = "kebab-case",
    rename_all_fields = "camelCase"
)]
pub enum ToServer {
    /// It wants a topic: what is there, and each change from then on.
    Subscribe(Subscribe),
    /// It wants it no longer.
    Unsubscribe {
        /// The subscription's number.
        id: u64,
    },
    /// It puts a value into a topic, and wants to know whether it is taken. Where the newest value of a key
    /// counts, [`crate::values::Publication`] is the way on which nothing waits.
    Publish {
        /// The number by which it is told, as those of subscriptions.
        id: u64,
        /// The topic's name.
        topic: String,
        /// The key.
        key: String,
        /// The value, which is text.
        value: String,
    },
    /// It shows another token, which takes the place of the one that the session was opened with.
    Token {
        /// The token, as it is in `Authorization: Bearer`.
        token: String,
    },
}

/// What a reader wants.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Subscribe {
    /// What the reader calls this subscription, in a session a number that it has not used before;
    /// below 2⁵³.
    pub id: u64,
    /// The topic's name.
    pub topic: String,
    /// These keys alone; all without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keys: Option<Vec<String>>,
    /// How many values of a key a second at most; each change without it. Of topics whose values count
    /// each by itself there is no such choice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_rate: Option<f64>,
    /// Of a log, what follows this position; all that is kept without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Position>,
}

/// A place in a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// Which log it is in, of those that have been of one name; below 2⁵³.
    pub epoch: u64,
    /// How many entries there are up to it.
    pub position: u64,
}

/// What the server says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(
    tag = "type",
    rename_all = "kebab-case",
    rename_all_fields = "camelCase"
)]
pub enum ToReader {
    /// The first that it says, once it is spoken to.
    Hello {
        /// What the session is called where others are told of it. It is for nothing else.
        you: String,
    },
    /// The reader has all that was there when it subscribed.
    Complete {
        /// The subscription's number.
        id: u64,
    },
    /// The topic is a log, and the entries that follow ([`crate::values::LogEntry`], binary messages on
    /// this channel) are those after this position. It comes first, and again where entries have gone
    /// before they could be sent.
    Log {
        /// The subscription's number.
        id: u64,
        /// The position.
        #[serde(flatten)]
        after: Position,
        /// Whether entries between what the reader has, or has asked for, and this are gone.
        gap: bool,
    },
    /// A value that was to be published is taken.
    Published {
        /// Its number.
        id: u64,
    },
    /// Something that the reader said is not done.
    Refused {
        /// The number of the subscription or the publication, where it was about one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        id: Option<u64>,
        /// Why, for programs.
        code: Refusal,
        /// Why, for people.
        message: String,
    },
    /// The reader's token ends soon: without another one ([`ToServer::Token`]) the session ends with
    /// it.
    RenewToken {
        /// In how many milliseconds it ends.
        within: u64,
    },
    /// What keeps the topics of several servers cannot be reached, so that what the reader has may be old;
    /// or it can be reached again, and all is as new as there is.
    Stale {
        /// For how many milliseconds; nothing where it can be reached again.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        since: Option<u64>,
    },
    /// No session is opened on this WebSocket ([`crate::socket`]), which ends.
    Denied(SignalingError),
    /// The server wants the reader to be elsewhere, since it stops before long. What there is goes on
    /// until then, so that a reader can open another session first.
    GoAway {},
}

/// Why something is not done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Refusal {
    /// A message that cannot be read.
    BadMessage,
    /// An acknowledgement that cannot be read, or be true.
    BadAcknowledgement,
    /// There is no topic of this name.
    NoTopic,
    /// The number is that of another subscription, or was.
    IdTaken,
    /// The reader has as many subscriptions as it may, or keys in them.
    TooMany,
    /// A rate that is none, or of a topic that has none.
    BadRate,
    /// A publication that cannot be read.
    BadPublication,
    /// Clients may not publish into the topic, or not in this way.
    NotAllowed,
    /// The value or its key is too long, or there is no room for another key.
    NotTaken,
}

/// The lowest and the highest [`Subscribe::max_rate`].
pub const RATES: std::ops::RangeInclusive<f64> = 0.01..=1_000.0;

impl ToServer {
    /// Reads a message.
    ///
    /// # Errors
    /// What is expected, and what was found, for people.
    pub fn parse(text: &str) -> Result<Self, String> {
        serde_json::from_str(text).map_err(|cause| {
            format!(
                r#"Expected JSON such as {{"type": "subscribe", "id": 1, "topic": "prices"}}, but found {cause}."#
            )
        })
    }

    /// Writes the message.
    pub fn json(&self) -> String {
        // Numbers, strings and lists of them under fixed names always become JSON.
        serde_json::to_string(self).unwrap_or_default()
    }
}

impl ToReader {
    /// Reads a message; `None` for one of another version.
    pub fn parse(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    /// Writes the message.
    pub fn json(&self) -> String {
        // As above.
        serde_json::to_string(self).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signaling::Code;

    #[test]
    fn what_is_said_has_this_form() {
        let subscribe = ToServer::Subscribe(Subscribe {
            id: 1,
            topic: "prices".into(),
            keys: Some(vec!["EURUSD".into()]),
            max_rate: Some(20.0),
            after: None,
        });
        let json =
            r#"{"type":"subscribe","id":1,"topic":"prices","keys":["EURUSD"],"maxRate":20.0}"#;
        assert_eq!(subscribe.json(), json);
        assert_eq!(ToServer::parse(json), Ok(subscribe));
        let after = Position {
            epoch: 7,
            position: 40,
        };
        let json =
            r#"{"type":"subscribe","id":2,"topic":"chat","after":{"epoch":7,"position":40}}"#;
        let subscribe = ToServer::Subscribe(Subscribe {
            id: 2,
            topic: "chat".into(),
            after: Some(after),
            ..Subscribe::default()
        });
        assert_eq!(subscribe.json(), json);
        assert_eq!(ToServer::parse(json), Ok(subscribe));
        let log = ToReader::Log {
            id: 2,
            after,
            gap: true,
        };
        let json = r#"{"type":"log","id":2,"epoch":7,"position":40,"gap":true}"#;
        assert_eq!(log.json(), json);
        assert_eq!(ToReader::parse(json), Some(log));
        let hello = ToReader::Hello { you: "5e1f".into() };
        let json = r#"{"type":"hello","you":"5e1f"}"#;
        assert_eq!(hello.json(), json);
        assert_eq!(ToReader::parse(json), Some(hello));
        let publish = ToServer::Publish {
            id: 3,
            topic: "chat".into(),
            key: "alice".into(),
            value: "hello".into(),
        };
        let json = r#"{"type":"publish","id":3,"topic":"chat","key":"alice","value":"hello"}"#;
        assert_eq!(publish.json(), json);
        assert_eq!(ToServer::parse(json), Ok(publish));
        let published = ToReader::Published { id: 3 };
        assert_eq!(published.json(), r#"{"type":"published","id":3}"#);
        let complete = ToReader::Complete { id: 1 };
        assert_eq!(complete.json(), r#"{"type":"complete","id":1}"#);
        let refused = ToReader::Refused {
            id: None,
            code: Refusal::BadMessage,
            message: "no".into(),
        };
        let json = r#"{"type":"refused","code":"bad-message","message":"no"}"#;
        assert_eq!(refused.json(), json);
        assert_eq!(ToReader::parse(json), Some(refused));
        let token = ToServer::Token {
            token: "e30.e30.x".into(),
        };
        let json = r#"{"type":"token","token":"e30.e30.x"}"#;
        assert_eq!(token.json(), json);
        assert_eq!(ToServer::parse(json), Ok(token));
        let renew = ToReader::RenewToken { within: 60_000 };
        let json = r#"{"type":"renew-token","within":60000}"#;
        assert_eq!(renew.json(), json);
        assert_eq!(ToReader::parse(json), Some(renew));
        let denied = ToReader::Denied(SignalingError {
            retry_after: Some(5),
            ..SignalingError::new(Code::Full, "no")
        });
        let json = r#"{"type":"denied","code":"full","message":"no","retryAfter":5}"#;
        assert_eq!(denied.json(), json);
        assert_eq!(ToReader::parse(json), Some(denied));
        for (since, json) in [
            (Some(250), r#"{"type":"stale","since":250}"#),
            (None, r#"{"type":"stale"}"#),
        ] {
            let stale = ToReader::Stale { since };
            assert_eq!(stale.json(), json);
            assert_eq!(ToReader::parse(json), Some(stale));
        }
        let go_away = ToReader::GoAway {};
        assert_eq!(go_away.json(), r#"{"type":"go-away"}"#);
        // Of a later version, with a field that this one does not know.
        let later = r#"{"type":"go-away","within":5000}"#;
        assert_eq!(ToReader::parse(later), Some(go_away));
    }

    #[test]
    fn what_is_none_is_refused_in_words() {
        for text in [
            "",
            "[]",
            "{}",
            r#"{"type":"x"}"#,
            r#"{"type":"subscribe","id":-1,"topic":""}"#,
        ] {
            let refused = ToServer::parse(text).unwrap_err();
            assert!(refused.starts_with("Expected JSON such as"), "{refused}");
        }
    }
}
