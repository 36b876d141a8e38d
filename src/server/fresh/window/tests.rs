//! The window on a simulated path: a link of some rate and delay, and a receiver that
//! acknowledges each second packet, or after 200 ms (RFC 9260 section 6.2).

use super::*;
use std::collections::VecDeque;

const MESSAGE: usize = 20;
const DELAYED_ACK: f64 = 0.2;
/// The steps of the simulation, in seconds.
const STEP: f64 = 0.0005;

struct Path {
    /// Bytes a second, each way.
    rate: f64,
    /// One way, in seconds.
    delay: f64,
    /// Of how many messages one is lost; 0 for none.
    loses_one_in: u64,
}

/// What came of a sender that always has a newer value.
#[derive(Debug)]
struct Outcome {
    /// How much of the link's rate was used.
    used: f64,
    /// How long messages waited for the link, in seconds: the mean, and of 95 in 100.
    waited: f64,
    waited_p95: f64,
}

/// Runs for so many seconds, and watches the second half.
fn run(path: &Path, seconds: f64) -> Outcome {
    let origin = Instant::now();
    let at = |time: f64| origin + Duration::from_secs_f64(time);
    let mut window = Window::new(origin);
    let mut sent: VecDeque<Sent> = VecDeque::new();
    // When each message arrives, and when each acknowledgement does, and of how many.
    let mut arriving: VecDeque<(f64, bool)> = VecDeque::new();
    let mut missing: Vec<(usize, f64)> = Vec::new();
    let mut random = 1_u64;
    let mut acknowledging: VecDeque<(f64, usize)> = VecDeque::new();
    let mut unacknowledged: Option<(usize, f64)> = None;
    let (mut link_free, mut waits, mut busy) = (0.0_f64, Vec::new(), 0.0);
    let transmission = cost(MESSAGE) as f64 / path.rate;
    let mut time = 0.0;
    while time < seconds {
        while arriving
            .front()
            .is_some_and(|(arrives, _)| *arrives <= time)
        {
            let (_, is_lost) = arriving.pop_front().unwrap();
            if is_lost {
                missing.push((0, time));
                continue;
            }
            let (count, first) = unacknowledged.take().unwrap_or((0, time));
            unacknowledged = Some((count + 1, first));
            for (reports, _) in &mut missing {
                *reports += 1;
            }
        }
        // A lost message is given up after three that arrived, or after a second.
        let given_up = missing.len();
        missing.retain(|(reports, since)| *reports < 3 && time - since < 1.0);
        if given_up > missing.len() {
            let (count, first) = unacknowledged.take().unwrap_or((0, time));
            unacknowledged = Some((count + given_up - missing.len(), first));
        }
        // A receiver that misses one acknowledges each (RFC 9260 section 6.2).
        if let Some((count, first)) = unacknowledged
            && (count >= 2 || !missing.is_empty() || time - first >= DELAYED_ACK)
        {
            acknowledging.push_back((time + path.delay + transmission * 0.8, count));
            unacknowledged = None;
        }
        while acknowledging
            .front()
            .is_some_and(|(arrives, _)| *arrives <= time)
        {
            let (_, count) = acknowledging.pop_front().unwrap();
            let released: Vec<Sent> = sent.drain(..count).collect();
            for message in &released {
                window.release(*message);
            }
            window.acknowledged(at(time), *released.last().unwrap());
        }
        while window.has_room(at(time), MESSAGE) || at(time) >= window.probe_at() {
            if !window.has_room(at(time), MESSAGE) {
                window.probed();
            }
            sent.push_back(window.send(at(time), MESSAGE));
            let starts = link_free.max(time);
            if time > seconds / 2.0 {
                waits.push(starts - time);
                busy += transmission;
            }
            link_free = starts + transmission;
            random = random
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            let is_lost = path.loses_one_in > 0 && (random >> 33).is_multiple_of(path.loses_one_in);
            arriving.push_back((link_free + path.delay, is_lost));
        }
        time += STEP;
    }
    waits.sort_by(f64::total_cmp);
    Outcome {
        used: busy / (seconds / 2.0),
        waited: waits.iter().sum::<f64>() / waits.len() as f64,
        waited_p95: waits[waits.len() * 95 / 100],
    }
}

#[test]
fn on_a_narrow_link_little_waits_and_little_is_left_unused() {
    for (kilobits, delay) in [(32.0, 0.1), (64.0, 0.025), (64.0, 0.1), (256.0, 0.025)] {
        let path = Path {
            rate: kilobits * 125.0,
            delay,
            loses_one_in: 0,
        };
        let outcome = run(&path, 60.0);
        let transmission = cost(MESSAGE) as f64 / path.rate;
        let note = format!("{kilobits} kbit/s, {delay} s: {outcome:?}");
        assert!(outcome.used > 0.85, "{note}");
        assert!(outcome.waited < 2.0 * transmission.max(0.005), "{note}");
        assert!(outcome.waited_p95 < 3.0 * transmission.max(0.005), "{note}");
    }
}

#[test]
fn on_a_wide_link_throughput_is_let_through() {
    for (megabits, delay) in [(10.0, 0.005), (10.0, 0.025), (50.0, 0.025)] {
        let path = Path {
            rate: megabits * 125_000.0,
            delay,
            loses_one_in: 0,
        };
        let outcome = run(&path, 20.0);
        let note = format!("{megabits} Mbit/s, {delay} s: {outcome:?}");
        assert!(outcome.used > 0.85, "{note}");
        assert!(outcome.waited < 0.015, "{note}");
    }
}

#[test]
fn losses_are_not_taken_for_a_queue() {
    for (kilobits, delay) in [(64.0, 0.025), (1_000.0, 0.025), (10_000.0, 0.01)] {
        let path = Path {
            rate: kilobits * 125.0,
            delay,
            loses_one_in: 20,
        };
        let outcome = run(&path, 60.0);
        let transmission = cost(MESSAGE) as f64 / path.rate;
        let note = format!("{kilobits} kbit/s, {delay} s: {outcome:?}");
        assert!(outcome.used > 0.7, "{note}");
        assert!(outcome.waited < 2.0 * transmission.max(0.02), "{note}");
    }
}
