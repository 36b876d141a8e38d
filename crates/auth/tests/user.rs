use std::time::{Duration, UNIX_EPOCH};
use tickwire_auth::{MAX_NAME, NameError, Patterns, User};

#[test]
fn a_name_is_short_and_can_be_printed() {
    for name in [
        "a",
        "alice@example.com",
        "Ada Lovelace",
        "李",
        "auth0|5f7",
        "e\u{301}",
        &"a".repeat(MAX_NAME),
    ] {
        assert_eq!(User::new(name).unwrap().name(), name);
    }
    for name in ["", &"a".repeat(MAX_NAME + 1), &"é".repeat(65)] {
        assert_eq!(User::new(name), Err(NameError::Length));
    }
    for name in [
        "a~b",
        "a\nb",
        "\0",
        "\u{7f}",
        "\u{85}",
        "\u{202e}a",
        "a\u{2028}",
        "\u{feff}a",
    ] {
        assert_eq!(User::new(name), Err(NameError::Character));
    }
}

#[test]
fn a_user_may_nothing_until_it_is_said() {
    let alice = User::new("alice").unwrap();
    assert!(!alice.may_subscribe("a") && !alice.may_publish("a") && !alice.may_open("a"));
    assert_eq!(
        (alice.until(), alice.max_sessions(), alice.fingerprint()),
        (None, None, None)
    );

    let end = UNIX_EPOCH + Duration::from_secs(7);
    let a = Patterns::parse(&["a"]).unwrap();
    let more = alice
        .clone()
        .subscribe(a.clone())
        .ends(end)
        .sessions(2)
        .bound_to([1; 32]);
    assert!(more.may_subscribe("a") && !more.may_publish("a") && !more.may_open("a"));
    assert_eq!(
        (more.until(), more.max_sessions(), more.fingerprint()),
        (Some(end), Some(2), Some(&[1; 32]))
    );
    let more = more.publish(a.clone()).feeds(a);
    assert!(more.may_publish("a") && more.may_open("a") && !more.may_open("b"));
    assert!(!alice.may_subscribe("a"));
}
