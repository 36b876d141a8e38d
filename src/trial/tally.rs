//! What became of a run's messages.

use super::histogram::LONGEST;
use super::{Histogram, Message, PARTS, Settings, Timeline};

/// After so long without a message back nothing more is waited for, in milliseconds, unless
/// something still waits to be sent. SCTP sends a lost message again after a second, and once
/// more after two (RFC 9260 section 6.3).
const QUIET: f64 = 4_000.0;
/// How long is waited in any case, in milliseconds from the last message on.
const LONGEST_WAIT: f64 = 30_000.0;

/// The count of one run.
#[derive(Clone, Debug)]
pub struct Tally {
    /// Messages that were sent. The next has this number.
    pub sent: u32,
    /// Messages that were due and not sent: the queue was full, or the page was held up.
    pub not_sent: u32,
    /// Messages that came back, each counted once.
    pub returned: u32,
    /// Of these, the ones that came after a message that was sent later (RFC 4737 section 3).
    pub out_of_order: u32,
    /// Messages that came back once more.
    pub duplicates: u32,
    /// The most bytes that waited in this browser.
    pub most_queued: u32,
    /// How long the messages took there and back.
    pub round_trips: Histogram,
    /// The run from one moment to the next.
    pub timeline: Timeline,
    run: u32,
    size: u32,
    began: f64,
    last_sent: f64,
    last_returned: f64,
    /// The number after the highest that came back.
    expected: u32,
    /// For each message that may be sent, whether it came back.
    seen: Vec<bool>,
}

impl Tally {
    /// The tally of a run of this number, that begins at `now`.
    pub fn new(run: u32, settings: &Settings, now: f64) -> Self {
        Self {
            sent: 0,
            not_sent: 0,
            returned: 0,
            out_of_order: 0,
            duplicates: 0,
            most_queued: 0,
            round_trips: Histogram::default(),
            timeline: Timeline::new(now, settings.span()),
            run,
            size: settings.size,
            began: now,
            last_sent: now,
            last_returned: now,
            expected: 0,
            seen: vec![false; settings.messages() as usize],
        }
    }

    /// The next message to send.
    pub fn next(&self, now: f64) -> Message {
        Message {
            run: self.run,
            number: self.sent,
            sent: now,
        }
    }

    /// Counts a message that was sent.
    pub fn sent(&mut self, now: f64) {
        self.sent += 1;
        self.last_sent = now;
        self.timeline.at(now).sent += 1;
    }

    /// Notes how many bytes wait to leave the browser.
    pub fn queued(&mut self, bytes: u32, now: f64) {
        self.most_queued = self.most_queued.max(bytes);
        let slice = self.timeline.at(now);
        slice.queued = slice.queued.max(Some(bytes));
    }

    /// Counts what came back; what is no message of this run, as it was sent, is left out.
    pub fn returned(&mut self, message: &[u8], now: f64) {
        let Some(read) = Message::read(message) else {
            return;
        };
        let is_ours = read.run == self.run
            && read.number < self.sent
            && message.len() == self.size as usize
            && (self.began..=now).contains(&read.sent);
        let Some(seen) = self.seen.get_mut(read.number as usize) else {
            return;
        };
        if !is_ours {
            return;
        }
        if *seen {
            self.duplicates += 1;
            return;
        }
        *seen = true;
        self.returned += 1;
        self.last_returned = now;
        if read.number < self.expected {
            self.out_of_order += 1;
        } else {
            self.expected = read.number + 1;
        }
        // A cast of a float saturates.
        let round_trip = ((now - read.sent) * f64::from(PARTS)) as u32;
        let round_trip = round_trip.min(LONGEST);
        self.round_trips.add(round_trip);
        let slice = self.timeline.at(read.sent);
        slice.returned += 1;
        slice.slowest = slice.slowest.max(Some(round_trip));
    }

    /// Messages that did not come back: while the run goes on those on their way, after it those
    /// that are lost.
    pub fn missing(&self) -> u32 {
        self.sent - self.returned
    }

    /// Whether there is something to wait for, once all is sent, while `queued` bytes still wait
    /// in this browser.
    pub fn is_awaiting(&self, queued: u32, now: f64) -> bool {
        let newest = self.last_sent.max(self.last_returned);
        let is_quiet = queued == 0 && now - newest >= QUIET;
        self.missing() > 0 && !is_quiet && now - self.last_sent < LONGEST_WAIT
    }

    /// Bytes a second that were sent, from the first message to `until`, when sending ended, or
    /// now; and that came back, to the last that did. 0 where that is no time.
    pub fn throughput(&self, until: f64) -> [f64; 2] {
        let back_until = until.max(self.last_returned);
        [(self.sent, until), (self.returned, back_until)].map(|(messages, until)| {
            let bytes = f64::from(messages) * f64::from(self.size);
            if until > self.began {
                bytes / (until - self.began) * 1e3
            } else {
                0.0
            }
        })
    }
}

#[cfg(test)]
mod tests;
