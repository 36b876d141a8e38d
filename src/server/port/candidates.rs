//! The candidates that answers name: where browsers reach the port.

use rtc::shared::ifaces::ifaces;
use std::fmt::Write as _;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};
use tracing::warn;

/// A machine's addresses are asked for again when they are older than this: it may have moved
/// to another network.
const FRESH_FOR: Duration = Duration::from_secs(5);
/// More than a machine has that people reach. Browsers check each with each of their own.
const MAX_CANDIDATES: usize = 16;
/// The type preference of host candidates (RFC 8445 section 5.1.2.2).
const HOST_PREFERENCE: u32 = 126;
/// The local preference of addresses that only a part of the network reaches (the same section).
/// It is below what browsers give their own, so that pairs with them are checked last; each pair
/// before the one that works costs 50 ms.
const NARROW_PREFERENCE: u32 = 1_000;

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

/// The candidates of a port.
#[derive(Debug)]
pub struct Candidates {
    locals: Vec<SocketAddr>,
    advertise: Advertise,
    /// The machine's addresses, and when they were asked for.
    own: Mutex<Option<(Instant, Vec<IpAddr>)>>,
}

impl Candidates {
    /// For a port that listens on `locals`.
    pub fn new(locals: Vec<SocketAddr>, advertise: Advertise) -> Self {
        Self {
            locals,
            advertise,
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

    /// `sdp` with the candidates for `peer` in place of those that it has (RFC 8839 section 5.1).
    /// Data is component 1 of the one section there is, so they go to its end.
    pub fn replace(&self, sdp: &str, peer: Option<IpAddr>) -> String {
        let mut replaced = String::with_capacity(sdp.len());
        for line in sdp.lines() {
            if !line.starts_with("a=candidate:") && line != "a=end-of-candidates" {
                replaced.push_str(line);
                replaced.push_str("\r\n");
            }
        }
        for (index, address) in (0_u32..).zip(self.addresses(peer)) {
            let best = if reach(address.ip()) == 0 {
                65_535
            } else {
                NARROW_PREFERENCE
            };
            let priority = (HOST_PREFERENCE << 24) | ((best - index) << 8) | (256 - 1);
            // Writing to a string does not fail.
            let _ = write!(
                replaced,
                "a=candidate:{} 1 udp {priority} {} {} typ host\r\n",
                index + 1,
                address.ip(),
                address.port()
            );
        }
        replaced.push_str("a=end-of-candidates\r\n");
        replaced
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

/// Orders addresses by how far away they are reached from.
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

    fn lines(sdp: &str) -> Vec<&str> {
        sdp.lines()
            .filter(|line| line.starts_with("a=candidate:"))
            .collect()
    }

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
        let answer = "v=0\r\nm=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:0\r\n\
            a=candidate:1 1 udp 2130706431 127.0.0.1 9 typ host\r\n\
            a=candidate:1 2 udp 2130706430 127.0.0.1 9 typ host\r\n\
            a=end-of-candidates\r\n";
        let advertise = these(&[
            "127.0.0.1",
            "169.254.0.9",
            "192.0.2.7:5000",
            "192.0.2.7:5000",
            "2001:db8::7",
        ]);
        let replaced = Candidates::new(locals(), advertise).replace(answer, None);
        assert_eq!(
            lines(&replaced),
            [
                "a=candidate:1 1 udp 2130706431 192.0.2.7 5000 typ host",
                "a=candidate:2 1 udp 2130706175 2001:db8::7 4001 typ host",
                "a=candidate:3 1 udp 2114184959 169.254.0.9 4000 typ host",
                "a=candidate:4 1 udp 2114184703 127.0.0.1 4000 typ host",
            ]
        );
        assert!(replaced.starts_with("v=0\r\nm=application"), "{replaced}");
        assert!(
            replaced.ends_with("\r\na=end-of-candidates\r\n"),
            "{replaced}"
        );
        assert_eq!(replaced.matches("a=end-of-candidates").count(), 1);
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
