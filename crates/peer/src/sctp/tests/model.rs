//! The model network, and a browser's end made of the same parts as ours.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use rtc_sctp::PayloadProtocolIdentifier;

use super::super::channel::Role;
use super::super::drive::Live;
use super::super::link::Link;
use super::super::wire::{HEADER, u32_at};
use super::super::{ChannelInit, Event, Kind, Limit, Message, Reliability, Sctp, SctpConfig};
use super::super::{SctpLimits, dcep};

pub(super) const RELIABLE: Reliability = Reliability {
    ordered: true,
    limit: None,
};
pub(super) const UNORDERED: Reliability = Reliability {
    ordered: false,
    limit: None,
};
pub(super) const ONCE: Reliability = Reliability {
    ordered: false,
    limit: Some(Limit::Retransmits(0)),
};

pub(super) fn channel(id: u16, reliability: Reliability) -> ChannelInit {
    ChannelInit {
        id,
        label: format!("channel {id}"),
        protocol: "test".into(),
        reliability,
    }
}

pub(super) fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

/// What the network does to a packet.
#[derive(Clone, Copy, Default)]
pub(super) struct Weather {
    /// Of 100 packets, how many are lost and how many come twice.
    pub(super) loss: u32,
    pub(super) twice: u32,
    /// The one-way delay lies between these.
    pub(super) delay: (u64, u64),
}

pub(super) const CALM: Weather = Weather {
    loss: 0,
    twice: 0,
    delay: (10, 10),
};
pub(super) const STORM: Weather = Weather {
    loss: 10,
    twice: 5,
    delay: (5, 40),
};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum End {
    Server,
    Browser,
}
pub(super) use End::{Browser, Server};

pub(super) struct Pair {
    pub(super) now: Instant,
    pub(super) rng: fastrand::Rng,
    pub(super) weather: Weather,
    pub(super) server: Sctp,
    pub(super) browser: Sctp,
    /// Whatever the browser sends is lost.
    pub(super) deaf: bool,
    /// Packets under way: when they come, to whom.
    wire: Vec<(Instant, End, Bytes)>,
    pub(super) server_events: Vec<Event>,
    pub(super) browser_events: Vec<Event>,
    /// Packets that each end sent.
    pub(super) from_server: Vec<(Instant, Bytes)>,
    pub(super) from_browser: Vec<(Instant, Bytes)>,
    /// The INIT, to be sent again.
    pub(super) init: Bytes,
}

pub(super) fn limits() -> SctpLimits {
    SctpLimits {
        max_channels: 8,
        max_message_bytes: 65_536,
        receive_window: 131_072,
        max_label_bytes: 100,
    }
}

/// Runs the handshake without a network. The browser takes messages of `remote_max` bytes.
pub(super) fn connect(limits: SctpLimits, remote_max: u64, seed: u64) -> Pair {
    connect_with(limits, remote_max, seed, |_| {})
}

pub(super) fn connect_with(
    limits: SctpLimits,
    remote_max: u64,
    seed: u64,
    before: impl FnOnce(&mut Sctp),
) -> Pair {
    let now = Instant::now();
    let config = Arc::new(SctpConfig::new(limits));
    let mut server = Sctp::new(config, Some(remote_max));
    before(&mut server);
    let theirs = Arc::new(SctpConfig::new(SctpLimits {
        max_message_bytes: 1 << 20,
        receive_window: 1 << 20,
        ..limits
    }));
    let (mut link, init) = Link::call(&theirs, now).unwrap();
    server.handle(now, init.clone());
    let init_ack = server.poll_transmit(now).unwrap();
    let server_tsn = u32_at(&init_ack, HEADER + 16).unwrap();
    for packet in link.called(now, init_ack) {
        server.handle(now, packet);
    }
    while let Some(packet) = server.poll_transmit(now) {
        link.deliver(now, packet);
    }
    let mut connected = false;
    while let Some(event) = link.poll_event() {
        connected |= matches!(event, rtc_sctp::Event::Connected);
    }
    assert!(connected);
    assert_eq!(server.poll_event(), Some(Event::Up));
    let their_limits = theirs.limits();
    let mut browser = Sctp::new(theirs, Some(0));
    let browser_tsn = u32_at(&init, HEADER + 16).unwrap();
    let live = Live::of_browser(link, browser_tsn, server_tsn, their_limits);
    browser.live = Some(Box::new(live));
    Pair {
        now,
        rng: fastrand::Rng::with_seed(seed),
        weather: CALM,
        server,
        browser,
        deaf: false,
        wire: Vec::new(),
        server_events: Vec::new(),
        browser_events: Vec::new(),
        from_server: Vec::new(),
        from_browser: Vec::new(),
        init,
    }
}

impl Sctp {
    /// Announces a channel, as a browser does.
    pub(super) fn announce(&mut self, now: Instant, init: &ChannelInit) {
        self.announce_raw(now, init, dcep::write_open(init));
    }

    pub(super) fn announce_raw(&mut self, now: Instant, init: &ChannelInit, open: Vec<u8>) {
        self.streams.put(init.id, Role::Channel);
        self.write_dcep(now, init.id, open);
        let live = self.live.as_mut().unwrap();
        live.link.set_reliability(init.id, init.reliability);
    }

    pub(super) fn write_dcep(&mut self, now: Instant, id: u16, open: Vec<u8>) {
        let live = self.live.as_mut().unwrap();
        live.link.open(id);
        let kind = PayloadProtocolIdentifier::Dcep;
        assert!(live.link.write(now, id, kind, &open.into()));
    }
}

impl Pair {
    pub(super) fn end(&mut self, end: End) -> &mut Sctp {
        match end {
            Server => &mut self.server,
            Browser => &mut self.browser,
        }
    }

    /// Sends what both ends want to send, and takes their events.
    pub(super) fn flush(&mut self) {
        for end in [Server, Browser] {
            let now = self.now;
            while let Some(packet) = self.end(end).poll_transmit(now) {
                self.post(end, packet);
            }
            while let Some(event) = self.end(end).poll_event() {
                match end {
                    Server => self.server_events.push(event),
                    Browser => self.browser_events.push(event),
                }
            }
        }
    }

    fn post(&mut self, from: End, packet: Bytes) {
        assert!(packet.len() <= 1_191, "{}", packet.len());
        let (sent, to) = match from {
            Server => (&mut self.from_server, Browser),
            Browser => (&mut self.from_browser, Server),
        };
        sent.push((self.now, packet.clone()));
        let unheard = self.deaf && from == Browser;
        if unheard || self.rng.u32(0..100) < self.weather.loss {
            return;
        }
        let copies = if self.rng.u32(0..100) < self.weather.twice {
            2
        } else {
            1
        };
        for _ in 0..copies {
            let (least, most) = self.weather.delay;
            let at = self.now + ms(self.rng.u64(least..=most));
            self.wire.push((at, to, packet.clone()));
        }
    }

    /// Goes to the next thing that happens, but not beyond `end`. False if nothing does.
    fn step(&mut self, end: Instant) -> bool {
        self.flush();
        let timers = [self.server.poll_timeout(), self.browser.poll_timeout()];
        let arrivals = self.wire.iter().map(|(at, ..)| *at);
        let next = arrivals.chain(timers.into_iter().flatten()).min();
        let Some(next) = next.filter(|next| *next <= end) else {
            self.now = end;
            return false;
        };
        self.now = next.max(self.now);
        let now = self.now;
        while let Some(at) = self.wire.iter().position(|(at, ..)| *at <= now) {
            let (_, to, packet) = self.wire.remove(at);
            self.end(to).handle(now, packet);
        }
        for end in [Server, Browser] {
            if self.end(end).poll_timeout().is_some_and(|at| at <= now) {
                self.end(end).handle_timeout(now);
            }
        }
        self.flush();
        true
    }

    /// Lets time pass.
    pub(super) fn run(&mut self, time: Duration) {
        let end = self.now + time;
        while self.step(end) {}
    }

    /// All messages that can be received.
    pub(super) fn receive(&mut self, end: End, id: u16) -> Vec<Message> {
        let mut messages = Vec::new();
        while let Some(message) = self.end(end).recv(id) {
            messages.push(message);
        }
        self.flush();
        messages
    }

    pub(super) fn send(&mut self, end: End, id: u16, data: impl Into<Bytes>) {
        let now = self.now;
        let data = data.into();
        self.end(end).send(now, id, Kind::Binary, &data).unwrap();
        self.flush();
    }

    /// Sends a message once; false where there is no room for it.
    pub(super) fn send_once(&mut self, end: End, id: u16, data: impl Into<Bytes>) -> bool {
        let now = self.now;
        let data = data.into();
        let sent = self.end(end).send_once(now, id, &data, 65_536).unwrap();
        self.flush();
        sent
    }

    /// Sends numbers from `end`, a few milliseconds apart, and returns those that came, as soon as
    /// they did and with the time each took in milliseconds.
    pub(super) fn numbers(&mut self, end: End, id: u16, count: u32) -> Vec<(u32, u64)> {
        let to = if end == Server { Browser } else { Server };
        let mut sent = Vec::new();
        let mut came = Vec::new();
        for number in 0..count + 4_000 {
            if number < count {
                sent.push(self.now);
                self.send(end, id, number.to_be_bytes().to_vec());
            }
            self.run(ms(5));
            for message in self.receive(to, id) {
                let number = u32_at(&message.data, 0).unwrap();
                let took = self.now - sent[number as usize];
                came.push((number, u64::try_from(took.as_millis()).unwrap()));
            }
        }
        came
    }
}
