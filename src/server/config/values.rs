//! Values that have bounds: each is read, and refused with what is allowed.

use serde::Deserialize;
use serde::de::{Deserializer, Error as _};
use std::net::IpAddr;
use std::time::Duration;
use tracing_subscriber::EnvFilter;

/// A whole number from `MIN` to `MAX`.
pub fn whole<'de, const MIN: i64, const MAX: i64, D: Deserializer<'de>>(
    d: D,
) -> Result<usize, D::Error> {
    let number = i64::deserialize(d)?;
    if !(MIN..=MAX).contains(&number) {
        return Err(D::Error::custom(format!(
            "expected a whole number from {MIN} to {MAX}, found {number}"
        )));
    }
    usize::try_from(number).map_err(D::Error::custom)
}

/// A time from 1 s to 10 min, with its unit.
pub fn duration<'de, D: Deserializer<'de>>(d: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(d)?;
    humantime::parse_duration(&text)
        .ok()
        .filter(|time| (Duration::from_secs(1)..=Duration::from_secs(600)).contains(time))
        .ok_or_else(|| {
            D::Error::custom(format!(
                r#"expected a time from "1s" to "10min", such as "15s", found "{text}""#
            ))
        })
}

/// IP addresses, at least one.
pub fn addresses<'de, D: Deserializer<'de>>(d: D) -> Result<Vec<IpAddr>, D::Error> {
    let addresses = Vec::deserialize(d)?;
    if addresses.is_empty() {
        return Err(D::Error::custom(
            r#"expected at least one address, such as ["0.0.0.0", "127.0.0.1"]"#,
        ));
    }
    Ok(addresses)
}

/// A filter in the syntax of [`EnvFilter`].
pub fn log_filter<'de, D: Deserializer<'de>>(d: D) -> Result<String, D::Error> {
    let filter = String::deserialize(d)?;
    EnvFilter::try_new(&filter).map_err(|cause| {
        D::Error::custom(format!(
            r#"expected a filter such as "info" or "warn,tickwire=debug": {cause}"#
        ))
    })?;
    Ok(filter)
}
