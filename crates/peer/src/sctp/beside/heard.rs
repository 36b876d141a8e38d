//! What the client acknowledges, and what is given up.

use std::time::{Duration, Instant};

use bytes::Bytes;

use super::{Beside, Slot, Whose};
use crate::sctp::wire::{self, Builder, Chunk, Chunks, Header, ahead, u16_at, u32_at};

/// How many later TSNs are acknowledged before one is taken for lost (RFC 9260 section 7.2.4).
const LATER: usize = 3;
/// When one is given up of which no later acknowledgement tells.
const LONGEST: Duration = Duration::from_secs(1);
/// When FORWARD-TSN is sent again: at first, or after one and a half round trips, and then after twice as
/// long each time, up to the longest.
const AGAIN: [Duration; 2] = [Duration::from_millis(50), Duration::from_secs(1)];
/// Where the gap blocks of a SACK are, from its value's start.
const SACK_GAPS: usize = 12;

impl Beside {
    /// Takes a packet of the client's, and returns it as the engine is to have it; `None` where there is
    /// nothing in it for the engine. `round_trip` is the engine's.
    pub(in crate::sctp) fn incoming(
        &mut self,
        now: Instant,
        packet: Bytes,
        to_peer: Header,
        round_trip: Option<Duration>,
    ) -> Option<Bytes> {
        let is_sack = |chunk: &Chunk<'_>| chunk.kind == wire::SACK;
        let Some(sack) = Chunks::of(&packet).find(is_sack) else {
            return Some(packet);
        };
        if !self.is_used {
            if let Some(cumulative) = u32_at(sack.value, 0)
                && ahead(cumulative, self.cumulative) > 0
                && ahead(cumulative, self.sent) <= 0
            {
                self.cumulative = cumulative;
                self.forwarded = cumulative;
            }
            return Some(packet);
        }
        let changed = self.acknowledged(sack.value);
        self.repeat_engine(to_peer);
        self.forward(now, to_peer, round_trip);
        let header = Header::read(&packet)?;
        let mut builder = Builder::new(header, packet.len() + 4);
        let mut is_empty = true;
        for chunk in Chunks::of(&packet) {
            match &changed {
                _ if chunk.kind != wire::SACK => builder.raw(chunk.raw),
                Some(value) => builder = builder.chunk(wire::SACK, 0, value),
                None => continue,
            }
            is_empty = false;
        }
        (!is_empty).then(|| builder.finish())
    }

    /// Takes a SACK, and returns the one for the engine; `None` if it is older than another, or tells
    /// nothing to the engine.
    fn acknowledged(&mut self, value: &[u8]) -> Option<Vec<u8>> {
        let (cumulative, window) = u32_at(value, 0).zip(u32_at(value, 4))?;
        let advance = usize::try_from(ahead(cumulative, self.cumulative)).ok()?;
        if advance > self.slots.len() {
            // What was never sent: the engine ends the association by the same.
            let last = self.cumulative.wrapping_sub(self.ours);
            let beyond = last.wrapping_add(self.engines as u32).wrapping_add(1);
            return Some(acknowledgement(beyond, window, &[]));
        }
        self.window = window as usize;
        for slot in self.slots.drain(..advance) {
            match slot.open() {
                Some((_, bytes)) => self.in_flight = self.in_flight.saturating_sub(bytes),
                None if slot.is_engines() => self.engines -= 1,
                None => {}
            }
            if !slot.is_engines() {
                self.ours = self.ours.wrapping_add(1);
            }
        }
        self.cumulative = cumulative;
        if ahead(self.cumulative, self.forwarded) >= 0 {
            self.forwarded = self.cumulative;
            self.again = None;
        }
        self.arrived(value);
        let told = (cumulative.wrapping_sub(self.ours), window);
        if self.engines > 0 {
            self.told = None;
        } else if self.told.replace(told) == Some(told) {
            return None;
        }
        Some(self.for_engine(window))
    }

    /// Takes the gap blocks of a SACK, and gives up what they tell to be lost.
    fn arrived(&mut self, value: &[u8]) {
        let mut highest = None;
        let gaps = u16_at(value, 8).unwrap_or(0);
        for block in 0..usize::from(gaps) {
            let at = SACK_GAPS + 4 * block;
            let (Some(start), Some(end)) = (u16_at(value, at), u16_at(value, at + 2)) else {
                break;
            };
            let end = usize::from(end).min(self.slots.len());
            let start = usize::from(start).saturating_sub(1).min(end);
            for slot in self.slots.range_mut(start..end) {
                if let Some((_, bytes)) = slot.open() {
                    self.in_flight = self.in_flight.saturating_sub(bytes);
                }
                slot.has_arrived = true;
            }
            if start < end {
                highest = Some(end - 1);
            }
        }
        if let Some(lost) = highest.and_then(|highest| (highest + 1).checked_sub(LATER)) {
            self.give_up(lost);
        }
    }

    /// Gives up the first so many slots, as far as they are ours and have not arrived.
    pub(super) fn give_up(&mut self, count: usize) {
        for slot in self.slots.range_mut(..count) {
            if let Some((_, bytes)) = slot.open() {
                self.in_flight = self.in_flight.saturating_sub(bytes);
                slot.is_given_up = true;
            }
        }
    }

    /// A SACK of the engine's DATA alone. What has come of it before a gap of ours counts as if there
    /// were none: no client takes back what it has acknowledged.
    fn for_engine(&self, window: u32) -> Vec<u8> {
        let mut engines = self.slots.iter().filter(|slot| slot.is_engines());
        let whole = engines.by_ref().take_while(|slot| slot.has_arrived).count();
        let last = self.cumulative.wrapping_sub(self.ours);
        let cumulative = last.wrapping_add(whole as u32);
        // The one that ended the loop is the first that is missing.
        let mut gaps: Vec<[u16; 2]> = Vec::new();
        for (offset, slot) in (2..=u16::MAX).zip(engines) {
            match gaps.last_mut() {
                _ if !slot.has_arrived => {}
                Some([_, end]) if *end + 1 == offset => *end = offset,
                _ => gaps.push([offset; 2]),
            }
        }
        acknowledgement(cumulative, window, &gaps)
    }

    /// Sends the engine's last DATA again where only what is ours tells that it is lost; of that the
    /// engine does not know.
    fn repeat_engine(&mut self, to_peer: Header) {
        let mut later = 0;
        for at in (0..self.slots.len()).rev() {
            let tsn = self.tsn(at);
            let slot = &mut self.slots[at];
            if slot.has_arrived && slot.is_engines() {
                return;
            }
            if slot.has_arrived {
                later += 1;
            } else if later >= LATER
                && let Whose::Engine(chunk) = &mut slot.whose
                && let Some(chunk) = chunk.take()
            {
                let mut packet = Builder::new(to_peer, wire::HEADER + chunk.len() + 4);
                packet.raw(&chunk);
                self.out.push_back(packet.number(tsn).finish());
            }
        }
    }

    /// Has FORWARD-TSN sent for what is given up at the beginning, where it is due.
    fn forward(&mut self, now: Instant, to_peer: Header, round_trip: Option<Duration>) {
        let is_done = |slot: &&Slot| !slot.is_engines() && (slot.has_arrived || slot.is_given_up);
        let run = self.slots.iter().take_while(is_done);
        let Some(last) = run
            .enumerate()
            .filter(|(_, slot)| slot.is_given_up)
            .map(|(at, _)| at)
            .last()
        else {
            self.again = None;
            return;
        };
        let point = self.tsn(last);
        let [least, most] = AGAIN;
        let wait = match self.again {
            _ if ahead(point, self.forwarded) > 0 => least.max(round_trip.unwrap_or(most) * 3 / 2),
            Some((at, wait)) if at <= now => wait * 2,
            _ => return,
        };
        let wait = wait.min(most);
        self.forwarded = point;
        self.again = Some((now + wait, wait));
        // An unordered message has no sequence number to be told (RFC 3758 section 3.2).
        let packet = Builder::new(to_peer, 32).chunk(wire::FORWARD_TSN, 0, &point.to_be_bytes());
        self.out.push_back(packet.finish());
    }

    /// When [`Beside::handle_timeout`] is to be called.
    pub(in crate::sctp) fn poll_timeout(&self) -> Option<Instant> {
        let again = self.again.map(|(at, _)| at);
        again.into_iter().chain(self.oldest()).min()
    }

    /// When the first message is given up of which nothing is heard.
    fn oldest(&self) -> Option<Instant> {
        let (at, _) = self.slots.iter().find_map(Slot::open)?;
        Some(at + LONGEST)
    }

    pub(in crate::sctp) fn handle_timeout(
        &mut self,
        now: Instant,
        to_peer: Header,
        round_trip: Option<Duration>,
    ) {
        if self.oldest().is_some_and(|at| at <= now) {
            let is_later = |slot: &Slot| slot.open().is_some_and(|(at, _)| at + LONGEST > now);
            let count = self.slots.iter().position(is_later);
            self.give_up(count.unwrap_or(self.slots.len()));
        }
        self.forward(now, to_peer, round_trip);
    }
}

/// A SACK's value.
fn acknowledgement(cumulative: u32, window: u32, gaps: &[[u16; 2]]) -> Vec<u8> {
    let count = u16::try_from(gaps.len()).unwrap_or(u16::MAX);
    let mut value = Vec::with_capacity(SACK_GAPS + 4 * gaps.len());
    value.extend(cumulative.to_be_bytes());
    value.extend(window.to_be_bytes());
    value.extend(count.to_be_bytes());
    value.extend([0; 2]);
    for bound in gaps.iter().take(usize::from(count)).flatten() {
        value.extend(bound.to_be_bytes());
    }
    value
}
