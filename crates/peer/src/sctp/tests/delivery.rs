use bytes::Bytes;

use super::super::wire::{self, Chunks, Data};
use super::super::{Event, Kind, Limit, Message, NegotiateError, Reliability, SendError};
use super::model::*;

/// A pair with one channel, announced or negotiated.
fn pair(reliability: Reliability, announced: bool, seed: u64) -> Pair {
    let mut pair = connect(limits(), 262_144, seed);
    let init = channel(1, reliability);
    if announced {
        pair.browser.announce(pair.now, &init);
        pair.run(ms(100));
        assert!(pair.server_events.contains(&Event::Opened(init)));
    } else {
        pair.server.negotiate(&init).unwrap();
        pair.browser.negotiate(&init).unwrap();
    }
    pair
}

fn each(mut test: impl FnMut(&mut Pair, End), reliability: Reliability) {
    for announced in [true, false] {
        for end in [Server, Browser] {
            for seed in 0..3 {
                let mut pair = pair(reliability, announced, seed);
                pair.weather = STORM;
                test(&mut pair, end);
            }
        }
    }
}

#[test]
fn a_reliable_channel_delivers_all_in_order() {
    each(
        |pair, end| {
            let came: Vec<u32> = pair.numbers(end, 1, 200).iter().map(|it| it.0).collect();
            assert_eq!(came, (0..200).collect::<Vec<_>>());
        },
        RELIABLE,
    );
}

#[test]
fn an_unordered_channel_delivers_all_and_waits_for_none() {
    let mut swapped = 0;
    each(
        |pair, end| {
            let came: Vec<u32> = pair.numbers(end, 1, 200).iter().map(|it| it.0).collect();
            swapped += came.windows(2).filter(|two| two[0] > two[1]).count();
            let mut sorted = came;
            sorted.sort_unstable();
            assert_eq!(sorted, (0..200).collect::<Vec<_>>());
        },
        UNORDERED,
    );
    assert!(swapped > 0);
}

#[test]
fn a_channel_without_retransmissions_sends_each_message_once() {
    each(
        |pair, end| {
            let came = pair.numbers(end, 1, 300);
            assert!(came.len() > 240 && came.len() < 300, "{}", came.len());
            assert!(came.iter().all(|(_, took)| *took <= 50));
            let sent = if end == Server {
                &pair.from_server
            } else {
                &pair.from_browser
            };
            let mut tsns: Vec<u32> = sent
                .iter()
                .flat_map(|(_, packet)| Chunks::of(packet).collect::<Vec<_>>())
                .filter(|chunk| chunk.kind == wire::DATA && chunk.value.len() == 16)
                .filter_map(|chunk| Some(Data::read(&chunk)?.tsn))
                .collect();
            let count = tsns.len();
            tsns.sort_unstable();
            tsns.dedup();
            assert_eq!(tsns.len(), count);
        },
        ONCE,
    );
}

#[test]
fn a_message_is_given_up_when_it_is_too_old() {
    let timed = Reliability {
        ordered: false,
        limit: Some(Limit::Lifetime(ms(300))),
    };
    each(
        |pair, end| {
            let came = pair.numbers(end, 1, 200);
            // The last retransmission is under way for 40 ms.
            assert!(came.iter().all(|(_, took)| *took <= 350));
            assert!(came.iter().any(|(_, took)| *took > 50));
            assert!(came.len() > 150);
            assert_eq!(pair.end(end).buffered(1), 0);
        },
        timed,
    );
}

#[test]
fn during_an_outage_a_lossy_channel_keeps_nothing_for_later() {
    let mut pair = pair(ONCE, true, 0);
    pair.weather.loss = 100;
    for number in 0..400_u32 {
        pair.send(Server, 1, number.to_be_bytes().to_vec());
        pair.run(ms(10));
    }
    pair.weather.loss = 0;
    pair.run(ms(15_000));
    let came = pair.receive(Browser, 1);
    pair.send(Server, 1, "after");
    pair.run(ms(50));
    // What waits for the window of one packet is sent once, late; the caller's queue is the cure.
    assert!(came.len() <= 400);
    assert_eq!(pair.receive(Browser, 1).last().unwrap().data, "after");
    assert_eq!(pair.server.buffered(1), 0);
}

#[test]
fn a_lost_message_is_sent_again_after_200_milliseconds() {
    let mut pair = pair(RELIABLE, true, 0);
    for _ in 0..20 {
        pair.send(Server, 1, "warm");
        pair.run(ms(100));
    }
    pair.receive(Browser, 1);
    // The first answer came late: while a channel opens none is asked for.
    assert!(pair.server.round_trip().is_some_and(|it| it < ms(30)));
    pair.weather.loss = 100;
    let lost = pair.now;
    pair.send(Server, 1, "lost");
    pair.weather.loss = 0;
    pair.run(ms(500));
    assert_eq!(pair.receive(Browser, 1)[0].data, "lost");
    let times = pair
        .from_server
        .iter()
        .filter(|(at, packet)| *at >= lost && packet.ends_with(b"lost"));
    let times: Vec<_> = times
        .map(|(at, _)| at.duration_since(lost).as_millis())
        .collect();
    assert_eq!(times, [0, 200]);
    assert_eq!(pair.server.stats().timeouts, 1);
}

#[test]
fn a_lone_message_is_acknowledged_at_once_and_sent_once() {
    let mut pair = pair(RELIABLE, true, 0);
    pair.weather.delay = (80, 80);
    for _ in 0..5 {
        pair.send(Server, 1, "tick");
        pair.run(ms(1_000));
    }
    assert_eq!(pair.server.stats().timeouts, 0);
    let round_trip = pair.server.round_trip().unwrap();
    assert!(round_trip > ms(20) && round_trip <= ms(160));
}

#[test]
fn empty_and_largest_messages_pass_both_ways() {
    for announced in [true, false] {
        let mut pair = pair(RELIABLE, announced, 0);
        let now = pair.now;
        let large = Bytes::from(vec![7; 65_536]);
        let cases = [
            (Kind::Text, Bytes::new()),
            (Kind::Binary, Bytes::new()),
            (Kind::Text, Bytes::from_static(b"\xff\xfe")),
            (Kind::Binary, large),
        ];
        for (kind, data) in cases {
            for (from, to) in [(Server, Browser), (Browser, Server)] {
                pair.end(from).send(now, 1, kind, &data).unwrap();
                pair.run(ms(2_000));
                let data = data.clone();
                assert_eq!(pair.receive(to, 1), [Message { kind, data }]);
            }
        }
    }
}

#[test]
fn a_message_that_is_too_large_is_lost_alone() {
    let mut pair = pair(RELIABLE, true, 0);
    let now = pair.now;
    let large = Bytes::from(vec![7; 262_145]);
    let refused = pair.server.send(now, 1, Kind::Text, &large);
    assert_eq!(refused, Err(SendError::TooLarge(262_144)));
    pair.send(Browser, 1, "before");
    pair.send(Browser, 1, vec![7; 65_537]);
    pair.send(Browser, 1, "after");
    pair.run(ms(2_000));
    let came: Vec<_> = pair
        .receive(Server, 1)
        .into_iter()
        .map(|it| it.data)
        .collect();
    assert_eq!(came, ["before", "after"]);
    assert!(pair.server_events.contains(&Event::TooLarge(1)));
    pair.send(Server, 1, "and back");
    pair.run(ms(100));
    assert_eq!(pair.receive(Browser, 1)[0].data, "and back");
}

#[test]
fn what_is_not_read_shuts_the_window_and_reading_opens_it_at_once() {
    let mut pair = pair(RELIABLE, true, 0);
    for _ in 0..20 {
        pair.send(Browser, 1, vec![1; 16_384]);
    }
    pair.run(ms(3_000));
    assert!(pair.browser.buffered(1) > 100_000);
    let held = pair.receive(Server, 1).len();
    assert!((7..=9).contains(&held), "{held}");
    let (at, update) = pair.from_server.last().unwrap();
    let window = wire::u32_at(update, wire::HEADER + 8).unwrap();
    assert_eq!((*at, update[wire::HEADER]), (pair.now, wire::SACK));
    assert!(window > 100_000, "{window}");
    let mut came = held;
    for _ in 0..300 {
        pair.run(ms(100));
        came += pair.receive(Server, 1).len();
    }
    assert_eq!(came, 20);
    assert_eq!(pair.browser.buffered(1), 0);
}

#[test]
fn small_messages_that_are_not_read_shut_the_window_too() {
    let mut pair = pair(RELIABLE, true, 0);
    for number in 0..3_000_u32 {
        pair.send(Browser, 1, number.to_be_bytes().to_vec());
    }
    pair.run(ms(10_000));
    let mut came = pair.receive(Server, 1);
    assert!(came.len() <= 512, "{}", came.len());
    for _ in 0..600 {
        pair.run(ms(100));
        came.extend(pair.receive(Server, 1));
    }
    let numbers: Vec<_> = came
        .iter()
        .map(|it| wire::u32_at(&it.data, 0).unwrap())
        .collect();
    assert_eq!(numbers.len(), 3_000);
    assert!(numbers.is_sorted());
}

#[test]
fn an_id_in_use_is_a_conflict() {
    let mut pair = pair(RELIABLE, true, 0);
    let conflict = pair.server.negotiate(&channel(1, RELIABLE));
    assert_eq!(conflict, Err(NegotiateError::Conflict));
    pair.server.negotiate(&channel(2, RELIABLE)).unwrap();
    let conflict = pair.server.negotiate(&channel(2, RELIABLE));
    assert_eq!(conflict, Err(NegotiateError::Conflict));
    let reserved = pair.server.negotiate(&channel(u16::MAX, RELIABLE));
    assert_eq!(reserved, Err(NegotiateError::Reserved));
    for id in 3..9 {
        pair.server.negotiate(&channel(id, RELIABLE)).unwrap();
    }
    let many = pair.server.negotiate(&channel(9, RELIABLE));
    assert_eq!(many, Err(NegotiateError::TooMany));
}

#[test]
fn a_channel_can_be_negotiated_before_the_association_is_up_or_after_data_came() {
    let mut pair = connect_with(limits(), 65_536, 0, |server| {
        server.negotiate(&channel(5, ONCE)).unwrap();
    });
    for id in [5, 6] {
        pair.browser.negotiate(&channel(id, RELIABLE)).unwrap();
        pair.send(Browser, id, "early");
        pair.send(Browser, id, "bird");
    }
    pair.run(ms(100));
    pair.server.negotiate(&channel(6, RELIABLE)).unwrap();
    pair.flush();
    for id in [5, 6] {
        assert!(pair.server_events.contains(&Event::Readable(id)));
        let came: Vec<_> = pair
            .receive(Server, id)
            .into_iter()
            .map(|it| it.data)
            .collect();
        assert_eq!(came, ["early", "bird"]);
        pair.send(Server, id, "worm");
        pair.run(ms(50));
        assert_eq!(pair.receive(Browser, id)[0].data, "worm");
    }
}

#[test]
fn an_announcement_on_an_id_in_use_changes_nothing() {
    let mut pair = pair(RELIABLE, true, 0);
    let again = super::super::dcep::write_open(&channel(1, ONCE));
    pair.browser.write_dcep(pair.now, 1, again);
    pair.send(Browser, 1, "still here");
    pair.run(ms(100));
    assert_eq!(pair.receive(Server, 1)[0].data, "still here");
    assert_eq!(pair.server.stats().unknown_messages, 1);
    let opened = pair
        .server_events
        .iter()
        .filter(|it| matches!(it, Event::Opened(_)));
    assert_eq!(opened.count(), 1);
}

#[test]
fn a_message_that_was_looked_at_is_still_received_first() {
    let mut pair = pair(RELIABLE, true, 0);
    assert!(!pair.server.has_message(1));
    for text in ["one", "two"] {
        pair.send(Browser, 1, text.to_owned());
    }
    pair.run(ms(500));
    for text in ["one", "two"] {
        assert!(pair.server.has_message(1) && pair.server.has_message(1));
        let data = pair.server.recv(1).map(|message| message.data);
        assert_eq!(data.as_deref(), Some(text.as_bytes()));
    }
    assert!(!pair.server.has_message(1));
    assert_eq!(pair.server.recv(1), None);
    // A closed channel has none.
    pair.send(Browser, 1, "three".to_owned());
    pair.run(ms(500));
    assert!(pair.server.has_message(1));
    pair.server.close(1);
    assert!(!pair.server.has_message(1));
}
