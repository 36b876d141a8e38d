//! Random schedules of sends, reads and closes in both directions.

use std::time::Duration;

use super::super::wire::u32_at;
use super::super::{Event, Limit, Reliability};
use super::model::*;

const IDS: [u16; 4] = [0, 1, 2, 5];

fn reliability(rng: &mut fastrand::Rng) -> Reliability {
    let limit = match rng.u32(0..4) {
        0 | 1 => None,
        2 => Some(Limit::Retransmits(rng.u32(0..3))),
        _ => Some(Limit::Lifetime(ms(rng.u64(1..500)))),
    };
    Reliability {
        ordered: rng.bool(),
        limit,
    }
}

/// One channel of a schedule, in its present use.
#[derive(Default)]
struct Lane {
    open: bool,
    use_of_id: u32,
    reliability: Reliability,
    /// By sending end: the numbers that were sent and that came.
    sent: [u32; 2],
    came: [Vec<u32>; 2],
}

impl Lane {
    fn check(&self, complete: bool) {
        for (sent, came) in self.sent.iter().zip(&self.came) {
            let mut sorted = came.clone();
            sorted.sort_unstable();
            assert!(
                sorted.windows(2).all(|two| two[0] < two[1]),
                "twice: {came:?}"
            );
            assert!(sorted.last().is_none_or(|last| last < sent));
            if self.reliability.ordered {
                assert_eq!(&sorted, came);
            }
            if self.reliability.limit.is_none() && complete {
                assert_eq!(sorted, (0..*sent).collect::<Vec<_>>());
            }
        }
    }
}

fn read(pair: &mut Pair, id: u16, lane: &mut Lane) {
    for (from, to) in [Browser, Server].into_iter().enumerate() {
        for message in pair.receive(to, id) {
            let use_of_id = u32_at(&message.data, 0).unwrap();
            assert_eq!(use_of_id, lane.use_of_id, "a message of an earlier channel");
            lane.came[from].push(u32_at(&message.data, 4).unwrap());
        }
    }
}

fn play(seed: u64) {
    let mut pair = connect(limits(), 65_536, seed);
    pair.weather = STORM;
    let mut lanes: [Lane; 4] = Default::default();
    for step in 0..600 {
        let at = pair.rng.usize(0..4);
        let (id, lane) = (IDS[at], &mut lanes[at]);
        let die = pair.rng.u32(0..100);
        if !lane.open {
            lane.use_of_id += 1;
            lane.sent = [0; 2];
            lane.came = Default::default();
            lane.reliability = reliability(&mut pair.rng);
            let init = channel(id, lane.reliability);
            pair.server_events.clear();
            pair.browser.announce(pair.now, &init);
            for _ in 0..100 {
                pair.run(ms(100));
                lane.open |= pair.server_events.contains(&Event::Opened(init.clone()));
            }
            assert!(lane.open, "seed {seed} step {step}");
        } else if die < 70 {
            let from = pair.rng.usize(0..2);
            let mut data = lane.use_of_id.to_be_bytes().to_vec();
            data.extend(lane.sent[from].to_be_bytes());
            data.resize(8 + pair.rng.usize(0..6_000), 0);
            lane.sent[from] += 1;
            let end = [Server, Browser][from];
            let may_once = !lane.reliability.ordered && lane.reliability.limit.is_some();
            if may_once && pair.rng.bool() {
                data.truncate(8 + pair.rng.usize(0..2_000));
                pair.send_once(end, id, data);
            } else {
                pair.send(end, id, data);
            }
        } else if die < 90 {
            read(&mut pair, id, lane);
        } else if die < 93 {
            // One end closes; the other reads to the end.
            let by = if pair.rng.bool() { Server } else { Browser };
            read(&mut pair, id, lane);
            pair.server_events.clear();
            pair.browser_events.clear();
            pair.end(by).close(id);
            for _ in 0..600 {
                pair.run(ms(100));
                read(&mut pair, id, lane);
            }
            assert!(
                pair.server_events.contains(&Event::Closed(id)),
                "seed {seed}"
            );
            assert!(
                pair.browser_events.contains(&Event::Closed(id)),
                "seed {seed}"
            );
            lane.check(false);
            let closer = usize::from(by == Browser);
            if lane.reliability.limit.is_none() {
                assert_eq!(lane.came[closer].len(), lane.sent[closer] as usize);
            }
            lane.open = false;
        }
        let pause = pair.rng.u64(0..60);
        pair.run(ms(pause));
    }
    for _ in 0..600 {
        pair.run(ms(100));
        for (id, lane) in IDS.into_iter().zip(&mut lanes) {
            read(&mut pair, id, lane);
        }
    }
    for lane in &lanes {
        // What the closing end did not read is gone.
        lane.check(lane.open);
    }
    assert!(
        pair.server_events
            .iter()
            .all(|it| !matches!(it, Event::Ended(_)))
    );
}

#[test]
fn a_random_schedule_loses_nothing_reliable_and_repeats_nothing() {
    for seed in 0..40 {
        play(seed);
    }
}

/// However long a path was gone: what waits leaves within a second or so of its return.
#[test]
fn what_a_path_that_was_gone_holds_up_leaves_soon_after() {
    for gone in [1, 3, 10, 25] {
        for lossy in [0, 30] {
            let mut pair = connect(limits(), 262_144, gone + u64::from(lossy));
            for end in [Server, Browser] {
                pair.end(end).negotiate(&channel(1, RELIABLE)).unwrap();
            }
            pair.weather = CALM;
            pair.numbers(Server, 1, 5);
            pair.weather.loss = 100;
            pair.send(Server, 1, b"held up".to_vec());
            pair.run(Duration::from_secs(gone));
            pair.weather.loss = lossy;
            let back = pair.now;
            while pair.receive(Browser, 1).is_empty() {
                pair.run(ms(10));
            }
            let took = pair.now - back;
            // With loss it may take several tries.
            let most = if lossy == 0 { ms(1_050) } else { ms(8_000) };
            assert!(took <= most, "{took:?} after {gone} s");
        }
    }
}

/// After losses the timer of what is sent next is long, and it is cut short: that is no round trip.
#[test]
fn a_timer_that_is_cut_short_is_no_round_trip() {
    let mut pair = connect(limits(), 262_144, 5);
    for end in [Server, Browser] {
        pair.end(end).negotiate(&channel(1, RELIABLE)).unwrap();
    }
    pair.weather = CALM;
    pair.numbers(Server, 1, 5);
    pair.weather.loss = 100;
    pair.send(Server, 1, b"held up".to_vec());
    pair.run(Duration::from_secs(20));
    pair.weather.loss = 0;
    pair.run(Duration::from_secs(5));
    for _ in 0..5 {
        pair.send(Server, 1, b"next".to_vec());
        pair.run(ms(300));
    }
    let round_trip = pair.server.round_trip().unwrap();
    assert!(round_trip < ms(250), "{round_trip:?}");
}
