//! SCTP after the handshake: what a client sends who has an association. Packets have the right
//! checksum and tag, so that what is in them is reached.

#![no_main]

use bytes::Bytes;
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};
use tickwire_peer::sctp::{ChannelInit, Event, Kind, Limit, Reliability, Sctp, SctpConfig, SctpLimits};

static CONFIG: LazyLock<Arc<SctpConfig>> =
    LazyLock::new(|| Arc::new(SctpConfig::new(SctpLimits::default())));

/// RFC 9260 section 3.1: ports, verification tag, checksum.
fn packet(tag: [u8; 4], chunks: &[u8]) -> Bytes {
    let mut packet = [&[0x13, 0x88, 0x13, 0x88][..], &tag, &[0; 4], chunks].concat();
    let checksum = crc32c::crc32c(&packet).to_le_bytes();
    packet[8..12].copy_from_slice(&checksum);
    packet.into()
}

/// The association's tag and its cookie, from its INIT ACK (section 3.3.3).
fn read_init_ack(packet: &[u8]) -> Option<([u8; 4], Vec<u8>)> {
    let tag = packet.get(16..20)?.try_into().ok()?;
    let mut parameters = packet.get(32..)?;
    while let Some((head, rest)) = parameters.split_first_chunk::<4>() {
        let length = usize::from(u16::from_be_bytes([head[2], head[3]])).checked_sub(4)?;
        if head[..2] == [0, 7] {
            return Some((tag, rest.get(..length)?.to_vec()));
        }
        parameters = rest.get(length.next_multiple_of(4)..)?;
    }
    None
}

fn established(now: Instant) -> Option<(Sctp, [u8; 4])> {
    let mut sctp = Sctp::new(CONFIG.clone(), None);
    let mut init = vec![1, 0, 0, 20, 0, 0, 0, 9, 0, 1, 0, 0, 0, 16, 0, 16, 0, 0, 0, 1];
    // Forward TSN is supported (RFC 3758 section 3.1).
    init[3] += 4;
    init.extend([0xc0, 0, 0, 4]);
    sctp.handle(now, packet([0; 4], &init));
    let (tag, cookie) = read_init_ack(&sctp.poll_transmit(now)?)?;
    let length = (4 + cookie.len()) as u16;
    let mut echo = [&[10, 0][..], &length.to_be_bytes(), &cookie].concat();
    echo.resize(echo.len().next_multiple_of(4), 0);
    sctp.handle(now, packet(tag, &echo));
    Some((sctp, tag))
}

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let mut now = Instant::now();
    let Some((mut sctp, tag)) = established(now) else {
        panic!("there is no association");
    };
    // What the server sends of its own, through the engine and beside it.
    let init = ChannelInit {
        id: 1,
        label: "values".into(),
        protocol: String::new(),
        reliability: Reliability {
            ordered: false,
            limit: Some(Limit::Retransmits(0)),
        },
    };
    let _ = sctp.negotiate(&init);
    let message = Bytes::from_static(&[7; 100]);
    let mut rest = bytes;
    while let Some((&length, after)) = rest.split_first() {
        let (chunks, after) = after.split_at(after.len().min(usize::from(length)));
        rest = after;
        now += Duration::from_millis(u64::from(length));
        if length % 3 == 0 {
            let _ = sctp.send_once(now, 1, &message, 65_536);
        }
        if length % 7 == 0 {
            let _ = sctp.send(now, 1, Kind::Binary, &message);
        }
        sctp.handle(now, packet(tag, chunks));
        if sctp.poll_timeout().is_some_and(|due| due <= now) {
            sctp.handle_timeout(now);
        }
        let mut packets = 0;
        while let Some(packet) = sctp.poll_transmit(now) {
            assert!(packet.len() <= 1_191);
            packets += 1;
            assert!(packets < 10_000);
        }
        while let Some(event) = sctp.poll_event() {
            if let Event::Readable(id) = event {
                while sctp.recv(id).is_some() {}
            }
        }
    }
});
