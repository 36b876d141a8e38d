use super::*;
use crate::dtls::handshake::Handshake;
use crate::dtls::{Dtls, DtlsConfig, Identity, Stage, tap};
use aws_lc_rs::aead::{AES_128_GCM, UnboundKey};
use dimpl::crypto::Dtls12CipherSuite;
use proptest::prelude::*;
use std::sync::Arc;
use std::time::{Instant, SystemTime};

/// What came out of a connection.
#[derive(Debug, Default)]
struct Taken {
    datagrams: Vec<Vec<u8>>,
    data: Vec<Vec<u8>>,
    is_up: bool,
    is_closed: bool,
}

impl Taken {
    fn take(&mut self, out: Out<'_>) {
        match out {
            Out::Datagram(datagram) => self.datagrams.push(datagram.to_vec()),
            Out::Data(data) => self.data.push(data.to_vec()),
            Out::Up => self.is_up = true,
            Out::Closed => self.is_closed = true,
            Out::Certificate(_) => {}
        }
    }
}

/// Two connections that speak to each other.
struct Pair {
    client: Dtls,
    server: Dtls,
    scratch: Vec<u8>,
    now: Instant,
}

impl Pair {
    /// Both are up, and each has heard the other: with DTLS 1.2 where a suite of it is given.
    fn up(suite: Option<Dtls12CipherSuite>) -> Self {
        let now = Instant::now();
        let identity = Identity::generate(SystemTime::now()).unwrap();
        let config = DtlsConfig::new().unwrap();
        let client = if let Some(suite) = suite {
            let config = dimpl::Config::builder()
                .dtls12_cipher_suites(&[suite])
                .with_crypto_provider(tap::provider())
                .build()
                .unwrap();
            let of_12 = dimpl::Dtls::new_12(Arc::new(config), identity.certificate(), now);
            Dtls(Stage::Handshake(Box::new(Handshake::of(of_12, true, now))))
        } else {
            Dtls::new(&config, &identity, true, now)
        };
        let mut pair = Self {
            client,
            server: Dtls::new(&config, &identity, false, now),
            scratch: Vec::new(),
            now,
        };
        let mut at_client = Taken::default();
        let mut at_server = Taken::default();
        pair.client
            .handle_timeout(now, &mut pair.scratch, |out| at_client.take(out))
            .unwrap();
        while !(at_client.is_up && at_server.is_up) {
            for datagram in std::mem::take(&mut at_client.datagrams) {
                let taken = pair.deliver(Side::Server, &datagram).unwrap();
                at_server.is_up |= taken.is_up;
                at_server.datagrams.extend(taken.datagrams);
            }
            for datagram in std::mem::take(&mut at_server.datagrams) {
                let taken = pair.deliver(Side::Client, &datagram).unwrap();
                at_client.is_up |= taken.is_up;
                at_client.datagrams.extend(taken.datagrams);
            }
        }
        for (from, to) in [(Side::Client, Side::Server), (Side::Server, Side::Client)] {
            let sent = pair.send(from, b"hello");
            assert_eq!(pair.deliver(to, &sent).unwrap().data, [b"hello"]);
        }
        pair
    }

    fn side(&mut self, side: Side) -> (&mut Dtls, &mut Vec<u8>) {
        match side {
            Side::Client => (&mut self.client, &mut self.scratch),
            Side::Server => (&mut self.server, &mut self.scratch),
        }
    }

    fn send(&mut self, from: Side, data: &[u8]) -> Vec<u8> {
        let mut taken = Taken::default();
        let (dtls, scratch) = self.side(from);
        dtls.send(data, scratch, |out| taken.take(out)).unwrap();
        taken.datagrams.pop().unwrap()
    }

    fn deliver(&mut self, to: Side, datagram: &[u8]) -> Result<Taken, DtlsError> {
        let mut taken = Taken::default();
        let now = self.now;
        let (dtls, scratch) = self.side(to);
        dtls.handle(now, datagram, scratch, |out| taken.take(out))?;
        Ok(taken)
    }
}

#[derive(Clone, Copy)]
enum Side {
    Client,
    Server,
}

const SUITES: [Dtls12CipherSuite; 3] = [
    Dtls12CipherSuite::ECDHE_ECDSA_AES128_GCM_SHA256,
    Dtls12CipherSuite::ECDHE_ECDSA_AES256_GCM_SHA384,
    Dtls12CipherSuite::ECDHE_ECDSA_CHACHA20_POLY1305_SHA256,
];

#[test]
fn with_each_suite_what_is_sent_after_the_handshake_arrives_once() {
    for suite in SUITES {
        let mut pair = Pair::up(Some(suite));
        assert_eq!(format!("{:?}", pair.client), "Dtls::Open");
        assert_eq!(format!("{:?}", pair.server), "Dtls::Open");
        for (from, to) in [(Side::Client, Side::Server), (Side::Server, Side::Client)] {
            let sent: Vec<_> = (0..70_u8).map(|n| pair.send(from, &[n; 5])).collect();
            // Nothing that was sent before the keys were taken over has its number either.
            let mut order: Vec<usize> = (60..70).chain(10..60).collect();
            order.rotate_right(3);
            for &number in &order {
                let data = pair.deliver(to, &sent[number]).unwrap().data;
                assert_eq!(data, [[number as u8; 5]], "{suite:?}");
                assert!(pair.deliver(to, &sent[number]).unwrap().data.is_empty());
            }
            // What is so late cannot be told from what was there.
            assert!(pair.deliver(to, &sent[0]).unwrap().data.is_empty());
        }
    }
}

#[test]
fn no_number_is_used_twice_where_the_keys_are_taken_over() {
    for suite in SUITES {
        let mut pair = Pair::up(Some(suite));
        let numbers: Vec<u64> = (0..3)
            .map(|_| pair.send(Side::Server, b"x"))
            .map(|sent| u64::from_be_bytes(sent[3..11].try_into().unwrap()))
            .collect();
        // Finished had 0, and the first data 1.
        let first = (EPOCH << SEQUENCE_BITS) + 2;
        assert_eq!(numbers, [first, first + 1, first + 2], "{suite:?}");
    }
}

#[test]
fn dtls_1_3_is_spoken_with_who_can() {
    let mut pair = Pair::up(None);
    assert_eq!(format!("{:?}", pair.server), "Dtls::Handshake");
    let sent = pair.send(Side::Server, b"value");
    assert_eq!(pair.deliver(Side::Client, &sent).unwrap().data, [b"value"]);
}

#[test]
fn a_datagram_may_hold_several_records_and_end_in_the_middle_of_one() {
    let mut pair = Pair::up(Some(SUITES[0]));
    let mut both = pair.send(Side::Client, b"one");
    both.extend(pair.send(Side::Client, b"two"));
    let third = pair.send(Side::Client, b"three");
    both.extend(&third[..third.len() - 1]);
    let data = pair.deliver(Side::Server, &both).unwrap().data;
    assert_eq!(data, [b"one", b"two"]);
    assert_eq!(pair.deliver(Side::Server, &third).unwrap().data, [b"three"]);
}

#[test]
fn a_record_that_was_changed_is_dropped_and_the_true_one_still_taken() {
    let mut pair = Pair::up(Some(SUITES[0]));
    let sent = pair.send(Side::Client, b"value");
    for at in 0..sent.len() {
        let mut changed = sent.clone();
        changed[at] ^= 1;
        let taken = pair.deliver(Side::Server, &changed).unwrap();
        assert!(taken.data.is_empty(), "byte {at}");
    }
    assert_eq!(pair.deliver(Side::Server, &sent).unwrap().data, [b"value"]);
}

#[test]
fn a_close_is_told_and_answered() {
    let mut pair = Pair::up(Some(SUITES[0]));
    let mut closing = Taken::default();
    let (dtls, scratch) = pair.side(Side::Client);
    dtls.close(scratch, |out| closing.take(out));
    let taken = pair.deliver(Side::Server, &closing.datagrams[0]).unwrap();
    assert!(taken.is_closed);
    let answered = pair.deliver(Side::Client, &taken.datagrams[0]).unwrap();
    assert!(answered.is_closed);
}

/// Both directions of one key, as one side and the other have it.
fn halves(number: u64) -> (Records, Half) {
    let make = |direction| {
        let key = UnboundKey::new(&AES_128_GCM, &[7; 16]).unwrap();
        let mut half = Half::new(LessSafeKey::new(key), Nonces::Explicit);
        half.used(direction, number, [3; NONCE_LEN]);
        half
    };
    let records = Records {
        write: make(Direction::Write),
        read: make(Direction::Read),
    };
    (records, make(Direction::Write))
}

#[test]
fn a_fatal_alert_is_told_and_a_warning_is_not() {
    let (mut records, mut other) = halves(EPOCH << SEQUENCE_BITS);
    let mut room = [0; 200];
    let mut scratch = [0; 200];
    let length = other.seal(ALERT, &[1, 90], &mut room).unwrap();
    let mut taken = Taken::default();
    let mut take = |out: Out<'_>| taken.take(out);
    records
        .handle(&room[..length], &mut scratch, &mut take)
        .unwrap();
    let length = other.seal(ALERT, &[FATAL, 80], &mut room).unwrap();
    let told = records.handle(&room[..length], &mut scratch, &mut take);
    assert!(matches!(told, Err(DtlsError::Alert(80))));
    assert!(taken.datagrams.is_empty() && !taken.is_closed);
}

#[test]
fn the_numbers_end() {
    let last = (2 << SEQUENCE_BITS) - 1;
    let (mut records, _) = halves(last - 1);
    let mut scratch = [0; 200];
    let mut take = |_: Out<'_>| {};
    assert!(records.send(b"x", &mut scratch, &mut take).is_ok());
    for _ in 0..2 {
        let sent = records.send(b"x", &mut scratch, &mut take);
        assert!(matches!(sent, Err(DtlsError::Exhausted)));
    }
}

#[test]
fn what_no_record_carries_is_refused_and_all_else_still_sent() {
    let (mut records, _) = halves(EPOCH << SEQUENCE_BITS);
    let mut scratch = vec![0; 2 * LARGEST_DATA];
    let mut lengths = Vec::new();
    let mut take = |out: Out<'_>| {
        if let Out::Datagram(datagram) = out {
            lengths.push(datagram.len());
        }
    };
    let data = vec![1; LARGEST_DATA + 1];
    let sent = records.send(&data, &mut scratch, &mut take);
    assert!(matches!(sent, Err(DtlsError::TooLong(length)) if length == data.len()));
    let sent = records.send(&data[1..], &mut scratch, &mut take);
    assert!(sent.is_ok());
    assert_eq!(lengths, [LARGEST_DATA + HEADER + EXPLICIT + TAG]);
}

proptest! {
    #[test]
    fn whatever_comes_is_taken_or_dropped(
        datagrams in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..80), 0..20),
    ) {
        let (mut records, _) = halves(EPOCH << SEQUENCE_BITS);
        let mut scratch = [0; 200];
        for mut datagram in datagrams {
            // So that more than the first byte is looked at.
            let begin = [DATA, 0xfe, 0xfd, 0, 1];
            let length = begin.len().min(datagram.len());
            datagram[..length].copy_from_slice(&begin[..length]);
            let mut data = 0;
            let handled = records.handle(&datagram, &mut scratch, &mut |_| data += 1);
            prop_assert!(handled.is_ok() && data == 0);
        }
    }

    #[test]
    fn a_window_takes_each_number_once(numbers in prop::collection::vec(1..200_u64, 0..300)) {
        let mut window = Window::default();
        let mut taken = std::collections::BTreeSet::new();
        for number in numbers {
            let newest = taken.last().copied().unwrap_or(0);
            let is_late = number + 64 <= newest;
            prop_assert_eq!(window.is_new(number), !is_late && !taken.contains(&number));
            if window.is_new(number) {
                window.add(number);
                taken.insert(number);
            }
        }
    }
}
