//! Resets of streams (RFC 6525), by which channels are closed (RFC 8831 section 6.7).
//!
//! The SCTP engine's own resets are not used: it answers a reset that had to wait for missing data
//! without resetting its direction, repeats no lost answer, and resets a stream twice that both
//! ends close, by which a channel that uses the id again is lost.

use std::time::{Duration, Instant};

use bytes::Bytes;

use super::wire::{ahead, u16_at, u32_at};

/// Outgoing SSN Reset Request (RFC 6525 section 4.1).
const REQUEST: u16 = 13;
/// Re-configuration Response (RFC 6525 section 4.4).
const RESPONSE: u16 = 16;

const PERFORMED: u32 = 1;
const DENIED: u32 = 2;
const ALREADY_IN_PROGRESS: u32 = 4;
const BAD_SEQUENCE: u32 = 5;
const IN_PROGRESS: u32 = 6;

/// Waits before a request is repeated: the first, and the longest.
const FIRST_WAIT: Duration = Duration::from_millis(200);
const LONGEST_WAIT: Duration = Duration::from_secs(12);

/// Streams in one request.
const MAX_IDS: usize = 256;

/// Our request that is not answered. There is one at a time (RFC 6525 section 5.1.1).
#[derive(Debug)]
struct Asked {
    number: u32,
    last_tsn: u32,
    ids: Vec<u16>,
    due: Instant,
    wait: Duration,
}

/// The browser's request that waits for data to come.
#[derive(Debug)]
struct Deferred {
    number: u32,
    last_tsn: u32,
    ids: Vec<u16>,
    answered: bool,
}

/// What a RE-CONFIG chunk led to.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    /// RE-CONFIG values to send.
    pub(super) replies: Vec<Vec<u8>>,
    /// Streams whose direction of ours is reset.
    pub(super) done: Vec<u16>,
}

#[derive(Debug)]
pub(super) struct Resets {
    next: u32,
    expected: u32,
    asked: Option<Asked>,
    deferred: Option<Deferred>,
}

impl Resets {
    /// Request numbers begin at the initial TSNs, `ours` and `theirs` (RFC 6525 section 5.1.1).
    pub(super) fn new(ours: u32, theirs: u32) -> Self {
        Self {
            next: ours,
            expected: theirs,
            asked: None,
            deferred: None,
        }
    }

    /// Reads a RE-CONFIG chunk. Of the streams in a request those of `in_use` count; a request
    /// without any names all of them.
    pub(super) fn read(&mut self, value: &Bytes, in_use: &[u16]) -> Outcome {
        let mut outcome = Outcome::default();
        let mut rest: &[u8] = value;
        // RFC 6525 section 3.1: at most two parameters.
        for _ in 0..2 {
            let (Some(kind), Some(length)) = (u16_at(rest, 0), u16_at(rest, 2)) else {
                break;
            };
            let length = usize::from(length);
            let (Some(parameter), Some(number)) = (rest.get(4..length), u32_at(rest, 4)) else {
                break;
            };
            match kind {
                REQUEST => self.requested(number, parameter, in_use, &mut outcome),
                RESPONSE => self.answered(number, parameter, &mut outcome),
                _ => {
                    if number == self.expected {
                        self.expected = self.expected.wrapping_add(1);
                    }
                    outcome.replies.push(response(number, DENIED));
                }
            }
            rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
        }
        outcome
    }

    fn requested(&mut self, number: u32, parameter: &[u8], in_use: &[u16], outcome: &mut Outcome) {
        let Some(last_tsn) = u32_at(parameter, 8) else {
            return;
        };
        if number == self.expected {
            self.expected = self.expected.wrapping_add(1);
            let named: Vec<u16> = (12..parameter.len())
                .step_by(2)
                .filter_map(|at| u16_at(parameter, at))
                .collect();
            let ids = in_use.iter().copied();
            let ids = ids
                .filter(|id| named.is_empty() || named.contains(id))
                .collect();
            self.deferred = Some(Deferred {
                number,
                last_tsn,
                ids,
                answered: false,
            });
        } else if number != self.expected.wrapping_sub(1) {
            outcome.replies.push(response(number, BAD_SEQUENCE));
        } else if let Some(deferred) = &mut self.deferred {
            deferred.answered = false;
        } else {
            outcome.replies.push(response(number, PERFORMED));
        }
    }

    fn answered(&mut self, number: u32, parameter: &[u8], outcome: &mut Outcome) {
        let Some(result) = u32_at(parameter, 4) else {
            return;
        };
        // What is denied will not be done later either.
        if result == IN_PROGRESS || result == ALREADY_IN_PROGRESS {
            return;
        }
        if let Some(asked) = self.asked.take_if(|asked| asked.number == number) {
            outcome.done.extend(asked.ids);
        }
    }

    /// The last TSN that the browser's request waits for.
    pub(super) fn waits_for(&self) -> Option<u32> {
        self.deferred.as_ref().map(|deferred| deferred.last_tsn)
    }

    /// Answers the browser's request, now that `acknowledged` is the cumulative TSN. With the
    /// answer come the streams that are reset, and the last TSN that belongs to them.
    pub(super) fn answer(&mut self, acknowledged: u32) -> Option<(Vec<u8>, u32, Vec<u16>)> {
        let deferred = self.deferred.as_mut()?;
        if ahead(deferred.last_tsn, acknowledged) > 0 {
            if std::mem::replace(&mut deferred.answered, true) {
                return None;
            }
            return Some((response(deferred.number, IN_PROGRESS), 0, Vec::new()));
        }
        let deferred = self.deferred.take()?;
        let answer = response(deferred.number, PERFORMED);
        Some((answer, deferred.last_tsn, deferred.ids))
    }

    pub(super) fn can_ask(&self) -> bool {
        self.asked.is_none()
    }

    /// Asks to reset our direction of `ids`; those that were taken are removed from it. `last_tsn`
    /// is the last TSN that was sent.
    pub(super) fn ask(&mut self, now: Instant, last_tsn: u32, ids: &[u16]) -> Vec<u8> {
        let asked = Asked {
            number: self.next,
            last_tsn,
            ids: ids.iter().copied().take(MAX_IDS).collect(),
            due: now + FIRST_WAIT,
            wait: FIRST_WAIT,
        };
        self.next = self.next.wrapping_add(1);
        let value = self.request(&asked);
        self.asked = Some(asked);
        value
    }

    /// How many streams one request takes.
    pub(super) const fn most() -> usize {
        MAX_IDS
    }

    fn request(&self, asked: &Asked) -> Vec<u8> {
        let answers = self.expected.wrapping_sub(1);
        request(asked.number, answers, asked.last_tsn, &asked.ids)
    }

    /// The browser uses `id` again, by which it shows that it has reset it.
    pub(super) fn forget(&mut self, id: u16) {
        if let Some(asked) = &mut self.asked {
            asked.ids.retain(|asked| *asked != id);
            if asked.ids.is_empty() {
                self.asked = None;
            }
        }
    }

    pub(super) fn due(&self) -> Option<Instant> {
        self.asked.as_ref().map(|asked| asked.due)
    }

    /// Our request once more, if it is time.
    pub(super) fn repeat(&mut self, now: Instant) -> Option<Vec<u8>> {
        let asked = self.asked.as_mut().filter(|asked| asked.due <= now)?;
        asked.wait = (asked.wait * 2).min(LONGEST_WAIT);
        asked.due = now + asked.wait;
        let asked = self.asked.as_ref()?;
        Some(self.request(asked))
    }
}

/// An Outgoing SSN Reset Request.
pub(super) fn request(number: u32, answers: u32, last_tsn: u32, ids: &[u16]) -> Vec<u8> {
    let length = u16::try_from(16 + 2 * ids.len()).unwrap_or(u16::MAX);
    let mut value = Vec::with_capacity(usize::from(length));
    value.extend(REQUEST.to_be_bytes());
    value.extend(length.to_be_bytes());
    value.extend(number.to_be_bytes());
    value.extend(answers.to_be_bytes());
    value.extend(last_tsn.to_be_bytes());
    value.extend(ids.iter().flat_map(|id| id.to_be_bytes()));
    value
}

/// A Re-configuration Response.
fn response(number: u32, result: u32) -> Vec<u8> {
    let mut value = Vec::with_capacity(12);
    value.extend(RESPONSE.to_be_bytes());
    value.extend(12_u16.to_be_bytes());
    value.extend(number.to_be_bytes());
    value.extend(result.to_be_bytes());
    value
}

/// A Re-configuration Response that says the request was performed.
pub(super) fn performed(number: u32) -> Vec<u8> {
    response(number, PERFORMED)
}
