//! Numbers as the page says them. All times and durations are in milliseconds.

use humantime::format_rfc3339_millis;
use std::fmt::Write;
use std::time::{Duration, UNIX_EPOCH};
use tickwire_link::Path;

/// What stands for a number that is not known.
pub const UNKNOWN: &str = "–";

const DAY: i64 = 86_400_000;

/// The time of day in UTC, with tenths: `HH:MM:SS.t`. `at` counts from 1970-01-01T00:00:00Z.
pub fn time_of_day(at: f64) -> String {
    let (hours, minutes, seconds, milliseconds) = split((at.floor() as i64).rem_euclid(DAY));
    format!(
        "{hours:02}:{minutes:02}:{seconds:02}.{}",
        milliseconds / 100
    )
}

/// `2026-11-22T21:44:26.123Z` (RFC 3339). `at` counts from 1970-01-01T00:00:00Z; what is before that,
/// or after the year 9999, is [`UNKNOWN`].
pub fn date_and_time(at: f64) -> String {
    let since = (at >= 0.0).then(|| Duration::from_millis(at as u64));
    let time = since.and_then(|since| UNIX_EPOCH.checked_add(since));
    let mut text = String::new();
    // It fails for what has no such form.
    let written = time.map(|time| write!(text, "{}", format_rfc3339_millis(time)));
    if matches!(written, Some(Ok(()))) {
        text
    } else {
        UNKNOWN.into()
    }
}

/// A number with so many digits after the point, at most 9, and its unit. By whole numbers: what
/// it takes to write any other exactly would be a twentieth of the page.
pub fn fixed(digits: u32, number: f64, unit: &str) -> String {
    let scale = 10_u64.pow(digits);
    let scaled = (number.abs() * scale as f64).round() as u64;
    let sign = if number < 0.0 && scaled > 0 { "-" } else { "" };
    let (whole, rest) = (scaled / scale, scaled % scale);
    if digits == 0 {
        format!("{sign}{whole} {unit}")
    } else {
        format!(
            "{sign}{whole}.{rest:0width$} {unit}",
            width = digits as usize
        )
    }
}

/// A protocol's name, as a browser's report has it: `udp` is `UDP`.
pub fn protocol(name: &str) -> String {
    match name {
        "" => UNKNOWN.into(),
        Path::WEBSOCKET => "WebSocket".into(),
        _ => name.to_ascii_uppercase(),
    }
}

/// How long something takes: `0.4 ms`, `412 ms`, `9.8 s`.
pub fn duration(milliseconds: f64) -> String {
    if milliseconds < 99.95 {
        fixed(1, milliseconds, "ms")
    } else if milliseconds < 999.5 {
        fixed(0, milliseconds, "ms")
    } else {
        fixed(1, milliseconds / 1e3, "s")
    }
}

/// A difference and by how much it can be wrong: `+0.3 ms ± 0.4 ms`. Its last digit is a tenth of
/// a millisecond; the bound is rounded up, and what rounding takes from the difference is in it.
pub fn difference(milliseconds: f64, uncertainty: f64) -> String {
    let tenths = (milliseconds * 10.0).round();
    let sign = match tenths {
        0.0 => "",
        tenths if tenths < 0.0 => "−",
        _ => "+",
    };
    let size = tenths.abs() / 10.0;
    let size = if size < 1e3 {
        fixed(1, size, "ms")
    } else {
        fixed(4, size / 1e3, "s")
    };
    let bound = ((uncertainty + 0.05) * 10.0).ceil() / 10.0;
    format!("{sign}{size} ± {}", fixed(1, bound, "ms"))
}

/// A share of a whole, 0 to 1: `37 %`.
pub fn percent(share: f64) -> String {
    fixed(0, share * 100.0, "%")
}

/// A part of a number of bytes: `3.0 of 8.0 GiB`.
pub fn part_of_memory(used: u64, total: u64) -> String {
    let gibibytes = |bytes: u64, unit| fixed(1, bytes as f64 / f64::from(1 << 30), unit);
    format!("{} {}", gibibytes(used, "of"), gibibytes(total, "GiB"))
}

/// A number of bytes: `120 B`, `48.0 kB`, `1.2 MB`.
pub fn bytes(bytes: u64) -> String {
    match bytes {
        0..1_000 => format!("{bytes} B"),
        1_000..999_950 => fixed(1, bytes as f64 / 1e3, "kB"),
        _ => fixed(1, bytes as f64 / 1e6, "MB"),
    }
}

/// Hours, minutes, seconds and milliseconds of a time of day.
fn split(time: i64) -> (i64, i64, i64, i64) {
    (
        time / 3_600_000,
        time / 60_000 % 60,
        time / 1_000 % 60,
        time % 1_000,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_and_times() {
        for (at, text) in [
            (0.0, "1970-01-01T00:00:00.000Z"),
            (1_795_383_866_123.9, "2026-11-22T21:44:26.123Z"),
            (951_782_400_000.0, "2000-02-29T00:00:00.000Z"),
            (4_107_542_399_999.0, "2100-02-28T23:59:59.999Z"),
            (4_107_542_400_000.0, "2100-03-01T00:00:00.000Z"),
            (-1.0, UNKNOWN),
            (1e300, UNKNOWN),
            (f64::NAN, UNKNOWN),
        ] {
            assert_eq!(date_and_time(at), text);
        }
        assert_eq!(time_of_day(1_795_383_866_123.9), "21:44:26.1");
        assert_eq!(time_of_day(86_399_999.9), "23:59:59.9");
        assert_eq!(time_of_day(-0.1), "23:59:59.9");
    }

    #[test]
    fn garbage_is_some_text() {
        for at in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e300] {
            assert!(!date_and_time(at).is_empty());
            assert!(!time_of_day(at).is_empty());
        }
    }

    #[test]
    fn durations() {
        for (milliseconds, text) in [
            (0.0, "0.0 ms"),
            (0.44, "0.4 ms"),
            (99.94, "99.9 ms"),
            (99.96, "100 ms"),
            (999.4, "999 ms"),
            (999.6, "1.0 s"),
            (9_840.0, "9.8 s"),
        ] {
            assert_eq!(duration(milliseconds), text);
        }
    }

    #[test]
    fn differences() {
        for (milliseconds, uncertainty, text) in [
            (0.34, 0.31, "+0.3 ms ± 0.4 ms"),
            (-0.04, 0.0, "0.0 ms ± 0.1 ms"),
            (-12.36, 1.95, "−12.4 ms ± 2.0 ms"),
            (3_600_000.25, 20.0, "+3600.0003 s ± 20.1 ms"),
        ] {
            assert_eq!(difference(milliseconds, uncertainty), text);
        }
    }

    #[test]
    fn numbers_of_bytes() {
        for (number, text) in [
            (0, "0 B"),
            (999, "999 B"),
            (1_000, "1.0 kB"),
            (999_949, "999.9 kB"),
            (999_950, "1.0 MB"),
            (12_340_000_000, "12340.0 MB"),
        ] {
            assert_eq!(bytes(number), text);
        }
    }

    #[test]
    fn shares() {
        assert_eq!(percent(0.374), "37 %");
        assert_eq!(percent(1.0), "100 %");
        assert_eq!(part_of_memory(3 << 30, 1 << 33), "3.0 of 8.0 GiB");
    }
}
