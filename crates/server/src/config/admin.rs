//! What is for those who run the server.

use super::{bounds, values};
use serde::Deserialize;
use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

/// Who may see the metrics and have the server drained: the table `[admin]` of a file.
#[derive(Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct AdminConfig {
    /// Lets its holder do so at the address of HTTP: 20 characters at least. Without one nobody may there.
    #[serde(deserialize_with = "values::key")]
    pub key: String,
    /// Where whoever reaches it may, such as `127.0.0.1:9100`; nowhere without it.
    pub listen: Option<SocketAddr>,
}

/// Without the key, which is no part of a log.
impl fmt::Debug for AdminConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("AdminConfig");
        shown.field("has_key", &!self.key.is_empty());
        shown.field("listen", &self.listen).finish()
    }
}

/// How a server ends that has others beside it: the table `[drain]` of a file.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct DrainConfig {
    /// Over how long clients are asked to leave, after SIGTERM; those that are there at its end are
    /// closed. 0 s, for at once, to 10 min.
    #[serde(deserialize_with = "values::duration_or_none")]
    pub over: Duration,
}

impl Default for DrainConfig {
    fn default() -> Self {
        Self {
            over: Duration::from_secs(30),
        }
    }
}

/// A key stands in no error.
pub fn check_key(key: &str) -> Result<(), String> {
    match key {
        "" => Ok(()),
        key => bounds::check_keys(&[key.to_owned()]),
    }
}
