//! Servers that relay, for clients whom nothing else gets through to this one.

use super::values;
use serde::Deserialize;
use std::fmt;
use std::time::Duration;

/// How many there may be.
const URLS: usize = 8;
/// How long an address or a secret may be, in bytes.
const LENGTH: usize = 512;

/// TURN (RFC 8656): the table `[turn]` of a file.
#[derive(Clone, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct TurnConfig {
    /// Where TURN servers are, such as `turn:turn.example.com:3478?transport=udp` or
    /// `turns:turn.example.com` (RFC 7065); none where there are none. 8 at most.
    #[serde(deserialize_with = "values::turn_urls")]
    pub urls: Vec<String>,
    /// What this server shares with them, of which credentials are made (`static-auth-secret` of coturn).
    #[serde(deserialize_with = "values::turn_secret")]
    pub secret: String,
    /// How long credentials hold. A connection through the TURN server can last longer. 1 min to 1 day.
    #[serde(deserialize_with = "values::turn_lifetime")]
    pub lifetime: Duration,
}

impl Default for TurnConfig {
    fn default() -> Self {
        Self {
            urls: Vec::new(),
            secret: String::new(),
            lifetime: Duration::from_secs(60 * 60),
        }
    }
}

/// Without the secret, which is no part of a log.
impl fmt::Debug for TurnConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("TurnConfig");
        shown.field("urls", &self.urls);
        shown.field("has_secret", &!self.secret.is_empty());
        shown.field("lifetime", &self.lifetime).finish()
    }
}

/// Whether both are there, or neither.
pub fn check(config: &TurnConfig) -> Result<(), String> {
    check_urls(&config.urls)?;
    check_secret(&config.secret)?;
    check_lifetime(config.lifetime)?;
    match config.urls.is_empty() == config.secret.is_empty() {
        true => Ok(()),
        false => Err("expected both urls and secret, or neither".into()),
    }
}

/// Whether each is an address of TURN. It stands in a header field, between `<` and `>`.
pub fn check_urls(urls: &[String]) -> Result<(), String> {
    let is_url = |url: &String| {
        let host = url.strip_prefix("turn:").or(url.strip_prefix("turns:"));
        let is_plain = |it: u8| it.is_ascii_alphanumeric() || b"-._~:[]?=%".contains(&it);
        host.is_some_and(|it| !it.is_empty() && it.bytes().all(is_plain)) && url.len() <= LENGTH
    };
    if urls.len() > URLS {
        return Err(format!("expected at most {URLS} addresses"));
    }
    match urls.iter().find(|it| !is_url(it)) {
        None => Ok(()),
        Some(other) => Err(format!(
            r#"expected an address such as "turn:turn.example.com:3478?transport=udp", found {other:?}"#
        )),
    }
}

/// A secret stands in no error.
pub fn check_secret(secret: &str) -> Result<(), String> {
    match secret.len() <= LENGTH {
        true => Ok(()),
        false => Err(format!("expected a secret of at most {LENGTH} bytes")),
    }
}

pub fn check_lifetime(lifetime: Duration) -> Result<(), String> {
    match (60..=24 * 60 * 60).contains(&lifetime.as_secs()) {
        true => Ok(()),
        false => Err("expected a time from 1min to 1day, such as \"1h\"".into()),
    }
}
