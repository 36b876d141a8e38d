use super::super::{Event, Kind, SendError};
use super::model::*;

fn open(pair: &mut Pair, id: u16) {
    let init = channel(id, RELIABLE);
    pair.browser.announce(pair.now, &init);
    for _ in 0..100 {
        pair.run(ms(100));
        if pair.server_events.contains(&Event::Opened(init.clone())) {
            return;
        }
    }
    panic!("not opened");
}

/// Runs until both ends have seen the channel closed, reading nothing.
fn closed(pair: &mut Pair, id: u16) {
    for _ in 0..300 {
        pair.run(ms(100));
        pair.receive(Server, id);
        pair.receive(Browser, id);
        let event = Event::Closed(id);
        if pair.server_events.contains(&event) && pair.browser_events.contains(&event) {
            return;
        }
    }
    panic!(
        "not closed: {:?} {:?}",
        pair.server_events, pair.browser_events
    );
}

#[test]
fn an_id_is_used_again_without_old_messages() {
    for seed in 0..6 {
        let mut pair = connect(limits(), 65_536, seed);
        pair.weather = if seed == 0 { CALM } else { STORM };
        for round in 0..20_u32 {
            pair.server_events.clear();
            pair.browser_events.clear();
            open(&mut pair, 3);
            for number in 0..10 {
                let text = format!("{round} {number}");
                pair.send(Server, 3, text.clone());
                pair.send(Browser, 3, text);
            }
            if round % 3 != 0 {
                pair.run(ms(2_000));
                for end in [Server, Browser] {
                    let came = pair.receive(end, 3);
                    let round = format!("{round} ");
                    assert!(came.iter().all(|it| it.data.starts_with(round.as_bytes())));
                }
            }
            match round % 4 {
                0 => pair.server.close(3),
                1 => pair.browser.close(3),
                _ => {
                    pair.server.close(3);
                    pair.browser.close(3);
                }
            }
            closed(&mut pair, 3);
        }
    }
}

#[test]
fn what_was_sent_before_a_close_arrives() {
    for (from, to) in [(Server, Browser), (Browser, Server)] {
        let mut pair = connect(limits(), 65_536, 1);
        pair.weather = STORM;
        open(&mut pair, 3);
        for _ in 0..30 {
            pair.send(from, 3, vec![9; 20_000]);
        }
        pair.end(from).close(3);
        let now = pair.now;
        let data = "late".into();
        let late = pair.end(from).send(now, 3, Kind::Text, &data);
        assert_eq!(late, Err(SendError::Closed));
        let mut came = 0;
        for _ in 0..600 {
            pair.run(ms(100));
            came += pair.receive(to, 3).len();
        }
        assert_eq!(came, 30);
        closed(&mut pair, 3);
    }
}

#[test]
fn a_channel_that_the_browser_closed_can_be_read_to_its_end_and_not_written() {
    let mut pair = connect(limits(), 65_536, 0);
    open(&mut pair, 3);
    pair.send(Browser, 3, "last words");
    pair.browser.close(3);
    pair.run(ms(1_000));
    assert!(pair.server_events.contains(&Event::Closing(3)));
    assert!(!pair.server_events.contains(&Event::Closed(3)));
    let data = "no".into();
    let refused = pair.server.send(pair.now, 3, Kind::Text, &data);
    assert_eq!(refused, Err(SendError::Closed));
    assert_eq!(pair.receive(Server, 3)[0].data, "last words");
    closed(&mut pair, 3);
}

#[test]
fn other_channels_go_on_while_one_closes() {
    let mut pair = connect(limits(), 65_536, 0);
    open(&mut pair, 3);
    open(&mut pair, 5);
    pair.server.close(3);
    pair.flush();
    pair.send(Server, 5, "here");
    pair.send(Browser, 5, "there");
    closed(&mut pair, 3);
    pair.send(Server, 5, "still");
    pair.run(ms(50));
    assert_eq!(pair.receive(Browser, 5).last().unwrap().data, "still");
}

#[test]
fn a_channel_too_many_or_with_a_long_label_is_closed_and_its_id_is_free() {
    let mut pair = connect(limits(), 65_536, 0);
    let mut long = channel(0, RELIABLE);
    long.label = "é".repeat(51);
    pair.browser.announce(pair.now, &long);
    closed_by_server(&mut pair, 0);
    let mut huge = super::super::dcep::write_open(&long);
    huge.resize(40_000, b'x');
    pair.browser.announce_raw(pair.now, &long, huge);
    closed_by_server(&mut pair, 0);
    for id in 0..8 {
        open(&mut pair, id);
    }
    pair.browser.announce(pair.now, &channel(8, RELIABLE));
    closed_by_server(&mut pair, 8);
    assert_eq!(pair.server.stats().refused_channels, 3);
    pair.server.close(7);
    pair.run(ms(500));
    pair.receive(Browser, 7);
    pair.run(ms(500));
    open(&mut pair, 8);
}

fn closed_by_server(pair: &mut Pair, id: u16) {
    pair.browser_events.clear();
    for _ in 0..10 {
        pair.run(ms(500));
        pair.receive(Browser, id);
    }
    assert!(pair.browser_events.contains(&Event::Closed(id)));
    assert!(!pair.server_events.contains(&Event::Closed(id)));
}

#[test]
fn an_abort_ends_the_other_end() {
    let mut pair = connect(limits(), 65_536, 0);
    open(&mut pair, 3);
    pair.server.abort();
    pair.run(ms(50));
    let end = super::super::End::Aborted;
    assert_eq!(pair.browser_events.last(), Some(&Event::Ended(end)));
    assert_eq!(pair.server.poll_timeout(), None);
}

#[test]
fn an_id_that_is_used_again_shows_that_the_lost_answer_was_given() {
    let mut pair = connect(limits(), 65_536, 0);
    for text in ["one", "two"] {
        let mut server_first = pair.server_events.len();
        open(&mut pair, 3);
        pair.send(Browser, 3, text);
        pair.run(ms(50));
        assert_eq!(pair.receive(Server, 3)[0].data, text);
        pair.browser.close(3);
        // The browser takes our reset, and every answer of its is lost.
        while !pair.browser_events.contains(&Event::Closed(3)) {
            pair.run(ms(1));
            let asked = pair.server_events[server_first..].contains(&Event::Closing(3));
            pair.deaf = asked;
        }
        pair.deaf = false;
        assert!(!pair.server_events[server_first..].contains(&Event::Closed(3)));
        server_first = pair.server_events.len();
        pair.browser_events.clear();
        pair.browser.announce(pair.now, &channel(3, UNORDERED));
        pair.run(ms(15));
        let events = &pair.server_events[server_first..];
        assert_eq!(events[0], Event::Closed(3));
        assert_eq!(events[1], Event::Opened(channel(3, UNORDERED)));
        pair.server.close(3);
        closed(&mut pair, 3);
        pair.server_events.clear();
        pair.browser_events.clear();
    }
}
