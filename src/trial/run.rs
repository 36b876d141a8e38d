//! One run, from the opening of its channel to the count of what became of its messages.

use super::pace::Pace;
use super::{Message, Settings, Tally};
use tickwire_wire::feed::Counted;

/// How many bytes may wait in this browser: what more is due then is not sent. It is sixteen of
/// the largest messages, and more than a second of a slow network.
pub const MAX_QUEUED: u32 = 262_144;
/// How long the channel may take to open, in milliseconds.
const OPENING: f64 = 15_000.0;
/// How often the server is asked for its count, in milliseconds: the question may be lost.
const ASK_EVERY: f64 = 250.0;
/// How often it is asked at most.
const QUESTIONS: u32 = 12;
/// How often a run looks where it is while it waits, in milliseconds.
const LOOK_EVERY: f64 = 50.0;

/// A run. What drives it opens its channel, does what [`Run::turn`] says, and tells it what
/// happens.
#[derive(Clone, Debug)]
pub struct Run {
    /// What it does.
    pub settings: Settings,
    /// The protocol by which they go, as the browser calls it; empty where that is not known.
    pub protocol: String,
    /// What became of its messages.
    pub tally: Tally,
    /// What the server has counted; `None` where it has not told.
    pub counted: Option<Counted>,
    /// Where it is.
    pub phase: Phase,
    /// Tells it from the runs before.
    pub number: u32,
    pace: Pace,
    began: f64,
    /// When the last message was sent that will be.
    sent_until: Option<f64>,
}

/// Where a run is.
#[derive(Clone, Debug, PartialEq)]
pub enum Phase {
    /// Its channel opens.
    Opening,
    /// It sends.
    Sending,
    /// It has sent all, and waits for what is not back.
    Awaiting,
    /// It asks the server for its count: how often it has, and when it will again.
    Asking(u32, f64),
    /// It is over.
    Over(End),
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// All was sent, and what is not back is lost.
    Complete,
    /// It was stopped, and what is not back of what was sent until then is lost.
    Stopped,
    /// It was ended before it was clear what is lost.
    Abandoned,
    /// Its channel did not open, or closed: why.
    Failed(String),
}

/// What to do now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// Send so many messages, or as many as there is room for.
    Send(u32),
    /// Send a text that asks for the count.
    Ask,
    /// Nothing.
    Wait,
    /// Close the channel: the run is over.
    Close,
}

impl Run {
    /// A run of this number, whose channel is about to be opened.
    pub fn new(number: u32, settings: Settings, now: f64) -> Self {
        Self {
            settings,
            protocol: String::new(),
            tally: Tally::new(number, &settings, now),
            counted: None,
            phase: Phase::Opening,
            number,
            pace: Pace::new(&settings, now),
            began: now,
            sent_until: None,
        }
    }

    /// Its channel is open: it begins to send.
    pub fn opened(&mut self, now: f64) {
        if matches!(self.phase, Phase::Opening) {
            let protocol = std::mem::take(&mut self.protocol);
            *self = Self {
                protocol,
                phase: Phase::Sending,
                ..Self::new(self.number, self.settings, now)
            };
        }
    }

    /// What to do now, while `queued` bytes wait to leave the browser.
    pub fn turn(&mut self, queued: u32, now: f64) -> Turn {
        match self.phase {
            Phase::Opening if now - self.began < OPENING => return Turn::Wait,
            Phase::Opening => self.fail("its channel did not open in time".into()),
            Phase::Sending => {
                self.tally.queued(queued, now);
                let due = self.pace.take(now);
                if due > 0 {
                    return Turn::Send(due);
                }
                if self.pace.is_over(now) {
                    self.tally.not_sent += self.pace.left();
                    self.await_rest(now);
                }
                return Turn::Wait;
            }
            Phase::Awaiting if self.tally.is_awaiting(queued, now) => return Turn::Wait,
            Phase::Awaiting => return self.ask(1, now),
            Phase::Asking(..) if self.counted.is_some() => self.finish(),
            Phase::Asking(_, next) if now < next => return Turn::Wait,
            Phase::Asking(QUESTIONS.., _) => self.finish(),
            Phase::Asking(asked, _) => return self.ask(asked + 1, now),
            Phase::Over(_) => {}
        }
        Turn::Close
    }

    /// The next message to send; `None` where too much waits already. Then this one and `rest`
    /// more that are due count as not sent.
    pub fn message(&mut self, queued: u32, rest: u32, now: f64) -> Option<Message> {
        self.tally.queued(queued, now);
        if queued.saturating_add(self.settings.size) > MAX_QUEUED {
            self.tally.not_sent += rest + 1;
            return None;
        }
        Some(self.tally.next(now))
    }

    /// How long to wait for the next turn, in milliseconds.
    pub fn wait(&self, now: f64) -> f64 {
        if matches!(self.phase, Phase::Sending) {
            self.pace.wait(now)
        } else {
            LOOK_EVERY
        }
    }

    /// A message came back. What comes after the end counts no more.
    pub fn returned(&mut self, message: &[u8], now: f64) {
        if !self.is_over() {
            self.tally.returned(message, now);
        }
    }

    /// The server said something: its count, or what is not for us.
    pub fn told(&mut self, counted: Option<Counted>) {
        if matches!(self.phase, Phase::Asking(..)) {
            self.counted = counted.or(self.counted);
        }
    }

    /// Stops sending, and waits for what is not back; asked for again, ends at once.
    pub fn stop(&mut self, now: f64) {
        match self.phase {
            Phase::Sending => self.await_rest(now),
            Phase::Opening | Phase::Awaiting | Phase::Asking(..) => {
                self.phase = Phase::Over(End::Abandoned);
            }
            Phase::Over(_) => {}
        }
    }

    /// The channel is gone: why, without a full stop.
    pub fn fail(&mut self, reason: String) {
        if !self.is_over() {
            self.phase = Phase::Over(End::Failed(reason));
        }
    }

    /// Whether it is over.
    pub fn is_over(&self) -> bool {
        matches!(self.phase, Phase::Over(_))
    }

    /// Whether what is not back is lost.
    pub fn is_settled(&self) -> bool {
        matches!(
            self.phase,
            Phase::Asking(..) | Phase::Over(End::Complete | End::Stopped)
        )
    }

    /// Bytes a second sent, and returned.
    pub fn throughput(&self, now: f64) -> [f64; 2] {
        self.tally.throughput(self.sent_until.unwrap_or(now))
    }

    fn await_rest(&mut self, now: f64) {
        self.sent_until = Some(now);
        self.phase = Phase::Awaiting;
    }

    fn ask(&mut self, number: u32, now: f64) -> Turn {
        self.phase = Phase::Asking(number, now + ASK_EVERY);
        Turn::Ask
    }

    fn finish(&mut self) {
        let is_complete = self.tally.sent + self.tally.not_sent == self.settings.messages();
        self.phase = Phase::Over(if is_complete {
            End::Complete
        } else {
            End::Stopped
        });
    }
}

#[cfg(test)]
mod tests;
