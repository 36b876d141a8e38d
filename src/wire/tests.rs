use super::*;
use proptest::prelude::*;
use serde::de::DeserializeOwned;
use std::fmt::Debug;

fn survives<T: Serialize + DeserializeOwned + PartialEq + Debug>(message: &T, json: &str) {
    assert_eq!(serde_json::to_string(message).unwrap(), json);
    assert_eq!(serde_json::from_str::<T>(json).unwrap(), *message);
}

#[test]
fn every_json_message_survives_the_round_trip_and_its_wording_stays() {
    survives(
        &ToClock::Interval { interval: 100.0 },
        r#"{"type":"interval","interval":100.0}"#,
    );
    survives(
        &ToClock::Exchange { t1: 1.25 },
        r#"{"type":"exchange","t1":1.25}"#,
    );
    survives(
        &FromClock::Time {
            time: 1_795_470_000_000.021,
        },
        r#"{"type":"time","time":1795470000000.021}"#,
    );
    survives(
        &FromClock::Interval { interval: 10 },
        r#"{"type":"interval","interval":10}"#,
    );
    survives(
        &FromClock::Exchange {
            t1: 1.5,
            t2: 2.5,
            t3: 3.5,
        },
        r#"{"type":"exchange","t1":1.5,"t2":2.5,"t3":3.5}"#,
    );
    survives(
        &FromClock::Refused {
            reason: "ש\"\n".into(),
        },
        r#"{"type":"refused","reason":"ש\"\n"}"#,
    );
    survives(
        &Sample {
            time: 1.5,
            processors: 0.25,
            memory_used: u64::from(u32::MAX) * 8,
            memory_total: 1 << 52,
            sessions: 7,
        },
        r#"{"time":1.5,"processors":0.25,"memoryUsed":34359738360,"memoryTotal":4503599627370496,"sessions":7}"#,
    );
}

#[test]
fn a_time_keeps_its_microseconds() {
    // Until the year 2248 a number of milliseconds has room for them: 2^43 has a step of 1 µs.
    for micros in [1_795_470_000_123_456_u64, (1 << 43) * 1_000 - 1] {
        let time = micros as f64 / 1e3;
        let json = serde_json::to_string(&FromClock::Time { time }).unwrap();
        let FromClock::Time { time } = serde_json::from_str(&json).unwrap() else {
            panic!("{json}")
        };
        assert_eq!((time * 1e3).round() as u64, micros);
    }
}

#[test]
fn what_people_write_by_hand_is_read() {
    for (text, message) in [
        (
            r#" { "interval" : 10, "type" : "interval" } "#,
            ToClock::Interval { interval: 10.0 },
        ),
        (
            r#"{"type":"interval","interval":6e4,"unknown":[]}"#,
            ToClock::Interval { interval: 60_000.0 },
        ),
        (
            r#"{"type":"exchange","t1":0}"#,
            ToClock::Exchange { t1: 0.0 },
        ),
    ] {
        assert_eq!(ToClock::parse(text), Ok(message));
    }
}

#[test]
fn a_bad_request_is_told_what_is_expected() {
    for interval in ["9", "9.999", "0", "-1", "60001", "1e300", "10.5"] {
        let text = format!(r#"{{"type":"interval","interval":{interval}}}"#);
        let reason = ToClock::parse(&text).unwrap_err();
        assert!(reason.contains("from 10 to 60000 milliseconds"), "{reason}");
    }
    for text in [
        "",
        "hello",
        "{}",
        "[]",
        "null",
        r#"{"type":"interval"}"#,
        r#"{"type":"interval","interval":"100"}"#,
        r#"{"type":"interval","interval":NaN}"#,
        r#"{"type":"exchange"}"#,
        r#"{"type":"time","time":0}"#,
        r#"{"type":"exchange","t1":0}{"#,
    ] {
        let reason = ToClock::parse(text).unwrap_err();
        assert!(
            reason.starts_with(r#"Expected {"type":"interval""#),
            "{reason}"
        );
    }
}

proptest! {
    #[test]
    fn garbage_is_an_error_and_nothing_worse(text: String) {
        let _ = ToClock::parse(&text);
        let _ = serde_json::from_str::<FromClock>(&text);
        let _ = serde_json::from_str::<Sample>(&text);
        let _ = FromData::parse(&text);
    }

    #[test]
    fn every_plain_message_survives_the_round_trip(text: String) {
        for message in [FromData::Time(&text), FromData::Echo(&text), FromData::Refused(&text)] {
            let said = message.to_string();
            prop_assert_eq!(FromData::parse(&said), Some(message));
        }
    }
}

#[test]
fn the_plain_wording_is_part_of_the_protocol() {
    let time = FromData::Time("2026-11-22T21:44:26.123Z").to_string();
    assert_eq!(time, "Server Time: 2026-11-22T21:44:26.123Z");
    assert_eq!(FromData::Echo("hi").to_string(), "Echo: hi");
    assert_eq!(FromData::Refused("no").to_string(), "Refused: no");
}

#[test]
fn an_unknown_plain_message_is_not_taken_for_a_known_one() {
    for text in [
        "",
        "Echo",
        "Echo:",
        "echo: a",
        "Server Time",
        "Refused",
        "\u{feff}Echo: a",
    ] {
        assert_eq!(FromData::parse(text), None, "{text:?}");
    }
}
