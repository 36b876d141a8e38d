//! The candidates that answers name: where browsers reach the port.

use super::stream::covers;
use rtc_shared::ifaces::ifaces;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};
use tracing::warn;

/// A machine's addresses are asked for again when they are older than this: it may have moved
/// to another network.
const FRESH_FOR: Duration = Duration::from_secs(5);
/// More than a machine has that people reach. Browsers check each with each of their own.
const MAX_CANDIDATES: usize = 16;
/// What answers name.
#[derive(Clone, Debug)]
pub enum Advertise {
    /// The addresses that the port listens on; for `0.0.0.0` and `::`, those of the machine.
    OwnAddresses {
        /// Whether loopback is among them. RFC 8445 section 5.1.1.1 leaves it out; a page that
        /// is served on loopback has nothing else.
        loopback: bool,
    },
    /// These: where a router or a container maps the port to another address.
    These(Vec<Advertised>),
}

/// An address to name, with the port number where it is not the one listened on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Advertised {
    pub ip: IpAddr,
    pub port: Option<u16>,
}

/// A text is not an address to name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    r#"expected an IP address, or one with a port, such as "192.0.2.7", "192.0.2.7:8080" or "[2001:db8::7]:8080", found "{0}""#
)]
pub struct AdvertisedError(String);

impl FromStr for Advertised {
    type Err = AdvertisedError;

    /// Reads `ip` or `ip:port`, with an IPv6 address in brackets where a port follows it, and in
    /// brackets or not where none does.
    fn from_str(text: &str) -> Result<Self, AdvertisedError> {
        let bare = text
            .strip_prefix('[')
            .and_then(|text| text.strip_suffix(']'));
        if let Ok(ip) = bare.unwrap_or(text).parse() {
            return Ok(Self { ip, port: None });
        }
        let with_port: SocketAddr = text.parse().map_err(|_| AdvertisedError(text.into()))?;
        Ok(Self {
            ip: with_port.ip(),
            port: Some(with_port.port()),
        })
    }
}

/// The candidates of a port.
#[derive(Debug)]
pub struct Candidates {
    locals: Vec<SocketAddr>,
    advertise: Advertise,
    /// Where clients can come by TCP.
    tcp: OnceLock<Vec<SocketAddr>>,
    /// The machine's addresses, and when they were asked for.
    own: Mutex<Option<(Instant, Vec<IpAddr>)>>,
}

impl Candidates {
    /// For a port that listens on `locals`.
    pub fn new(locals: Vec<SocketAddr>, advertise: Advertise) -> Self {
        Self {
            locals,
            advertise,
            tcp: OnceLock::new(),
            own: Mutex::new(None),
        }
    }

    /// Each once; those that only a part of the network reaches last: link-local, then loopback.
    /// A peer that is known to be on another machine, at `peer`, is not told of loopback.
    pub fn addresses(&self, peer: Option<IpAddr>) -> Vec<SocketAddr> {
        let mut addresses = match &self.advertise {
            Advertise::These(these) => these
                .iter()
                .map(|advertised| {
                    let port = advertised.port.unwrap_or_else(|| self.port(advertised.ip));
                    SocketAddr::new(advertised.ip, port)
                })
                .collect(),
            Advertise::OwnAddresses { loopback } => {
                self.own_addresses(*loopback && self.may_be_here(peer))
            }
        };
        addresses.sort_by_key(|address| reach(address.ip()));
        let mut unique = Vec::new();
        for address in addresses {
            if !unique.contains(&address) {
                unique.push(address);
            }
        }
        unique.truncate(MAX_CANDIDATES);
        unique
    }

    /// Clients can come by TCP at these from here on.
    pub fn listen_tcp(&self, at: Vec<SocketAddr>) {
        let _ = self.tcp.set(at);
    }

    pub fn has_tcp(&self) -> bool {
        self.tcp.get().is_some_and(|at| !at.is_empty())
    }

    /// Which of these can be reached by TCP. What a router maps is taken to be mapped for both.
    pub fn by_tcp(&self, addresses: &[SocketAddr]) -> Vec<SocketAddr> {
        let Some(tcp) = self.tcp.get() else {
            return Vec::new();
        };
        let is_reached = |address: &&SocketAddr| match self.advertise {
            Advertise::These(_) => true,
            Advertise::OwnAddresses { .. } => tcp.iter().any(|it| covers(*it, **address)),
        };
        addresses.iter().filter(is_reached).copied().collect()
    }

    /// The number listened on in the family of `ip`, or else in the other: a container's proxy
    /// may turn one into the other.
    fn port(&self, ip: IpAddr) -> u16 {
        let same_family = |local: &&SocketAddr| local.is_ipv4() == ip.is_ipv4();
        self.locals
            .iter()
            .find(same_family)
            .or(self.locals.first())
            .map_or(0, SocketAddr::port)
    }

    fn own_addresses(&self, loopback: bool) -> Vec<SocketAddr> {
        let own = self.machine();
        let mut addresses = Vec::new();
        for local in &self.locals {
            if !local.ip().is_unspecified() {
                addresses.push(*local);
                continue;
            }
            let usable = own
                .iter()
                .filter(|ip| ip.is_ipv4() == local.is_ipv4() && (loopback || !ip.is_loopback()));
            addresses.extend(usable.map(|&ip| SocketAddr::new(ip, local.port())));
        }
        addresses
    }

    fn may_be_here(&self, peer: Option<IpAddr>) -> bool {
        peer.is_none_or(|peer| peer.is_loopback() || self.machine().contains(&peer))
    }

    fn machine(&self) -> Vec<IpAddr> {
        let mut own = self.own.lock().unwrap_or_else(PoisonError::into_inner);
        match &*own {
            Some((asked, addresses)) if asked.elapsed() < FRESH_FOR => addresses.clone(),
            _ => {
                let addresses: Vec<IpAddr> = match ifaces() {
                    Ok(interfaces) => interfaces
                        .into_iter()
                        .filter_map(|interface| Some(interface.addr?.ip()))
                        .filter(|ip| is_nameable(*ip))
                        .collect(),
                    Err(cause) => {
                        warn!(%cause, "this machine's addresses cannot be read: set advertise");
                        Vec::new()
                    }
                };
                *own = Some((Instant::now(), addresses.clone()));
                addresses
            }
        }
    }
}

/// Whether a candidate can name it. An IPv6 link-local address means nothing without its zone,
/// for which a candidate has no place.
fn is_nameable(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => !ip.is_unspecified(),
        IpAddr::V6(ip) => !ip.is_unspecified() && !ip.is_unicast_link_local(),
    }
}

/// Orders addresses by how far away they are reached from: everywhere, on the same link, on the
/// same machine.
fn reach(ip: IpAddr) -> u8 {
    let is_link_local = match ip {
        IpAddr::V4(ip) => ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_unicast_link_local(),
    };
    match (ip.is_loopback(), is_link_local) {
        (true, _) => 2,
        (_, true) => 1,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn these(addresses: &[&str]) -> Advertise {
        let parse = |text: &&str| match text.parse::<SocketAddr>() {
            Ok(address) => Advertised {
                ip: address.ip(),
                port: Some(address.port()),
            },
            Err(_) => Advertised {
                ip: text.parse().unwrap(),
                port: None,
            },
        };
        Advertise::These(addresses.iter().map(parse).collect())
    }

    fn locals() -> Vec<SocketAddr> {
        vec![
            "0.0.0.0:4000".parse().unwrap(),
            "[::]:4001".parse().unwrap(),
        ]
    }

    #[test]
    fn an_answer_names_what_is_advertised_and_nothing_else() {
        let advertise = these(&[
            "127.0.0.1",
            "169.254.0.9",
            "192.0.2.7:5000",
            "192.0.2.7:5000",
            "2001:db8::7",
        ]);
        let addresses = Candidates::new(locals(), advertise).addresses(None);
        let expected = [
            "192.0.2.7:5000",
            "[2001:db8::7]:4001",
            "169.254.0.9:4000",
            "127.0.0.1:4000",
        ];
        assert_eq!(addresses, expected.map(|address| address.parse().unwrap()));
    }

    #[test]
    fn loopback_is_named_where_it_is_wanted_and_last() {
        let with = Candidates::new(locals(), Advertise::OwnAddresses { loopback: true });
        let last = *with.addresses(None).last().unwrap();
        assert!(last.ip().is_loopback(), "{last}");
        assert!(
            !with
                .addresses(None)
                .iter()
                .any(|address| address.ip().is_unspecified())
        );
        let elsewhere = Some(IpAddr::from([192, 0, 2, 9]));
        assert!(
            !with
                .addresses(elsewhere)
                .iter()
                .any(|address| address.ip().is_loopback())
        );
        assert_eq!(with.addresses(Some(last.ip())).last(), Some(&last));
        let without = Candidates::new(locals(), Advertise::OwnAddresses { loopback: false });
        assert!(
            !without
                .addresses(None)
                .iter()
                .any(|address| address.ip().is_loopback())
        );
        // Someone who listens on loopback alone means it.
        let alone = vec!["127.0.0.1:4000".parse().unwrap()];
        let alone = Candidates::new(alone, Advertise::OwnAddresses { loopback: false });
        assert_eq!(
            alone.addresses(None),
            [SocketAddr::from(([127, 0, 0, 1], 4000))]
        );
    }
}
