//! Twenty keys whose values change at moments spread evenly, as fast as standard input says.
//!
//! A line `rate 20` changes each key 20 times a second, `rate 0` stops and is answered with a line of JSON that
//! has the time of each key's last value. The end of input ends the program.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::time::{Instant, sleep_until};

const KEYS: usize = 20;

/// The time as a browser has it: Unix milliseconds with microseconds after the point.
fn now() -> f64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    (since.as_micros() as f64) / 1000.0
}

/// A value of a key, as JSON of about 100 bytes, and its time.
fn value(key: usize, count: u64) -> (String, f64) {
    let time = now();
    let price = 1000.0 + ((count * 37) % 9000) as f64 / 10.0;
    let (bid, ask) = (price - 0.05, price + 0.05);
    let volume = 100_000 + count % 900_000;
    let text = format!(
        r#"{{"key":"k{key}","time":{time:.3},"price":{price:.2},"bid":{bid:.2},"ask":{ask:.2},"volume":{volume}}}"#
    );
    (text, time)
}

/// Says that the server takes readers, with what they have to know, then hands each value to `put` with the number of
/// its key, until the end of input.
pub async fn run(
    settings: serde_json::Value,
    mut put: impl FnMut(usize, String),
) -> std::io::Result<()> {
    println!("{settings}");
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    let mut last = [0.0; KEYS];
    let mut count = 0;
    let mut every = None;
    let mut next = Instant::now();
    loop {
        tokio::select! {
            line = lines.next_line() => {
                let Some(line) = line? else { return Ok(()) };
                let rate: f64 = line.strip_prefix("rate ").and_then(|rate| rate.parse().ok()).unwrap_or_default();
                every = (rate > 0.0).then(|| Duration::from_secs_f64(1.0 / (rate * KEYS as f64)));
                next = Instant::now();
                if every.is_none() {
                    println!("{}", serde_json::json!({ "last": last.to_vec() }));
                }
            }
            () = sleep_until(next), if every.is_some() => {
                let key = count as usize % KEYS;
                let (text, time) = value(key, count);
                last[key] = time;
                put(key, text);
                count += 1;
                next += every.unwrap_or_default();
            }
        }
    }
}
