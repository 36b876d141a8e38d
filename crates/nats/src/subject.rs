//! The subjects and streams of topics, by name and key.
//!
//! A name or a key is one token of a subject, whatever is in it: what a token cannot have is percent-encoded,
//! and what becomes too long is hashed. So the key itself travels in a header.

use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};
use sha2::{Digest, Sha256};
use std::fmt::Write;

/// What has a meaning in a subject, is not to be in one, or marks what was encoded.
const ENCODED: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'.')
    .add(b'*')
    .add(b'>')
    .add(b'$')
    .add(b'%');
/// The longest token, in bytes: a line of the protocol has two of them, and 4,096 bytes at most.
const LONGEST: usize = 200;
/// What a hash begins with: no encoded text does.
const HASHED: char = '$';

/// What is between `tickwire.` and the rest of all subjects, and in the names of streams.
#[derive(Clone, Debug)]
pub struct Namespace(String);

impl Namespace {
    /// `None` for what is no name of letters, digits, `-` and `_`, of at most 64.
    pub fn new(name: &str) -> Option<Self> {
        let is_word = |it: u8| it.is_ascii_alphanumeric() || it == b'-' || it == b'_';
        let is_name = (1..=64).contains(&name.len()) && name.bytes().all(is_word);
        is_name.then(|| Self(name.to_owned()))
    }

    /// Where a key's newest value goes; `*` stands for all keys.
    pub fn value(&self, topic: &str, key: Option<&str>) -> String {
        self.of_topic("v", topic, key)
    }

    /// Where values go that come in time or not at all.
    pub fn event(&self, topic: &str, key: Option<&str>) -> String {
        self.of_topic("e", topic, key)
    }

    fn of_topic(&self, kind: &str, topic: &str, key: Option<&str>) -> String {
        let key = key.map_or_else(|| "*".to_owned(), token);
        format!("tickwire.{}.{kind}.{}.{key}", self.0, token(topic))
    }

    /// Where the entries of a log go, which was added by this name or pattern.
    pub fn entry(&self, of: &str, topic: &str) -> String {
        format!("tickwire.{}.l.{}.{}", self.0, token(of), token(topic))
    }

    /// All subjects of newest values.
    pub fn values(&self) -> String {
        format!("tickwire.{}.v.>", self.0)
    }

    /// All subjects of the logs that were added by this name or pattern.
    pub fn entries(&self, of: &str) -> String {
        format!("tickwire.{}.l.{}.*", self.0, token(of))
    }

    /// The stream of newest values.
    pub fn values_stream(&self) -> String {
        format!("tickwire_{}_values", self.0)
    }

    /// The stream of the logs that were added by this name or pattern.
    pub fn log_stream(&self, of: &str) -> String {
        format!("tickwire_{}_log_{}", self.0, &hash(of)[..24])
    }

    /// Where nodes say that they are there.
    pub fn alive(&self) -> String {
        format!("tickwire.{}.alive", self.0)
    }

    /// Where a node is asked.
    pub fn ask(&self, node: &str) -> String {
        format!("tickwire.{}.ask.{node}", self.0)
    }
}

fn token(text: &str) -> String {
    if text.is_empty() {
        return "%".to_owned();
    }
    let encoded = utf8_percent_encode(text, ENCODED).to_string();
    match encoded.len() <= LONGEST {
        true => encoded,
        false => format!("{HASHED}{}", hash(text)),
    }
}

/// Whether the last token of a subject does not tell its text.
pub fn is_hashed(subject: &str) -> bool {
    last(subject).starts_with(HASHED)
}

/// The key of a subject; `None` where it does not tell it.
pub fn key(subject: &str) -> Option<String> {
    match last(subject) {
        "%" => Some(String::new()),
        last if last.starts_with(HASHED) => None,
        last => Some(percent_decode_str(last).decode_utf8().ok()?.into_owned()),
    }
}

fn last(subject: &str) -> &str {
    subject.rsplit_once('.').map_or(subject, |(_, last)| last)
}

fn hash(text: &str) -> String {
    let mut hash = String::new();
    for byte in Sha256::digest(text) {
        // Writing to a string does not fail.
        let _ = write!(hash, "{byte:02x}");
    }
    hash
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_and_keys_are_tokens_of_subjects() {
        let of = Namespace::new("demo").unwrap();
        assert_eq!(
            of.value("prices", Some("EURUSD")),
            "tickwire.demo.v.prices.EURUSD"
        );
        assert_eq!(
            of.value("rooms/7/cursors", None),
            "tickwire.demo.v.rooms/7/cursors.*"
        );
        assert_eq!(
            of.event("a.b", Some("* >")),
            "tickwire.demo.e.a%2Eb.%2A%20%3E"
        );
        assert_eq!(of.value("x", Some("")), "tickwire.demo.v.x.%");
        assert_eq!(
            of.entry("rooms/{room}/chat", "rooms/7/chat"),
            "tickwire.demo.l.rooms/{room}/chat.rooms/7/chat"
        );
        assert!(of.log_stream("rooms/{room}/chat").len() < 64);
        for name in ["", "a.b", "ä", &"x".repeat(65)] {
            assert!(Namespace::new(name).is_none(), "{name}");
        }
    }

    proptest! {
        #[test]
        fn a_token_is_one_of_its_text_alone(one in ".{0,300}", other in ".{0,300}") {
            let (first, second) = (token(&one), token(&other));
            prop_assert!(!first.is_empty() && first.len() <= LONGEST);
            prop_assert!(!first.contains(['.', '*', '>', ' ', '\t', '\r', '\n']));
            prop_assert_eq!(one == other, first == second);
            let subject = Namespace::new("demo").unwrap().value("prices", Some(&one));
            prop_assert_eq!(key(&subject), (!is_hashed(&subject)).then_some(one));
        }
    }
}
