//! INIT of our own.

use std::sync::Arc;
use std::time::Instant;

use super::super::wire::{self, HEADER};
use super::super::{Event, Kind, Sctp, SctpConfig};
use super::abuse::mutated;
use super::model::{RELIABLE, channel, limits, ms};

fn end() -> Sctp {
    let mut end = Sctp::new(Arc::new(SctpConfig::new(limits())), None);
    end.negotiate(&channel(1, RELIABLE)).unwrap();
    end
}

fn is(packet: &[u8], kind: u8) -> bool {
    packet.get(HEADER) == Some(&kind)
}

/// Hands packets over until there are none, but those that are lost.
fn exchange(now: Instant, ends: &mut [Sctp; 2], is_lost: impl Fn(usize, &[u8]) -> bool) {
    loop {
        let mut any = false;
        for from in [0, 1] {
            let packets: Vec<_> = std::iter::from_fn(|| ends[from].poll_transmit(now)).collect();
            any |= !packets.is_empty();
            for packet in packets.into_iter().filter(|it| !is_lost(from, it)) {
                ends[1 - from].handle(now, packet);
            }
        }
        if !any {
            return;
        }
    }
}

fn assert_talk(now: Instant, ends: &mut [Sctp; 2]) {
    for end in &mut *ends {
        assert_eq!(end.poll_event(), Some(Event::Up));
        end.send(now, 1, Kind::Text, &"hello".into()).unwrap();
    }
    exchange(now, ends, |_, _| false);
    for end in ends {
        assert_eq!(&end.recv(1).unwrap().data[..], b"hello");
    }
}

#[test]
fn who_waits_is_called_when_it_is_time() {
    let start = Instant::now();
    let mut ends = [end(), end()];
    ends[0].call_at(start + ms(100));
    assert_eq!(ends[0].poll_timeout(), Some(start + ms(100)));
    ends[0].handle_timeout(start + ms(99));
    assert_eq!(ends[0].poll_transmit(start), None);
    let now = start + ms(100);
    ends[0].handle_timeout(now);
    exchange(now, &mut ends, |_, _| false);
    assert_talk(now, &mut ends);
}

#[test]
fn a_call_that_is_lost_is_made_again_whatever_part_of_it_was_lost() {
    for lost in [
        wire::INIT,
        wire::INIT_ACK,
        wire::COOKIE_ECHO,
        wire::COOKIE_ACK,
    ] {
        let mut now = Instant::now();
        let mut ends = [end(), end()];
        ends[0].call_at(now);
        ends[0].handle_timeout(now);
        exchange(now, &mut ends, |_, packet| is(packet, lost));
        assert_eq!(ends[0].poll_event(), None);
        now = ends[0].poll_timeout().unwrap();
        ends[0].handle_timeout(now);
        exchange(now, &mut ends, |_, _| false);
        assert_talk(now, &mut ends);
    }
}

#[test]
fn calls_that_cross_make_one_association() {
    for lost in [None, Some(0), Some(1)] {
        let mut now = Instant::now();
        let mut ends = [end(), end()];
        for end in &mut ends {
            end.call_at(now);
            end.handle_timeout(now);
        }
        // Each has sent INIT before it has the other's.
        let calls = [0, 1].map(|it| ends[it].poll_transmit(now).unwrap());
        for (from, call) in calls.into_iter().enumerate() {
            if lost != Some(from) {
                ends[1 - from].handle(now, call);
            }
        }
        exchange(now, &mut ends, |_, _| false);
        let mut is_up = [false; 2];
        for _ in 0..10 {
            for (end, is_up) in ends.iter_mut().zip(&mut is_up) {
                *is_up |= end.poll_event() == Some(Event::Up);
            }
            if is_up == [true; 2] {
                break;
            }
            let due = ends.iter().filter_map(Sctp::poll_timeout).min();
            now = now.max(due.unwrap());
            for end in &mut ends {
                end.handle_timeout(now);
            }
            exchange(now, &mut ends, |_, _| false);
        }
        assert_eq!(is_up, [true; 2], "lost: {lost:?}");
        for end in &mut ends {
            end.send(now, 1, Kind::Text, &"hello".into()).unwrap();
        }
        exchange(now, &mut ends, |_, _| false);
        for end in &mut ends {
            assert_eq!(&end.recv(1).unwrap().data[..], b"hello");
        }
    }
}

#[test]
fn an_init_that_came_needs_no_call() {
    let now = Instant::now();
    let mut ends = [end(), end()];
    ends[0].call_at(now);
    ends[0].handle_timeout(now);
    ends[1].call_at(now + ms(100));
    exchange(now, &mut ends, |_, _| false);
    assert_talk(now, &mut ends);
    ends[1].handle_timeout(now + ms(100));
    exchange(now, &mut ends, |_, packet| {
        assert!(!is(packet, wire::INIT));
        false
    });
}

#[test]
fn an_answer_to_a_call_that_is_changed_makes_no_panic() {
    let mut rng = fastrand::Rng::with_seed(9);
    let now = Instant::now();
    for _ in 0..2_000 {
        let mut ends = [end(), end()];
        ends[0].call_at(now);
        ends[0].handle_timeout(now);
        let init = ends[0].poll_transmit(now).unwrap();
        ends[1].handle(now, init);
        let answer = ends[1].poll_transmit(now).unwrap();
        for _ in 0..10 {
            ends[0].handle(now, mutated(&mut rng, &answer));
            while ends[0].poll_transmit(now).is_some() {}
            ends[0].handle_timeout(now);
        }
    }
}
