//! A sender that has more than its path carries.

use crate::{Receiver, Sender, Topic, Wanted};
use std::time::{Duration, Instant};

/// One way.
const DELAY: Duration = Duration::from_millis(25);
/// What surrounds a packet on its way.
const OVERHEAD: usize = 107;

/// What became of a session's packets after its first seconds.
#[derive(Debug)]
struct Carried {
    /// Of what the path could have carried.
    used: f64,
    /// How long packets queued: half of them no longer, and one of 20 longer.
    median: Duration,
    p95: Duration,
}

/// The two ends of a subscription to all of a topic.
fn ends(now: Instant, topic: &Topic) -> (Sender, Receiver) {
    let mut sender = Sender::new(now, 1, 1_000);
    sender
        .subscribe(0, topic.clone(), Wanted::default())
        .unwrap();
    let mut receiver = Receiver::new();
    receiver.subscribe(0);
    (sender, receiver)
}

/// Numbers below a hundred: xorshift, of which the seed is all that is random.
fn percents(seed: u64) -> impl FnMut() -> u64 {
    let mut seed = seed | 1;
    move || {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        seed % 100
    }
}

/// Keys that change all the time, over a path of so many bits a second, of which so many percent of
/// packets are lost.
fn carry(rate: f64, loss: u64, seed: u64) -> Carried {
    let begun = Instant::now();
    let (settled, end) = (
        begun + Duration::from_secs(5),
        begun + Duration::from_secs(25),
    );
    let mut now = begun;
    let topic = Topic::latest(200);
    let (mut sender, mut receiver) = ends(now, &topic);
    let mut percent = percents(seed);
    let (mut free_at, mut changes) = (now, 0_u64);
    let mut under_way: Vec<(Instant, bool, Vec<u8>)> = Vec::new();
    let (mut carried, mut queued) = (0, Vec::new());
    while now < end {
        for _ in 0..20 {
            changes += 1;
            let value = changes.to_be_bytes().repeat(4);
            topic
                .put(now, &format!("key {}", changes % 200), value)
                .unwrap();
        }
        while let Some(at) = under_way.iter().position(|(at, ..)| *at <= now) {
            let (_, to_reader, message) = under_way.remove(at);
            if to_reader {
                receiver.handle(now, &message).unwrap();
            } else {
                sender.acknowledge(now, &message).unwrap();
            }
        }
        sender.handle_timeout(now);
        while let Some(packet) = sender.poll(now) {
            let bytes = packet.len() + OVERHEAD;
            let starts = free_at.max(now);
            free_at = starts + Duration::from_secs_f64(bytes as f64 * 8.0 / rate);
            if now >= settled {
                carried += bytes;
                queued.push(starts - now);
            }
            if percent() >= loss {
                under_way.push((free_at + DELAY, true, packet));
            }
        }
        if let Some(acknowledgement) = receiver.poll_acknowledgement(now)
            && percent() >= loss
        {
            under_way.push((now + DELAY, false, acknowledgement));
        }
        now += Duration::from_millis(1);
    }
    queued.sort_unstable();
    Carried {
        used: carried as f64 * 8.0 / rate / (end - settled).as_secs_f64(),
        median: queued[queued.len() / 2],
        p95: queued[queued.len() * 19 / 20],
    }
}

#[test]
fn a_path_is_filled_and_nothing_queues_on_it() {
    for rate in [64e3, 256e3, 1e6, 10e6] {
        for loss in [0, 5, 30] {
            let carried = carry(rate, loss, 1);
            // 7.5 Mbit/s is what changes.
            let (used, ms) = (
                carried.used * (rate / 7.5e6).max(1.0),
                Duration::from_millis,
            );
            let is_fine = if loss <= 5 {
                used >= 0.9 && carried.median <= ms(20) && carried.p95 <= ms(70)
            } else {
                used >= 0.6 && carried.median <= ms(40)
            };
            assert!(is_fine, "{rate} bit/s, {loss} %: {carried:?}");
        }
    }
}

/// A key that changes now and then, at 5 % loss: with nothing after it that would show a loss.
#[test]
fn the_last_value_before_a_silence_is_there_within_one_and_a_half_round_trips() {
    let mut now = Instant::now();
    let topic = Topic::latest(1);
    let (mut sender, mut receiver) = ends(now, &topic);
    let mut percent = percents(7);
    let mut is_lost = || percent() < 5;
    let mut under_way: Vec<(Instant, bool, Vec<u8>)> = Vec::new();
    let (mut in_time, mut sent) = (0, 0);
    for number in 0..2_000_u32 {
        topic.put(now, "key", number.to_string()).unwrap();
        let put_at = now;
        let mut came_at = None;
        while now < put_at + Duration::from_millis(400) {
            while let Some(at) = under_way.iter().position(|(at, ..)| *at <= now) {
                let (_, to_reader, message) = under_way.remove(at);
                if to_reader {
                    for update in receiver.handle(now, &message).unwrap() {
                        let is_it = update.value.as_deref() == Some(number.to_string().as_bytes());
                        came_at = came_at.or(is_it.then_some(now));
                    }
                } else {
                    sender.acknowledge(now, &message).unwrap();
                }
            }
            sender.handle_timeout(now);
            while let Some(packet) = sender.poll(now) {
                sent += 1;
                if !is_lost() {
                    under_way.push((now + DELAY, true, packet));
                }
            }
            if let Some(acknowledgement) = receiver.poll_acknowledgement(now)
                && !is_lost()
            {
                under_way.push((now + DELAY, false, acknowledgement));
            }
            now += Duration::from_millis(1);
        }
        in_time += usize::from(came_at.is_some_and(|at| at <= put_at + 3 * DELAY));
    }
    assert!(in_time >= 1_980, "{in_time} of 2,000");
    // A copy, and what is lost after all.
    assert!(sent <= 4_400, "{sent} packets");
}
