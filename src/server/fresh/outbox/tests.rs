use super::*;

fn now() -> Instant {
    Instant::now()
}

fn text(outbox: &impl Outbox) -> Option<String> {
    match outbox.take(now())? {
        Message::Text(text) => Some(text),
        Message::Binary(_) => None,
    }
}

#[test]
fn a_newer_value_takes_the_place_and_the_turn_of_an_unsent_one() {
    let outbox = ByKey::new(10_000);
    for (key, value) in [("a", "a1"), ("b", "b1"), ("a", "a2"), ("c", "c1")] {
        outbox.put(now(), key, value.into()).unwrap();
    }
    assert_eq!(text(&outbox).unwrap(), "a2");
    outbox.put(now(), "a", "a3".into()).unwrap();
    assert_eq!(text(&outbox).unwrap(), "b1");
    assert_eq!(text(&outbox).unwrap(), "c1");
    assert_eq!(text(&outbox).unwrap(), "a3");
    assert_eq!(text(&outbox), None);
    let counts = outbox.counts();
    assert_eq!((counts.sent, counts.replaced), (4, 1));
}

#[test]
fn keys_are_bounded_by_their_bytes_and_a_known_key_always_fits() {
    let outbox = ByKey::new(10 * (ENTRY + 10));
    for key in 0..10 {
        outbox.put(now(), key, "0123456789".into()).unwrap();
    }
    assert!(matches!(
        outbox.put(now(), 10, "".into()),
        Err(SendError::Full)
    ));
    outbox.put(now(), 3, "9876543210".into()).unwrap();
    text(&outbox).unwrap();
    outbox.put(now(), 10, "0123456789".into()).unwrap();
    // One value alone may be as large as it is.
    let outbox = ByKey::new(10);
    outbox
        .put(now(), "large", "x".repeat(1_000).into())
        .unwrap();
    assert!(matches!(
        outbox.put(now(), "more", "".into()),
        Err(SendError::Full)
    ));
}

#[test]
fn values_expire_when_their_time_is_over_and_not_before() {
    let outbox = InTime::new(Duration::from_millis(100), 10_000);
    let origin = now();
    let at = |millis| origin + Duration::from_millis(millis);
    outbox.put(at(0), "first".into());
    outbox.put(at(60), "second".into());
    assert_eq!(outbox.next(at(99)), Some(5));
    assert_eq!(outbox.next(at(100)), Some(6));
    assert_eq!(outbox.take(at(100)), Some("second".into()));
    let counts = outbox.counts();
    assert_eq!((counts.sent, counts.expired), (1, 1));
    assert_eq!(counts.age, Duration::from_millis(40));
}

#[test]
fn where_there_is_no_room_the_oldest_values_go() {
    let outbox = InTime::new(Duration::from_secs(60), 3 * (ENTRY + 1));
    for value in ["1", "2", "3", "4", "5"] {
        outbox.put(now(), value.into());
    }
    assert_eq!(text(&outbox).unwrap(), "3");
    assert_eq!(outbox.counts().overflowed, 2);
    outbox.put(now(), "x".repeat(10_000).into());
    assert_eq!(outbox.counts().overflowed, 4);
    assert_eq!(outbox.next(now()), Some(10_000));
}
