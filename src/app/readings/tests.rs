use super::*;

const NOW: f64 = 1_795_470_000_000.0;

fn readings() -> Readings {
    Readings::new(0.1)
}

/// An exchange at `at` with a server that is 2 s ahead, 10 ms away each way.
fn exchange(at: f64) -> Exchange {
    Exchange {
        t1: at,
        t2: at + 2_010.0,
        t3: at + 2_010.0,
        t4: at + 20.0,
    }
}

fn sample(time: f64, processors: f64) -> Sample {
    Sample {
        time,
        processors,
        memory_used: 1 << 31,
        memory_total: 1 << 32,
        sessions: 7,
    }
}

#[test]
fn nothing_is_known_at_first() {
    let readings = readings();
    assert_eq!(readings.clock(NOW), ClockTexts::default());
    assert_eq!(readings.machine(), MachineTexts::default());
    assert_eq!(readings.interval, DEFAULT_INTERVAL);
}

#[test]
fn says_what_it_knows_of_the_clock() {
    let mut readings = readings();
    readings.exchange(exchange(NOW));
    readings.tick(NOW + 1_000.0, NOW - 990.0);
    readings.tick(NOW + 2_000.0, NOW + 26.0);
    assert_eq!(
        readings.clock(NOW + 100.0),
        ClockTexts {
            time: text::time_of_day(NOW + 2_100.0),
            difference: "+2.0000 s ± 10.2 ms".into(),
            round_trip: "20.0 ms".into(),
            jitter: "1.0 ms".into(),
            age: "100 ms".into(),
        }
    );
}

#[test]
fn says_what_it_knows_of_the_machine() {
    let mut readings = readings();
    readings.sample(sample(NOW, 0.5));
    readings.sample(sample(NOW + 100.0, 1.5));
    readings.sample(sample(NOW + 2_000.0, 0.0));
    readings.sample(sample(NOW + 2_100.0, 0.25));
    readings.sample(sample(NOW + 2_050.0, 0.75));
    assert_eq!(
        readings.machine(),
        MachineTexts {
            processors: "25 %".into(),
            memory: "2.0 of 4.0 GiB".into(),
            sessions: "7".into(),
            path: "M2790,500L2800,0M2990,1000L3000,750".into(),
            description:
                "Processors in use over the last 30 seconds: 25 % now, between 0 % and 150 %."
                    .into(),
        }
    );
}

/// How many of the ticks go into the log.
fn logged(ticks: impl Iterator<Item = f64>) -> usize {
    let mut readings = readings();
    ticks
        .filter(|&time| readings.tick(NOW + time, NOW + time))
        .count()
}

#[test]
fn the_log_tells_the_time_once_a_second_whatever_the_interval() {
    // The second line may be early, and is the one of its second.
    assert_eq!(logged((0..3_000).map(|tick| f64::from(tick) * 10.0)), 31);
    assert_eq!(logged((0..300).map(|tick| f64::from(tick) * 100.0)), 30);
    assert_eq!(logged((0..3).map(|tick| f64::from(tick) * 10_000.0)), 3);
}

#[test]
fn the_log_leaves_out_no_second_of_an_uneven_clock() {
    let uneven = |tick: i32| f64::from(tick) * 1_000.0 + f64::from(tick * 37 % 41 - 20);
    assert_eq!(logged((0..100).map(uneven)), 100);
    // One that is late by much does not take the place of the next.
    let late = |tick: i32| f64::from(tick) * 1_000.0 + f64::from(tick % 3 * 200);
    assert_eq!(logged((0..100).map(late)), 100);
}

#[test]
fn a_clock_that_was_set_starts_again_with_its_interval() {
    let mut readings = readings();
    readings.interval = 10;
    readings.exchange(exchange(NOW));
    assert!(readings.tick(NOW + 2_000.0, NOW));
    assert!(!readings.tick(NOW - 7_200_000.0, NOW));
    readings.sample(sample(NOW + 2_000.0, 0.5));
    readings.exchange(Exchange {
        t1: NOW,
        t2: NOW - 7_200_000.0,
        t3: NOW - 7_200_000.0,
        t4: NOW + 1.0,
    });
    assert_eq!(readings.interval, 10);
    assert_eq!(readings.machine(), MachineTexts::default());
    assert!(readings.tick(NOW - 7_200_000.0, NOW));
    assert_eq!(readings.clock(NOW).difference, "−7200.0005 s ± 0.7 ms");
}

#[test]
fn a_feed_that_has_ended_says_nothing() {
    let mut readings = readings();
    readings.exchange(exchange(NOW));
    readings.tick(NOW, NOW);
    readings.sample(sample(NOW, 0.5));
    readings.forget_clock();
    assert_eq!(readings.clock(NOW), ClockTexts::default());
    assert_eq!(readings.machine().processors, "50 %");
    readings.forget_machine();
    assert_eq!(readings.machine(), MachineTexts::default());
}
