//! A client of another make, str0m, and a peer, over a network that is a model: time is simulated,
//! and what is lost is decided by a seed.

use fastrand::Rng;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant, SystemTime};
use str0m::channel::{ChannelConfig, ChannelId};
use str0m::net::{Protocol, Receive};
use str0m::{Candidate, Event, Input, Output, Rtc};
use tickwire_peer::dtls::Identity;
use tickwire_peer::ice::Credentials;
use tickwire_peer::path::{Path, Remote};
use tickwire_peer::peer::{self, Peer, PeerConfig, Room};
use tickwire_peer::sctp::{self, SctpLimits};
use tickwire_peer::sdp::{Local, Offer};
use tickwire_peer::stun::{self, Kind, Message};

static SHARED: LazyLock<(Arc<PeerConfig>, Arc<Identity>)> = LazyLock::new(|| {
    let config = PeerConfig::new(SctpLimits::default(), Duration::from_secs(30)).unwrap();
    let identity = Identity::generate(SystemTime::now()).unwrap();
    (config.into(), identity.into())
});

/// What the network does to datagrams.
#[derive(Clone, Copy)]
pub struct Conditions {
    /// Of a hundred, so many are lost.
    pub lost: u32,
    /// Of a hundred, so many come twice.
    pub doubled: u32,
    /// They take from 5 ms to so many more, so later ones overtake.
    pub jitter: u64,
}

impl Conditions {
    pub const GOOD: Self = Self {
        lost: 0,
        doubled: 0,
        jitter: 1,
    };
}

enum Way {
    ToServer,
    ToClient,
}

pub struct World {
    pub now: Instant,
    start: Instant,
    pub conditions: Conditions,
    pub peer: Peer,
    pub room: Room,
    pub client: Rtc,
    rng: Rng,
    /// The client's address as it knows it, and as the server sees it behind a NAT.
    inner: SocketAddr,
    pub outer: SocketAddr,
    server: SocketAddr,
    flying: BTreeMap<(Instant, u64), (Way, SocketAddr, Vec<u8>)>,
    number: u64,
    /// What the client has.
    pub channel: Option<ChannelId>,
    pub received: Vec<Vec<u8>>,
    /// What the server has.
    pub events: Vec<peer::Event>,
    pub opened: Vec<sctp::ChannelInit>,
    /// Whether the client sends each record of DTLS in a datagram of its own.
    pub splits: bool,
    /// Whether the server gives back what it reads before it sends.
    pub echoes: bool,
    /// Whether nothing of the server's reaches the client.
    pub is_deaf: bool,
    /// The first DTLS datagram of the client's.
    pub hello: Option<Vec<u8>>,
    /// Bytes that came to the server, and that it has sent.
    pub came: usize,
    pub left: usize,
    /// Datagrams with data that the server has sent.
    pub left_with_data: usize,
}

impl World {
    /// A client that has sent its offer with one channel, and has its answer.
    pub fn new(seed: u64, conditions: Conditions, channel: ChannelConfig) -> Self {
        Self::with_setup(seed, conditions, channel, "actpass")
    }

    /// The same, where the client's offer has this `a=setup`.
    pub fn with_setup(
        seed: u64,
        conditions: Conditions,
        channel: ChannelConfig,
        setup: &str,
    ) -> Self {
        let start = Instant::now();
        let address = |text: &str| text.parse::<SocketAddr>().unwrap();
        let (inner, server) = (address("192.0.2.1:1000"), address("198.51.100.1:3478"));
        let mut builder = Rtc::builder();
        builder.set_initial_stun_rto(Duration::from_millis(20));
        let mut client = builder.build(start);
        client
            .add_local_candidate(Candidate::host(inner, "udp").unwrap())
            .unwrap();
        let mut changes = client.sdp_api();
        changes.add_channel_with_config(channel);
        let (offer, pending) = changes.apply().unwrap();
        let offer = offer.to_sdp_string().replace("actpass", setup);
        let offer = Offer::read(&offer).unwrap();
        let local = Credentials::random();
        let answer = offer.answer(&Local {
            ufrag: &local.ufrag,
            password: &local.password,
            fingerprint: SHARED.1.fingerprint(),
            sctp_port: 5_000,
            max_message_size: 65_536,
            candidates: &[server],
            session_id: 1,
            version: 1,
            tcp: &[],
            ice_lite: false,
        });
        let answer = str0m::change::SdpAnswer::from_sdp_string(&answer).unwrap();
        client.sdp_api().accept_answer(pending, answer).unwrap();
        Self {
            peer: Peer::new(SHARED.0.clone(), SHARED.1.clone(), &offer, local, start),
            now: start,
            start,
            conditions,
            room: Room::default(),
            client,
            rng: Rng::with_seed(seed),
            inner,
            outer: inner,
            server,
            flying: BTreeMap::new(),
            number: 0,
            channel: None,
            received: Vec::new(),
            events: Vec::new(),
            opened: Vec::new(),
            splits: false,
            echoes: false,
            is_deaf: false,
            hello: None,
            came: 0,
            left: 0,
            left_with_data: 0,
        }
    }

    pub fn elapsed(&self) -> Duration {
        self.now - self.start
    }

    /// Lets time go on until something is so, for so many seconds at most. False where it is not.
    pub fn until(&mut self, seconds: u64, mut is_so: impl FnMut(&mut Self) -> bool) -> bool {
        let end = self.now + Duration::from_secs(seconds);
        while self.now < end {
            self.step(end);
            self.drain_client();
            self.drain_peer();
            if is_so(self) {
                return true;
            }
        }
        false
    }

    /// One datagram, or one deadline.
    fn step(&mut self, end: Instant) {
        let client_due = self.drain_client();
        self.drain_peer();
        let peer_due = self.peer.poll_timeout().unwrap_or(end);
        let flying = self.flying.keys().next().map(|(at, _)| *at);
        let next = [client_due, peer_due].into_iter().chain(flying);
        let next = next.fold(end, Instant::min);
        // Where somebody is due at once again and again, time has to go on all the same.
        self.now = next.max(self.now + Duration::from_micros(10));
        while let Some(entry) = self.flying.first_entry()
            && entry.key().0 <= self.now
        {
            let (way, address, bytes) = entry.remove();
            match way {
                Way::ToServer => self.arrive(address, &bytes),
                Way::ToClient => self.hand(&bytes),
            }
        }
        if peer_due <= self.now {
            self.peer.handle_timeout(self.now, &mut self.room);
        }
        if client_due <= self.now {
            let _ = self.client.handle_input(Input::Timeout(self.now));
        }
    }

    /// What comes to the server from an address.
    pub fn arrive(&mut self, from: SocketAddr, bytes: &[u8]) {
        self.came += bytes.len();
        if bytes.first() == Some(&22) {
            self.hello.get_or_insert_with(|| bytes.to_vec());
        }
        let path = Path {
            remote: Remote::udp(from),
            socket: 0,
            local: None,
        };
        let (now, room) = (self.now, &mut self.room);
        if let Some(message) = Message::read(bytes)
            && message.kind() == Kind::Request
        {
            if let Ok(check) = self.peer.authenticate(message) {
                self.peer.handle_check(now, path, check, bytes.len(), room);
            }
            return;
        }
        if !stun::is_stun(bytes) || Message::read(bytes).is_some() {
            self.peer.handle(now, path, bytes, room);
            if self.echoes {
                self.serve();
            }
        }
    }

    fn hand(&mut self, bytes: &[u8]) {
        let Ok(contents) = bytes.try_into() else {
            return;
        };
        let received = Receive {
            proto: Protocol::Udp,
            source: self.server,
            destination: self.inner,
            contents,
        };
        let _ = self.client.handle_input(Input::Receive(self.now, received));
    }

    fn drain_client(&mut self) -> Instant {
        loop {
            if !self.client.is_alive() {
                return self.now + Duration::from_secs(3_600);
            }
            // It fails where str0m gives up.
            let Ok(output) = self.client.poll_output() else {
                return self.now + Duration::from_secs(3_600);
            };
            match output {
                Output::Timeout(due) => return due,
                Output::Transmit(datagram) => {
                    for datagram in records(&datagram.contents, self.splits) {
                        self.fly(Way::ToServer, self.outer, datagram.to_vec());
                    }
                }
                Output::Event(Event::ChannelOpen(id, _)) => self.channel = Some(id),
                Output::Event(Event::ChannelClose(_)) => self.channel = None,
                Output::Event(Event::ChannelData(data)) => self.received.push(data.data),
                Output::Event(_) => {}
            }
        }
    }

    pub fn drain_peer(&mut self) {
        while let Some(event) = self.peer.poll_event() {
            if let peer::Event::Sctp(sctp::Event::Opened(init)) = &event {
                self.opened.push(init.clone());
            }
            self.events.push(event);
        }
        self.peer.flush(self.now, &mut self.room);
        let left: Vec<_> = self
            .room
            .out
            .iter()
            .map(|(path, bytes)| (path.remote, bytes.to_vec()))
            .collect();
        self.room.out.clear();
        for (remote, bytes) in left {
            self.left += bytes.len();
            self.left_with_data += usize::from(bytes[0] == 23);
            // What goes to an address that the client has no more is lost.
            if remote == Remote::udp(self.outer) && !self.is_deaf {
                self.fly(Way::ToClient, remote.address, bytes);
            }
        }
    }

    fn fly(&mut self, way: Way, address: SocketAddr, bytes: Vec<u8>) {
        if self.rng.u32(..100) < self.conditions.lost {
            return;
        }
        let twice = self.rng.u32(..100) < self.conditions.doubled;
        if twice {
            self.fly_once(matches!(way, Way::ToServer), address, bytes.clone());
        }
        self.fly_once(matches!(way, Way::ToServer), address, bytes);
    }

    fn fly_once(&mut self, to_server: bool, address: SocketAddr, bytes: Vec<u8>) {
        let way = if to_server {
            Way::ToServer
        } else {
            Way::ToClient
        };
        let delay = Duration::from_millis(5 + self.rng.u64(..self.conditions.jitter));
        self.number += 1;
        self.flying
            .insert((self.now + delay, self.number), (way, address, bytes));
    }

    /// The NAT gives the client another port.
    pub fn rebind(&mut self) {
        self.outer.set_port(self.outer.port() + 1);
    }

    /// Sends from the server on the client's channel.
    pub fn push(&mut self, text: &str) {
        let id = self.opened[0].id;
        let data = bytes::Bytes::copy_from_slice(text.as_bytes());
        self.peer
            .send(self.now, id, sctp::Kind::Text, &data)
            .unwrap();
    }

    /// What the server can read on the client's channel.
    pub fn read(&mut self) -> Option<sctp::Message> {
        let id = self.opened.first()?.id;
        self.peer.recv(id)
    }

    /// The server gives back what it reads.
    pub fn serve(&mut self) {
        while let Some(message) = self.read() {
            let text = String::from_utf8(message.data.to_vec()).unwrap();
            self.push(&text);
        }
    }

    /// Sends from the client; false where its channel has no room.
    pub fn send(&mut self, text: &str) -> bool {
        let channel = self.channel.and_then(|id| self.client.channel(id));
        channel.is_some_and(|mut channel| channel.write(false, text.as_bytes()).unwrap_or(false))
    }

    pub fn is_open(&self) -> bool {
        self.channel.is_some() && !self.opened.is_empty()
    }
}

/// The records of a DTLS 1.2 datagram (RFC 6347 section 4.1), or all in one.
fn records(mut datagram: &[u8], splits: bool) -> Vec<&[u8]> {
    let mut records = Vec::new();
    while splits
        && let [20..=23, _, _, _, _, _, _, _, _, _, _, high, low, ..] = datagram
        && let length = 13 + usize::from(u16::from_be_bytes([*high, *low]))
        && let Some((record, rest)) = datagram.split_at_checked(length)
    {
        records.push(record);
        datagram = rest;
    }
    if !datagram.is_empty() {
        records.push(datagram);
    }
    records
}
