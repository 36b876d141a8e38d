use super::super::inbox::Family;
use super::super::stun::{self, tests::check};
use super::table::{GENERATIONS, MAX_SOURCES};
use super::*;
use std::io::IoSliceMut;
use std::net::SocketAddr;
use std::task::{Context, Poll};
use std::time::Duration;
use webrtc::runtime::RecvMeta;

const PASSWORD: &[u8] = b"a password of some length";
const DTLS: &[u8] = &[22, 254, 253, 0];

struct Bench {
    demux: Demux,
    start: Instant,
}

impl Bench {
    fn new() -> Self {
        Self {
            demux: Demux::default(),
            start: Instant::now(),
        }
    }

    fn peer(&self, ufrag: &str) -> PeerId {
        let id = self.demux.add_peer(Arc::default());
        assert!(self.demux.add_answer(id, ufrag.as_bytes(), PASSWORD));
        id
    }

    /// Routes a datagram that comes from `port` after so many seconds; why it was dropped.
    fn route(&self, datagram: &[u8], port: u16, after: u64) -> Option<Reason> {
        let origin = Origin {
            remote: remote(port),
            socket: 0,
            local: None,
        };
        let before = Reason::ALL.map(|reason| self.demux.dropped(reason));
        let now = self.start + Duration::from_secs(after);
        let datagrams = std::iter::once((datagram, origin));
        self.demux.route(datagrams, now, &mut Then::default());
        Reason::ALL
            .into_iter()
            .find(|&reason| self.demux.dropped(reason) > before[reason as usize])
    }

    fn check(&self, ufrag: &str, port: u16, after: u64) -> Option<Reason> {
        let username = format!("{ufrag}:remote");
        self.route(&check(username.as_bytes(), PASSWORD, &[]), port, after)
    }

    fn owner(&self, port: u16) -> Option<PeerId> {
        let table = self.demux.table();
        table.sources.get(&remote(port)).map(|source| source.peer)
    }
}

fn remote(port: u16) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, 1], port))
}

#[test]
fn a_check_opens_the_way_for_what_follows_it() {
    let bench = Bench::new();
    let peer = bench.peer("mine");
    assert_eq!(bench.route(DTLS, 1, 0), Some(Reason::UnknownSource));
    assert_eq!(bench.check("mine", 1, 0), None);
    assert_eq!(bench.route(DTLS, 1, 0), None);
    assert_eq!(bench.owner(1), Some(peer));
    assert_eq!(bench.route(DTLS, 2, 0), Some(Reason::UnknownSource));
}

#[test]
fn what_fits_nobody_is_counted_by_reason_and_leaves_nothing() {
    let bench = Bench::new();
    bench.peer("mine");
    let before = bench.demux.routes();
    assert_eq!(bench.check("other", 1, 0), Some(Reason::UnknownUfrag));
    let forged = check(b"mine:remote", b"another password", &[]);
    assert_eq!(bench.route(&forged, 1, 0), Some(Reason::NotAuthentic));
    assert_eq!(
        bench.route(&forged[..24], 1, 0),
        Some(Reason::MalformedStun)
    );
    assert_eq!(bench.route(&[], 1, 0), Some(Reason::NotForUs));
    for first in [4, 19, 64, 79, 128, 255] {
        assert_eq!(bench.route(&[first; 40], 1, 0), Some(Reason::NotForUs));
    }
    let mut answer = check(b"mine:remote", PASSWORD, &[]);
    answer[0] = 1;
    assert_eq!(bench.route(&answer, 1, 0), Some(Reason::UnknownSource));
    assert_eq!(bench.demux.routes(), before);
}

#[test]
fn an_address_that_is_in_use_is_not_taken_and_one_that_is_silent_is() {
    let bench = Bench::new();
    let (first, second) = (bench.peer("first"), bench.peer("second"));
    assert_eq!(bench.check("first", 1, 0), None);
    assert_eq!(bench.route(DTLS, 1, 14), None);
    assert_eq!(bench.check("second", 1, 28), Some(Reason::SourceTaken));
    assert_eq!(bench.owner(1), Some(first));
    assert_eq!(bench.check("second", 1, 29), None);
    assert_eq!(bench.owner(1), Some(second));
    // The one that lost it does not take it along when it goes.
    bench.demux.remove_peer(first);
    assert_eq!(bench.owner(1), Some(second));
}

#[test]
fn a_recorded_check_from_many_addresses_adds_a_bounded_number() {
    let bench = Bench::new();
    bench.peer("mine");
    assert_eq!(bench.check("mine", 1, 0), None);
    let refused = (2..=1_000)
        .filter(|&port| bench.check("mine", port, 0) == Some(Reason::TooManySources))
        .count();
    assert_eq!(refused, 1_000 - MAX_SOURCES);
    assert_eq!(bench.demux.routes().sources, MAX_SOURCES);
    assert_eq!(bench.route(DTLS, 1, 0), None);
}

#[test]
fn after_a_restart_the_peer_is_found_by_its_new_ufrag_at_its_new_address() {
    let bench = Bench::new();
    let peer = bench.peer("one");
    assert_eq!(bench.check("one", 1, 0), None);
    assert!(bench.demux.add_answer(peer, b"two", PASSWORD));
    // Until the new pair is chosen, data comes where it came.
    assert_eq!(bench.route(DTLS, 1, 1), None);
    assert_eq!(bench.check("two", 2, 1), None);
    assert_eq!(bench.route(DTLS, 2, 1), None);
    // One restart more, and the first answer's ufrag and address are forgotten.
    assert_eq!(bench.check("two", 3, 1), None);
    assert!(bench.demux.add_answer(peer, b"three", PASSWORD));
    assert_eq!(bench.check("one", 1, 2), Some(Reason::UnknownUfrag));
    assert_eq!(bench.route(DTLS, 1, 2), Some(Reason::UnknownSource));
    assert_eq!(bench.route(DTLS, 2, 2), None);
}

#[test]
fn an_address_kept_through_restarts_stays() {
    let bench = Bench::new();
    let peer = bench.peer("one");
    for ufrag in ["one", "two", "three", "four"] {
        assert!(bench.demux.add_answer(peer, ufrag.as_bytes(), PASSWORD));
        assert_eq!(bench.check(ufrag, 1, 0), None);
        assert_eq!(bench.route(DTLS, 1, 0), None);
    }
    assert_eq!(
        bench.demux.routes(),
        Routes {
            peers: 1,
            ufrags: GENERATIONS,
            sources: 1
        }
    );
}

#[test]
fn a_peer_that_goes_takes_its_routes_with_it() {
    let bench = Bench::new();
    let peers: Vec<PeerId> = (0..100).map(|n| bench.peer(&format!("ufrag{n}"))).collect();
    for n in 0..100 {
        assert_eq!(bench.check(&format!("ufrag{n}"), 1_000 + n, 0), None);
    }
    assert_eq!(bench.demux.routes().sources, 100);
    for peer in peers {
        bench.demux.remove_peer(peer);
    }
    assert_eq!(
        bench.demux.routes(),
        Routes {
            peers: 0,
            ufrags: 0,
            sources: 0
        }
    );
}

#[test]
fn another_peers_ufrag_cannot_be_had() {
    let bench = Bench::new();
    bench.peer("mine");
    let other = bench.demux.add_peer(Arc::default());
    assert!(!bench.demux.add_answer(other, b"mine", b"another password"));
}

#[test]
fn an_inbox_that_nobody_reads_drops_what_is_too_much() {
    let bench = Bench::new();
    bench.peer("mine");
    assert_eq!(bench.check("mine", 1, 0), None);
    let datagram = [DTLS, &[0; 1_200]].concat();
    let taken = (0..10_000)
        .take_while(|_| bench.route(&datagram, 1, 0).is_none())
        .count();
    assert!(taken * datagram.len() < 256 * 1024, "{taken} were kept");
    assert!(taken > 100, "only {taken} were kept");
}

/// What a peer's agent reads, in order.
fn read(inbox: &Inbox) -> Vec<Vec<u8>> {
    let mut read = Vec::new();
    let mut context = Context::from_waker(Waker::noop());
    loop {
        let mut bytes = [0; 200];
        let mut meta = [RecvMeta::default()];
        let mut bufs = [IoSliceMut::new(&mut bytes)];
        let Poll::Ready(_) = inbox.poll_recv(Family::V4, &mut context, &mut bufs, &mut meta) else {
            return read;
        };
        read.push(bytes[..meta[0].len].to_vec());
    }
}

#[test]
fn a_nomination_is_answered_at_once_and_kept_until_the_agents_own_check_succeeds() {
    const USE_CANDIDATE: (u16, Vec<u8>) = (0x0025, Vec::new());
    let demux = Demux::default();
    let inbox = Arc::new(Inbox::default());
    let id = demux.add_peer(inbox.clone());
    assert!(demux.add_answer(id, b"mine", PASSWORD));
    let route = |datagram: &[u8], port| {
        let origin = Origin {
            remote: remote(port),
            socket: 0,
            local: None,
        };
        let mut then = Then::default();
        demux.route([(datagram, origin)].into_iter(), Instant::now(), &mut then);
        then.replies
    };
    let nomination = check(b"mine:remote", PASSWORD, &[USE_CANDIDATE]);
    let replies = route(&nomination, 1);
    assert_eq!(replies.len(), 1);
    assert_eq!(replies[0].origin.remote, remote(1));
    let answer = stun::Message::read(&replies[0].bytes).unwrap();
    assert!(answer.is_authentic(PASSWORD));
    assert_eq!(&replies[0].bytes[..2], [1, 1]);
    assert_eq!(
        stun::transaction(&replies[0].bytes),
        stun::transaction(&nomination)
    );
    assert_eq!(read(&inbox), [&nomination[..]]);

    // From a known address too, only what the password made is answered.
    assert!(route(&check(b"mine:remote", b"another", &[USE_CANDIDATE]), 1).is_empty());
    assert!(route(&check(b"mine:remote", PASSWORD, &[]), 1).is_empty());
    read(&inbox);

    // Another address' success says nothing about this one.
    route(&check(b"mine:remote", PASSWORD, &[]), 2);
    let mut success = replies[0].bytes.clone();
    route(&success, 2);
    assert_eq!(read(&inbox).len(), 2);
    success[8] ^= 1;
    route(&success, 1);
    assert_eq!(read(&inbox), [&success[..], &nomination]);
    route(&success, 1);
    assert_eq!(read(&inbox), [&success[..]]);

    // With a pair the agent answers for itself.
    inbox.set_ready(true);
    assert!(route(&nomination, 1).is_empty());
}
