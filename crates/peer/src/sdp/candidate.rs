//! The server's candidates as they stand in an answer (RFC 8839 section 5.1).

use std::fmt::Write as _;
use std::net::{IpAddr, SocketAddr};

/// The type preference of host candidates (RFC 8445 section 5.1.2.2).
const HOST_PREFERENCE: u32 = 126;
/// The local preference of addresses that the whole network reaches (the same section).
const WIDE_PREFERENCE: u32 = 65_535;
/// The local preference of addresses that only a part of the network reaches. It is below what
/// browsers give their own, so that pairs with them are checked last; each pair before the one
/// that works costs 50 ms.
const NARROW_PREFERENCE: u32 = 1_000;
/// The type preference of host candidates of TCP: below all of UDP, relayed ones excepted.
const TCP_HOST_PREFERENCE: u32 = 90;
/// The direction preference of a host that is connected to (RFC 6544 section 4.2).
const PASSIVE_PREFERENCE: u32 = 4;
/// Beside it there are 13 bits for the rest.
const WIDE_TCP_PREFERENCE: u32 = 8_191;
/// Data channels have one component (RFC 8841 section 12.2).
const COMPONENT: u32 = 1;

/// Appends a line for each, the best first, then for those by TCP, and the line that says that no more
/// follow.
pub(super) fn write(text: &mut String, addresses: &[SocketAddr], tcp: &[SocketAddr]) {
    for (index, address) in (0_u32..).zip(addresses) {
        // Writing to a string does not fail.
        let _ = write!(
            text,
            "a=candidate:{} {COMPONENT} udp {} {} {} typ host\r\n",
            index.saturating_add(1),
            priority(address.ip(), index),
            address.ip(),
            address.port(),
        );
    }
    for (index, address) in (0_u32..).zip(tcp) {
        let _ = write!(
            text,
            "a=candidate:t{} {COMPONENT} tcp {} {} {} typ host tcptype passive\r\n",
            index.saturating_add(1),
            tcp_priority(address.ip(), index),
            address.ip(),
            address.port(),
        );
    }
    text.push_str("a=end-of-candidates\r\n");
}

/// The priority of the address at this place in the list (RFC 8445 section 5.1.2.1).
fn priority(ip: IpAddr, index: u32) -> u32 {
    let best = if is_narrow(ip) {
        NARROW_PREFERENCE
    } else {
        WIDE_PREFERENCE
    };
    (HOST_PREFERENCE << 24) | (best.saturating_sub(index) << 8) | (256 - COMPONENT)
}

/// The priority of the same address over TCP (RFC 6544 section 4.2): whatever UDP reaches comes before it.
fn tcp_priority(ip: IpAddr, index: u32) -> u32 {
    let other = if is_narrow(ip) {
        NARROW_PREFERENCE
    } else {
        WIDE_TCP_PREFERENCE
    };
    let local = (PASSIVE_PREFERENCE << 13) | other.saturating_sub(index);
    (TCP_HOST_PREFERENCE << 24) | (local << 8) | (256 - COMPONENT)
}

/// Whether only this machine, or only this link, reaches it.
fn is_narrow(ip: IpAddr) -> bool {
    let is_link_local = match ip {
        IpAddr::V4(ip) => ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_unicast_link_local(),
    };
    ip.is_loopback() || is_link_local
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_only_a_part_of_the_network_reaches_is_far_below_the_rest() {
        let addresses = [
            "192.0.2.7:5000",
            "[2001:db8::7]:4001",
            "169.254.0.9:4000",
            "[fe80::9]:4000",
            "127.0.0.1:4000",
        ];
        let addresses: Vec<SocketAddr> = addresses.map(|text| text.parse().unwrap()).into();
        let mut text = String::new();
        write(&mut text, &addresses, &[]);
        assert_eq!(
            text,
            "a=candidate:1 1 udp 2130706431 192.0.2.7 5000 typ host\r\n\
            a=candidate:2 1 udp 2130706175 2001:db8::7 4001 typ host\r\n\
            a=candidate:3 1 udp 2114184959 169.254.0.9 4000 typ host\r\n\
            a=candidate:4 1 udp 2114184703 fe80::9 4000 typ host\r\n\
            a=candidate:5 1 udp 2114184447 127.0.0.1 4000 typ host\r\n\
            a=end-of-candidates\r\n"
        );
    }

    #[test]
    fn tcp_comes_after_all_of_udp() {
        let addresses = ["192.0.2.7:5000", "127.0.0.1:4000"];
        let addresses: Vec<SocketAddr> = addresses.map(|text| text.parse().unwrap()).into();
        let mut text = String::new();
        write(&mut text, &addresses, &addresses);
        assert_eq!(
            text,
            "a=candidate:1 1 udp 2130706431 192.0.2.7 5000 typ host\r\n\
            a=candidate:2 1 udp 2114185215 127.0.0.1 4000 typ host\r\n\
            a=candidate:t1 1 tcp 1520435199 192.0.2.7 5000 typ host tcptype passive\r\n\
            a=candidate:t2 1 tcp 1518594047 127.0.0.1 4000 typ host tcptype passive\r\n\
            a=end-of-candidates\r\n"
        );
    }

    #[test]
    fn a_long_list_runs_out_of_preferences_and_not_out_of_its_field() {
        let loopback = IpAddr::from([127, 0, 0, 1]);
        assert_eq!(priority(loopback, 5_000), (126 << 24) | 255);
        assert_eq!(
            priority(IpAddr::from([192, 0, 2, 1]), 100_000),
            (126 << 24) | 255
        );
    }
}
