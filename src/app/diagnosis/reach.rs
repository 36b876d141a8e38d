//! From where an address can be reached.

use std::net::{IpAddr, Ipv4Addr};

/// From where an address can be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// From the machine itself alone.
    Loopback,
    /// From its own network: private (RFC 1918, RFC 4193), shared by a provider's customers
    /// (RFC 6598) or link-local (RFC 3927, RFC 4291).
    Inner,
    /// From everywhere.
    Public,
    /// A name: what it stands for is not known here.
    Name,
}

impl Reach {
    /// Of a host as it stands in a URL or in a candidate: an address, with or without brackets,
    /// or a name.
    pub fn of(host: &str) -> Self {
        match address(host) {
            Some(IpAddr::V4(ip)) => Self::of_v4(ip),
            Some(IpAddr::V6(ip)) if ip.is_loopback() => Self::Loopback,
            Some(IpAddr::V6(ip)) if ip.is_unique_local() || ip.is_unicast_link_local() => {
                Self::Inner
            }
            Some(IpAddr::V6(_)) => Self::Public,
            // RFC 6761 section 6.3.
            None if host == "localhost" || host.ends_with(".localhost") => Self::Loopback,
            // Multicast DNS (RFC 6762), home networks (RFC 8375), and what networks call their own.
            None if [".local", ".home.arpa", ".internal", ".lan"]
                .iter()
                .any(|suffix| host.ends_with(suffix)) =>
            {
                Self::Inner
            }
            None => Self::Name,
        }
    }

    fn of_v4(ip: Ipv4Addr) -> Self {
        let [first, second, ..] = ip.octets();
        let is_shared = first == 100 && second & 0b1100_0000 == 64;
        if ip.is_loopback() {
            Self::Loopback
        } else if ip.is_private() || ip.is_link_local() || is_shared {
            Self::Inner
        } else {
            Self::Public
        }
    }
}

/// The address that `host` is, if it is one.
pub fn address(host: &str) -> Option<IpAddr> {
    let bare = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'))
        .unwrap_or(host);
    bare.parse().ok().map(|ip: IpAddr| ip.to_canonical())
}

/// Host and port of `ip:port` or `[ip]:port`; the port is `None` where it is none.
pub fn split(place: &str) -> (&str, Option<u16>) {
    match place.rsplit_once(':') {
        Some((host, port)) => (host, port.parse().ok()),
        None => (place, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_told_apart_by_from_where_they_are_reached() {
        for (host, reach) in [
            ("localhost", Reach::Loopback),
            ("tickwire.localhost", Reach::Loopback),
            ("127.0.0.1", Reach::Loopback),
            ("127.9.9.9", Reach::Loopback),
            ("[::1]", Reach::Loopback),
            ("::1", Reach::Loopback),
            ("::ffff:127.0.0.1", Reach::Loopback),
            ("10.1.2.3", Reach::Inner),
            ("172.17.0.2", Reach::Inner),
            ("172.32.0.2", Reach::Public),
            ("192.168.178.2", Reach::Inner),
            ("169.254.0.9", Reach::Inner),
            ("100.64.0.1", Reach::Inner),
            ("100.127.255.254", Reach::Inner),
            ("100.128.0.1", Reach::Public),
            ("[fd00::1]", Reach::Inner),
            ("fe80::1", Reach::Inner),
            ("printer.local", Reach::Inner),
            ("192.0.2.1", Reach::Public),
            ("203.0.113.7", Reach::Public),
            ("2001:db8::7", Reach::Public),
            ("tickwire.example", Reach::Name),
            ("", Reach::Name),
            ("[", Reach::Name),
            ("1.2.3.4.5", Reach::Name),
        ] {
            assert_eq!(Reach::of(host), reach, "{host}");
        }
    }

    #[test]
    fn a_place_is_a_host_and_a_port() {
        for (place, host, port) in [
            ("192.0.2.7:5000", "192.0.2.7", Some(5_000)),
            ("[2001:db8::7]:5001", "[2001:db8::7]", Some(5_001)),
            ("192.0.2.7:70000", "192.0.2.7", None),
            ("192.0.2.7", "192.0.2.7", None),
            ("", "", None),
        ] {
            assert_eq!(split(place), (host, port));
        }
    }
}
