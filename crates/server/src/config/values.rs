//! Values as they are read: each is refused with what is allowed.

use super::bounds::{self, Whole};
use super::{http, turn};
use ipnet::IpNet;
use serde::Deserialize;
use serde::de::{Deserializer, Error as _};
use std::net::IpAddr;
use std::time::Duration;
use tickwire_peer::port::Advertised;

pub fn sessions<'de, D: Deserializer<'de>>(d: D) -> Result<usize, D::Error> {
    whole(d, &bounds::SESSIONS)
}

pub fn count<'de, D: Deserializer<'de>>(d: D) -> Result<usize, D::Error> {
    whole(d, &bounds::COUNT)
}

pub fn channels<'de, D: Deserializer<'de>>(d: D) -> Result<usize, D::Error> {
    whole(d, &bounds::CHANNELS)
}

pub fn message<'de, D: Deserializer<'de>>(d: D) -> Result<usize, D::Error> {
    whole(d, &bounds::MESSAGE)
}

pub fn buffer<'de, D: Deserializer<'de>>(d: D) -> Result<usize, D::Error> {
    whole(d, &bounds::BUFFER)
}

fn whole<'de, D: Deserializer<'de>>(d: D, bounds: &Whole) -> Result<usize, D::Error> {
    let number = i64::deserialize(d)?;
    // What is negative is out of bounds, whichever they are.
    let whole = usize::try_from(number).unwrap_or(0);
    bounds.check(whole).map_err(D::Error::custom)?;
    Ok(whole)
}

/// A time with its unit.
pub fn duration<'de, D: Deserializer<'de>>(d: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(d)?;
    let read = humantime::parse_duration(&text).ok();
    read.filter(|time| bounds::check_time(*time).is_ok())
        .ok_or_else(|| {
            D::Error::custom(format!(
                r#"expected a time from "1s" to "10min", such as "15s", found "{text}""#
            ))
        })
}

/// A time with its unit, or `0s`.
pub fn duration_or_none<'de, D: Deserializer<'de>>(d: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(d)?;
    let read = humantime::parse_duration(&text).ok();
    read.filter(|time| bounds::check_time_or_none(*time).is_ok())
        .ok_or_else(|| {
            D::Error::custom(format!(
                r#"expected "0s" or a time from "1s" to "10min", such as "30s", found "{text}""#
            ))
        })
}

pub fn listen<'de, D: Deserializer<'de>>(d: D) -> Result<Vec<Advertised>, D::Error> {
    let addresses = addresses(d)?;
    bounds::check_listen(&addresses).map_err(D::Error::custom)?;
    Ok(addresses)
}

pub fn advertise<'de, D: Deserializer<'de>>(d: D) -> Result<Vec<Advertised>, D::Error> {
    let addresses = addresses(d)?;
    bounds::check_advertise(&addresses).map_err(D::Error::custom)?;
    Ok(addresses)
}

fn addresses<'de, D: Deserializer<'de>>(d: D) -> Result<Vec<Advertised>, D::Error> {
    let texts = Vec::<String>::deserialize(d)?;
    let read = texts.iter().map(|text| text.parse());
    read.collect::<Result<_, _>>().map_err(D::Error::custom)
}

/// One key, or none.
pub fn key<'de, D: Deserializer<'de>>(d: D) -> Result<String, D::Error> {
    let key = String::deserialize(d)?;
    super::admin::check_key(&key).map_err(D::Error::custom)?;
    Ok(key)
}

pub fn keys<'de, D: Deserializer<'de>>(d: D) -> Result<Vec<String>, D::Error> {
    let keys = Vec::deserialize(d)?;
    bounds::check_keys(&keys).map_err(D::Error::custom)?;
    Ok(keys)
}

/// Networks, or single addresses.
pub fn networks<'de, D: Deserializer<'de>>(d: D) -> Result<Vec<IpNet>, D::Error> {
    let texts = Vec::<String>::deserialize(d)?;
    let read = texts.iter().map(|text| {
        let address = || text.parse::<IpAddr>().ok().map(IpNet::from);
        text.parse().ok().or_else(address).ok_or_else(|| {
            D::Error::custom(format!(
                r#"expected an address or a network such as "10.0.0.0/8", found {text:?}"#
            ))
        })
    });
    read.collect()
}

pub fn origins<'de, D: Deserializer<'de>>(d: D) -> Result<Vec<String>, D::Error> {
    let origins = Vec::deserialize(d)?;
    http::check_origins(&origins).map_err(D::Error::custom)?;
    Ok(origins)
}

pub fn hosts<'de, D: Deserializer<'de>>(d: D) -> Result<Vec<String>, D::Error> {
    let hosts = Vec::deserialize(d)?;
    http::check_hosts(&hosts).map_err(D::Error::custom)?;
    Ok(hosts)
}

pub fn turn_urls<'de, D: Deserializer<'de>>(d: D) -> Result<Vec<String>, D::Error> {
    let urls = Vec::deserialize(d)?;
    turn::check_urls(&urls).map_err(D::Error::custom)?;
    Ok(urls)
}

pub fn turn_secret<'de, D: Deserializer<'de>>(d: D) -> Result<String, D::Error> {
    let secret = String::deserialize(d)?;
    turn::check_secret(&secret).map_err(D::Error::custom)?;
    Ok(secret)
}

pub fn turn_lifetime<'de, D: Deserializer<'de>>(d: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(d)?;
    let read = humantime::parse_duration(&text).unwrap_or_default();
    turn::check_lifetime(read)
        .map_err(|expected| D::Error::custom(format!("{expected}, found {text:?}")))?;
    Ok(read)
}
