//! What the SCTP engine holds of what came: it counts bytes, and memory goes by chunks too.
//!
//! A chunk is held until its message is read, its stream is dropped, or a FORWARD-TSN gives it up
//! (RFC 3758 section 3.6). The engine does not tell of the last, so the fragments of messages that
//! are not whole are known here. A count that did not go down with them would shut the window of a
//! client that loses much.
//!
//! The engine gives up fragments of the kind alone that it sends itself on a stream, in order or not;
//! those of the other kind, which no client sends on a data channel (RFC 8832 section 5.1), stay.

use super::wire::{Data, ahead};
use std::collections::{BTreeMap, BTreeSet};

/// Fragments of one message that follow each other, of a message that is not whole.
#[derive(Clone, Copy, Debug)]
struct Run {
    /// The last of them.
    end: u64,
    stream: u16,
    unordered: bool,
    sequence: u16,
    /// Whether the message's first and its last fragment are among them.
    has_first: bool,
    has_last: bool,
}

impl Run {
    /// Whether `next`, which comes at once after this, goes on with the same message.
    fn goes_on_with(&self, next: &Self) -> bool {
        let is_of_one = self.unordered || self.sequence == next.sequence;
        self.stream == next.stream
            && self.unordered == next.unordered
            && is_of_one
            && !self.has_last
            && !next.has_first
    }
}

/// The chunks that the engine holds. TSNs are numbers here that do not wrap.
#[derive(Debug)]
pub(super) struct Held {
    /// The cumulative TSN.
    cumulative: u64,
    /// What has come beyond it, from where to where, by which a chunk that comes again is known.
    beyond: BTreeMap<u64, u64>,
    /// Fragments, by the first of each run.
    runs: BTreeMap<u64, Run>,
    /// How many chunks are held of each stream, and how many of which it is not known whose they are.
    streams: BTreeMap<u16, usize>,
    unknown: usize,
    count: usize,
    /// The streams on which we do not send in order.
    unordered: BTreeSet<u16>,
}

impl Held {
    /// Nothing, before the TSN after `cumulative` comes.
    pub(super) fn new(cumulative: u32) -> Self {
        Self {
            cumulative: u64::from(cumulative) + (1 << 32),
            beyond: BTreeMap::new(),
            runs: BTreeMap::new(),
            streams: BTreeMap::new(),
            unknown: 0,
            count: 0,
            unordered: BTreeSet::new(),
        }
    }

    /// Whether we send in order on this stream: we do, until this says otherwise.
    pub(super) fn set_ordered(&mut self, stream: u16, ordered: bool) {
        if ordered {
            self.unordered.remove(&stream);
        } else {
            self.unordered.insert(stream);
        }
    }

    /// How many chunks are held.
    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// Whether this TSN has come before.
    pub(super) fn has(&self, tsn: u32) -> bool {
        let tsn = self.unwrapped(tsn);
        let before = self.beyond.range(..=tsn).next_back();
        tsn <= self.cumulative || before.is_some_and(|(_, end)| *end >= tsn)
    }

    /// The engine took this chunk, which had not come before.
    pub(super) fn took(&mut self, data: &Data) {
        let tsn = self.unwrapped(data.tsn);
        self.count += 1;
        *self.streams.entry(data.stream).or_default() += 1;
        self.came(tsn);
        if data.is_first && data.is_last {
            return;
        }
        let mut start = tsn;
        let mut run = Run {
            end: tsn,
            stream: data.stream,
            unordered: data.unordered,
            sequence: data.sequence,
            has_first: data.is_first,
            has_last: data.is_last,
        };
        let before = self.runs.range(..tsn).next_back();
        if let Some((&first, before)) = before
            && before.end + 1 == tsn
            && before.goes_on_with(&run)
        {
            (start, run.has_first) = (first, before.has_first);
        }
        if let Some(after) = self.runs.get(&(tsn + 1)).copied()
            && run.goes_on_with(&after)
        {
            (run.end, run.has_last) = (after.end, after.has_last);
            self.runs.remove(&(tsn + 1));
        }
        if run.has_first && run.has_last {
            // A message that is whole is read, or dropped with its stream, and never given up.
            self.runs.remove(&start);
        } else {
            self.runs.insert(start, run);
        }
    }

    /// The engine took so many of some chunks.
    pub(super) fn took_some(&mut self, count: usize) {
        self.count += count;
        self.unknown += count;
    }

    /// A message of so many chunks was read from a stream.
    pub(super) fn read(&mut self, stream: u16, chunks: usize) {
        self.release(stream, chunks);
    }

    /// A stream was dropped, with all that was not read.
    pub(super) fn dropped(&mut self, stream: u16) {
        self.runs.retain(|_, run| run.stream != stream);
        self.unordered.remove(&stream);
        self.count -= self.streams.remove(&stream).unwrap_or(0);
    }

    /// A FORWARD-TSN gives up what is not whole up to `cumulative`, and of each of these streams the
    /// messages in order up to this sequence number.
    pub(super) fn forwarded(&mut self, cumulative: u32, streams: &[(u16, u16)]) {
        let cumulative = self.unwrapped(cumulative);
        if cumulative <= self.cumulative {
            return;
        }
        let is_given_up = |run: &Run| {
            let mut named = streams.iter().filter(|(stream, _)| *stream == run.stream);
            named.any(|(_, last)| last.wrapping_sub(run.sequence).cast_signed() >= 0)
        };
        let mut given_up = Vec::new();
        let mut rest = None;
        let unordered = &self.unordered;
        self.runs.retain(|&start, run| {
            if run.unordered != unordered.contains(&run.stream) {
                return true;
            }
            let end = if !run.unordered {
                if !is_given_up(run) {
                    return true;
                }
                run.end
            } else if start <= cumulative {
                run.end.min(cumulative)
            } else {
                return true;
            };
            given_up.push((run.stream, (end - start + 1) as usize));
            if end < run.end {
                rest = Some((
                    end + 1,
                    Run {
                        has_first: false,
                        ..*run
                    },
                ));
            }
            false
        });
        self.runs.extend(rest);
        for (stream, chunks) in given_up {
            self.release(stream, chunks);
        }
        self.advance(cumulative);
    }

    /// The engine has acknowledged all up to `cumulative`.
    pub(super) fn acknowledged(&mut self, cumulative: u32) {
        self.advance(self.unwrapped(cumulative));
    }

    /// The engine holds nothing.
    pub(super) fn clear(&mut self) {
        self.runs.clear();
        self.streams.clear();
        self.unknown = 0;
        self.count = 0;
    }

    fn came(&mut self, tsn: u64) {
        let mut start = tsn;
        let before = self.beyond.range(..tsn).next_back();
        if let Some((&first, &end)) = before
            && end + 1 == tsn
        {
            start = first;
        }
        let end = self.beyond.remove(&(tsn + 1)).unwrap_or(tsn);
        self.beyond.insert(start, end);
    }

    fn release(&mut self, stream: u16, chunks: usize) {
        let mut known = 0;
        if let Some(count) = self.streams.get_mut(&stream) {
            known = chunks.min(*count);
            *count -= known;
            if *count == 0 {
                self.streams.remove(&stream);
            }
        }
        let unknown = (chunks - known).min(self.unknown);
        self.unknown -= unknown;
        self.count -= known + unknown;
    }

    fn advance(&mut self, cumulative: u64) {
        while let Some(first) = self.beyond.first_entry()
            && *first.key() <= cumulative
        {
            let end = first.remove();
            if end > cumulative {
                self.beyond.insert(cumulative + 1, end);
            }
        }
        self.cumulative = self.cumulative.max(cumulative);
    }

    /// The number that does not wrap of a TSN that is not far from the cumulative one.
    fn unwrapped(&self, tsn: u32) -> u64 {
        let distance = ahead(tsn, self.cumulative as u32);
        self.cumulative.saturating_add_signed(i64::from(distance))
    }
}

#[cfg(test)]
mod tests;
