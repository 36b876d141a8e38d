//! `Leptos.toml`, then the environment, into [`Config`].
//!
//! The table `[package.metadata.leptos]` is Leptos' own, read by its rules (`LEPTOS_SITE_ADDR`
//! and the like win over it). The other tables are Tickwire's: `TICKWIRE_SESSION_MAX=200`
//! overrides the key `max` of `[session]`. Whatever is absent has its default, the file too.

mod auth;
mod engine;
mod secrets;
mod show;
mod tls;
mod topic;

pub use auth::AuthConfig;
pub use engine::EngineConfig;
pub use tls::TlsConfig;
pub use topic::TopicConfig;

use leptos::config::{LeptosOptions, get_config_from_str};
use serde::de::{Deserializer, Error as _};
use serde::{Deserialize, Serialize};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use tickwire_server::{
    AdminConfig, ApiConfig, ChannelConfig, DrainConfig, HttpConfig, LimitConfig, PortConfig,
    SessionConfig, TurnConfig,
};
use toml::{Table, Value};
use tracing_subscriber::EnvFilter;

/// The file that the server reads, in the directory in which it starts.
pub const FILE: &str = "Leptos.toml";
const PREFIX: &str = "TICKWIRE_";

/// All that the program can be told.
#[derive(Clone, Debug)]
pub struct Config {
    /// Leptos' own options: the HTTP address, and where the page's files are.
    pub leptos: LeptosOptions,
    /// Where the page is.
    pub site: SiteConfig,
    /// Sessions, channels and the UDP port.
    pub server: tickwire_server::Config,
    /// How HTTP is encrypted.
    pub tls: TlsConfig,
    /// Who may.
    pub auth: AuthConfig,
    /// What keeps topics, where several servers have the same.
    pub engine: EngineConfig,
    /// The topics that the file names.
    pub topics: Vec<TopicConfig>,
    /// What is logged.
    pub log: LogConfig,
}

/// The table `[site]`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SiteConfig {
    /// The path below which the page and all else is served: empty for the root, or such as
    /// `/live`, without a `/` at its end.
    #[serde(deserialize_with = "base")]
    pub base: String,
}

/// The table `[log]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct LogConfig {
    /// What is logged, in the syntax of `tracing_subscriber::EnvFilter`.
    #[serde(deserialize_with = "filter")]
    filter: String,
    /// How.
    pub format: LogFormat,
}

/// How lines of the log are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LogFormat {
    /// For people.
    Text,
    /// For machines: an object of JSON each.
    Json,
}

impl LogConfig {
    /// The filter, which was parsed once when the configuration was read.
    pub fn filter(&self) -> EnvFilter {
        EnvFilter::new(&self.filter)
    }
}

impl Default for LogConfig {
    fn default() -> Self {
        Self {
            filter: "warn,tickwire=info,rtc_sctp=off,dimpl=off".into(),
            format: LogFormat::Text,
        }
    }
}

/// Leptos' table: the keys of it that a server reads at run time.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
struct LeptosTable {
    output_name: String,
    site_root: String,
    site_pkg_dir: String,
    site_addr: SocketAddr,
    reload_port: u16,
    env: String,
}

impl Default for LeptosTable {
    fn default() -> Self {
        Self {
            output_name: "tickwire".into(),
            site_root: "target/site".into(),
            site_pkg_dir: "pkg".into(),
            site_addr: (Ipv4Addr::UNSPECIFIED, 8080).into(),
            reload_port: 3001,
            env: "DEV".into(),
        }
    }
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct File {
    package: Package,
    site: SiteConfig,
    session: SessionConfig,
    channel: ChannelConfig,
    port: PortConfig,
    api: ApiConfig,
    auth: AuthConfig,
    admin: AdminConfig,
    drain: DrainConfig,
    http: HttpConfig,
    tls: TlsConfig,
    limit: LimitConfig,
    turn: TurnConfig,
    engine: EngineConfig,
    topic: Vec<TopicConfig>,
    log: LogConfig,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Package {
    metadata: Metadata,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Metadata {
    leptos: LeptosTable,
}

/// Why a configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file is there and cannot be read.
    #[error("{file} cannot be read: {cause}")]
    Unreadable { file: String, cause: std::io::Error },
    /// The file says something that cannot be: the line, the key and what is allowed.
    #[error("{file}: {cause}")]
    File { file: String, cause: String },
    /// A variable says something that cannot be.
    #[error("the variable {name}={value:?}: {cause}")]
    Variable {
        name: String,
        value: String,
        cause: String,
    },
    /// A `LEPTOS_…` variable says something that cannot be.
    #[error("a LEPTOS_ variable cannot be used: {0}")]
    Leptos(String),
}

impl Config {
    /// Reads [`FILE`] from the current directory, and the environment.
    ///
    /// # Errors
    /// For an unknown key, a wrong type or an impossible value: where it is and what is allowed.
    pub fn load() -> Result<Self, ConfigError> {
        let text = match std::fs::read_to_string(Path::new(FILE)) {
            Ok(text) => text,
            Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(cause) => {
                return Err(ConfigError::Unreadable {
                    file: FILE.into(),
                    cause,
                });
            }
        };
        let variables = std::env::vars_os().filter_map(|(name, value)| {
            Some((
                name.into_string().ok()?,
                value.to_string_lossy().into_owned(),
            ))
        });
        Self::from_parts(&text, variables)
    }

    /// The configuration that `text`, the content of [`FILE`], and the `TICKWIRE_…` among
    /// `variables` give. `LEPTOS_…` is read from the process' own environment.
    ///
    /// # Errors
    /// As [`Config::load`].
    pub fn from_parts(
        text: &str,
        variables: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, ConfigError> {
        let in_file = |cause| ConfigError::File {
            file: FILE.into(),
            cause: secrets::told(text, &cause),
        };
        // First on its own, so that an error names the file's line.
        toml::from_str::<File>(text).map_err(in_file)?;
        let mut tables: Table = toml::from_str(text).map_err(in_file)?;
        for (name, value) in variables {
            if let Some(path) = name.strip_prefix(PREFIX) {
                override_key(&mut tables, path, &value)
                    .map_err(|cause| secrets::of_variable(path, name.clone(), value, cause))?;
            }
        }
        let file: File = tables.try_into().map_err(in_file)?;
        let mut saved = file.topic.iter().filter(|topic| topic.persist.is_some());
        if let Some(topic) = saved.find(|_| file.engine.is_on()) {
            return Err(ConfigError::File {
                file: FILE.into(),
                cause: format!(
                    "the topic {:?}: persist is for topics of one server, and [engine] keeps those of several",
                    topic.name
                ),
            });
        }
        Ok(Self {
            leptos: leptos_options(file.package)?,
            site: file.site,
            server: tickwire_server::Config {
                session: file.session,
                channel: file.channel,
                port: file.port,
                api: file.api,
                http: file.http,
                limit: file.limit,
                turn: file.turn,
                admin: file.admin,
                drain: file.drain,
            },
            tls: file.tls,
            auth: file.auth,
            engine: file.engine,
            topics: file.topic,
            log: file.log,
        })
    }
}

/// Puts one variable into `tables`, once it has been found to be valid by itself.
fn override_key(tables: &mut Table, path: &str, value: &str) -> Result<(), String> {
    let lower = path.to_ascii_lowercase();
    let (table, key) = lower
        .split_once('_')
        .filter(|(table, _)| *table != "package")
        .ok_or("expected TICKWIRE_<TABLE>_<KEY>, for instance TICKWIRE_SESSION_MAX")?;
    let key = key.replace('_', "-");
    // A value is TOML where it reads as TOML (a number, a list), and a string where it does not.
    let value = toml::from_str::<Table>(&format!("value = {value}"))
        .ok()
        .and_then(|mut parsed| parsed.remove("value"))
        .unwrap_or_else(|| Value::String(value.into()));
    let alone = Table::from_iter([(
        table.to_owned(),
        Value::Table(Table::from_iter([(key.clone(), value.clone())])),
    )]);
    File::deserialize(alone).map_err(|cause| cause.message().to_owned())?;
    tables
        .entry(table)
        .or_insert_with(|| Value::Table(Table::new()))
        .as_table_mut()
        .ok_or_else(|| format!("{table} is not a table"))?
        .insert(key, value);
    Ok(())
}

/// Leptos' own reader, given every key, so that what is absent has this server's default.
fn leptos_options(package: Package) -> Result<LeptosOptions, ConfigError> {
    #[derive(Serialize)]
    struct Document {
        package: Package,
    }
    let text = toml::to_string(&Document { package })
        .map_err(|cause| ConfigError::Leptos(cause.to_string()))?;
    get_config_from_str(&text).map_err(|cause| ConfigError::Leptos(cause.to_string()))
}

/// A path that a URL can have as it is, and that a route can: without what stands for something else
/// in either.
fn base<'de, D: Deserializer<'de>>(d: D) -> Result<String, D::Error> {
    let base = String::deserialize(d)?;
    let is_plain = |part: &str| {
        let is_word = |it: u8| it.is_ascii_alphanumeric() || b"-._~".contains(&it);
        !part.is_empty() && !part.starts_with('.') && part.bytes().all(is_word)
    };
    let is_path = |path: &str| path.split('/').all(is_plain);
    if base.is_empty() || base.strip_prefix('/').is_some_and(is_path) {
        return Ok(base);
    }
    Err(D::Error::custom(format!(
        r#"expected a path such as "/live", of letters, digits, "-", "_", "." and "~", or nothing, but found {base:?}"#
    )))
}

/// A filter in the syntax of [`EnvFilter`].
fn filter<'de, D: Deserializer<'de>>(d: D) -> Result<String, D::Error> {
    let filter = String::deserialize(d)?;
    EnvFilter::try_new(&filter).map_err(|cause| {
        D::Error::custom(format!(
            r#"expected a filter such as "info" or "warn,tickwire=debug": {cause}"#
        ))
    })?;
    Ok(filter)
}

#[cfg(test)]
mod tests;
