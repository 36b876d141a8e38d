//! One association of the SCTP engine, and the clock that it is given.

use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::time::{Duration, Instant};

use bytes::Bytes;
use rtc_sctp::{
    Association, AssociationHandle, ClientConfig, DatagramEvent, Endpoint, Event, Payload,
    PayloadProtocolIdentifier, ReliabilityType,
};

use super::clock::FastClock;
use super::config::SctpConfig;
use super::event::{Limit, Reliability};
use super::reset;
use super::wire::{self, Builder, Header, u32_at};

/// The engine wants addresses and never uses them: there is one peer behind one DTLS connection.
const NOWHERE: SocketAddr = SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 1));

/// The port of both ends where we call (RFC 8841 section 5); answers go where INIT came from.
const PORT: u16 = 5_000;

/// How long a timer waits at most, or four round trips where those are longer (RTO.Max of RFC 9260
/// section 6.3.1, rule C7, which leaves it to the endpoint; the engine's is 12 s of real time). What a
/// path that was gone has held up must not wait so long once it is back, and a packet a second is no
/// load for any.
const MAX_WAIT: Duration = Duration::from_secs(1);
const MAX_WAIT_ROUND_TRIPS: u32 = 4;

/// How many timers an association has (RFC 9260 section 16, RFC 6525 section 5.1.1).
const TIMERS: usize = 6;

/// Where the verification tag and the initial TSN are in a packet of INIT or INIT ACK.
pub(super) const INIT_TAG: usize = wire::HEADER + 4;
pub(super) const INIT_TSN: usize = wire::HEADER + 16;

pub(super) struct Link {
    endpoint: Endpoint,
    handle: AssociationHandle,
    pub(super) association: Association,
    clock: FastClock,
    /// A timer of the engine's, by its time, and when it has waited for long enough.
    limit: Option<(Instant, Instant)>,
    /// The header of packets to the browser.
    pub(super) to_peer: Header,
    /// The header of packets from the browser.
    pub(super) from_peer: Header,
    /// The number of the engine's next reset request. Those never leave.
    shadow: u32,
}

/// An association that was begun.
pub(super) struct Begun {
    pub(super) link: Link,
    /// The packet with INIT ACK, if it was ours to send.
    pub(super) init_ack: Option<Bytes>,
    /// The initial TSNs.
    pub(super) our_tsn: u32,
    pub(super) their_tsn: u32,
    /// Whether the browser understands FORWARD-TSN.
    pub(super) takes_forward_tsn: bool,
}

/// The initiate tag of a packet with INIT, if it is one.
pub(super) fn initiate_tag(packet: &[u8]) -> Option<u32> {
    let header = Header::read(packet)?;
    let is_init = packet.get(wire::HEADER) == Some(&wire::INIT) && header.tag == 0;
    let tag = u32_at(packet, INIT_TAG).filter(|_| is_init)?;
    u32_at(packet, INIT_TSN)?;
    Some(tag)
}

impl Link {
    /// Answers a packet with INIT. `None` if the engine refuses it.
    pub(super) fn answer(config: &SctpConfig, now: Instant, init: &Bytes) -> Option<Begun> {
        let tag = initiate_tag(init)?;
        let header = Header::read(init)?;
        let clock = FastClock::new(now);
        let mut endpoint = Endpoint::new(
            NOWHERE,
            Default::default(),
            config.endpoint.clone(),
            Some(config.server.clone()),
        );
        let plain = wire::plain_init(init)?;
        let takes_forward_tsn = wire::takes_forward_tsn(&plain);
        let begun = endpoint.handle(clock.fast(now), NOWHERE, None, plain)?;
        let (handle, DatagramEvent::NewAssociation(association)) = begun else {
            return None;
        };
        let mut link = Self {
            endpoint,
            handle,
            association,
            clock,
            limit: None,
            to_peer: header.reversed(tag),
            from_peer: header,
            shadow: 0,
        };
        let batch = link.gather(now);
        let init_ack = batch
            .into_iter()
            .find(|packet| packet.get(wire::HEADER) == Some(&wire::INIT_ACK))?;
        link.from_peer.tag = u32_at(&init_ack, INIT_TAG)?;
        link.shadow = u32_at(&init_ack, INIT_TSN)?;
        Some(Begun {
            our_tsn: link.shadow,
            their_tsn: u32_at(init, INIT_TSN)?,
            init_ack: Some(init_ack),
            takes_forward_tsn,
            link,
        })
    }

    /// Calls the browser's end. Returns the packet with INIT too.
    pub(super) fn call(config: &SctpConfig, now: Instant) -> Option<(Self, Bytes)> {
        let clock = FastClock::new(now);
        let mut endpoint =
            Endpoint::new(NOWHERE, Default::default(), config.endpoint.clone(), None);
        let transport = config.server.transport.clone();
        let client = ClientConfig { transport };
        let (handle, association) = endpoint.connect(clock.fast(now), client, NOWHERE).ok()?;
        let header = Header {
            source: PORT,
            destination: PORT,
            tag: 0,
        };
        let mut link = Self {
            endpoint,
            handle,
            association,
            clock,
            limit: None,
            to_peer: header,
            from_peer: header,
            shadow: 0,
        };
        let init = link.gather(now).into_iter().next()?;
        link.from_peer.tag = u32_at(&init, INIT_TAG)?;
        link.shadow = u32_at(&init, INIT_TSN)?;
        Some((link, init))
    }

    /// Our initial TSN, before a stream is removed.
    pub(super) fn first_tsn(&self) -> u32 {
        self.shadow
    }

    /// Hands a packet to the engine.
    pub(super) fn deliver(&mut self, now: Instant, packet: Bytes) {
        let fast = self.clock.fast(now);
        if let Some((handle, DatagramEvent::AssociationEvent(event))) =
            self.endpoint.handle(fast, NOWHERE, None, packet)
            && handle == self.handle
        {
            self.association.handle_event(event);
        }
    }

    /// The packets that the engine wants to send now.
    pub(super) fn gather(&mut self, now: Instant) -> Vec<Bytes> {
        let fast = self.clock.fast(now);
        let batch = match self
            .association
            .poll_transmit(fast)
            .map(|transmit| transmit.message)
        {
            Some(Payload::RawEncode(batch)) => batch,
            _ => Vec::new(),
        };
        self.limit_wait(now);
        batch
    }

    /// Takes note of a timer that has to wait beyond [`MAX_WAIT`]. What it waits for longer is left out
    /// when it has waited for as long as that, and not before: what is acknowledged until then tells the
    /// round trip.
    fn limit_wait(&mut self, now: Instant) {
        let round_trips = MAX_WAIT_ROUND_TRIPS * self.round_trip().unwrap_or_default();
        let limit = now + MAX_WAIT.max(round_trips);
        if let Some(due) = self.association.poll_timeout()
            && self.clock.real(due) > limit
            && self.limit.is_none_or(|(limited, _)| limited != due)
        {
            self.limit = Some((due, limit));
        }
    }

    /// The timer that is to wait no longer than until then, where no other is due before it.
    fn limited(&self) -> Option<(Instant, Instant)> {
        self.limit
            .filter(|(due, _)| self.association.poll_timeout() == Some(*due))
    }

    /// How often the retransmission timer has run out.
    pub(super) fn timeouts(&self) -> u64 {
        self.association.stats().get_num_t3timeouts()
    }

    /// Makes the retransmission timer due, if it runs. Another timer that is due before it is too.
    pub(super) fn hurry(&mut self, now: Instant) {
        let timeouts = self.timeouts();
        for _ in 0..TIMERS {
            let Some(due) = self.association.poll_timeout() else {
                return;
            };
            self.clock.skip_to(now, due);
            self.association.handle_timeout(self.clock.fast(now));
            if self.timeouts() != timeouts {
                return;
            }
        }
    }

    pub(super) fn handle_timeout(&mut self, now: Instant) {
        if let Some((due, limit)) = self.limited()
            && limit <= now
        {
            self.clock.skip_to(now, due);
        }
        self.association.handle_timeout(self.clock.fast(now));
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        let due = self.clock.real(self.association.poll_timeout()?);
        Some(self.limited().map_or(due, |(_, limit)| due.min(limit)))
    }

    pub(super) fn round_trip(&self) -> Option<Duration> {
        let fast = self.association.rtt();
        (!fast.is_zero()).then(|| FastClock::real_duration(fast))
    }

    /// Makes stream `id`, if there is none.
    pub(super) fn open(&mut self, id: u16) {
        // The engine's only error is that the stream exists.
        let _ = self
            .association
            .open_stream(id, PayloadProtocolIdentifier::Binary);
    }

    /// Sets how hard stream `id` tries to deliver what is sent on it from now on.
    pub(super) fn set_reliability(&mut self, id: u16, reliability: Reliability) {
        let (kind, value) = match reliability.limit {
            None => (ReliabilityType::Reliable, 0),
            Some(Limit::Retransmits(times)) => (ReliabilityType::Rexmit, times),
            Some(Limit::Lifetime(time)) => {
                (ReliabilityType::Timed, FastClock::fast_milliseconds(time))
            }
        };
        if let Ok(mut stream) = self.association.stream(id) {
            // The engine's only error is that there is no such stream.
            let _ = stream.set_reliability_params(!reliability.ordered, kind, value);
        }
    }

    /// Sends a message. False if the engine does not take it.
    pub(super) fn write(
        &mut self,
        now: Instant,
        id: u16,
        kind: PayloadProtocolIdentifier,
        data: &Bytes,
    ) -> bool {
        let fast = self.clock.fast(now);
        self.association
            .stream(id)
            .and_then(|mut stream| stream.write_chunk_with_ppi(fast, data, kind))
            .is_ok()
    }

    /// The next message of stream `id`.
    pub(super) fn read(&mut self, id: u16) -> Option<rtc_sctp::Chunks> {
        self.association.stream(id).ok()?.read_sctp().ok()?
    }

    /// Bytes sent on stream `id` that are neither acknowledged nor given up.
    pub(super) fn buffered(&mut self, id: u16) -> usize {
        self.association
            .stream(id)
            .and_then(|stream| stream.buffered_amount())
            .unwrap_or(0)
    }

    /// The engine's next event; streams that it accepted are taken from its queue.
    pub(super) fn poll_event(&mut self) -> Option<Event> {
        while self.association.accept_stream().is_some() {}
        self.association.poll()
    }

    /// Makes the engine send a SACK: a chunk that was acknowledged long ago comes again, with the
    /// wish to be acknowledged at once.
    pub(super) fn provoke_acknowledgement(&mut self, now: Instant, acknowledged: u32) {
        let mut value = Vec::with_capacity(16);
        value.extend(acknowledged.to_be_bytes());
        value.extend([0; 4]);
        value.extend(53_u32.to_be_bytes());
        value.extend([0; 4]);
        let flags = wire::DATA_IMMEDIATE | wire::DATA_WHOLE;
        let packet = Builder::new(self.from_peer, 64)
            .chunk(wire::DATA, flags, &value)
            .finish();
        self.deliver(now, packet);
    }

    /// Removes stream `id` from the engine, so that it begins anew. What can be read on it has
    /// been read; parts of messages are dropped.
    ///
    /// The engine removes a stream only for a peer's reset, so it is given one, and with it the
    /// response to the request that it will make for its own direction, which does not leave.
    pub(super) fn remove(&mut self, now: Instant, id: u16, acknowledged: u32) {
        if self.association.stream(id).is_err() {
            return;
        }
        let mut value = reset::request(self.shadow, 0, acknowledged, &[id]);
        value.resize(value.len().next_multiple_of(4), 0);
        value.extend(reset::performed(self.shadow));
        self.shadow = self.shadow.wrapping_add(1);
        let packet = Builder::new(self.from_peer, 64)
            .chunk(wire::RE_CONFIG, 0, &value)
            .finish();
        self.deliver(now, packet);
    }

    /// A packet with one chunk to the browser.
    pub(super) fn packet(&self, kind: u8, value: &[u8]) -> Bytes {
        Builder::new(self.to_peer, 16 + value.len().next_multiple_of(4))
            .chunk(kind, 0, value)
            .finish()
    }
}

#[cfg(test)]
impl Link {
    /// Takes INIT ACK and returns COOKIE ECHO.
    pub(super) fn called(&mut self, now: Instant, init_ack: Bytes) -> Vec<Bytes> {
        self.to_peer.tag = u32_at(&init_ack, INIT_TAG).unwrap();
        self.deliver(now, init_ack);
        self.gather(now)
    }
}
