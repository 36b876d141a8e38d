//! What a run is to do, and within which bounds.

use super::Message;
use std::fmt::{self, Display, Formatter};

/// The bounds of what is typed, in the order of the form. Messages larger than 16 KiB hold up all
/// other channels of the connection while they are sent (RFC 8831 section 6.6).
const BOUNDS: [(u32, u32); 4] = [
    (Message::HEADER as u32, 16_384),
    (1, 2_000),
    (1, 60),
    (0, u16::MAX as u32),
];
/// Where in the form the size, the duration and the limit stand.
const SIZE: usize = 0;
const SECONDS: usize = 2;
const LIMIT: usize = 3;
/// The most messages of one run.
pub const MAX_MESSAGES: u32 = 30_000;
/// The most bytes that one run sends: somebody may pay for them.
pub const MAX_BYTES: u32 = 64_000_000;

/// What one run does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The size of each message in bytes, 16 to 16,384.
    pub size: u32,
    /// Messages a second, 1 to 2,000.
    pub rate: u32,
    /// For how many seconds they are sent, 1 to 60.
    pub seconds: u32,
    /// By what they go.
    pub way: Way,
    /// Whether messages arrive in the order in which they were sent.
    pub ordered: bool,
    /// What happens to a message that is lost.
    pub again: Again,
}

/// By what messages go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// A channel of the connection.
    Connection,
    /// A WebSocket of the run's own.
    WebSocket,
}

/// What happens to a message that is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Again {
    /// It is sent again until it arrives.
    Always,
    /// It is sent again so many times at most (`maxRetransmits`).
    Times(u16),
    /// It is sent again for so many milliseconds (`maxPacketLifeTime`), 1 or more.
    For(u16),
}

impl Settings {
    /// Reads what was typed: the size, the rate, the duration, and the limit that belongs to
    /// `again`, which is `times` or `for`, and else has none. By `websocket` all arrives and in order,
    /// whatever else was chosen.
    ///
    /// # Errors
    /// What is wrong with each, and what is expected: a sentence, empty where nothing is.
    pub fn read(
        typed: &[String; 4],
        way: &str,
        mut again: &str,
        mut ordered: bool,
    ) -> Result<Self, [String; 4]> {
        let way = if way == "websocket" {
            (again, ordered) = ("always", true);
            Way::WebSocket
        } else {
            Way::Connection
        };
        let mut wrong: [String; 4] = Default::default();
        let mut read = [0; 4];
        for (index, (mut least, most)) in BOUNDS.into_iter().enumerate() {
            if index == LIMIT {
                match again {
                    "times" => {}
                    "for" => least = 1,
                    _ => continue,
                }
            }
            let typed = typed[index].trim_ascii();
            match typed.parse() {
                Ok(number) if (least..=most).contains(&number) => read[index] = number,
                _ => {
                    let (least, most) = (Grouped(least), Grouped(most));
                    wrong[index] =
                        format!("Expected a whole number from {least} to {most}, found “{typed}”.");
                }
            }
        }
        let [size, rate, seconds, limit] = read;
        let settings = Self {
            size,
            rate,
            seconds,
            way,
            ordered,
            again: match again {
                "times" => Again::Times(limit as u16),
                "for" => Again::For(limit as u16),
                _ => Again::Always,
            },
        };
        // Of what is wrong, 0 was read.
        let (messages, bytes) = (settings.messages(), settings.bytes());
        if messages > MAX_MESSAGES {
            wrong[SECONDS] = format!(
                "Expected at most {} messages in a run: {} a second for {seconds} s are {}.",
                Grouped(MAX_MESSAGES),
                Grouped(rate),
                Grouped(messages)
            );
        } else if bytes > MAX_BYTES {
            wrong[SIZE] = format!(
                "Expected at most {} bytes in a run: {} messages of {} are {}.",
                Grouped(MAX_BYTES),
                Grouped(messages),
                Grouped(size),
                Grouped(bytes)
            );
        }
        if wrong.iter().all(String::is_empty) {
            Ok(settings)
        } else {
            Err(wrong)
        }
    }

    /// How many messages are to be sent.
    pub fn messages(&self) -> u32 {
        self.rate * self.seconds
    }

    /// How many bytes these have: within the bounds of each of the three, less than 2^31.
    pub fn bytes(&self) -> u32 {
        self.messages() * self.size
    }

    /// For how many milliseconds messages are sent.
    pub fn span(&self) -> f64 {
        f64::from(self.seconds) * 1e3
    }
}

impl Default for Settings {
    /// What shows something on every network, and strains none.
    fn default() -> Self {
        Self {
            size: 100,
            rate: 100,
            seconds: 5,
            way: Way::Connection,
            ordered: true,
            again: Again::Always,
        }
    }
}

/// A number that is easy to read: `30,000`.
#[derive(Clone, Copy)]
pub struct Grouped(pub u32);

impl Display for Grouped {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self(number) = *self;
        if number < 1_000 {
            write!(f, "{number}")
        } else {
            write!(f, "{},{:03}", Self(number / 1_000), number % 1_000)
        }
    }
}

#[cfg(test)]
mod tests;
