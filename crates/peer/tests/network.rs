//! A peer and a client of another make, over a network that loses, doubles, delays and changes
//! addresses. Time is simulated: what takes hours here takes a moment.

mod support;

use std::net::SocketAddr;
use std::time::Duration;
use str0m::channel::ChannelConfig;
use support::{Conditions, World};
use tickwire_peer::peer::{End, Event};

const BAD: Conditions = Conditions {
    lost: 10,
    doubled: 5,
    jitter: 20,
};

fn echo() -> ChannelConfig {
    ChannelConfig {
        label: "echo".to_owned(),
        ..Default::default()
    }
}

#[test]
fn a_peer_opens_in_five_round_trips() {
    let mut world = World::new(1, Conditions::GOOD, echo());
    assert!(world.until(5, |world| world.is_open()));
    // Check, ClientHello, its last flight, INIT, COOKIE ECHO; and the client's timer.
    assert!(
        world.elapsed() < Duration::from_millis(100),
        "{:?}",
        world.elapsed()
    );
}

#[test]
fn all_of_a_hundred_peers_open_and_echo_in_order_over_a_bad_network() {
    for seed in 0..100 {
        let mut world = World::new(seed, BAD, echo());
        assert!(world.until(30, |world| world.is_open()), "seed {seed}");
        let mut sent = 0;
        let all = world.until(120, |world| {
            world.serve();
            if sent < 100 && world.send(&sent.to_string()) {
                sent += 1;
            }
            world.received.len() == 100
        });
        assert!(all, "seed {seed}: {} of {sent}", world.received.len());
        let expected: Vec<Vec<u8>> = (0..100).map(|number| number.to_string().into()).collect();
        assert_eq!(world.received, expected, "seed {seed}");
    }
}

#[test]
fn a_client_that_is_dtls_server_and_waits_for_init_is_called() {
    for seed in 0..20 {
        let mut world = World::with_setup(seed, BAD, echo(), "passive");
        assert!(world.until(30, |world| world.is_open()), "seed {seed}");
        world.echoes = true;
        assert!(world.send("to and fro"));
        assert!(
            world.until(30, |world| world.received.len() == 1),
            "seed {seed}"
        );
    }
}

#[test]
fn what_is_answered_at_once_leaves_with_the_acknowledgement() {
    let mut world = World::new(5, Conditions::GOOD, echo());
    assert!(world.until(5, |world| world.is_open()));
    world.echoes = true;
    world.until(2, |_| false);
    let before = world.left_with_data;
    for number in 1..=20 {
        assert!(world.send(&number.to_string()));
        assert!(world.until(1, |world| world.received.len() == number));
    }
    assert_eq!(world.left_with_data - before, 20);
}

#[test]
fn a_lone_answer_is_not_sent_twice() {
    let mut world = World::new(6, Conditions::GOOD, echo());
    assert!(world.until(5, |world| world.is_open()));
    world.echoes = true;
    world.until(2, |_| false);
    for number in 1..=20 {
        let before = world.left_with_data;
        assert!(world.send(&number.to_string()));
        world.until(2, |_| false);
        assert_eq!(world.received.len(), number);
        // The acknowledgement of a message that no other follows waits for a while.
        assert_eq!(world.left_with_data - before, 2, "message {number}");
    }
}

#[test]
fn a_client_is_followed_through_fifty_addresses_between_losses() {
    let mut world = World::new(7, BAD, echo());
    assert!(world.until(30, |world| world.is_open()));
    for number in 0..50 {
        world.rebind();
        let count = world.received.len();
        // Sent to the old address at first: it has to arrive at the new one.
        world.push(&number.to_string());
        assert!(
            world.until(30, |world| world.received.len() > count),
            "lost the client at its address {number}"
        );
    }
    let expected: Vec<Vec<u8>> = (0..50)
        .map(|number: u32| number.to_string().into())
        .collect();
    assert_eq!(world.received, expected);
    assert!(
        !world
            .events
            .iter()
            .any(|event| matches!(event, Event::Ended(_)))
    );
}

#[test]
fn a_client_that_sends_its_handshake_record_by_record_is_trusted() {
    let mut world = World::new(8, Conditions::GOOD, echo());
    world.splits = true;
    assert!(world.until(5, |world| world.is_open()));
}

#[test]
fn a_client_that_vanishes_is_given_up_after_the_silence_that_was_chosen() {
    let mut world = World::new(3, Conditions::GOOD, echo());
    assert!(world.until(5, |world| world.is_open()));
    world.conditions.lost = 100;
    let since = world.elapsed();
    let end = End::Silent(Duration::from_secs(30));
    assert!(world.until(60, |world| {
        world.events.contains(&Event::Ended(end.clone()))
    }));
    let took = world.elapsed() - since;
    assert!(took <= Duration::from_secs(31), "{took:?}");
}

#[test]
fn what_a_stranger_sends_from_elsewhere_takes_nothing_and_gets_nothing() {
    let mut world = World::new(4, Conditions::GOOD, echo());
    assert!(world.until(5, |world| world.is_open()));
    let stranger = SocketAddr::from(([203, 0, 113, 9], 9));
    for first in [20_u8, 21, 22, 23, 0, 1] {
        world.arrive(stranger, &[first; 60]);
    }
    assert!(world.room.out.is_empty());
    world.push("still here");
    assert!(world.until(5, |world| world.received.len() == 1));
}

#[test]
fn a_hundred_thousand_hellos_get_three_times_their_bytes_at_most() {
    let mut honest = World::new(5, Conditions::GOOD, echo());
    assert!(honest.until(5, |world| world.is_open()));
    let hello = honest.hello.unwrap();
    // It has posted an offer and makes checks, and answers none: the address may be another's.
    let mut world = World::new(6, Conditions::GOOD, echo());
    world.is_deaf = true;
    world.until(1, |_| false);
    assert!(world.came > 0);
    for _ in 0..100_000 {
        world.arrive(world.outer, &hello);
        world.drain_peer();
        assert!(
            world.left <= 3 * world.came,
            "{} for {}",
            world.left,
            world.came
        );
    }
    world.until(30, |_| false);
    assert!(
        world.left <= 3 * world.came,
        "{} for {}",
        world.left,
        world.came
    );
}
