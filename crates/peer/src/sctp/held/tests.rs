use super::*;

fn data(tsn: u32, stream: u16, sequence: Option<u16>, is_first: bool, is_last: bool) -> Data {
    Data {
        tsn,
        stream,
        length: 100,
        unordered: sequence.is_none(),
        sequence: sequence.unwrap_or(0),
        is_first,
        is_last,
    }
}

/// A message of four fragments, less one.
fn lossy(held: &mut Held, first: u32, stream: u16, sequence: Option<u16>, lost: u32) {
    for index in (0..4).filter(|index| *index != lost) {
        let chunk = data(
            first.wrapping_add(index),
            stream,
            sequence,
            index == 0,
            index == 3,
        );
        held.took(&chunk);
    }
}

#[test]
fn what_is_given_up_is_not_held_any_more() {
    // TSNs wrap on the way.
    let mut cumulative = u32::MAX - 1_000;
    let mut held = Held::new(cumulative);
    held.set_ordered(5, false);
    held.set_ordered(6, false);
    for message in 0..1_000 {
        let sequence = (message % 2 == 1).then_some(message as u16);
        let first = cumulative.wrapping_add(1);
        let stream = if sequence.is_none() { 5 } else { 4 };
        lossy(&mut held, first, stream, sequence, message % 4);
        // Another has begun before this one is given up, so that the count is never nought.
        let next = first.wrapping_add(4);
        held.took(&data(next, 6, None, true, false));
        let streams = sequence.map(|sequence| (stream, sequence));
        held.forwarded(next.wrapping_sub(1), streams.as_slice());
        assert_eq!(held.count(), 1, "{message}");
        held.forwarded(next, &[]);
        assert_eq!(held.count(), 0, "{message}");
        cumulative = next;
    }
}

#[test]
fn what_was_not_read_of_a_stream_goes_with_it() {
    let mut held = Held::new(0);
    lossy(&mut held, 1, 1, Some(0), 2);
    held.took(&data(5, 1, Some(1), true, true));
    held.took(&data(6, 2, None, true, true));
    held.dropped(1);
    assert_eq!(held.count(), 1);
    held.forwarded(6, &[(1, 1)]);
    assert_eq!(held.count(), 1);
}

#[test]
fn what_is_whole_is_held_until_it_is_read() {
    let mut held = Held::new(100);
    for tsn in [104, 102, 101, 103] {
        assert!(!held.has(tsn));
        held.took(&data(tsn, 1, None, tsn == 101, tsn == 104));
        assert!(held.has(tsn));
    }
    held.took(&data(105, 2, Some(0), true, true));
    held.forwarded(106, &[(2, 7)]);
    assert_eq!(held.count(), 5);
    held.read(1, 4);
    held.read(2, 1);
    assert_eq!(held.count(), 0);
    assert!(held.has(106) && !held.has(107));
}

#[test]
fn a_message_that_is_given_up_in_its_middle_is_given_up_up_to_there() {
    let mut held = Held::new(0);
    held.set_ordered(1, false);
    lossy(&mut held, 1, 1, None, 3);
    held.forwarded(2, &[]);
    assert_eq!(held.count(), 1);
    held.forwarded(4, &[]);
    assert_eq!(held.count(), 0);
}

#[test]
fn what_the_engine_keeps_is_held() {
    let mut held = Held::new(0);
    held.set_ordered(2, false);
    lossy(&mut held, 1, 1, None, 3);
    lossy(&mut held, 5, 2, Some(0), 3);
    held.forwarded(8, &[(2, 0)]);
    assert_eq!(held.count(), 6);
}

#[test]
fn messages_side_by_side_are_not_taken_for_one() {
    let mut held = Held::new(0);
    held.took(&data(1, 1, Some(0), true, false));
    held.took(&data(2, 1, Some(1), false, true));
    held.took(&data(3, 2, Some(1), false, true));
    held.forwarded(3, &[(1, 1), (2, 1)]);
    assert_eq!(held.count(), 0);
}
