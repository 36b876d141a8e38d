#[path = "../../../../tests/support/check.rs"]
mod made;

use super::*;
use made::add;
pub use made::check;
use proptest::prelude::*;

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
        prop_assert!(message.is_binding_request());
        prop_assert_eq!(message.local_ufrag(), Some(ufrag.as_bytes()));
        prop_assert!(message.is_authentic(password.as_bytes()));
        prop_assert!(!message.is_authentic(&password.as_bytes()[1..]));
    }

    #[test]
    fn a_changed_check_is_refused(others in others(), at in any::<prop::sample::Index>(), flip in 1_u8..) {
        let mut bytes = check(b"ufrag:remote", b"a password of some length", &others);
        // What follows MESSAGE-INTEGRITY is not covered by it: FINGERPRINT, 8 bytes.
        let covered = bytes.len() - 8;
        let at = at.index(covered);
        bytes[at] ^= flip;
        let is_taken = Message::read(&bytes)
            .is_some_and(|message| message.is_authentic(b"a password of some length"));
        prop_assert!(!is_taken, "byte {} was changed", at);
    }

    #[test]
    fn a_check_cut_short_or_made_longer_is_refused(others in others(), cut in any::<prop::sample::Index>()) {
        let bytes = check(b"ufrag:remote", b"password", &others);
        prop_assert!(Message::read(&bytes[..cut.index(bytes.len())]).is_none());
        prop_assert!(Message::read(&[&bytes[..], &[0; 4]].concat()).is_none());
    }

    #[test]
    fn whatever_comes_is_read_or_refused(mut bytes in prop::collection::vec(any::<u8>(), 0..200), as_stun in any::<bool>()) {
        if as_stun && bytes.len() >= HEADER {
            bytes[0] &= 0x3f;
            let length = ((bytes.len() - HEADER) as u16).to_be_bytes();
            bytes[2..4].copy_from_slice(&length);
            bytes[4..8].copy_from_slice(&MAGIC_COOKIE);
        }
        if let Some(message) = Message::read(&bytes) {
            message.local_ufrag();
            prop_assert!(!message.is_authentic(b"nobody's password"));
        }
    }
}

#[test]
fn what_follows_the_integrity_is_not_believed() {
    let mut bytes = check(b"mine:remote", b"password", &[]);
    let honest = bytes.len();
    add(&mut bytes, USERNAME, b"yours:remote");
    let message = Message::read(&bytes).unwrap();
    assert_eq!(message.local_ufrag(), Some(&b"mine"[..]));
    assert!(message.is_authentic(b"password"));
    assert!(bytes.len() > honest);
}

#[test]
fn a_username_without_a_colon_names_nobody() {
    let bytes = check(b"ufrag", b"password", &[]);
    assert_eq!(Message::read(&bytes).unwrap().local_ufrag(), None);
}
