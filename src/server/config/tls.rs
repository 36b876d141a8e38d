//! How HTTP is encrypted.

use serde::{Deserialize, Deserializer, Serialize};

/// Whoever signs certificates unless said: Let's Encrypt.
const DIRECTORY: &str = "https://acme-v02.api.letsencrypt.org/directory";

/// The table `[tls]`. Without a certificate, and without a name to ask for one by, HTTP is not encrypted.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct TlsConfig {
    /// A file (PEM) with the certificate, and those between it and who is trusted.
    pub certificate: String,
    /// A file (PEM) with its key.
    pub key: String,
    /// Names of this server for which a certificate is asked for.
    #[serde(deserialize_with = "names")]
    pub acme: Vec<String>,
    /// Where who signs it may write to, as URLs: `mailto:…`.
    #[serde(deserialize_with = "contact")]
    pub contact: Vec<String>,
    /// The folder in which it is kept.
    #[serde(deserialize_with = "cache")]
    pub cache: String,
    /// Where it is asked for, a URL.
    #[serde(deserialize_with = "directory")]
    pub directory: String,
    /// A file (PEM) of whom to trust there, besides those that the system trusts.
    pub ca: String,
}

impl Default for TlsConfig {
    fn default() -> Self {
        Self {
            certificate: String::new(),
            key: String::new(),
            acme: Vec::new(),
            contact: Vec::new(),
            cache: "acme".into(),
            directory: DIRECTORY.into(),
            ca: String::new(),
        }
    }
}

/// Names, not patterns: those need a challenge of the DNS (RFC 8555 section 7.1.3).
fn names<'de, D: Deserializer<'de>>(d: D) -> Result<Vec<String>, D::Error> {
    let names = Vec::<String>::deserialize(d)?;
    let is_label = |label: &str| {
        let is_word = |it: u8| it.is_ascii_lowercase() || it.is_ascii_digit() || it == b'-';
        (1..=63).contains(&label.len()) && label.bytes().all(is_word)
    };
    let is_name = |name: &String| name.len() <= 253 && name.split('.').all(is_label);
    match names.iter().find(|name| !is_name(name)) {
        None if names.len() <= 100 => Ok(names),
        None => Err(serde::de::Error::custom("expected 100 names at most")),
        Some(name) => Err(serde::de::Error::custom(format!(
            r#"expected names such as "live.example.com", in small letters and without a port, found {name:?}"#
        ))),
    }
}

fn contact<'de, D: Deserializer<'de>>(d: D) -> Result<Vec<String>, D::Error> {
    let contact = Vec::<String>::deserialize(d)?;
    match contact.iter().find(|it| !it.starts_with("mailto:")) {
        None => Ok(contact),
        Some(other) => Err(serde::de::Error::custom(format!(
            r#"expected addresses such as "mailto:ops@example.com", found {other:?}"#
        ))),
    }
}

fn cache<'de, D: Deserializer<'de>>(d: D) -> Result<String, D::Error> {
    let cache = String::deserialize(d)?;
    match cache.is_empty() {
        false => Ok(cache),
        true => Err(serde::de::Error::custom(
            "expected a folder, without which each start would ask for a certificate",
        )),
    }
}

fn directory<'de, D: Deserializer<'de>>(d: D) -> Result<String, D::Error> {
    let directory = String::deserialize(d)?;
    match directory.starts_with("https://") {
        true => Ok(directory),
        false => Err(serde::de::Error::custom(format!(
            "expected a URL that begins with https://, found {directory:?}"
        ))),
    }
}
