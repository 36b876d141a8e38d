//! Who may: the keys that tokens are signed with.

use serde::{Deserialize, Deserializer, Serialize};
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;
use tickwire_auth::MIN_SECRET;

/// The table `[auth]`. Without a key in it nobody is asked who they are.
#[derive(Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct AuthConfig {
    /// What tokens are signed with by HS256: 32 characters at least.
    #[serde(deserialize_with = "secret")]
    pub secret: String,
    /// Files with public keys: PEM, or a set of keys as JSON (RFC 7517).
    pub key_files: Vec<PathBuf>,
    /// Where a set of keys is published, which is fetched again as its answer says, or every 5 minutes.
    pub jwks_url: String,
    /// What `aud` of a token has to hold; any without it.
    pub audience: String,
    /// How far the clocks of who makes tokens and of this server may be apart.
    #[serde(deserialize_with = "leeway")]
    pub leeway: Leeway,
}

/// How far clocks may be apart; 10 s unless said.
#[derive(Clone, Copy, Debug)]
pub struct Leeway(pub Duration);

impl Default for Leeway {
    fn default() -> Self {
        Self(Duration::from_secs(10))
    }
}

impl AuthConfig {
    /// Whether anybody is asked.
    pub fn is_on(&self) -> bool {
        !(self.secret.is_empty() && self.key_files.is_empty() && self.jwks_url.is_empty())
    }
}

/// Without the secret, which is no part of a log.
impl fmt::Debug for AuthConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Shown::from(self).fmt(f)
    }
}

/// What of it is shown.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Shown<'a> {
    secret: &'static str,
    key_files: &'a [PathBuf],
    jwks_url: &'a str,
    audience: &'a str,
    leeway: String,
}

impl<'a> From<&'a AuthConfig> for Shown<'a> {
    fn from(config: &'a AuthConfig) -> Self {
        Self {
            secret: super::show::hidden(&config.secret),
            key_files: &config.key_files,
            jwks_url: &config.jwks_url,
            audience: &config.audience,
            leeway: humantime::format_duration(config.leeway.0).to_string(),
        }
    }
}

/// A secret stands in no error.
fn secret<'de, D: Deserializer<'de>>(d: D) -> Result<String, D::Error> {
    let secret = String::deserialize(d)?;
    if !secret.is_empty() && secret.len() < MIN_SECRET {
        return Err(serde::de::Error::custom(format!(
            "expected a secret of {MIN_SECRET} characters at least, as `openssl rand -hex 32` makes one"
        )));
    }
    Ok(secret)
}

fn leeway<'de, D: Deserializer<'de>>(d: D) -> Result<Leeway, D::Error> {
    let text = String::deserialize(d)?;
    let read = humantime::parse_duration(&text).ok();
    let most = Duration::from_secs(600);
    read.filter(|it| *it <= most).map(Leeway).ok_or_else(|| {
        serde::de::Error::custom(format!(
            r#"expected a time from "0s" to "10min", such as "10s", found "{text}""#
        ))
    })
}
