//! The side that publishes: it keeps the newest value of each key until the server has it.

use crate::PACKET_BYTES;
use std::time::Duration;
use tickwire_wire::values::{
    Acknowledgement, FrameError, MAX_KEY, MAX_TOPIC, MAX_VALUE, Publication, Published,
};
use web_time::Instant;

/// How many keys may wait, of all topics.
const MAX_WAITING: usize = 1_000;
/// The round trip before one was measured (RFC 9002 section 6.2.2).
const INITIAL_ROUND_TRIP: Duration = Duration::from_millis(333);
/// How long it is waited for an acknowledgement, within these bounds: twice the round trip, and twice as
/// long each time that none comes.
const WAIT: [Duration; 2] = [Duration::from_millis(50), Duration::from_secs(2)];

/// Why a value is not published.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PublishError {
    /// The topic's name is longer than so many bytes.
    #[error("the topic's name is longer than {MAX_TOPIC} bytes")]
    TopicTooLong,
    /// The key is longer than so many bytes.
    #[error("the key is longer than {MAX_KEY} bytes")]
    KeyTooLong,
    /// The value is longer than so many bytes.
    #[error("the value is longer than {MAX_VALUE} bytes")]
    ValueTooLong,
    /// As many keys wait as may.
    #[error("{MAX_WAITING} keys wait to be published")]
    Full,
}

/// A value that the server is not known to have.
#[derive(Debug)]
struct Waiting {
    topic: String,
    key: String,
    value: Option<Vec<u8>>,
    /// Which publication has told it last.
    told: Option<u64>,
}

/// Publishes in one session. One message is under way at a time, so what changes meanwhile waits here,
/// where a newer value takes its place.
#[derive(Debug)]
pub struct Publisher {
    next: u64,
    /// The oldest first.
    waiting: Vec<Waiting>,
    /// The number of the message that is under way, and when it left.
    under_way: Option<(u64, Instant)>,
    round_trip: Duration,
    /// How often in a row none has been acknowledged.
    tries: u32,
}

impl Default for Publisher {
    fn default() -> Self {
        Self {
            next: 0,
            waiting: Vec::new(),
            under_way: None,
            round_trip: INITIAL_ROUND_TRIP,
            tries: 0,
        }
    }
}

impl Publisher {
    /// Nothing to publish yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Has a key's new value published, or with `None` that it is removed.
    ///
    /// # Errors
    /// Where something is too long, or too many other keys wait.
    pub fn put(
        &mut self,
        topic: &str,
        key: &str,
        value: Option<Vec<u8>>,
    ) -> Result<(), PublishError> {
        if topic.len() > MAX_TOPIC {
            return Err(PublishError::TopicTooLong);
        }
        if key.len() > MAX_KEY {
            return Err(PublishError::KeyTooLong);
        }
        if value.as_ref().is_some_and(|value| value.len() > MAX_VALUE) {
            return Err(PublishError::ValueTooLong);
        }
        let mut waiting = self.waiting.iter_mut();
        if let Some(known) = waiting.find(|it| it.topic == topic && it.key == key) {
            (known.value, known.told) = (value, None);
            return Ok(());
        }
        if self.waiting.len() >= MAX_WAITING {
            return Err(PublishError::Full);
        }
        self.waiting.push(Waiting {
            topic: topic.to_owned(),
            key: key.to_owned(),
            value,
            told: None,
        });
        Ok(())
    }

    /// Whether the server has everything.
    pub fn is_done(&self) -> bool {
        self.waiting.is_empty()
    }

    /// The next message, of at most [`PACKET_BYTES`], or one value that is longer; `None` where there is
    /// none, or one is under way: [`Publisher::poll_timeout`] says until when.
    pub fn poll(&mut self, now: Instant) -> Option<Vec<u8>> {
        if self.waiting.is_empty() {
            return None;
        }
        if let Some(at) = self.poll_timeout() {
            if at > now {
                return None;
            }
            self.tries += 1;
        }
        let number = self.next;
        self.next += 1;
        let mut writer = Publication::begin(number, PACKET_BYTES);
        let begun = writer.len();
        for waiting in &mut self.waiting {
            let entry = Published {
                topic: &waiting.topic,
                key: &waiting.key,
                value: waiting.value.as_deref(),
            };
            if writer.len() > begun && writer.len() + entry.written_len() > PACKET_BYTES {
                break;
            }
            entry.write(&mut writer);
            waiting.told = Some(number);
        }
        self.under_way = Some((number, now));
        Some(writer.finish())
    }

    /// Until when it is waited for an acknowledgement.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let (_, at) = self.under_way?;
        let [least, most] = WAIT;
        let wait = (2 * self.round_trip).max(least) * (1 << self.tries.min(6));
        Some(at + wait.min(most))
    }

    /// Takes in that publications have come.
    ///
    /// # Errors
    /// Where the message is no acknowledgement.
    pub fn acknowledge(&mut self, now: Instant, message: &[u8]) -> Result<(), FrameError> {
        let acknowledgement = Acknowledgement::read(message)?;
        let is_in = |number: u64| {
            let mut ranges = acknowledgement.ranges.iter();
            ranges.any(|(first, last)| (*first..=*last).contains(&number))
        };
        self.waiting.retain(|it| !it.told.is_some_and(is_in));
        if let Some((_, at)) = self.under_way.take_if(|(number, _)| is_in(*number)) {
            let sample = now.saturating_duration_since(at);
            self.round_trip = if self.round_trip == INITIAL_ROUND_TRIP {
                sample
            } else {
                (7 * self.round_trip + sample) / 8
            };
            self.tries = 0;
        }
        Ok(())
    }

    /// The session is another: all that was not acknowledged is published in it.
    pub fn begin_session(&mut self) {
        let waiting = std::mem::take(&mut self.waiting);
        *self = Self {
            waiting,
            ..Self::default()
        };
        self.waiting.iter_mut().for_each(|it| it.told = None);
    }
}
