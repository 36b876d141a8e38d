//! What travels on a data channel. No I/O.
//!
//! All of it is text that a person can read in a browser's console:
//!
//! | from | message | meaning |
//! |---|---|---|
//! | server | `Server Time: 2026-11-22T21:44:26.123Z` | the server's clock, each second: RFC 3339, milliseconds, UTC |
//! | browser | any text | asks for the same text back |
//! | server | `Echo: <the text>` | the answer to a text message |
//! | server | `Refused: <reason>` | the answer to a message that could not be served |
//!
//! A binary message comes back as it is.

use std::fmt;

/// The bytes that [`FromServer::Echo`] adds to the text it answers.
pub const ECHO_OVERHEAD: usize = ECHO.len();

const TIME: &str = "Server Time: ";
const ECHO: &str = "Echo: ";
const REFUSED: &str = "Refused: ";

/// A text message of the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FromServer<'a> {
    /// The server's clock: RFC 3339 with milliseconds, in UTC.
    Time(&'a str),
    /// The answer to a text message: its text.
    Echo(&'a str),
    /// Why a message could not be served.
    Refused(&'a str),
}

impl<'a> FromServer<'a> {
    /// Reads a text message of the server; `None` for one that this version does not know.
    pub fn parse(text: &'a str) -> Option<Self> {
        if let Some(time) = text.strip_prefix(TIME) {
            Some(Self::Time(time))
        } else if let Some(echoed) = text.strip_prefix(ECHO) {
            Some(Self::Echo(echoed))
        } else {
            text.strip_prefix(REFUSED).map(Self::Refused)
        }
    }
}

impl fmt::Display for FromServer<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (prefix, text) = match self {
            Self::Time(time) => (TIME, time),
            Self::Echo(text) => (ECHO, text),
            Self::Refused(reason) => (REFUSED, reason),
        };
        f.write_str(prefix)?;
        f.write_str(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_message_survives_the_round_trip() {
        for text in [
            "",
            "a",
            "Echo: Echo: ",
            "שלום 👋🏽",
            "line\nline\0",
            "Server Time: x",
        ] {
            for message in [
                FromServer::Time(text),
                FromServer::Echo(text),
                FromServer::Refused(text),
            ] {
                assert_eq!(FromServer::parse(&message.to_string()), Some(message));
            }
        }
    }

    #[test]
    fn the_wording_is_part_of_the_protocol() {
        let time = FromServer::Time("2026-11-22T21:44:26.123Z").to_string();
        assert_eq!(time, "Server Time: 2026-11-22T21:44:26.123Z");
        assert_eq!(FromServer::Echo("hi").to_string(), "Echo: hi");
        assert_eq!(FromServer::Echo("").to_string().len(), ECHO_OVERHEAD);
    }

    #[test]
    fn an_unknown_message_is_not_taken_for_a_known_one() {
        for text in [
            "",
            "Echo",
            "Echo:",
            "echo: a",
            "Server Time",
            "Refused",
            "\u{feff}Echo: a",
        ] {
            assert_eq!(FromServer::parse(text), None, "{text:?}");
        }
    }
}
