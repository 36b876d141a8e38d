//! All that a server can be told. Each value has a default and bounds, which hold however it was
//! set: in a program ([`Config::check`]), or read by serde from a file.

pub use admin::{AdminConfig, DrainConfig};
pub use http::HttpConfig;
pub use limit::LimitConfig;
pub(crate) use limit::quota;
use serde::Deserialize;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;
use tickwire_peer::port::{Advertise, Advertised};
pub use turn::TurnConfig;

/// All that a server can be told.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// How many sessions there may be, and how long they may take to open.
    pub session: SessionConfig,
    /// The bounds of a data channel.
    pub channel: ChannelConfig,
    /// The UDP port for peers.
    pub port: PortConfig,
    /// Who may write over HTTP.
    pub api: ApiConfig,
    /// Who may speak HTTP, and from where.
    pub http: HttpConfig,
    /// How much one may have.
    pub limit: LimitConfig,
    /// Servers that relay, for clients whom nothing else gets through.
    pub turn: TurnConfig,
    /// What is for those who run it.
    pub admin: AdminConfig,
    /// How it ends that has others beside it.
    pub drain: DrainConfig,
}

/// A value is out of its bounds.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{name}: {expected}")]
pub struct OutOfBounds {
    name: &'static str,
    expected: String,
}

impl Config {
    /// Whether each value is within its bounds.
    ///
    /// # Errors
    /// For the first that is not: its name, and what is allowed.
    pub fn check(&self) -> Result<(), OutOfBounds> {
        let (session, channel) = (&self.session, &self.channel);
        let checks = [
            ("session.max", bounds::SESSIONS.check(session.max)),
            (
                "session.open_timeout",
                bounds::check_time(session.open_timeout),
            ),
            (
                "session.silence_timeout",
                bounds::check_time(session.silence_timeout),
            ),
            ("channel.max", bounds::CHANNELS.check(channel.max)),
            (
                "channel.message_bytes",
                bounds::MESSAGE.check(channel.message_bytes),
            ),
            (
                "channel.send_buffer_bytes",
                bounds::BUFFER.check(channel.send_buffer_bytes),
            ),
            (
                "channel.stall_timeout",
                bounds::check_time(channel.stall_timeout),
            ),
            ("port.listen", bounds::check_listen(&self.port.listen)),
            (
                "port.advertise",
                bounds::check_advertise(&self.port.advertise),
            ),
            ("api.keys", bounds::check_keys(&self.api.keys)),
            ("turn", turn::check(&self.turn)),
            ("admin.key", admin::check_key(&self.admin.key)),
            ("drain.over", bounds::check_time_or_none(self.drain.over)),
            (
                "http.allow_origins",
                http::check_origins(&self.http.allow_origins),
            ),
            (
                "http.allowed_hosts",
                http::check_hosts(&self.http.allowed_hosts),
            ),
        ];
        for (name, checked) in checks.into_iter().chain(self.limit.checks()) {
            checked.map_err(|expected| OutOfBounds { name, expected })?;
        }
        Ok(())
    }
}

/// Sessions: the table `[session]` of a file.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct SessionConfig {
    /// How many sessions may be open at once; one more is refused with status 503. 1 to 100,000.
    #[serde(deserialize_with = "values::sessions")]
    pub max: usize,
    /// How long after the answer a session may be without an open channel. 1 s to 10 min.
    #[serde(deserialize_with = "values::duration")]
    pub open_timeout: Duration,
    /// How long a peer may be silent before its session ends. A browser that goes says so; this
    /// is for one that cannot. 1 s to 10 min.
    #[serde(deserialize_with = "values::duration")]
    pub silence_timeout: Duration,
}

impl Default for SessionConfig {
    fn default() -> Self {
        Self {
            max: 1_000,
            open_timeout: Duration::from_secs(15),
            silence_timeout: Duration::from_secs(30),
        }
    }
}

/// Data channels: the table `[channel]` of a file.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct ChannelConfig {
    /// How many channels a session may have open at once; one more is closed. 1 to 1,024.
    #[serde(deserialize_with = "values::channels")]
    pub max: usize,
    /// The largest message, either way, in bytes. 1 KiB to 256 KiB.
    #[serde(deserialize_with = "values::message")]
    pub message_bytes: usize,
    /// How many bytes may wait for the browser to take them, a channel, before the server stops
    /// reading from it; as many may wait in a sink. 4 KiB to 16 MiB.
    #[serde(deserialize_with = "values::buffer")]
    pub send_buffer_bytes: usize,
    /// How long the server waits for a browser that takes nothing, or for a feed that leaves
    /// messages unread, before it closes the channel. 1 s to 10 min.
    #[serde(deserialize_with = "values::duration")]
    pub stall_timeout: Duration,
}

impl Default for ChannelConfig {
    fn default() -> Self {
        Self {
            max: 16,
            message_bytes: 64 * 1024,
            send_buffer_bytes: 256 * 1024,
            stall_timeout: Duration::from_secs(10),
        }
    }
}

/// Who may write over HTTP: the table `[api]` of a file.
#[derive(Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct ApiConfig {
    /// Each lets its holder put values into every topic: 20 characters at least. Without one nobody
    /// does.
    #[serde(deserialize_with = "values::keys")]
    pub keys: Vec<String>,
}

/// Without the keys, which are no part of a log.
impl fmt::Debug for ApiConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys = self.keys.len();
        f.debug_struct("ApiConfig").field("keys", &keys).finish()
    }
}

/// The UDP port: the table `[port]` of a file.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct PortConfig {
    /// Where the server listens for peers, UDP: `ip` or `ip:port`, without a port number at that
    /// of HTTP. At least one.
    #[serde(deserialize_with = "values::listen")]
    pub listen: Vec<Advertised>,
    /// What answers name, `ip` or `ip:port`; empty for the machine's own addresses.
    #[serde(deserialize_with = "values::advertise")]
    pub advertise: Vec<Advertised>,
    /// Whether clients that UDP does not reach may come by TCP at the same number (RFC 6544): to HTTP's
    /// listener where it has that number, which tells them apart, and to one of their own elsewhere.
    pub tcp: bool,
}

impl PortConfig {
    /// The addresses to listen on, for a server whose HTTP is at `http`.
    pub fn listen_at(&self, http: SocketAddr) -> Vec<SocketAddr> {
        let at =
            |listen: &Advertised| SocketAddr::new(listen.ip, listen.port.unwrap_or(http.port()));
        self.listen.iter().map(at).collect()
    }

    /// What to name: loopback only where HTTP is served on it.
    pub fn advertise_at(&self, http: SocketAddr) -> Advertise {
        if self.advertise.is_empty() {
            Advertise::OwnAddresses {
                loopback: http.ip().is_unspecified() || http.ip().is_loopback(),
            }
        } else {
            Advertise::These(self.advertise.clone())
        }
    }
}

impl Default for PortConfig {
    fn default() -> Self {
        let at_http = |ip| Advertised { ip, port: None };
        Self {
            listen: vec![
                at_http(IpAddr::V4(Ipv4Addr::UNSPECIFIED)),
                at_http(IpAddr::V6(Ipv6Addr::UNSPECIFIED)),
            ],
            advertise: Vec::new(),
            tcp: true,
        }
    }
}

mod admin;
mod bounds;
mod http;
mod limit;
#[cfg(test)]
mod tests;
mod turn;
mod values;
