//! SCTP and data channels (RFC 8831, RFC 8832) over one DTLS connection, without I/O.
//!
//! The caller gives time and decrypted records, and after any call takes events with
//! [`poll_event`](Sctp::poll_event), packets with [`poll_transmit`](Sctp::poll_transmit), both
//! until they are `None`, and then the next deadline with [`poll_timeout`](Sctp::poll_timeout).
//!
//! We answer the browser's INIT, and send our own only where theirs does not come.

mod beside;
mod call;
mod channel;
mod clock;
mod close;
mod config;
mod dcep;
mod drive;
mod event;
mod held;
mod inbound;
mod link;
mod outbound;
mod receive;
mod reset;
#[cfg(test)]
mod tests;
mod wire;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use rtc_sctp::PayloadProtocolIdentifier;

pub use config::{SctpConfig, SctpLimits};
pub use event::{
    ChannelInit, End, Event, Kind, Limit, Message, NegotiateError, Reliability, SendError, Stats,
};

use call::Call;
use channel::{Ours, Role, Streams};
use drive::Live;
use wire::Header;

/// The largest message for a browser that does not state one, in bytes (RFC 8841 section 6).
const DEFAULT_MAX_MESSAGE: u64 = 65_536;

/// Answers to a repeated INIT that may wait to be sent.
const MAX_WAITING: usize = 4;

/// The association with one browser, and its channels.
///
/// It begins with an INIT and ends once; then it takes nothing and says nothing more,
/// except for an ABORT that is still to be sent.
pub struct Sctp {
    config: Arc<SctpConfig>,
    /// The largest message that the browser takes, in bytes.
    remote_max: u64,
    streams: Streams,
    live: Option<Box<Live>>,
    call: Call,
    over: bool,
    /// Packets to send. A call adds a few for each chunk that it reads.
    out: VecDeque<Bytes>,
    /// Events but `Readable` and `Released`.
    events: VecDeque<Event>,
    /// Channels with a `Readable` or `Released` to tell; each at most once for each.
    tell: VecDeque<u16>,
    /// Messages that came before their channel is known, or were looked at and not yet received.
    early: Vec<(u16, Message)>,
    stats: Stats,
}

impl std::fmt::Debug for Sctp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sctp").finish_non_exhaustive()
    }
}

impl Sctp {
    /// An association that waits for INIT. `remote_max_message` is the browser's
    /// `a=max-message-size` in bytes: 65,536 if it states none, no limit if it is 0 (RFC 8841
    /// section 6.1).
    pub fn new(config: Arc<SctpConfig>, remote_max_message: Option<u64>) -> Self {
        let remote_max = match remote_max_message {
            None => DEFAULT_MAX_MESSAGE,
            Some(0) => u64::MAX,
            Some(stated) => stated,
        };
        Self {
            streams: Streams::new(config.limits.max_channels),
            config,
            remote_max,
            live: None,
            call: Call::No,
            over: false,
            out: VecDeque::new(),
            events: VecDeque::new(),
            tell: VecDeque::new(),
            early: Vec::new(),
            stats: Stats::default(),
        }
    }

    /// Takes one decrypted DTLS application record, which is one SCTP packet (RFC 8261).
    ///
    /// What is malformed or has another verification tag or other ports is dropped.
    pub fn handle(&mut self, now: Instant, packet: Bytes) {
        if self.over || !wire::checksum_holds(&packet) {
            return;
        }
        if let Some(tag) = link::initiate_tag(&packet) {
            self.initiated(now, tag, &packet);
            return;
        }
        let Some(live) = &mut self.live else {
            self.called(now, &packet);
            return;
        };
        if Header::read(&packet) != Some(live.link.from_peer) {
            return;
        }
        let sorted = live.intake.sort(&packet, &mut self.streams, live.up);
        drop(packet);
        self.take(now, sorted);
    }

    /// Does what was due at `now`.
    pub fn handle_timeout(&mut self, now: Instant) {
        let Some(live) = &mut self.live else {
            self.call_timeout(now);
            return;
        };
        live.link.handle_timeout(now);
        let (to_peer, round_trip) = (live.link.to_peer, live.link.round_trip());
        live.beside.handle_timeout(now, to_peer, round_trip);
        if let Some(value) = live.resets.repeat(now) {
            self.out
                .push_back(live.link.packet(wire::RE_CONFIG, &value));
        }
        self.take_events(now, 0);
    }

    /// The path is another. What was on its way on the one before is lost by all likelihood, and
    /// after losses the timer that tells is long: it is sent again now.
    pub fn path_changed(&mut self, now: Instant) {
        if let Some(live) = &mut self.live {
            live.link.hurry(now);
            self.take_events(now, 0);
        }
    }

    /// When [`handle_timeout`](Self::handle_timeout) is to be called.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let Some(live) = &self.live else {
            return self.call_due();
        };
        let timers = [
            live.link.poll_timeout(),
            live.resets.due(),
            live.beside.poll_timeout(),
        ];
        timers.into_iter().flatten().min()
    }

    /// The next packet to encrypt and send, at most 1,191 bytes.
    pub fn poll_transmit(&mut self, now: Instant) -> Option<Bytes> {
        if self.out.is_empty() {
            self.fill(now);
        }
        self.out.pop_front()
    }

    /// The next event.
    pub fn poll_event(&mut self) -> Option<Event> {
        if let Some(event) = self.events.pop_front() {
            if self.events.is_empty() {
                self.events = VecDeque::new();
            }
            return Some(event);
        }
        while let Some(&id) = self.tell.front() {
            if let Some(stream) = self.streams.get_mut(id) {
                if std::mem::take(&mut stream.tell_readable) {
                    return Some(Event::Readable(id));
                }
                if std::mem::take(&mut stream.tell_released) {
                    return Some(Event::Released(id));
                }
            }
            self.tell.pop_front();
        }
        None
    }

    /// Begins a channel that both ends create with an agreed id (`negotiated: true`), before or
    /// after the association is up. What the browser has sent on it already can be received.
    ///
    /// # Errors
    ///
    /// The id is in use or reserved, there are too many channels, or the association has ended.
    pub fn negotiate(&mut self, init: &ChannelInit) -> Result<(), NegotiateError> {
        if self.over {
            return Err(NegotiateError::Ended);
        }
        if init.id == u16::MAX {
            return Err(NegotiateError::Reserved);
        }
        let known = self.streams.get(init.id).map(|stream| stream.role);
        if known.is_some_and(|role| role != Role::Stray) {
            return Err(NegotiateError::Conflict);
        }
        if !self.streams.has_room() {
            return Err(NegotiateError::TooMany);
        }
        self.streams.put(init.id, Role::Channel);
        match &mut self.live {
            Some(live) if live.up => {
                live.link.open(init.id);
                live.set_reliability(init.id, init.reliability);
            }
            _ => self.streams.wait(init.id, init.reliability),
        }
        if known.is_some() {
            self.tell_readable(init.id);
        }
        Ok(())
    }

    /// Sends a message. It is not copied; it is held until it is acknowledged or given up.
    ///
    /// What is held has no bound here: the caller looks at [`buffered`](Self::buffered).
    ///
    /// # Errors
    ///
    /// The channel is not open, or the message is larger than the browser takes.
    pub fn send(
        &mut self,
        now: Instant,
        id: u16,
        kind: Kind,
        data: &Bytes,
    ) -> Result<(), SendError> {
        let live = self.sending(id, data.len())?;
        // RFC 8831 section 6.6: SCTP has no empty messages; one byte stands for one.
        let (payload, data) = match (kind, data.is_empty()) {
            (Kind::Text, false) => (PayloadProtocolIdentifier::String, data),
            (Kind::Binary, false) => (PayloadProtocolIdentifier::Binary, data),
            (Kind::Text, true) => (PayloadProtocolIdentifier::StringEmpty, &EMPTY),
            (Kind::Binary, true) => (PayloadProtocolIdentifier::BinaryEmpty, &EMPTY),
        };
        if live.link.write(now, id, payload, data) {
            Ok(())
        } else {
            Err(SendError::Closed)
        }
    }

    /// Sends a binary message once, at once and beside SCTP's congestion control: the caller has
    /// acknowledgements of its own, and paces what it sends by them. The channel is one that is unordered
    /// and gives messages up.
    ///
    /// A message for more than one packet, or where the browser cannot be told what is given up, is sent
    /// as by [`send`](Self::send), where not more than `limit` bytes are [`buffered`](Self::buffered) then.
    ///
    /// False where there is no room for it.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub fn send_once(
        &mut self,
        now: Instant,
        id: u16,
        data: &Bytes,
        limit: usize,
    ) -> Result<bool, SendError> {
        let is_whole = (1..=wire::MAX_WHOLE).contains(&data.len());
        let live = self.live.as_ref();
        if !live.is_some_and(|live| is_whole && live.takes_forward_tsn) {
            let buffered = self.buffered(id);
            if buffered > 0 && buffered + data.len() > limit {
                return Ok(false);
            }
            return self.send(now, id, Kind::Binary, data).map(|()| true);
        }
        Ok(self.sending(id, data.len())?.beside.write(id, data))
    }

    /// The association, where a message of this length can be sent on a channel.
    fn sending(&mut self, id: u16, length: usize) -> Result<&mut Live, SendError> {
        let stream = self.streams.get(id);
        let open = stream.is_some_and(|it| it.role == Role::Channel && it.ours == Ours::Open);
        let live = self.live.as_mut().filter(|live| open && live.up);
        let live = live.ok_or(SendError::Closed)?;
        if length as u64 > self.remote_max {
            return Err(SendError::TooLarge(self.remote_max));
        }
        Ok(live)
    }

    /// The next message of a channel. What is not received stays in SCTP and narrows the window
    /// that the browser may send, which all channels share.
    pub fn recv(&mut self, id: u16) -> Option<Message> {
        let stream = self.streams.get_mut(id)?;
        if stream.role != Role::Channel || stream.discard {
            return None;
        }
        if let Some(at) = self.early.iter().position(|(early, _)| *early == id) {
            return Some(self.early.remove(at).1);
        }
        let message = self.read_message(id);
        if message.is_none()
            && let Some(stream) = self.streams.get_mut(id)
        {
            stream.readable = false;
        }
        message
    }

    /// Whether a message waits to be received on a channel.
    pub fn has_message(&mut self, id: u16) -> bool {
        if self.early.iter().any(|(early, _)| *early == id) {
            return true;
        }
        // The engine does not say. What it gives is kept, one for each channel.
        let message = self.recv(id);
        let has_one = message.is_some();
        self.early.extend(message.map(|message| (id, message)));
        has_one
    }

    /// Bytes sent on a channel that are neither acknowledged nor given up. An empty message counts
    /// 1, and so does our answer to the announcement of a channel.
    pub fn buffered(&mut self, id: u16) -> usize {
        self.live.as_mut().map_or(0, |live| live.link.buffered(id))
    }

    /// Closes a channel: nothing more can be sent or received. What was sent before still goes
    /// out, then the stream is reset (RFC 8831 section 6.7), and [`Event::Closed`] comes when the
    /// browser has reset its direction too.
    pub fn close(&mut self, id: u16) {
        let up = self.live.as_ref().is_some_and(|live| live.up);
        let Some(stream) = self
            .streams
            .get_mut(id)
            .filter(|it| it.role == Role::Channel)
        else {
            return;
        };
        if !up {
            self.streams.remove(id);
            self.events.push_back(Event::Closed(id));
            return;
        }
        stream.discard = true;
        self.drain(id);
        self.begin_close(id);
    }

    /// Ends the association at once, without an event. An ABORT is to be sent.
    pub fn abort(&mut self) {
        // RFC 9260 section 3.3.10.12: the user ends it.
        self.end_with_abort(12);
        self.stop();
    }

    /// The smoothed round trip; `None` before the first measurement.
    pub fn round_trip(&self) -> Option<Duration> {
        self.live.as_ref()?.link.round_trip()
    }

    /// How often the retransmission timer has run out (RFC 9260 section 6.3.3).
    pub fn timeouts(&self) -> u64 {
        self.live.as_ref().map_or(0, |live| live.link.timeouts())
    }

    /// The counters.
    pub fn stats(&self) -> Stats {
        let mut stats = self.stats;
        if let Some(live) = &self.live {
            let mut engine = live.link.association.stats();
            stats.timeouts = live.link.timeouts();
            stats.fast_retransmits = engine.get_num_fast_retrans();
            stats.refused_chunks = live.intake.refused;
        }
        stats
    }
}

/// What stands for an empty message.
static EMPTY: Bytes = Bytes::from_static(&[0]);
