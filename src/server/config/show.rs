//! The configuration that is in force, as a file would have it.

use super::Config;
use humantime::format_duration;
use serde::Serialize;
use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;
use tickwire_server::{Advertised, HttpConfig, LimitConfig};

/// What stands for a key of the API, which is no part of what is shown.
pub const HIDDEN: &str = "(hidden)";

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Shown<'a> {
    package: Package<'a>,
    site: Site<'a>,
    session: Session,
    channel: Channel,
    port: Port,
    api: Api,
    auth: super::auth::Shown<'a>,
    admin: Admin,
    drain: Drain,
    http: &'a HttpConfig,
    tls: &'a super::TlsConfig,
    limit: &'a LimitConfig,
    turn: Turn<'a>,
    engine: super::engine::Shown<'a>,
    log: Log<'a>,
    topic: Vec<&'a super::topic::TopicTable>,
}

#[derive(Serialize)]
struct Package<'a> {
    metadata: Metadata<'a>,
}

#[derive(Serialize)]
struct Metadata<'a> {
    leptos: Leptos<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Leptos<'a> {
    site_addr: String,
    site_root: &'a str,
    site_pkg_dir: &'a str,
    output_name: &'a str,
}

#[derive(Serialize)]
struct Site<'a> {
    base: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Session {
    max: usize,
    open_timeout: String,
    silence_timeout: String,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Channel {
    max: usize,
    message_bytes: usize,
    send_buffer_bytes: usize,
    stall_timeout: String,
}

#[derive(Serialize)]
struct Port {
    listen: Vec<String>,
    tcp: bool,
    advertise: Vec<String>,
}

#[derive(Serialize)]
struct Api {
    keys: Vec<&'static str>,
}

#[derive(Serialize)]
struct Admin {
    key: &'static str,
    listen: Option<SocketAddr>,
}

#[derive(Serialize)]
struct Turn<'a> {
    urls: &'a [String],
    secret: &'static str,
    lifetime: String,
}

#[derive(Serialize)]
struct Drain {
    over: String,
}

#[derive(Serialize)]
struct Log<'a> {
    filter: &'a str,
    format: super::LogFormat,
}

/// What stands for a secret; nothing where there is none.
pub fn hidden(secret: &str) -> &'static str {
    match secret.is_empty() {
        true => "",
        false => HIDDEN,
    }
}

fn time(time: Duration) -> String {
    format_duration(time).to_string()
}

fn addresses(these: &[Advertised]) -> Vec<String> {
    let text = |it: &Advertised| match it.port {
        None => it.ip.to_string(),
        Some(port) => SocketAddr::new(it.ip, port).to_string(),
    };
    these.iter().map(text).collect()
}

/// As TOML, without the keys of the API.
impl fmt::Display for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let server = &self.server;
        let shown = Shown {
            package: Package {
                metadata: Metadata {
                    leptos: Leptos {
                        site_addr: self.leptos.site_addr.to_string(),
                        site_root: &self.leptos.site_root,
                        site_pkg_dir: &self.leptos.site_pkg_dir,
                        output_name: &self.leptos.output_name,
                    },
                },
            },
            site: Site {
                base: &self.site.base,
            },
            session: Session {
                max: server.session.max,
                open_timeout: time(server.session.open_timeout),
                silence_timeout: time(server.session.silence_timeout),
            },
            channel: Channel {
                max: server.channel.max,
                message_bytes: server.channel.message_bytes,
                send_buffer_bytes: server.channel.send_buffer_bytes,
                stall_timeout: time(server.channel.stall_timeout),
            },
            port: Port {
                listen: addresses(&server.port.listen),
                tcp: server.port.tcp,
                advertise: addresses(&server.port.advertise),
            },
            api: Api {
                keys: server.api.keys.iter().map(|_| HIDDEN).collect(),
            },
            auth: (&self.auth).into(),
            admin: Admin {
                key: hidden(&server.admin.key),
                listen: server.admin.listen,
            },
            drain: Drain {
                over: time(server.drain.over),
            },
            http: &server.http,
            tls: &self.tls,
            limit: &server.limit,
            turn: Turn {
                urls: &server.turn.urls,
                secret: hidden(&server.turn.secret),
                lifetime: time(server.turn.lifetime),
            },
            engine: (&self.engine).into(),
            log: Log {
                filter: &self.log.filter,
                format: self.log.format,
            },
            topic: self.topics.iter().map(|topic| &topic.table).collect(),
        };
        let text = toml::to_string(&shown).map_err(|_| fmt::Error)?;
        f.write_str(text.trim_end())
    }
}
