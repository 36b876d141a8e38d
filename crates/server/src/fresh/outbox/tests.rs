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
    let by_key = ByKey::new(10_000, false);
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
    let outbox = ByKey::new(10_000, false);
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
    let outbox = ByKey::new(3 * (ENTRY + 10), false);
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

/// What leaves until a time, with when, in milliseconds.
fn leaves(outbox: &ByKey<&'static str>, begun: Instant, until: u64) -> Vec<(u64, String)> {
    let mut left = Vec::new();
    for at in 0..until {
        let now = begun + Duration::from_millis(at);
        while outbox.next(now).is_some() {
            left.push((at, text_at(outbox, now).unwrap()));
        }
    }
    left
}

#[test]
fn where_messages_are_lost_the_last_value_of_a_quiet_key_leaves_six_times() {
    let outbox = ByKey::new(10_000, true);
    let begun = now();
    outbox.put(begun, "a", "a1".into());
    let times: Vec<u64> = leaves(&outbox, begun, 20_000)
        .iter()
        .map(|it| it.0)
        .collect();
    assert_eq!(times, [0, 200, 600, 1_400, 3_000, 6_200]);
    assert_eq!((outbox.counts().sent, outbox.wakes_at()), (1, None));
    assert_eq!(lock(&outbox.state).bytes, 0);
}

#[test]
fn a_newer_value_ends_the_copies_of_the_one_before() {
    let outbox = ByKey::new(10_000, true);
    let begun = now();
    outbox.put(begun, "a", "a1".into());
    assert_eq!(leaves(&outbox, begun, 300).len(), 2);
    outbox.put(begun, "a", "a2".into());
    let later = leaves(&outbox, begun + Duration::from_millis(300), 20_000);
    assert_eq!(later.len(), 6);
    assert!(later.iter().all(|(_, value)| value == "a2"));
    assert_eq!(outbox.counts().replaced, 0);
}

#[test]
fn copies_wait_for_what_is_new_and_keep_no_room() {
    let outbox = ByKey::new(20 * (ENTRY + 10), true);
    let begun = now();
    let mut hand_over = |_: Kind, _: &Bytes| Ok(true);
    for number in 0..10_000_u64 {
        let at = begun + Duration::from_millis(number);
        // There is always one more that is new.
        let keys = ["a", "b", "c", "d", "e", "f", "g", "h"];
        outbox.put(at, keys[number as usize % 8], "0123456789".into());
        outbox.put(at, keys[(number as usize + 1) % 8], "0123456789".into());
        assert!(outbox.next(at).is_some());
        outbox.leave(at, &mut hand_over).unwrap();
        let state = lock(&outbox.state);
        assert!(state.bytes <= outbox.limit);
        assert!(state.again.iter().all(|queue| queue.len() <= 200));
    }
    assert_eq!(outbox.counts().overflowed, 0);
}

#[test]
fn a_value_that_is_to_leave_once_does() {
    let outbox = ByKey::new(10_000, true);
    outbox.once();
    let begun = now();
    outbox.put(begun, "a", "a1".into());
    assert_eq!(leaves(&outbox, begun, 20_000).len(), 1);
}
