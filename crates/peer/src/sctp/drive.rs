//! What [`Sctp`] does between its calls and the SCTP engine.

use std::time::{Duration, Instant};

use bytes::Bytes;
use rtc_sctp::{Chunks, StreamEvent};

use super::beside::Beside;
use super::call::Call;
use super::channel::Role;
use super::config::SctpLimits;
use super::event::{End, Event, Reliability};
use super::inbound::{Intake, Sorted};
use super::link::{Begun, Link};
use super::reset::Resets;
use super::wire::{self, ahead};
use super::{MAX_WAITING, Sctp, outbound};

/// Bytes of the receive window for each chunk that may be held. A held chunk costs about four
/// times as much in memory, and the engine's window counts its payload alone.
const WINDOW_PER_CHUNK: u32 = 256;

/// Error cause Protocol Violation (RFC 9260 section 3.3.10.13).
const PROTOCOL_VIOLATION: u8 = 13;

/// So soon after DATA of the browser's, the next of it is likely to bring the acknowledgement of
/// ours along, and is not asked for another.
const IN_TALK: Duration = Duration::from_millis(20);
/// So soon after DATA of ours, another is likely to follow, and each second one is acknowledged at
/// once (RFC 9260 section 6.2).
const IN_A_ROW: Duration = Duration::from_millis(90);

/// An association that was begun.
pub(super) struct Live {
    pub(super) link: Link,
    pub(super) intake: Intake,
    pub(super) resets: Resets,
    /// Whether it is established.
    pub(super) up: bool,
    /// The browser's initiate tag, by which a repeated INIT is known.
    pub(super) tag: u32,
    /// The packet with INIT ACK, if it was ours to send, until it is up.
    pub(super) init_ack: Option<Bytes>,
    /// The TSNs, and messages that do not go through the engine.
    pub(super) beside: Beside,
    /// Whether the browser understands FORWARD-TSN, without which there are no such messages.
    pub(super) takes_forward_tsn: bool,
    /// The browser asked for a reset; an exact cumulative TSN is wanted.
    pub(super) curious: bool,
    /// Streams to reset when what was sent on them is out.
    pub(super) closing: Vec<u16>,
    /// When the browser last sent DATA, and when we did.
    data_at: Option<Instant>,
    sent_at: Option<Instant>,
}

impl Live {
    pub(super) fn new(begun: Begun, tag: u32, limits: SctpLimits) -> Self {
        let (window, max_message) = (limits.receive_window, limits.max_message_bytes);
        let max_held = (window / WINDOW_PER_CHUNK).max(256) as usize;
        Self {
            link: begun.link,
            intake: Intake::new(begun.their_tsn, window, max_held, max_message),
            resets: Resets::new(begun.our_tsn, begun.their_tsn),
            up: false,
            tag,
            init_ack: begun.init_ack,
            beside: Beside::new(begun.our_tsn),
            takes_forward_tsn: begun.takes_forward_tsn,
            curious: false,
            closing: Vec::new(),
            data_at: None,
            sent_at: None,
        }
    }

    /// The browser's end, with the initial TSNs of both ends.
    #[cfg(test)]
    pub(super) fn of_browser(link: Link, our_tsn: u32, their_tsn: u32, limits: SctpLimits) -> Self {
        let begun = Begun {
            link,
            init_ack: None,
            our_tsn,
            their_tsn,
            takes_forward_tsn: true,
        };
        let live = Self::new(begun, 0, limits);
        Self { up: true, ..live }
    }

    /// Sets how hard stream `id` tries to deliver what is sent on it from now on.
    pub(super) fn set_reliability(&mut self, id: u16, reliability: Reliability) {
        self.link.set_reliability(id, reliability);
        self.intake.set_ordered(id, reliability.ordered);
        self.beside.set_limited(id, reliability.limit.is_some());
    }

    /// Reads a message of stream `id` from the engine.
    pub(super) fn read(&mut self, id: u16) -> Option<Chunks> {
        let message = self.link.read(id)?;
        self.intake.read(id, message.chunks.len(), message.len());
        Some(message)
    }
}

impl Sctp {
    /// A packet with INIT came. A repeated one gets the same answer; another one begins anew. None
    /// does anything once the association is up: a browser restarts DTLS with SCTP.
    ///
    /// Of two that crossed, the one with the higher tag counts. RFC 9260 section 5.2.1 answers both
    /// with the tags of the first, which the engine cannot.
    pub(super) fn initiated(&mut self, now: Instant, tag: u32, init: &Bytes) {
        if matches!(&self.call, Call::Made(link) if link.from_peer.tag > tag) {
            return;
        }
        match &self.live {
            Some(live) if live.up => {}
            Some(live) if live.tag == tag => {
                if self.out.len() < MAX_WAITING {
                    self.out.extend(live.init_ack.clone());
                }
            }
            _ => {
                if let Some(begun) = Link::answer(&self.config, now, init) {
                    self.call = Call::No;
                    self.streams.drop_strays();
                    self.out.clear();
                    self.out.extend(begun.init_ack.clone());
                    self.live = Some(Box::new(Live::new(begun, tag, self.config.limits)));
                }
            }
        }
    }

    /// Does what a packet asks for.
    pub(super) fn take(&mut self, now: Instant, sorted: Sorted) {
        if let Some(violation) = sorted.violation {
            return self.violated(violation);
        }
        if sorted.abort {
            return self.end(End::Aborted);
        }
        if sorted.shutdown {
            if let Some(live) = &self.live {
                self.out
                    .push_back(live.link.packet(wire::SHUTDOWN_ACK, &[]));
            }
            return self.end(End::Shutdown);
        }
        for id in sorted.reused {
            self.finish(now, id);
            self.streams.put(id, Role::Stray);
        }
        for value in sorted.resets {
            self.reconfigured(now, &value);
        }
        if let (Some(packet), Some(live)) = (sorted.pass, &mut self.live) {
            if sorted.bytes > 0 {
                live.data_at = Some(now);
            }
            let (to_peer, round_trip) = (live.link.to_peer, live.link.round_trip());
            let packet = live.beside.incoming(now, packet, to_peer, round_trip);
            if let Some(packet) = packet {
                live.link.deliver(now, packet);
            }
            self.take_events(now, sorted.bytes);
        }
    }

    /// Takes the engine's events after it was given `bytes` of user data.
    pub(super) fn take_events(&mut self, now: Instant, bytes: usize) {
        let mut took = 0;
        while let Some(live) = &mut self.live {
            match live.link.poll_event() {
                None => break,
                Some(rtc_sctp::Event::Connected) => self.established(),
                Some(rtc_sctp::Event::DatagramReceived) => {
                    took += 1;
                }
                Some(rtc_sctp::Event::Stream(StreamEvent::Readable { id })) => {
                    self.became_readable(now, id);
                }
                Some(rtc_sctp::Event::Stream(StreamEvent::BufferedAmountReleased {
                    id, ..
                })) => self.tell_released(id),
                Some(_) => {}
            }
        }
        let Some(live) = &mut self.live else {
            return;
        };
        if !live.intake.took(took, bytes) {
            self.violated("more data than the window allows");
        } else if live.up && live.link.association.is_closed() {
            self.end(End::Failed);
        }
    }

    fn established(&mut self) {
        let Some(live) = &mut self.live else {
            return;
        };
        live.up = true;
        live.init_ack = None;
        for (id, reliability) in self.streams.take_waiting() {
            live.link.open(id);
            live.set_reliability(id, reliability);
        }
        self.events.push_back(Event::Up);
    }

    /// Collects packets to send.
    pub(super) fn fill(&mut self, now: Instant) {
        let Some(live) = &mut self.live else {
            return;
        };
        let acknowledged = live.intake.acknowledged;
        let waits = live
            .resets
            .waits_for()
            .is_some_and(|tsn| ahead(tsn, acknowledged) > 0);
        if (std::mem::take(&mut live.curious) && waits) || live.intake.wants_update() {
            live.link.provoke_acknowledgement(now, acknowledged);
        }
        let batch = live.link.gather(now);
        let is_since = |at: Option<Instant>, limit: Duration| {
            at.is_none_or(|at| now.saturating_duration_since(at) >= limit)
        };
        let asks = is_since(live.data_at, IN_TALK) && is_since(live.sent_at, IN_A_ROW);
        let (intake, beside) = (&mut live.intake, &mut live.beside);
        let before = beside.sent;
        let batch = batch.into_iter().map(|packet| beside.outgoing(packet));
        let batch = batch.collect();
        self.out.extend(outbound::prepare(batch, intake, asks));
        if beside.sent != before {
            live.sent_at = Some(now);
        }
        let to_peer = live.link.to_peer;
        while let Some(packet) = beside.take(now, to_peer) {
            self.out.push_back(packet);
        }
        if let Some((value, last_tsn, ids)) = live.resets.answer(live.intake.acknowledged) {
            self.out
                .push_back(live.link.packet(wire::RE_CONFIG, &value));
            for id in ids {
                self.their_reset(now, id, last_tsn);
            }
        }
        self.ask_resets(now);
    }

    fn violated(&mut self, what: &'static str) {
        self.end_with_abort(PROTOCOL_VIOLATION);
        self.end(End::Violation(what));
    }

    /// Lets an ABORT with an error cause be sent, and nothing else.
    pub(super) fn end_with_abort(&mut self, cause: u8) {
        if let Some(live) = &self.live {
            self.out.clear();
            let value = [0, cause, 0, 4];
            self.out.push_back(live.link.packet(wire::ABORT, &value));
        }
    }

    pub(super) fn end(&mut self, end: End) {
        self.stop();
        self.events.push_back(Event::Ended(end));
    }

    /// Frees everything.
    pub(super) fn stop(&mut self) {
        self.stats = self.stats();
        self.over = true;
        self.live = None;
        self.call = Call::No;
        self.streams.clear();
        self.early = Vec::new();
    }
}
