//! What is allowed.

use std::ops::RangeInclusive;
use std::time::Duration;
use tickwire_peer::port::Advertised;

/// A whole number from the first to the second.
pub struct Whole(usize, usize);

pub const SESSIONS: Whole = Whole(1, 100_000);
pub const COUNT: Whole = Whole(1, 1_000_000);
pub const CHANNELS: Whole = Whole(1, 1_024);
pub const MESSAGE: Whole = Whole(1_024, 256 << 10);
pub const BUFFER: Whole = Whole(4_096, 16 << 20);

const TIME: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(600);

impl Whole {
    pub fn check(&self, number: usize) -> Result<(), String> {
        let Self(least, most) = self;
        if !(least..=most).contains(&&number) {
            return Err(format!(
                "expected a whole number from {least} to {most}, found {number}"
            ));
        }
        Ok(())
    }
}

pub fn check_time(time: Duration) -> Result<(), String> {
    if !TIME.contains(&time) {
        return Err(format!("expected a time from 1s to 10min, found {time:?}"));
    }
    Ok(())
}

pub fn check_time_or_none(time: Duration) -> Result<(), String> {
    match time.is_zero() {
        true => Ok(()),
        false => check_time(time),
    }
}

pub fn check_listen(addresses: &[Advertised]) -> Result<(), String> {
    if addresses.is_empty() {
        return Err(r#"expected at least one address, such as ["0.0.0.0", "::"]"#.into());
    }
    Ok(())
}

pub fn check_advertise(addresses: &[Advertised]) -> Result<(), String> {
    let is_nowhere = |a: &&Advertised| a.ip.is_unspecified() || a.port == Some(0);
    let Some(nowhere) = addresses.iter().find(is_nowhere) else {
        return Ok(());
    };
    let port = nowhere.port.map(|port| format!(", port {port}"));
    Err(format!(
        "expected an address that browsers can reach, found {}{}",
        nowhere.ip,
        port.unwrap_or_default()
    ))
}

/// The length of a key of the API, in bytes, and how many there may be.
const KEY: RangeInclusive<usize> = 20..=512;
const KEYS: usize = 100;

/// A key stands in no error.
pub fn check_keys(keys: &[String]) -> Result<(), String> {
    let is_key =
        |key: &String| KEY.contains(&key.len()) && key.bytes().all(|it| it.is_ascii_graphic());
    if keys.len() > KEYS || !keys.iter().all(is_key) {
        let (least, most) = (KEY.start(), KEY.end());
        return Err(format!(
            "expected at most {KEYS} keys, each of {least} to {most} ASCII letters, digits and signs"
        ));
    }
    Ok(())
}
