use std::time::{Duration, Instant};
use tickwire_auth::fetch::Refresh;

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[test]
fn it_is_every_five_minutes_or_as_is_said_within_bounds() {
    let now = Instant::now();
    let mut refresh = Refresh::new(now);
    assert_eq!(refresh.next(), now);
    for (age, wait) in [
        (None, 300),
        (Some(600), 600),
        (Some(0), 60),
        (Some(u64::MAX), 3_600),
    ] {
        refresh.fetched(now, age.map(seconds));
        assert_eq!(refresh.next(), now + seconds(wait));
    }
}

#[test]
fn an_unknown_key_is_fetched_for_but_not_too_often() {
    let now = Instant::now();
    let mut refresh = Refresh::new(now);
    refresh.fetched(now, None);
    refresh.unknown_key_seen(now + seconds(1));
    assert_eq!(refresh.next(), now + seconds(30));
    refresh.fetched(now, None);
    refresh.unknown_key_seen(now + seconds(40));
    assert_eq!(refresh.next(), now + seconds(40));
    // It does not put off what is due.
    refresh.unknown_key_seen(now + seconds(50));
    assert_eq!(refresh.next(), now + seconds(40));
}

#[test]
fn failures_are_ever_further_apart() {
    let now = Instant::now();
    let mut refresh = Refresh::new(now);
    for wait in [5, 10, 20, 40, 80, 160, 300, 300] {
        refresh.failed(now);
        assert_eq!(refresh.next(), now + seconds(wait));
        refresh.unknown_key_seen(now);
        assert_eq!(refresh.next(), now + seconds(wait));
    }
    refresh.fetched(now, None);
    refresh.failed(now);
    assert_eq!(refresh.next(), now + seconds(5));
}
