//! What keeps topics, where several servers have the same.

use serde::{Deserialize, Deserializer, Serialize};
use std::fmt;
use std::path::PathBuf;

/// The table `[engine]`. Without a server in it each server has its own topics.
#[derive(Clone, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct EngineConfig {
    /// Servers of NATS, as URLs.
    #[serde(deserialize_with = "servers")]
    pub nats: Vec<String>,
    /// What servers have in common that have the same topics.
    #[serde(deserialize_with = "namespace")]
    pub namespace: String,
    /// What NATS lets in who says it; nothing where it does not ask.
    pub token: String,
    /// A file of credentials, likewise.
    pub credentials: String,
    /// A file of certificates of who has signed those of NATS, besides those that the system trusts.
    pub ca: String,
    /// On how many servers of NATS each stream is.
    #[serde(deserialize_with = "replicas")]
    pub replicas: usize,
    /// Whether the newest values are in files of NATS.
    pub files: bool,
}

impl Default for EngineConfig {
    fn default() -> Self {
        Self {
            nats: Vec::new(),
            namespace: "default".into(),
            token: String::new(),
            credentials: String::new(),
            ca: String::new(),
            replicas: 1,
            files: false,
        }
    }
}

impl EngineConfig {
    /// Whether something else than each server keeps topics.
    pub fn is_on(&self) -> bool {
        !self.nats.is_empty()
    }

    /// As the link to NATS is told.
    pub fn options(&self) -> tickwire_nats::Options {
        let path = |text: &str| (!text.is_empty()).then(|| PathBuf::from(text));
        tickwire_nats::Options {
            servers: self.nats.clone(),
            namespace: self.namespace.clone(),
            token: (!self.token.is_empty()).then(|| self.token.clone()),
            credentials: path(&self.credentials),
            ca: path(&self.ca),
            replicas: self.replicas,
            files: self.files,
        }
    }
}

/// Without secrets, which are no part of a log.
impl fmt::Debug for EngineConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Shown::from(self).fmt(f)
    }
}

/// What of it is shown.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Shown<'a> {
    nats: Vec<String>,
    namespace: &'a str,
    token: &'static str,
    credentials: &'a str,
    ca: &'a str,
    replicas: usize,
    files: bool,
}

impl<'a> From<&'a EngineConfig> for Shown<'a> {
    fn from(config: &'a EngineConfig) -> Self {
        Self {
            nats: config.nats.iter().map(|url| shown(url)).collect(),
            namespace: &config.namespace,
            token: super::show::hidden(&config.token),
            credentials: &config.credentials,
            ca: &config.ca,
            replicas: config.replicas,
            files: config.files,
        }
    }
}

/// A URL without the user and the password in it.
fn shown(url: &str) -> String {
    match (url.split_once("://"), url.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, host))) => {
            format!("{scheme}://{}@{host}", super::show::HIDDEN)
        }
        _ => url.to_owned(),
    }
}

/// One, or a list.
fn servers<'de, D: Deserializer<'de>>(d: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(
        untagged,
        expecting = "expected a URL such as \"nats://localhost:4222\", or a list of them"
    )]
    enum Servers {
        One(String),
        Several(Vec<String>),
    }
    let servers = match Servers::deserialize(d)? {
        Servers::One(url) if url.is_empty() => Vec::new(),
        Servers::One(url) => vec![url],
        Servers::Several(urls) => urls,
    };
    let is_url = |url: &String| {
        let scheme = ["nats://", "tls://"]
            .iter()
            .find(|it| url.starts_with(**it));
        scheme.is_some_and(|scheme| url.len() > scheme.len())
    };
    if !servers.iter().all(is_url) {
        // A password may stand in one.
        return Err(serde::de::Error::custom(
            r#"expected URLs such as "nats://localhost:4222" or "tls://nats.example.com:4222""#,
        ));
    }
    Ok(servers)
}

fn namespace<'de, D: Deserializer<'de>>(d: D) -> Result<String, D::Error> {
    let name = String::deserialize(d)?;
    let is_word = |it: u8| it.is_ascii_alphanumeric() || b"-_".contains(&it);
    if (1..=64).contains(&name.len()) && name.bytes().all(is_word) {
        return Ok(name);
    }
    Err(serde::de::Error::custom(format!(
        r#"expected a namespace of 1 to 64 letters, digits, "-" and "_", found {name:?}"#
    )))
}

fn replicas<'de, D: Deserializer<'de>>(d: D) -> Result<usize, D::Error> {
    let replicas = usize::deserialize(d)?;
    if (1..=5).contains(&replicas) {
        return Ok(replicas);
    }
    Err(serde::de::Error::custom(format!(
        "expected a number from 1 to 5, found {replicas}"
    )))
}
