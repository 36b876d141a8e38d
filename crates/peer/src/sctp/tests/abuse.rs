//! What a rude browser may do.

use bytes::Bytes;

use super::super::wire::{self, Builder, Chunks, HEADER, Header, u32_at};
use super::super::{Event, Sctp, SctpConfig, dcep};
use super::model::*;
use std::sync::Arc;
use std::time::Instant;

/// Writes packets as the browser would, by hand.
struct Forger {
    header: Header,
    next: u32,
}

impl Forger {
    fn of(pair: &Pair) -> Self {
        Self {
            header: pair.browser.live.as_ref().unwrap().link.to_peer,
            next: u32_at(&pair.init, HEADER + 16).unwrap(),
        }
    }

    fn data(&mut self, flags: u8, stream: u16, ppid: u32, data: &[u8]) -> Vec<u8> {
        let value = data_value(self.next, stream, 0, ppid, data);
        self.next = self.next.wrapping_add(1);
        let mut chunk = vec![0, flags];
        chunk.extend(u16::try_from(value.len() + 4).unwrap().to_be_bytes());
        chunk.extend(value);
        chunk
    }

    fn packet(&self, chunks: &[Vec<u8>]) -> Bytes {
        let mut builder = Builder::new(self.header, 1_200);
        for chunk in chunks {
            builder.raw(chunk);
        }
        builder.finish()
    }

    fn chunk(&self, kind: u8, value: &[u8]) -> Bytes {
        Builder::new(self.header, 1_200)
            .chunk(kind, 0, value)
            .finish()
    }
}

fn data_value(tsn: u32, stream: u16, ssn: u16, ppid: u32, data: &[u8]) -> Vec<u8> {
    let mut value = tsn.to_be_bytes().to_vec();
    value.extend(stream.to_be_bytes());
    value.extend(ssn.to_be_bytes());
    value.extend(ppid.to_be_bytes());
    value.extend(data);
    value
}

fn answers(pair: &mut Pair) -> Vec<Bytes> {
    let now = pair.now;
    std::iter::from_fn(|| pair.server.poll_transmit(now)).collect()
}

fn ended(pair: &mut Pair) -> bool {
    pair.flush();
    pair.server_events
        .iter()
        .any(|it| matches!(it, Event::Ended(_)))
}

fn streams(pair: &Pair) -> usize {
    let live = pair.server.live.as_ref().unwrap();
    live.link.association.stream_ids().len()
}

#[test]
fn data_on_strange_streams_is_bounded_and_then_ends_the_association() {
    let mut pair = connect(limits(), 65_536, 0);
    let mut forger = Forger::of(&pair);
    for stream in 0..500 {
        let chunk = forger.data(3, stream, 53, b"x");
        pair.server.handle(pair.now, forger.packet(&[chunk]));
        pair.flush();
    }
    assert_eq!(streams(&pair), 72);
    assert!(!ended(&mut pair));
    for stream in 500..2_000 {
        let chunk = forger.data(3, stream, 53, b"x");
        pair.server.handle(pair.now, forger.packet(&[chunk]));
    }
    assert!(ended(&mut pair));
}

#[test]
fn one_byte_chunks_are_counted() {
    let mut pair = connect(limits(), 65_536, 0);
    let mut forger = Forger::of(&pair);
    for _ in 0..1_000 {
        let chunks: Vec<_> = (0..50).map(|_| forger.data(7, 1, 53, b"x")).collect();
        pair.server.handle(pair.now, forger.packet(&chunks));
        answers(&mut pair);
    }
    pair.server.negotiate(&channel(1, RELIABLE)).unwrap();
    let held = pair.receive(Server, 1).len();
    assert!(held <= 512 + 16, "{held}");
    assert!(pair.server.stats().refused_chunks > 10_000);
}

/// As Chromium does it with large messages on a channel without retransmissions: of each something is
/// lost, and the next has begun when it is given up.
#[test]
fn what_is_given_up_does_not_shut_the_window() {
    const UNORDERED: u8 = 4;
    let mut pair = connect(limits(), 65_536, 0);
    pair.server.negotiate(&channel(1, ONCE)).unwrap();
    let mut forger = Forger::of(&pair);
    for _ in 0..1_000 {
        let first = forger.data(UNORDERED | 2, 1, 53, &[0; 100]);
        let before = forger.next.wrapping_sub(2).to_be_bytes();
        pair.server.handle(pair.now, forger.packet(&[first]));
        pair.server
            .handle(pair.now, forger.chunk(wire::FORWARD_TSN, &before));
        let _lost = forger.data(UNORDERED, 1, 53, &[0; 100]);
        let last = forger.data(UNORDERED | 1, 1, 53, &[0; 100]);
        pair.server.handle(pair.now, forger.packet(&[last]));
        answers(&mut pair);
    }
    let whole = forger.data(UNORDERED | 3, 1, 53, b"whole");
    pair.server.handle(pair.now, forger.packet(&[whole]));
    assert_eq!(pair.server.stats().refused_chunks, 0);
    assert_eq!(pair.receive(Server, 1)[0].data, "whole");
    pair.run(ms(500));
    let (_, sack) = pair.from_server.last().unwrap();
    assert_eq!(sack[HEADER], wire::SACK);
    let window = u32_at(sack, HEADER + 8).unwrap();
    assert!(window > 100_000, "{window}");
}

#[test]
fn a_message_without_end_ends_the_association() {
    let mut pair = connect(limits(), 65_536, 0);
    let mut forger = Forger::of(&pair);
    let mut bytes = 0;
    while !ended(&mut pair) {
        assert!(bytes < 1 << 20);
        let flags = if bytes == 0 { 2 } else { 0 };
        let chunk = forger.data(flags, 1, 53, &[0; 1_000]);
        bytes += 1_000;
        pair.server.handle(pair.now, forger.packet(&[chunk]));
        answers(&mut pair);
    }
}

#[test]
fn data_without_user_data_ends_the_association() {
    let mut pair = connect(limits(), 65_536, 0);
    let mut forger = Forger::of(&pair);
    let chunk = forger.data(3, 1, 53, b"");
    pair.server.handle(pair.now, forger.packet(&[chunk]));
    let abort = answers(&mut pair).remove(0);
    assert_eq!(abort[HEADER], wire::ABORT);
    assert!(ended(&mut pair));
}

#[test]
fn a_leap_of_tsns_is_not_followed() {
    let mut pair = connect(limits(), 65_536, 0);
    let forger = Forger::of(&pair);
    for leap in [1 << 16, 1 << 30, (1 << 31) - 2] {
        let tsn = forger.next.wrapping_add(leap).to_be_bytes();
        pair.server
            .handle(pair.now, forger.chunk(wire::FORWARD_TSN, &tsn));
        let value = data_value(forger.next.wrapping_add(leap), 1, 0, 53, b"x");
        pair.server
            .handle(pair.now, forger.chunk(wire::DATA, &value));
    }
    assert_eq!(streams(&pair), 0);
    assert!(answers(&mut pair).is_empty());
}

#[test]
fn malformed_causes_in_abort_and_error_do_no_harm() {
    let mut pair = connect(limits(), 65_536, 0);
    let forger = Forger::of(&pair);
    pair.server
        .handle(pair.now, forger.chunk(9, &[0, 1, 255, 255]));
    assert!(!ended(&mut pair));
    pair.server
        .handle(pair.now, forger.chunk(wire::ABORT, &[0, 12, 255, 255]));
    assert!(ended(&mut pair));
}

#[test]
fn a_flood_of_resets_leaves_nothing_behind() {
    let mut pair = connect(limits(), 65_536, 0);
    let forger = Forger::of(&pair);
    let first = forger.next;
    for number in 0..1_000 {
        let mut value = vec![0, 13, 0, 18];
        value.extend(first.wrapping_add(number).to_be_bytes());
        value.extend([0; 4]);
        value.extend(first.wrapping_add(1_000).to_be_bytes());
        value.extend([0, 1]);
        pair.server
            .handle(pair.now, forger.chunk(wire::RE_CONFIG, &value));
        let replies = answers(&mut pair);
        let reply = replies
            .iter()
            .find(|it| it[HEADER] == wire::RE_CONFIG)
            .unwrap();
        assert_eq!(u32_at(reply, HEADER + 12), Some(6), "in progress");
    }
    pair.browser.live.as_mut().unwrap().link.open(1);
    pair.browser.announce(pair.now, &channel(1, RELIABLE));
    pair.run(ms(100));
    assert!(
        pair.server_events
            .contains(&Event::Opened(channel(1, RELIABLE)))
    );
}

#[test]
fn a_repeated_init_is_answered_alike_and_later_ignored() {
    let now = std::time::Instant::now();
    let config = std::sync::Arc::new(super::super::SctpConfig::new(limits()));
    let mut server = super::super::Sctp::new(config.clone(), None);
    let (mut link, init) = super::super::link::Link::call(&config, now).unwrap();
    server.handle(now, init.clone());
    let first = server.poll_transmit(now).unwrap();
    server.handle(now, init.clone());
    assert_eq!(server.poll_transmit(now), Some(first.clone()));
    for packet in link.called(now, first) {
        server.handle(now, packet);
    }
    assert_eq!(server.poll_event(), Some(Event::Up));
    while server.poll_transmit(now).is_some() {}
    server.handle(now, init);
    assert_eq!(server.poll_transmit(now), None);
    // Another association's INIT is ignored too.
    let (_, other) = super::super::link::Link::call(&config, now).unwrap();
    server.handle(now, other);
    assert_eq!(server.poll_transmit(now), None);
    assert_eq!(server.poll_event(), None);
}

#[test]
fn an_init_is_answered_whatever_its_parameters_end_with() {
    let forward_tsn: &[u8] = &[0xc0, 0, 0, 4];
    let extensions: &[u8] = &[0x80, 8, 0, 6, 192, 130, 0, 0];
    // Its last padding is not counted.
    let uncounted: &[u8] = &[0x80, 8, 0, 6, 192, 130];
    let unknown: &[u8] = &[0x80, 0x99, 0, 4];
    for parameters in [
        vec![],
        forward_tsn.to_vec(),
        [extensions, forward_tsn].concat(),
        [forward_tsn, extensions].concat(),
        [forward_tsn, uncounted].concat(),
        [extensions, unknown, unknown].concat(),
    ] {
        let fixed: &[u8] = &[0, 0, 0, 9, 0, 1, 0, 0, 0, 16, 0, 16, 0, 0, 0, 1];
        let header = Header {
            source: 5_000,
            destination: 5_000,
            tag: 0,
        };
        let value = [fixed, &parameters].concat();
        let init = Builder::new(header, 128)
            .chunk(wire::INIT, 0, &value)
            .finish();
        let now = Instant::now();
        let mut server = Sctp::new(Arc::new(SctpConfig::new(limits())), None);
        server.handle(now, init);
        let answer = server.poll_transmit(now);
        let kind = answer.as_ref().and_then(|answer| answer.get(HEADER));
        assert_eq!(kind, Some(&wire::INIT_ACK), "{parameters:?}");
    }
}

/// An ABORT whose cause is longer than it, and which makes the engine panic.
const POISON: &[u8] = &[6, 0, 0, 8, 0, 12, 0x13, 0x13];

#[test]
fn nothing_hides_behind_what_a_chunk_needs() {
    let mut pair = connect(limits(), 65_536, 0);
    pair.run(ms(100));
    let forger = Forger::of(&pair);
    let acknowledged = forger.next.to_be_bytes();
    let sack = [&acknowledged[..], &[0, 1, 0, 0, 0, 0, 0, 0], POISON].concat();
    let heartbeat = [&[0, 1, 0, 8, 1, 2, 3, 4], POISON].concat();
    let forward = [&acknowledged[..], POISON].concat();
    for (kind, value) in [
        (wire::SACK, sack),
        (wire::HEARTBEAT, heartbeat),
        (wire::FORWARD_TSN, forward),
        (wire::RE_CONFIG, POISON.to_vec()),
        (wire::COOKIE_ACK, POISON.to_vec()),
        (wire::COOKIE_ECHO, POISON.to_vec()),
    ] {
        pair.server.handle(pair.now, forger.chunk(kind, &value));
        pair.run(ms(10));
        assert!(!ended(&mut pair), "chunk {kind}");
    }
}

#[test]
fn nothing_hides_behind_an_init() {
    let fixed: &[u8] = &[0, 0, 0, 9, 0, 1, 0, 0, 0, 16, 0, 16, 0, 0, 0, 1];
    let header = Header {
        source: 5_000,
        destination: 5_000,
        tag: 0,
    };
    // A requested HMAC algorithm of an odd length, of which the engine counts the even part.
    let odd: &[u8] = &[0x80, 4, 0, 5, 0, 0, 0, 0];
    let inside = [fixed, odd, POISON].concat();
    let mut behind = Builder::new(header, 128).chunk(wire::INIT, 0, fixed);
    behind.raw(POISON);
    for init in [
        Builder::new(header, 128)
            .chunk(wire::INIT, 0, &inside)
            .finish(),
        behind.finish(),
    ] {
        let now = Instant::now();
        let mut server = Sctp::new(Arc::new(SctpConfig::new(limits())), None);
        server.handle(now, init);
        // Answered or not, it does no harm.
        while server.poll_transmit(now).is_some() {}
    }
}

#[test]
fn an_unknown_chunk_does_not_hide_the_one_after_it() {
    let mut pair = connect(limits(), 65_536, 0);
    let mut forger = Forger::of(&pair);
    let open = dcep::write_open(&channel(1, RELIABLE));
    let chunk = forger.data(3, 1, 50, &open);
    let skipped = vec![0x84, 0, 0, 8, 1, 2, 3, 4];
    pair.server
        .handle(pair.now, forger.packet(&[skipped, chunk]));
    pair.flush();
    assert!(
        pair.server_events
            .contains(&Event::Opened(channel(1, RELIABLE)))
    );
}

/// Changes a few bytes and makes the checksum right again.
pub(super) fn mutated(rng: &mut fastrand::Rng, packet: &[u8]) -> Bytes {
    let mut bytes = bytes::BytesMut::from(packet);
    for _ in 0..rng.usize(1..4) {
        let at = rng.usize(HEADER..bytes.len());
        bytes[at] = match rng.u32(0..4) {
            0 => 0,
            1 => 255,
            2 => bytes[at].wrapping_add(1),
            _ => rng.u8(..),
        };
    }
    if rng.u32(0..8) == 0 {
        bytes.truncate(rng.usize(HEADER..=bytes.len()));
    }
    wire::sealed(bytes)
}

fn random(rng: &mut fastrand::Rng, header: Header) -> Bytes {
    let mut builder = Builder::new(header, 256);
    for _ in 0..rng.usize(1..5) {
        let kinds = [
            0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 14, 130, 192, 0x84,
        ];
        let kind = if rng.bool() {
            kinds[rng.usize(0..kinds.len())]
        } else {
            rng.u8(..)
        };
        let value: Vec<u8> = (0..rng.usize(0..60)).map(|_| rng.u8(..)).collect();
        builder = builder.chunk(kind, rng.u8(..), &value);
    }
    builder.finish()
}

#[test]
fn no_packet_makes_it_panic() {
    let mut rng = fastrand::Rng::with_seed(7);
    let mut survived = 0;
    for round in 0..500 {
        let mut pair = connect(limits(), 65_536, round);
        pair.browser.announce(pair.now, &channel(1, UNORDERED));
        pair.run(ms(50));
        pair.send(Browser, 1, vec![1; 3_000]);
        pair.send(Server, 1, vec![1; 3_000]);
        pair.browser.close(1);
        pair.run(ms(50));
        let good: Vec<Bytes> = pair.from_browser.iter().map(|it| it.1.clone()).collect();
        let good: Vec<Bytes> = good.into_iter().chain([pair.init.clone()]).collect();
        let header = Header::read(&good[0]).unwrap();
        for _ in 0..200 {
            let packet = match rng.u32(0..3) {
                0 => random(&mut rng, header),
                _ => {
                    let at = rng.usize(0..good.len());
                    mutated(&mut rng, &good[at])
                }
            };
            pair.server.handle(pair.now, packet);
            pair.now += ms(rng.u64(0..100));
            pair.server.handle_timeout(pair.now);
            while let Some(packet) = pair.server.poll_transmit(pair.now) {
                assert!(Chunks::of(&packet).count() > 0);
            }
            while let Some(event) = pair.server.poll_event() {
                if let Event::Readable(id) = event {
                    while pair.server.recv(id).is_some() {}
                }
            }
            survived += u32::from(!pair.server.over);
        }
    }
    assert!(survived > 1_000);
}

#[test]
fn an_init_that_is_changed_makes_no_panic() {
    let mut rng = fastrand::Rng::with_seed(8);
    let now = std::time::Instant::now();
    let config = std::sync::Arc::new(super::super::SctpConfig::new(limits()));
    let (_, init) = super::super::link::Link::call(&config, now).unwrap();
    let mut server = super::super::Sctp::new(config, None);
    for _ in 0..20_000 {
        server.handle(now, mutated(&mut rng, &init));
        while server.poll_transmit(now).is_some() {}
        server.handle_timeout(now);
    }
}

#[test]
fn tsns_wrap_without_harm() {
    let now = std::time::Instant::now();
    let config = std::sync::Arc::new(super::super::SctpConfig::new(limits()));
    let mut server = super::super::Sctp::new(config.clone(), None);
    let (mut link, init) = super::super::link::Link::call(&config, now).unwrap();
    let next = u32::MAX - 2;
    let mut changed = bytes::BytesMut::from(init);
    changed[HEADER + 16..HEADER + 20].copy_from_slice(&next.to_be_bytes());
    server.handle(now, wire::sealed(changed));
    let init_ack = server.poll_transmit(now).unwrap();
    for packet in link.called(now, init_ack) {
        server.handle(now, packet);
    }
    server.negotiate(&channel(1, UNORDERED)).unwrap();
    let header = link.to_peer;
    let mut forger = Forger { header, next };
    let chunks: Vec<_> = (0..8).map(|it| forger.data(7, 1, 53, &[it])).collect();
    for at in [0, 2, 4, 6, 1, 3, 5, 7] {
        server.handle(now, forger.packet(&chunks[at..=at]));
        while let Some(packet) = server.poll_transmit(now) {
            for chunk in Chunks::of(&packet).filter(|chunk| chunk.kind == wire::SACK) {
                let gaps = wire::u16_at(chunk.value, 8).unwrap();
                let first = wire::u16_at(chunk.value, 12);
                assert!(gaps == 0 || first.unwrap() >= 2);
            }
        }
    }
    let came: Vec<u8> = std::iter::from_fn(|| server.recv(1))
        .map(|it| it.data[0])
        .collect();
    assert_eq!(came, [0, 2, 4, 6, 1, 3, 5, 7]);
}
