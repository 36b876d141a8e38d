use super::*;
use proptest::prelude::*;
use serde_json::Value;
use std::fmt::Debug;

/// A message that one side writes, and how the other reads it.
fn survives<T: PartialEq + Debug>(
    message: T,
    written: String,
    json: &str,
    read: fn(&Value) -> Option<T>,
) {
    assert_eq!(written, json);
    let fields = serde_json::from_str(json).unwrap();
    assert_eq!(read(&fields), Some(message));
}

fn written(message: &impl Serialize) -> String {
    serde_json::to_string(message).unwrap()
}

#[test]
fn every_json_message_survives_the_round_trip_and_its_wording_stays() {
    let to_clock = |message: ToClock, json| {
        survives(message, message.json(), json, |fields| {
            ToClock::parse(&fields.to_string()).ok()
        });
    };
    to_clock(
        ToClock::Interval { interval: 100.0 },
        r#"{"type":"interval","interval":100}"#,
    );
    to_clock(
        ToClock::Exchange {
            t1: 1_795_470_000_000.021,
        },
        r#"{"type":"exchange","t1":1795470000000.021}"#,
    );
    let from_clock = |message: FromClock, json| {
        let written = written(&message);
        survives(message, written, json, FromClock::read);
    };
    from_clock(
        FromClock::Time {
            time: 1_795_470_000_000.021,
        },
        r#"{"type":"time","time":1795470000000.021}"#,
    );
    from_clock(
        FromClock::Interval { interval: 10 },
        r#"{"type":"interval","interval":10}"#,
    );
    from_clock(
        FromClock::Exchange {
            t1: 1.5,
            t2: 2.5,
            t3: 3.5,
        },
        r#"{"type":"exchange","t1":1.5,"t2":2.5,"t3":3.5}"#,
    );
    from_clock(
        FromClock::Refused {
            reason: "ש\"\n".into(),
        },
        r#"{"type":"refused","reason":"ש\"\n"}"#,
    );
    let sample = Sample {
        time: 1.5,
        processors: 0.25,
        memory_used: u64::from(u32::MAX) * 8,
        memory_total: 1 << 52,
        sessions: 7,
    };
    survives(
        sample,
        written(&sample),
        r#"{"time":1.5,"processors":0.25,"memoryUsed":34359738360,"memoryTotal":4503599627370496,"sessions":7}"#,
        Sample::read,
    );
    let counted = Counted {
        received: 500,
        bytes: u64::from(u32::MAX) + 1,
    };
    survives(
        counted,
        written(&counted),
        r#"{"received":500,"bytes":4294967296}"#,
        Counted::read,
    );
}

#[test]
fn what_is_out_of_range_is_taken_for_its_end() {
    let fields: Value = serde_json::from_str(
        r#"{"time":-1,"processors":7,"memoryUsed":-1,"memoryTotal":1e300,"sessions":1e10}"#,
    )
    .unwrap();
    let sample = Sample::read(&fields).unwrap();
    assert_eq!((sample.memory_used, sample.memory_total), (0, u64::MAX));
    assert_eq!(sample.sessions, u32::MAX);
    assert!(ToClock::Exchange { t1: -5.0 }.json().ends_with(":0.000}"));
}

#[test]
fn a_time_keeps_its_microseconds() {
    // Until the year 2248 a number of milliseconds has room for them: 2^43 has a step of 1 µs.
    for micros in [1_795_470_000_123_456_u64, (1 << 43) * 1_000 - 1] {
        let time = micros as f64 / 1e3;
        let json = written(&FromClock::Time { time });
        let fields: Value = serde_json::from_str(&json).unwrap();
        let Some(FromClock::Time { time }) = FromClock::read(&fields) else {
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
        let _ = FromData::parse(&text);
    }

    #[test]
    fn fields_of_any_kind_are_read_or_not(kind in "time|interval|exchange|refused|", number: f64, text: String) {
        for value in [Value::from(number), Value::from(text), Value::Null, Value::from([1])] {
            let fields = serde_json::json!({
                "type": kind, "time": value, "interval": value, "t1": value, "t2": value,
                "t3": value, "reason": value, "processors": value, "memoryUsed": value,
                "memoryTotal": value, "sessions": value, "received": value, "bytes": value,
            });
            let _ = FromClock::read(&fields);
            let _ = Sample::read(&fields);
            let _ = Counted::read(&fields);
        }
        for fields in [Value::Null, Value::from(number), Value::from([kind])] {
            prop_assert_eq!(FromClock::read(&fields), None);
            prop_assert_eq!(Sample::read(&fields), None);
            prop_assert_eq!(Counted::read(&fields), None);
        }
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
