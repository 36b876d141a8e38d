use super::*;
use crate::path::Remote;
use crate::stun::tests::nomination;
use std::net::SocketAddr;
use std::time::SystemTime;

const OFFER: &str = include_str!("../../tests/offers/02-chromium-152-sctp-init.sdp");

fn path(port: u16) -> Path {
    Path {
        remote: Remote::udp(SocketAddr::from(([192, 0, 2, 1], port))),
        socket: 0,
        local: None,
    }
}

fn local() -> Credentials {
    Credentials {
        ufrag: "mine".to_owned(),
        password: "a+password+of+some+length".to_owned(),
    }
}

fn peer(offer: &str, now: Instant) -> Peer {
    let config = PeerConfig::new(SctpLimits::default(), Duration::from_secs(30)).unwrap();
    let identity = Identity::generate(SystemTime::now()).unwrap();
    let offer = Offer::read(offer).unwrap();
    Peer::new(config.into(), identity.into(), &offer, local(), now)
}

fn check(peer: &mut Peer, now: Instant, room: &mut Room) {
    let bytes = nomination(b"mine:theirs", local().password.as_bytes());
    let message = stun::Message::read(&bytes).unwrap();
    let authentic = peer.authenticate(message).unwrap();
    peer.handle_check(now, path(1), authentic, bytes.len(), room);
}

#[test]
fn a_peer_whose_client_never_comes_ends_when_its_time_is_over() {
    let start = Instant::now();
    let mut peer = peer(OFFER, start);
    let mut room = Room::default();
    let due = peer.poll_timeout().unwrap();
    assert_eq!(due, start + Duration::from_secs(30));
    peer.handle_timeout(due, &mut room);
    let end = End::Silent(Duration::from_secs(30));
    assert_eq!(peer.poll_event(), Some(Event::Ended(end)));
    assert_eq!((peer.poll_event(), peer.poll_timeout()), (None, None));
    assert!(room.out.is_empty());
}

#[test]
fn nothing_is_answered_where_no_check_came_from() {
    let now = Instant::now();
    let mut peer = peer(OFFER, now);
    let mut room = Room::default();
    peer.handle(now, path(1), &[22, 254, 253, 0, 0], &mut room);
    check(&mut peer, now, &mut room);
    room.out.clear();
    peer.handle(now, path(2), &[22, 254, 253, 0, 0], &mut room);
    assert!(room.out.is_empty());
    assert_eq!(peer.poll_event(), None);
}

#[test]
fn an_active_peer_begins_with_the_path_and_repeats_itself_within_what_it_may() {
    let mut now = Instant::now();
    let passive = OFFER.replace("a=setup:actpass", "a=setup:passive");
    let mut peer = peer(&passive, now);
    let mut room = Room::default();
    check(&mut peer, now, &mut room);
    let received = nomination(b"mine:theirs", local().password.as_bytes()).len();
    let is_hello = |(_, bytes): (Path, &[u8])| bytes[0] == 22;
    for _ in 0..40 {
        if let Some(due) = peer.poll_timeout() {
            now = due;
            peer.handle_timeout(now, &mut room);
        }
    }
    let sent: usize = room.out.iter().map(|(_, bytes)| bytes.len()).sum();
    assert!(sent <= 3 * received, "{sent} for {received}");
    assert!(
        room.out
            .iter()
            .all(|datagram| datagram.1[0] <= 3 || is_hello(datagram))
    );
}

#[test]
fn another_certificate_is_another_session() {
    let now = Instant::now();
    let peer = peer(OFFER, now);
    assert_eq!(peer.is_restart(&Offer::read(OFFER).unwrap()), Ok(false));
    let again = OFFER.replace("a=ice-ufrag:", "a=ice-ufrag:more");
    assert_eq!(peer.is_restart(&Offer::read(&again).unwrap()), Ok(true));
    let (start, rest) = OFFER.split_once("a=fingerprint:sha-256 ").unwrap();
    let other = format!("{start}a=fingerprint:sha-256 00{}", &rest[2..]);
    assert_eq!(
        peer.is_restart(&Offer::read(&other).unwrap()),
        Err(OtherCertificate)
    );
}
