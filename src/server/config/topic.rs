//! The tables `[[topic]]`.

use serde::{Deserialize, Serialize};
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;
use tickwire_server::Policy;

/// A table `[[topic]]`: a topic, or those of a pattern.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "TopicTable")]
pub struct TopicConfig {
    /// Its name, or a pattern: `rooms/{room}/chat`.
    pub name: String,
    /// What it promises, and what is allowed in it.
    pub policy: Policy,
    /// The file to which it is saved, if it is.
    pub persist: Option<PathBuf>,
    /// The table as it was read.
    pub(super) table: TopicTable,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct TopicTable {
    r#match: String,
    #[serde(default)]
    policy: PolicyName,
    max_keys: Option<usize>,
    within: Option<String>,
    keep: Option<usize>,
    max_rate: Option<f64>,
    max_age: Option<String>,
    value_bytes: Option<usize>,
    persist: Option<PathBuf>,
    #[serde(default)]
    publish: bool,
    #[serde(default)]
    presence: bool,
    #[serde(default)]
    durable: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
enum PolicyName {
    #[default]
    Latest,
    Deadline,
    Log,
}

/// How many keys or entries a topic may have.
const COUNTS: RangeInclusive<usize> = 1..=10_000_000;
/// How many bytes a value may have.
const VALUE_BYTES: RangeInclusive<usize> = 1..=64_000;
/// How often a second a reader gets a key.
const RATES: RangeInclusive<f64> = 0.01..=1_000.0;
/// How long a value of a deadline may take.
const DEADLINES: RangeInclusive<Duration> = Duration::from_millis(10)..=Duration::from_secs(60);
/// How old a value may get.
const AGES: RangeInclusive<Duration> =
    Duration::from_secs(1)..=Duration::from_secs(365 * 24 * 60 * 60);

fn number<T: PartialOrd + std::fmt::Display>(
    key: &str,
    range: &RangeInclusive<T>,
    number: &T,
) -> Result<(), String> {
    if range.contains(number) {
        return Ok(());
    }
    let (least, most) = (range.start(), range.end());
    Err(format!(
        "{key}: expected a number from {least} to {most}, found {number}"
    ))
}

fn time(key: &str, range: &RangeInclusive<Duration>, text: &str) -> Result<Duration, String> {
    let time = humantime::parse_duration(text).ok();
    time.filter(|it| range.contains(it)).ok_or_else(|| {
        let [least, most] = [range.start(), range.end()].map(|it| humantime::format_duration(*it));
        format!(r#"{key}: expected a time from "{least}" to "{most}", found {text:?}"#)
    })
}

impl TryFrom<TopicTable> for TopicConfig {
    type Error = String;

    fn try_from(table: TopicTable) -> Result<Self, String> {
        use PolicyName::{Deadline, Latest, Log};
        for (key, of, is_set) in [
            ("max-keys", Latest, table.max_keys.is_some()),
            ("max-rate", Latest, table.max_rate.is_some()),
            ("within", Deadline, table.within.is_some()),
            ("keep", Log, table.keep.is_some()),
        ] {
            if is_set && table.policy != of {
                return Err(format!("{key} is for another policy"));
            }
        }
        if table.persist.is_some() && table.policy == Deadline {
            return Err("persist is for another policy".into());
        }
        let mut policy = match table.policy {
            Latest => Policy::latest(),
            Deadline => {
                let text = table.within.as_deref().unwrap_or_default();
                Policy::deadline(time("within", &DEADLINES, text)?)
            }
            Log => {
                let keep = table.keep;
                let keep = keep.ok_or("keep: expected how many entries are kept")?;
                number("keep", &COUNTS, &keep)?;
                Policy::log(keep)
            }
        };
        if let Some(max) = table.max_keys {
            number("max-keys", &COUNTS, &max)?;
            policy = policy.max_keys(max);
        }
        if let Some(rate) = table.max_rate {
            number("max-rate", &RATES, &rate)?;
            policy = policy.max_rate(rate);
        }
        if let Some(age) = &table.max_age {
            policy = policy.max_age(time("max-age", &AGES, age)?);
        }
        if let Some(bytes) = table.value_bytes {
            number("value-bytes", &VALUE_BYTES, &bytes)?;
            policy = policy.max_value_bytes(bytes);
        }
        if table.publish {
            policy = policy.publish();
        }
        if table.presence {
            policy = policy.presence();
        }
        if table.durable {
            policy = policy.durable();
        }
        Ok(Self {
            name: table.r#match.clone(),
            policy,
            persist: table.persist.clone(),
            table,
        })
    }
}
