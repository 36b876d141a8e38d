//! Who may speak HTTP with a server, and from where.

use super::values;
use axum::http::Uri;
use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

/// HTTP: the table `[http]` of a file.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct HttpConfig {
    /// Proxies whose `X-Forwarded-For`, or `Forwarded` where there is no other, is believed: addresses, or networks such as
    /// `10.0.0.0/8`. Those of others are not.
    #[serde(deserialize_with = "values::networks")]
    pub trusted_proxies: Vec<IpNet>,
    /// Origins whose pages may use this server, such as `https://example.com`; `*` for all. Its own
    /// pages may in any case.
    #[serde(deserialize_with = "values::origins")]
    pub allow_origins: Vec<String>,
    /// The names, without a port, by which this server is asked; any where there are none. With them, a
    /// stranger's name that resolves to this server gets nothing (DNS rebinding).
    #[serde(deserialize_with = "values::hosts")]
    pub allowed_hosts: Vec<String>,
}

impl HttpConfig {
    /// Whether what a proxy at this address says of the client's is believed.
    pub(crate) fn is_trusted(&self, address: IpAddr) -> bool {
        let mut networks = self.trusted_proxies.iter();
        networks.any(|network| network.contains(&address.to_canonical()))
    }
}

/// Whether each is an origin (RFC 6454 section 6.2), or `*`.
pub fn check_origins(origins: &[String]) -> Result<(), String> {
    let is_origin = |origin: &String| {
        let Ok(uri) = origin.parse::<Uri>() else {
            return false;
        };
        let parts = uri.scheme_str().zip(uri.authority());
        parts.is_some_and(|(scheme, authority)| format!("{scheme}://{authority}") == *origin)
    };
    match origins.iter().find(|it| *it != "*" && !is_origin(it)) {
        None => Ok(()),
        Some(other) => Err(format!(
            r#"expected an origin such as "https://example.com", without a path, or "*", found {other:?}"#
        )),
    }
}

/// Whether each is a host's name or address, without a port.
pub fn check_hosts(hosts: &[String]) -> Result<(), String> {
    let is_host = |host: &String| {
        host.parse::<axum::http::uri::Authority>()
            .is_ok_and(|it| it.host() == host)
    };
    match hosts.iter().find(|it| !is_host(it)) {
        None => Ok(()),
        Some(other) => Err(format!(
            r#"expected a host such as "live.example.com", without a port, found {other:?}"#
        )),
    }
}
