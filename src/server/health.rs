//! Whether the server that runs beside this process answers.

use super::Config;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

/// How long it has for that.
const PATIENCE: Duration = Duration::from_secs(3);

/// Asks the server of this configuration, on this machine, whether it lives.
///
/// # Errors
/// Why not, in words.
pub fn health(config: &Config) -> Result<(), String> {
    let mut at: SocketAddr = config.leptos.site_addr;
    if at.ip().is_unspecified() {
        at.set_ip(match at.is_ipv4() {
            true => Ipv4Addr::LOCALHOST.into(),
            false => Ipv6Addr::LOCALHOST.into(),
        });
    }
    let url = format!("http://{at}{}/health/live", config.site.base);
    let asking = ureq::Agent::config_builder()
        .timeout_global(Some(PATIENCE))
        .proxy(None)
        .build();
    let mut request = ureq::Agent::from(asking).get(&url);
    // It answers by its own name alone.
    if let Some(host) = config.server.http.allowed_hosts.first() {
        request = request.header("host", host);
    }
    let answer = request.call();
    answer.map(drop).map_err(|cause| format!("{url}: {cause}"))
}
