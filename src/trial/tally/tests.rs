use super::*;
use crate::trial::Way;
use proptest::prelude::*;

const RUN: u32 = 7;
const SETTINGS: Settings = Settings {
    size: 20,
    rate: 100,
    seconds: 2,
    way: Way::Connection,
    ordered: false,
    again: crate::trial::Again::Times(0),
};

/// A run that has sent so many messages, one each 10 ms from 1000 on.
fn tally(sent: u32) -> Tally {
    let mut tally = Tally::new(RUN, &SETTINGS, 1_000.0);
    for number in 0..sent {
        let now = sent_at(number);
        assert_eq!(tally.next(now).number, number);
        tally.sent(now);
    }
    tally
}

fn sent_at(number: u32) -> f64 {
    1_000.0 + f64::from(number) * 10.0
}

fn bytes(number: u32) -> [u8; 20] {
    let mut bytes = [0; 20];
    let message = Message {
        run: RUN,
        number,
        sent: sent_at(number),
    };
    message.write(&mut bytes);
    bytes
}

#[test]
fn known_numbers() {
    let mut tally = tally(5);
    tally.queued(40, 1_000.0);
    tally.queued(0, 1_010.0);
    for (number, now) in [
        (0, 1_005.0),
        (3, 1_050.0),
        (2, 1_050.0),
        (3, 1_060.0),
        (4, 1_100.0),
    ] {
        tally.returned(&bytes(number), now);
    }
    let counts = (tally.sent, tally.returned, tally.missing());
    assert_eq!(counts, (5, 4, 1));
    assert_eq!((tally.out_of_order, tally.duplicates), (1, 1));
    assert_eq!(tally.most_queued, 40);
    assert_eq!(tally.round_trips.percentile(100), Some(60 * PARTS));
    assert_eq!(tally.timeline.slices[0].slowest, Some(5 * PARTS));
    // 100 bytes in the 100 ms until now, and 80 back in as many.
    assert_eq!(tally.throughput(1_100.0), [1_000.0, 800.0]);
    // What comes back later than the last is sent takes longer.
    tally.returned(&bytes(1), 1_200.0);
    assert_eq!(tally.throughput(1_100.0), [1_000.0, 500.0]);
    assert_eq!(tally.out_of_order, 2);
}

#[test]
fn a_series_in_order_has_none_out_of_it_though_some_are_lost() {
    let mut tally = tally(100);
    for number in (0..100).step_by(3) {
        tally.returned(&bytes(number), 2_500.0);
    }
    assert_eq!((tally.out_of_order, tally.missing()), (0, 66));
}

#[test]
fn what_is_not_ours_is_left_out() {
    let mut tally = tally(5);
    let altered = |change: fn(&mut Message)| {
        let mut message = Message::read(&bytes(1)).unwrap();
        change(&mut message);
        let mut bytes = [0; 20];
        message.write(&mut bytes);
        bytes
    };
    let strange = [
        altered(|message| message.run += 1),
        altered(|message| message.number = 5),
        altered(|message| message.number = u32::MAX),
        altered(|message| message.sent = 999.0),
        altered(|message| message.sent = 1e9),
        altered(|message| message.sent = f64::NAN),
        altered(|message| message.sent = f64::NEG_INFINITY),
    ];
    for message in strange {
        tally.returned(&message, 1_100.0);
    }
    tally.returned(&bytes(1)[..19], 1_100.0);
    tally.returned(b"Refused: no", 1_100.0);
    let counts = (tally.returned, tally.duplicates, tally.round_trips.total());
    assert_eq!(counts, (0, 0, 0));
}

#[test]
fn waits_for_what_is_missing_while_something_comes() {
    let mut tally = tally(3);
    let sent = sent_at(2);
    assert!(tally.is_awaiting(0, sent + QUIET - 1.0));
    assert!(!tally.is_awaiting(0, sent + QUIET));
    assert!(tally.is_awaiting(1, sent + QUIET));
    assert!(!tally.is_awaiting(1, sent + LONGEST_WAIT));
    tally.returned(&bytes(0), sent + 3_000.0);
    assert!(tally.is_awaiting(0, sent + QUIET));
    assert!(!tally.is_awaiting(0, sent + 3_000.0 + QUIET));
    tally.returned(&bytes(1), sent + 3_000.0);
    tally.returned(&bytes(2), sent + 3_000.0);
    assert!(!tally.is_awaiting(1, sent + 3_000.0));
}

#[test]
fn nothing_sent_is_nothing_missing() {
    let tally = tally(0);
    assert!(!tally.is_awaiting(0, 1_000.0));
    assert_eq!(tally.throughput(1_000.0), [0.0, 0.0]);
}

proptest! {
    #[test]
    fn whatever_comes_the_counts_add_up(
        sent in 0..200_u32,
        numbers in prop::collection::vec(0..250_u32, 0..400),
        garbage in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..20),
    ) {
        let mut tally = tally(sent);
        for &number in &numbers {
            tally.returned(&bytes(number), 10_000.0);
        }
        for bytes in &garbage {
            tally.returned(bytes, 10_000.0);
        }
        let ours = numbers.iter().filter(|&&number| number < sent);
        prop_assert_eq!((tally.returned + tally.duplicates) as usize, ours.count());
        prop_assert!(tally.returned <= tally.sent);
        prop_assert!(tally.out_of_order <= tally.returned);
        prop_assert_eq!(tally.round_trips.total(), tally.returned);
        let missing: u32 = tally.timeline.slices.iter().map(|slice| slice.missing()).sum();
        prop_assert_eq!(missing, tally.missing());
    }
}
