//! Messages that are sent once, beside the engine.

use super::super::wire::{self, Builder, Chunks, u32_at};
use super::super::{End as Ended, Event};
use super::model::*;

/// A pair with a lossy channel 1 and a reliable one 2.
fn pair(seed: u64) -> Pair {
    let mut pair = connect(limits(), 262_144, seed);
    for init in [channel(1, ONCE), channel(2, RELIABLE)] {
        pair.server.negotiate(&init).unwrap();
        pair.browser.negotiate(&init).unwrap();
    }
    pair
}

fn numbers(pair: &mut Pair, end: End, id: u16) -> Vec<u32> {
    let messages = pair.receive(end, id);
    let number = |it: &super::super::Message| u32_at(&it.data, 0).unwrap();
    messages.iter().map(number).collect()
}

#[test]
fn what_is_sent_once_leaves_at_once_whatever_is_lost() {
    let mut pair = pair(1);
    pair.weather = Weather { loss: 30, ..CALM };
    for round in 0..50_u32 {
        let before = pair.from_server.len();
        for number in 0..20_u32 {
            assert!(pair.send_once(Server, 1, vec![number as u8; 1_100]));
        }
        let data = |it: &&(_, bytes::Bytes)| is_data(&it.1);
        let left = pair.from_server[before..].iter().filter(data).count();
        assert_eq!(left, 20, "round {round}");
        pair.run(ms(50));
        pair.receive(Browser, 1);
    }
}

fn is_data(packet: &[u8]) -> bool {
    Chunks::of(packet).any(|chunk| chunk.kind == wire::DATA)
}

/// At a loss in both directions, with what goes through the engine beside it.
#[test]
fn what_is_sent_once_comes_in_its_time_or_not_and_the_rest_comes_whole() {
    for seed in 0..8 {
        let mut pair = pair(seed);
        pair.weather = Weather {
            loss: 5 * u32::try_from(seed).unwrap(),
            twice: 5,
            delay: (10, 20),
        };
        let (mut once, mut reliable) = (Vec::new(), Vec::new());
        for number in 0..400_u32 {
            pair.send_once(Server, 1, number.to_be_bytes().to_vec());
            if number % 4 == 0 {
                pair.send(Server, 2, (number / 4).to_be_bytes().to_vec());
            }
            pair.run(ms(20));
            let came = numbers(&mut pair, Browser, 1);
            assert!(
                came.iter().all(|it| *it + 2 > number),
                "{came:?} at {number}"
            );
            once.extend(came);
            reliable.extend(numbers(&mut pair, Browser, 2));
        }
        for _ in 0..100 {
            pair.run(ms(100));
            reliable.extend(numbers(&mut pair, Browser, 2));
        }
        once.extend(numbers(&mut pair, Browser, 1));
        assert_eq!(reliable, (0..100).collect::<Vec<_>>(), "seed {seed}");
        let mut sorted = once.clone();
        sorted.sort_unstable();
        sorted.dedup();
        assert_eq!(sorted.len(), once.len(), "twice");
        let expected = 400 * (100 - pair.weather.loss as usize) / 100;
        assert!(once.len().abs_diff(expected) < 40, "{} of 400", once.len());
    }
}

/// Of what the engine has sent last, only what is sent once tells that it is lost.
#[test]
fn a_reliable_message_is_sent_again_when_later_ones_have_come() {
    let mut pair = pair(3);
    pair.weather = CALM;
    pair.send_once(Server, 1, vec![0]);
    pair.run(ms(100));
    pair.weather.loss = 100;
    pair.send(Server, 2, vec![0; 4]);
    pair.weather.loss = 0;
    for _ in 0..4 {
        pair.send_once(Server, 1, vec![0]);
        pair.run(ms(5));
    }
    pair.run(ms(30));
    assert_eq!(numbers(&mut pair, Browser, 2), [0]);
    pair.run(ms(1_000));
    let again = |(_, packet): &&(_, bytes::Bytes)| {
        Chunks::of(packet).any(|it| it.kind == wire::DATA && it.value.ends_with(&[0; 4]))
    };
    assert_eq!(pair.from_server.iter().filter(again).count(), 2);
}

/// The client performs a reset once it has all before it, and what is lost it never has.
#[test]
fn a_channel_closes_whose_last_messages_are_lost() {
    for end in [Server, Browser] {
        let mut pair = pair(4);
        pair.weather = CALM;
        pair.weather.loss = 100;
        for _ in 0..5 {
            pair.send_once(Server, 1, vec![7]);
        }
        pair.run(ms(100));
        pair.weather.loss = 0;
        pair.end(end).close(1);
        pair.run(ms(5_000));
        for events in [&pair.server_events, &pair.browser_events] {
            assert!(events.contains(&Event::Closed(1)), "{events:?}");
        }
        // And the id is free.
        for it in [Server, Browser] {
            pair.end(it).negotiate(&channel(1, ONCE)).unwrap();
        }
        pair.send_once(Server, 1, 9_u32.to_be_bytes().to_vec());
        pair.run(ms(50));
        assert_eq!(numbers(&mut pair, Browser, 1), [9]);
    }
}

/// A path that is gone holds no more than there may be.
#[test]
fn what_is_under_way_is_bounded_and_goes_on_afterwards() {
    let mut pair = pair(5);
    pair.weather = CALM;
    pair.weather.loss = 100;
    let taken = (0..3_000).filter(|_| pair.send_once(Server, 1, vec![1]));
    assert_eq!(taken.count(), 2_048);
    pair.run(ms(30_000));
    pair.weather.loss = 0;
    pair.run(ms(3_000));
    assert!(pair.send_once(Server, 1, 9_u32.to_be_bytes().to_vec()));
    pair.send(Server, 2, 8_u32.to_be_bytes().to_vec());
    pair.run(ms(300));
    assert_eq!(numbers(&mut pair, Browser, 1), [9]);
    assert_eq!(numbers(&mut pair, Browser, 2), [8]);
}

#[test]
fn a_message_for_more_than_a_packet_comes_too() {
    let mut pair = pair(6);
    for length in [0, 1, wire::MAX_WHOLE, wire::MAX_WHOLE + 1, 60_000] {
        assert!(pair.send_once(Server, 1, vec![5; length]));
        pair.run(ms(500));
        let came = pair.receive(Browser, 1);
        assert_eq!(came.len(), 1);
        assert_eq!(came[0].data.len(), length);
    }
}

#[test]
fn an_acknowledgement_of_what_was_never_sent_ends_the_association() {
    let mut pair = pair(7);
    pair.send_once(Server, 1, vec![1]);
    pair.run(ms(300));
    let live = pair.server.live.as_ref().unwrap();
    let mut value = live.beside.sent.wrapping_add(9).to_be_bytes().to_vec();
    value.extend([0, 1, 0, 0, 0, 0, 0, 0]);
    let sack = Builder::new(live.link.from_peer, 64)
        .chunk(wire::SACK, 0, &value)
        .finish();
    pair.server.handle(pair.now, sack);
    pair.flush();
    assert!(pair.server_events.contains(&Event::Ended(Ended::Failed)));
}
