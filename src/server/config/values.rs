//! Values that have bounds: each is read, and refused with what is allowed.

use serde::Deserialize;
use serde::de::{Deserializer, Error as _};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;
use tickwire_peer::port::Advertised;
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

/// Addresses to listen on, at least one.
pub fn listen<'de, D: Deserializer<'de>>(d: D) -> Result<Vec<Advertised>, D::Error> {
    let addresses = addresses(d)?;
    if addresses.is_empty() {
        return Err(D::Error::custom(
            r#"expected at least one address, such as ["0.0.0.0", "::"]"#,
        ));
    }
    Ok(addresses)
}

/// Addresses that a browser can be sent to.
pub fn advertise<'de, D: Deserializer<'de>>(d: D) -> Result<Vec<Advertised>, D::Error> {
    let addresses = addresses(d)?;
    let is_nowhere = |a: &&Advertised| a.ip.is_unspecified() || a.port == Some(0);
    if let Some(nowhere) = addresses.iter().find(is_nowhere) {
        return Err(D::Error::custom(format!(
            "expected an address that browsers can reach, found {}{}",
            nowhere.ip,
            nowhere
                .port
                .map(|port| format!(", port {port}"))
                .unwrap_or_default()
        )));
    }
    Ok(addresses)
}

fn addresses<'de, D: Deserializer<'de>>(d: D) -> Result<Vec<Advertised>, D::Error> {
    let read = |text: String| -> Result<Advertised, D::Error> {
        let bare = text
            .strip_prefix('[')
            .and_then(|text| text.strip_suffix(']'));
        if let Ok(ip) = bare.unwrap_or(&text).parse::<IpAddr>() {
            return Ok(Advertised { ip, port: None });
        }
        let with_port = text.parse::<SocketAddr>().map_err(|_| {
            D::Error::custom(format!(
                r#"expected an IP address, or one with a port, such as "192.0.2.7", "192.0.2.7:8080" or "[2001:db8::7]:8080", found "{text}""#
            ))
        })?;
        Ok(Advertised {
            ip: with_port.ip(),
            port: Some(with_port.port()),
        })
    };
    Vec::<String>::deserialize(d)?
        .into_iter()
        .map(read)
        .collect()
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
