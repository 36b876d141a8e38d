use super::*;
use proptest::prelude::*;

const PASSWORD: &[u8] = b"a password of some length";
const TRANSACTION: Transaction = *b"transaction!";

/// A check with these attributes beside USERNAME, as a client or a stranger writes it.
pub fn check(username: &[u8], password: &[u8], others: &[(u16, Vec<u8>)]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut writer = Writer::begin(&mut bytes, Kind::Request, TRANSACTION);
    writer.attribute(USERNAME, username);
    for (kind, value) in others {
        writer.attribute(*kind, value);
    }
    writer.finish(password);
    bytes
}

/// A check that nominates its path.
pub fn nomination(username: &[u8], password: &[u8]) -> Vec<u8> {
    check(username, password, &[(USE_CANDIDATE, Vec::new())])
}

/// Attributes that a reader has to step over: any kind but those that it looks for.
fn others() -> impl Strategy<Value = Vec<(u16, Vec<u8>)>> {
    let kind = any::<u16>().prop_filter("not read", |kind| {
        ![USERNAME, MESSAGE_INTEGRITY].contains(kind)
    });
    prop::collection::vec((kind, prop::collection::vec(any::<u8>(), 0..40)), 0..6)
}

proptest! {
    #[test]
    fn a_check_is_read_and_its_integrity_tells_the_password(
        ufrag in "[a-zA-Z0-9+/]{4,32}",
        remote in "[a-zA-Z0-9+/:]{0,32}",
        password in "[a-zA-Z0-9+/]{22,40}",
        others in others(),
    ) {
        let bytes = check(format!("{ufrag}:{remote}").as_bytes(), password.as_bytes(), &others);
        let message = Message::read(&bytes).unwrap();
        prop_assert_eq!(message.kind(), Kind::Request);
        prop_assert_eq!(message.transaction(), TRANSACTION);
        prop_assert_eq!(message.local_ufrag(), Some(ufrag.as_bytes()));
        prop_assert!(message.is_authentic(password.as_bytes()));
        prop_assert!(!message.is_authentic(&password.as_bytes()[1..]));
    }

    #[test]
    fn a_changed_check_is_refused(others in others(), at in any::<prop::sample::Index>(), flip in 1_u8..) {
        let mut bytes = check(b"ufrag:remote", PASSWORD, &others);
        // What follows MESSAGE-INTEGRITY is not covered by it: FINGERPRINT, 8 bytes.
        let covered = bytes.len() - 8;
        let at = at.index(covered);
        bytes[at] ^= flip;
        let is_taken = Message::read(&bytes).is_some_and(|message| message.is_authentic(PASSWORD));
        prop_assert!(!is_taken, "byte {} was changed", at);
    }

    #[test]
    fn a_check_cut_short_or_made_longer_is_refused(others in others(), cut in any::<prop::sample::Index>()) {
        let bytes = check(b"ufrag:remote", PASSWORD, &others);
        prop_assert!(Message::read(&bytes[..cut.index(bytes.len())]).is_none());
        prop_assert!(Message::read(&[&bytes[..], &[0; 4]].concat()).is_none());
    }

    #[test]
    fn whatever_comes_is_read_or_refused(mut bytes in prop::collection::vec(any::<u8>(), 0..200), as_stun in any::<bool>()) {
        if as_stun && bytes.len() >= HEADER {
            bytes[..2].copy_from_slice(&Kind::Request.number().to_be_bytes());
            let length = ((bytes.len() - HEADER) as u16).to_be_bytes();
            bytes[2..4].copy_from_slice(&length);
            bytes[4..8].copy_from_slice(&MAGIC_COOKIE);
        }
        if let Some(message) = Message::read(&bytes) {
            message.local_ufrag();
            prop_assert!(!message.is_authentic(b"nobody's password"));
        }
    }

    #[test]
    fn what_is_written_is_read(ip in any::<std::net::IpAddr>(), port in any::<u16>()) {
        let mut bytes = b"before".to_vec();
        write_success(&mut bytes, TRANSACTION, SocketAddr::new(ip, port), PASSWORD);
        let answer = Message::read(&bytes[6..]).unwrap();
        prop_assert_eq!(answer.kind(), Kind::Success);
        prop_assert_eq!(answer.transaction(), TRANSACTION);
        prop_assert!(answer.is_authentic(PASSWORD));
    }
}

#[test]
fn what_follows_the_integrity_is_not_believed() {
    let mut bytes = check(b"mine:remote", PASSWORD, &[]);
    let mut writer = Writer {
        out: &mut bytes,
        start: 0,
    };
    writer.attribute(USERNAME, b"yours:remote");
    writer.attribute(USE_CANDIDATE, b"");
    let message = Message::read(&bytes).unwrap();
    assert_eq!(message.local_ufrag(), Some(&b"mine"[..]));
    assert!(message.is_authentic(PASSWORD) && !message.nominates());
}

#[test]
fn a_username_without_a_colon_names_nobody() {
    let bytes = check(b"ufrag", PASSWORD, &[]);
    assert_eq!(Message::read(&bytes).unwrap().local_ufrag(), None);
}

/// The IPv4 response of RFC 5769 section 2.2.
#[test]
fn an_answer_is_as_the_rfc_has_it() {
    let transaction = [
        0xb7, 0xe7, 0xa7, 0x01, 0xbc, 0x34, 0xd6, 0x86, 0xfa, 0x87, 0xdf, 0xae,
    ];
    let remote = SocketAddr::from(([192, 0, 2, 1], 32_853));
    let expected = [0x00, 0x01, 0xa1, 0x47, 0xe1, 0x12, 0xa6, 0x43];
    assert_eq!(mapped(remote, transaction), expected);
}

#[test]
fn a_check_of_ours_names_both_sides_and_ends_with_its_crc() {
    let mut bytes = Vec::new();
    let ours = Check {
        transaction: TRANSACTION,
        ufrags: ("theirs", "ours"),
        priority: 1,
        tie_breaker: 2,
    };
    ours.write(&mut bytes, PASSWORD);
    let message = Message::read(&bytes).unwrap();
    assert_eq!(message.local_ufrag(), Some(&b"theirs"[..]));
    assert!(message.is_authentic(PASSWORD) && message.is_controlled());
    let (before, crc) = bytes.split_at(bytes.len() - 4);
    let expected = crc32fast::hash(&before[..before.len() - 4]) ^ FINGERPRINT_MASK;
    assert_eq!(crc, expected.to_be_bytes());
}
