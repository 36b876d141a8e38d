//! What travels on a data channel, version 1. No I/O.
//!
//! A channel's label names the feed that serves it, and its subprotocol ([`PROTOCOL`]) the
//! version of what is said; a channel without one gets the newest. All times are milliseconds
//! since 1970-01-01T00:00:00Z, as in JavaScript's `Date`, with a fraction down to the
//! microsecond; all intervals are milliseconds.
//!
//! | label | server | browser |
//! |---|---|---|
//! | [`CLOCK`] | [`FromClock`], JSON text: the time at each interval, and answers | [`ToClock`], JSON text |
//! | [`ECHO`] | each message as it came: text as text, binary as binary | anything |
//! | [`ECHO`] with the subprotocol [`COUNTED`] | binary as it came, and to each text [`Counted`], JSON text | binary, and any text to ask for the count |
//! | [`MACHINE`] | [`Sample`], JSON text, ten times a second, the newest only | nothing |
//! | [`DATA`] | [`FromData`], plain text: the time each second, and echoes | any text, any binary |
//! | [`PULSE`] | one byte each second, so that its silence is noticed, and one for each message | any message, to have one |
//!
//! A message that cannot be served is answered: on [`CLOCK`] with [`FromClock::Refused`], on the
//! others with the text `Refused: <reason>`, and the feed goes on.
//!
//! **Why text.** People read these feeds in a browser's console and write to them by hand, and
//! binary would save little: a datagram carries about 100 bytes of UDP, DTLS and SCTP around 20
//! to 120 bytes of JSON, and what a browser spends on parsing them is not measurable at a
//! hundred messages a second. Feeds whose values are larger than their keys do well with binary.
//!
//! **What is ignored.** Fields that a reader does not know, in either direction; a version that
//! takes a known field away has another number.

use crate::Fields;
use crate::signaling::ChannelInit;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The subprotocol (`RTCDataChannelInit.protocol`) of the built-in feeds, in this version.
pub const PROTOCOL: &str = "tickwire.1";
/// The subprotocol of an [`ECHO`] that counts what it echoes, in this version.
pub const COUNTED: &str = "tickwire.1.counted";

/// The label of the server's clock.
pub const CLOCK: &str = "clock";
/// The label of the echo.
pub const ECHO: &str = "echo";
/// The label of the server's load.
pub const MACHINE: &str = "machine";
/// The label of the plain-text demonstration: time and echo on one channel.
pub const DATA: &str = "data";
/// The label of the pulse: every link has a channel of it, and every server serves it.
pub const PULSE: &str = "pulse";

/// How often the pulse beats, in milliseconds.
pub const PULSE_INTERVAL: u32 = 1_000;

/// The pulse's channel. What is lost of it is not sent again: the next beat is as good.
pub fn pulse_channel(id: u16) -> ChannelInit {
    ChannelInit {
        label: PULSE.into(),
        id,
        ordered: false,
        max_retransmits: Some(0),
        max_packet_life_time: None,
        protocol: PROTOCOL.into(),
        negotiated: true,
    }
}

/// The shortest interval of the clock, in milliseconds.
pub const MIN_INTERVAL: u32 = 10;
/// The longest interval of the clock, in milliseconds.
pub const MAX_INTERVAL: u32 = 60_000;
/// The clock's interval until the browser asks for another, in milliseconds.
pub const DEFAULT_INTERVAL: u32 = 1_000;

/// What the browser says to the clock.
///
/// ```json
/// {"type":"interval","interval":100}
/// {"type":"exchange","t1":1795470000123.4}
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum ToClock {
    /// Asks for the time at another interval: [`MIN_INTERVAL`] to [`MAX_INTERVAL`] milliseconds,
    /// a whole number.
    Interval {
        /// Milliseconds between two times.
        interval: f64,
    },
    /// Begins an exchange of timestamps (RFC 5905 section 8).
    Exchange {
        /// When the browser sent this, by its own clock.
        t1: f64,
    },
}

impl ToClock {
    /// Reads a message of the browser.
    ///
    /// # Errors
    /// What was wrong, and what is expected.
    pub fn parse(text: &str) -> Result<Self, String> {
        let message: Self = serde_json::from_str(text).map_err(|cause| {
            format!(
                r#"Expected {{"type":"interval","interval":1000}} or {{"type":"exchange","t1":0}}: {cause}."#
            )
        })?;
        if let Self::Interval { interval } = message
            && (interval.fract() != 0.0
                || !(f64::from(MIN_INTERVAL)..=f64::from(MAX_INTERVAL)).contains(&interval))
        {
            return Err(format!(
                "Expected an interval from {MIN_INTERVAL} to {MAX_INTERVAL} milliseconds, a whole number, found {interval}."
            ));
        }
        Ok(message)
    }

    /// The message as it is sent. Times keep their microseconds, and negative ones are 0.
    pub fn json(&self) -> String {
        match self {
            Self::Interval { interval } => {
                format!(r#"{{"type":"interval","interval":{}}}"#, *interval as u32)
            }
            Self::Exchange { t1 } => {
                let microseconds = (t1 * 1e3).round() as u64;
                let (milliseconds, fraction) = (microseconds / 1_000, microseconds % 1_000);
                format!(r#"{{"type":"exchange","t1":{milliseconds}.{fraction:03}}}"#)
            }
        }
    }
}

/// What the clock says to the browser.
///
/// ```json
/// {"type":"time","time":1795470000000.021}
/// {"type":"interval","interval":100}
/// {"type":"exchange","t1":1795470000123.4,"t2":1795470000150.02,"t3":1795470000150.05}
/// {"type":"refused","reason":"Expected an interval from 10 to 60000 milliseconds, a whole number, found 5."}
/// ```
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum FromClock {
    /// The server's time, at each interval: the first at once, and each after the second a
    /// whole number of intervals after it. One that would be late is left out.
    Time {
        /// The server's time.
        time: f64,
    },
    /// The interval that holds from here on.
    Interval {
        /// Milliseconds between two times.
        interval: u32,
    },
    /// The answer to [`ToClock::Exchange`]. With `t4`, the browser's time of its arrival, the
    /// server's clock is ahead of the browser's by `((t2 - t1) + (t3 - t4)) / 2`, and the round
    /// trip took `(t4 - t1) - (t3 - t2)` (RFC 5905 section 8).
    Exchange {
        /// As it came.
        t1: f64,
        /// The server's time when the request arrived.
        t2: f64,
        /// The server's time when this left.
        t3: f64,
    },
    /// A message could not be served: what was wrong, and what is expected.
    Refused {
        /// For people.
        reason: String,
    },
}

impl FromClock {
    /// Reads a message of the server; `None` for one that this version does not know.
    pub fn read(fields: &impl Fields) -> Option<Self> {
        let number = |name| fields.number(name);
        Some(match &*fields.text("type")? {
            "time" => Self::Time {
                time: number("time")?,
            },
            "interval" => Self::Interval {
                interval: number("interval")? as u32,
            },
            "exchange" => Self::Exchange {
                t1: number("t1")?,
                t2: number("t2")?,
                t3: number("t3")?,
            },
            "refused" => Self::Refused {
                reason: fields.text("reason")?,
            },
            _ => return None,
        })
    }
}

/// What the machine feed says: how loaded the server is.
///
/// ```json
/// {"time":1795470000100.2,"processors":0.37,"memoryUsed":3221225472,"memoryTotal":8589934592,"sessions":12}
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Sample {
    /// The server's time when this was measured.
    pub time: f64,
    /// How much of all processors is in use, from 0 to 1. Measured five times a second, which
    /// is as fast as the system's counters allow.
    pub processors: f64,
    /// Memory in use, in bytes.
    pub memory_used: u64,
    /// Memory that there is, in bytes.
    pub memory_total: u64,
    /// Sessions that are open on this server.
    pub sessions: u32,
}

impl Sample {
    /// Reads a message of the server; `None` for one that this version does not know. Numbers
    /// out of their range are taken for the end of it.
    pub fn read(fields: &impl Fields) -> Option<Self> {
        let number = |name| fields.number(name);
        Some(Self {
            time: number("time")?,
            processors: number("processors")?,
            memory_used: number("memoryUsed")? as u64,
            memory_total: number("memoryTotal")? as u64,
            sessions: number("sessions")? as u32,
        })
    }
}

/// What an [`ECHO`] with the subprotocol [`COUNTED`] says when it is asked: what has arrived on
/// its channel until then. With what the browser has sent and got back, it tells on which way
/// messages were lost.
///
/// ```json
/// {"received":500,"bytes":50000}
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counted {
    /// Binary messages.
    pub received: u32,
    /// The bytes of these.
    pub bytes: u64,
}

impl Counted {
    /// Reads a message of the server; `None` for one that this version does not know. Numbers
    /// out of their range are taken for the end of it.
    pub fn read(fields: &impl Fields) -> Option<Self> {
        Some(Self {
            received: fields.number("received")? as u32,
            bytes: fields.number("bytes")? as u64,
        })
    }
}

/// What the plain-text demonstration says to the browser.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FromData<'a> {
    /// `Server Time: 2026-11-22T21:44:26.123Z`, each second: RFC 3339 with milliseconds, in UTC.
    Time(&'a str),
    /// `Echo: <the text>`, the answer to a text message. Binary comes back as it is.
    Echo(&'a str),
    /// `Refused: <reason>`, where a message could not be served.
    Refused(&'a str),
}

const TIME_PREFIX: &str = "Server Time: ";
const ECHO_PREFIX: &str = "Echo: ";
const REFUSED_PREFIX: &str = "Refused: ";

impl<'a> FromData<'a> {
    /// Reads a text message of the server; `None` for one that this version does not know.
    pub fn parse(text: &'a str) -> Option<Self> {
        if let Some(time) = text.strip_prefix(TIME_PREFIX) {
            Some(Self::Time(time))
        } else if let Some(echoed) = text.strip_prefix(ECHO_PREFIX) {
            Some(Self::Echo(echoed))
        } else {
            text.strip_prefix(REFUSED_PREFIX).map(Self::Refused)
        }
    }
}

impl fmt::Display for FromData<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (prefix, text) = match self {
            Self::Time(time) => (TIME_PREFIX, time),
            Self::Echo(text) => (ECHO_PREFIX, text),
            Self::Refused(reason) => (REFUSED_PREFIX, reason),
        };
        f.write_str(prefix)?;
        f.write_str(text)
    }
}

#[cfg(test)]
mod tests;
