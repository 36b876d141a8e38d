use super::*;

fn now() -> Instant {
    Instant::now()
}

/// What leaves next.
fn text(outbox: &impl Outbox) -> Option<String> {
    text_at(outbox, now())
}

fn text_at(outbox: &impl Outbox, at: Instant) -> Option<String> {
    let mut left = None;
    let mut hand_over = |kind, data: &Bytes| {
        assert_eq!(kind, Kind::Text);
        left = Some(String::from_utf8(data.to_vec()).unwrap());
        Ok(true)
    };
    assert!(outbox.leave(at, &mut hand_over).unwrap());
    left
}

#[test]
fn a_value_that_finds_no_room_or_an_error_stays_until_a_newer_one_comes() {
    let by_key = ByKey::new(10_000);
    by_key.put(now(), "a", "a1".into());
    let in_time = InTime::new(Duration::from_secs(60), 10_000);
    in_time.put(now(), "a1".into());
    for outbox in [&by_key as &dyn Outbox, &in_time] {
        assert!(!outbox.leave(now(), &mut |_, _| Ok(false)).unwrap());
        let failed = outbox.leave(now(), &mut |_, _| Err(SendError::Closed));
        assert!(matches!(failed, Err(SendError::Closed)));
        assert_eq!(outbox.next(now()), Some(2));
        assert_eq!(outbox.counts(), Counts::default());
    }
    by_key.put(now(), "a", "newer".into());
    assert_eq!(text(&by_key).unwrap(), "newer");
    assert_eq!(text(&in_time).unwrap(), "a1");
}

#[test]
fn a_newer_value_takes_the_place_and_the_turn_of_an_unsent_one() {
    let outbox = ByKey::new(10_000);
    for (key, value) in [("a", "a1"), ("b", "b1"), ("a", "a2"), ("c", "c1")] {
        outbox.put(now(), key, value.into());
    }
    assert_eq!(text(&outbox).unwrap(), "a2");
    outbox.put(now(), "a", "a3".into());
    assert_eq!(text(&outbox).unwrap(), "b1");
    assert_eq!(text(&outbox).unwrap(), "c1");
    assert_eq!(text(&outbox).unwrap(), "a3");
    assert_eq!(text(&outbox), None);
    let counts = outbox.counts();
    assert_eq!((counts.sent, counts.replaced), (4, 1));
}

#[test]
fn where_there_is_no_room_the_keys_go_whose_turn_is_next() {
    let outbox = ByKey::new(3 * (ENTRY + 10));
    for key in 0..5 {
        outbox.put(now(), key, format!("{key}123456789").into());
    }
    assert_eq!(outbox.counts().overflowed, 2);
    // A known key takes no room that it had not.
    outbox.put(now(), 3, "9876543210".into());
    assert_eq!(outbox.counts().overflowed, 2);
    for left in ["2123456789", "9876543210", "4123456789"] {
        assert_eq!(text(&outbox).unwrap(), left);
    }
    assert_eq!(text(&outbox), None);
    // One value alone may be as large as it is, and makes room for itself.
    outbox.put(now(), 1, "small".into());
    outbox.put(now(), 2, "x".repeat(1_000).into());
    assert_eq!(outbox.next(now()), Some(1_000));
    assert_eq!(outbox.counts().overflowed, 3);
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
    assert_eq!(text_at(&outbox, at(100)).unwrap(), "second");
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
