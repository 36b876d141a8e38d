use super::*;

const RESOLUTION: f64 = 0.1;
/// By how much sums of numbers as large as today's milliseconds are rounded.
const ROUNDING: f64 = 0.001;

/// An exchange that leaves at `t1` with a server that is `ahead` and takes 0.5 ms to answer.
fn exchange(t1: f64, ahead: f64, there: f64, back: f64) -> Exchange {
    let t2 = t1 + there + ahead;
    let t3 = t2 + 0.5;
    Exchange {
        t1,
        t2,
        t3,
        t4: t3 + back - ahead,
    }
}

fn assert_near(found: f64, expected: f64) {
    assert!(
        (found - expected).abs() < ROUNDING,
        "found {found}, expected {expected}"
    );
}

#[test]
fn known_numbers() {
    let mut exchanges = Exchanges::new(0.0);
    assert_eq!(exchanges.estimate(0.0), None);
    let added = exchanges.add(Exchange {
        t1: 100.0,
        t2: 1_110.0,
        t3: 1_112.0,
        t4: 132.0,
    });
    assert_eq!(added, Added::Kept);
    let estimate = exchanges.estimate(132.0).unwrap();
    assert_eq!(estimate.offset, 995.0);
    assert_eq!(estimate.round_trip, 30.0);
    assert_eq!(estimate.uncertainty, 15.0);
}

#[test]
fn the_true_offset_is_within_the_uncertainty_however_the_delays_are_shared() {
    let t1 = 1_795_470_000_000.0;
    for ahead in [-3_600_000.0, -2.5, 0.0, 0.2, 86_400_000.0] {
        for (there, back) in [
            (0.0, 0.0),
            (5.0, 5.0),
            (0.0, 300.0),
            (300.0, 0.0),
            (0.2, 40.0),
        ] {
            let mut exchanges = Exchanges::new(0.0);
            let exchange = exchange(t1, ahead, there, back);
            exchanges.add(exchange);
            let estimate = exchanges.estimate(exchange.t4).unwrap();
            assert_near(estimate.round_trip, there + back);
            assert_near(estimate.offset, ahead + (there - back) / 2.0);
            assert!((estimate.offset - ahead).abs() <= estimate.uncertainty + ROUNDING);
        }
    }
}

#[test]
fn the_true_offset_is_within_the_uncertainty_of_a_coarse_clock() {
    for step in 0..100 {
        let exact = exchange(1_000.0 + f64::from(step) * 0.013, 7.0, 0.02, 0.03);
        let coarse = |time: f64| (time / RESOLUTION).floor() * RESOLUTION;
        let mut exchanges = Exchanges::new(RESOLUTION);
        let added = exchanges.add(Exchange {
            t1: coarse(exact.t1),
            t4: coarse(exact.t4),
            ..exact
        });
        assert_eq!(added, Added::Kept, "step {step}");
        let estimate = exchanges.estimate(exact.t4).unwrap();
        assert!((estimate.offset - 7.0).abs() <= estimate.uncertainty);
        assert!(estimate.round_trip >= 0.0);
    }
}

#[test]
fn the_shortest_round_trip_of_the_last_eight_wins() {
    let mut exchanges = Exchanges::new(RESOLUTION);
    exchanges.add(exchange(0.0, 50.0, 1.0, 1.0));
    for number in 1..8 {
        exchanges.add(exchange(f64::from(number) * 100.0, 50.0, 3.0, 30.0));
        assert_near(exchanges.estimate(0.0).unwrap().round_trip, 2.0);
    }
    exchanges.add(exchange(800.0, 50.0, 4.0, 4.0));
    let estimate = exchanges.estimate(0.0).unwrap();
    assert_near(estimate.round_trip, 8.0);
    assert_near(estimate.offset, 50.0);
}

#[test]
fn the_order_in_which_answers_arrive_does_not_matter() {
    let sent = [
        exchange(0.0, 9.0, 1.0, 90.0),
        exchange(50.0, 9.0, 2.0, 2.0),
        exchange(100.0, 9.0, 40.0, 1.0),
    ];
    let estimate = |order: [usize; 3]| {
        let mut exchanges = Exchanges::new(RESOLUTION);
        for index in order {
            assert_eq!(exchanges.add(sent[index]), Added::Kept);
        }
        exchanges.estimate(200.0)
    };
    assert_eq!(estimate([0, 1, 2]), estimate([2, 1, 0]));
    assert_eq!(estimate([0, 1, 2]), estimate([1, 2, 0]));
}

#[test]
fn age_widens_the_uncertainty_by_the_drift() {
    let mut exchanges = Exchanges::new(RESOLUTION);
    let exchange = exchange(0.0, 0.0, 2.0, 2.0);
    exchanges.add(exchange);
    let at = |age: f64| exchanges.estimate(exchange.t4 + age).unwrap().uncertainty;
    assert_near(at(0.0), 2.1);
    assert_near(at(-5.0), 2.1);
    assert_near(at(100_000.0), 3.6);
}

#[test]
fn what_cannot_have_happened_spoils_nothing() {
    let mut exchanges = Exchanges::new(RESOLUTION);
    let good = exchange(1_000.0, 5.0, 1.0, 1.0);
    exchanges.add(good);
    let before = exchanges.estimate(2_000.0);
    for impossible in [
        Exchange {
            t1: f64::NAN,
            ..good
        },
        Exchange {
            t2: f64::INFINITY,
            ..good
        },
        Exchange {
            t3: f64::NEG_INFINITY,
            ..good
        },
        Exchange {
            t4: f64::NAN,
            ..good
        },
        Exchange {
            t1: -f64::MAX,
            t2: f64::MAX,
            ..good
        },
        Exchange {
            t2: good.t3 + 1.0,
            ..good
        },
        Exchange {
            t4: good.t1 - 1.0,
            ..good
        },
        Exchange {
            t4: good.t1 + 0.2,
            ..good
        },
    ] {
        assert_eq!(
            exchanges.add(impossible),
            Added::Impossible,
            "{impossible:?}"
        );
        assert_eq!(exchanges.estimate(2_000.0), before);
    }
}

#[test]
fn a_clock_that_was_set_is_believed() {
    let mut exchanges = Exchanges::new(RESOLUTION);
    for number in 0..8 {
        exchanges.add(exchange(f64::from(number) * 100.0, 5.0, 1.0, 1.0));
    }
    let after = exchange(1_000.0, -2_000.0, 3.0, 3.0);
    assert_eq!(exchanges.add(after), Added::ClockSet);
    let estimate = exchanges.estimate(after.t4).unwrap();
    assert_near(estimate.offset, -2_000.0);
    assert_near(estimate.round_trip, 6.0);
    assert_eq!(
        exchanges.add(exchange(2_000.0, -2_000.0, 0.5, 8.0)),
        Added::Kept
    );
}
