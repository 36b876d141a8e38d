//! Puts the candidates of an answer in order.

use std::collections::HashSet;
use std::net::IpAddr;

/// RFC 8839 section 5.1: `a=candidate:<foundation> <component> <transport> <priority> <address> …`.
const COMPONENT: usize = 1;
const ADDRESS: usize = 4;

/// The same session description with each candidate once: those of component 1 (component 2 is
/// RTCP's, which data has no use for), loopback last, since it serves this machine alone.
pub fn tidy(sdp: &str) -> String {
    let mut seen = HashSet::new();
    let mut near = Vec::new();
    let mut tidy = String::with_capacity(sdp.len());
    let mut last_candidate = 0;
    for line in sdp.lines() {
        if let Some(candidate) = line.strip_prefix("a=candidate:") {
            let fields: Vec<&str> = candidate.split_ascii_whitespace().collect();
            let address = fields.get(ADDRESS).and_then(|ip| ip.parse::<IpAddr>().ok());
            let wanted = fields.get(COMPONENT) == Some(&"1")
                && address.is_none_or(|ip| !ip.is_unspecified())
                && seen.insert(fields[COMPONENT..].join(" "));
            if !wanted {
                continue;
            }
            if address.is_some_and(|ip| ip.is_loopback()) {
                near.push(line);
                continue;
            }
        }
        tidy.push_str(line);
        tidy.push_str("\r\n");
        if line.starts_with("a=candidate:") || line.starts_with("m=") {
            last_candidate = tidy.len();
        }
    }
    let near: String = near.iter().flat_map(|line| [line, "\r\n"]).collect();
    tidy.insert_str(last_candidate, &near);
    tidy
}

#[cfg(test)]
mod tests {
    use super::*;

    const SDP: &str = "v=0\r\nm=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:0\r\n\
        a=candidate:1 1 udp 2130706431 127.0.0.1 4000 typ host ufrag x\r\n\
        a=candidate:1 2 udp 2130706430 127.0.0.1 4000 typ host ufrag x\r\n\
        a=candidate:2 1 udp 2130706431 192.0.2.7 4001 typ host ufrag x\r\n\
        a=candidate:2 1 udp 2130706431 192.0.2.7 4001 typ host ufrag x\r\n\
        a=candidate:3 1 udp 2130706431 ::1 4002 typ host ufrag x\r\n\
        a=candidate:4 1 udp 2130706431 0.0.0.0 4003 typ host ufrag x\r\n\
        a=candidate:5 1 udp 2130706431 2001:db8::7 4004 typ host ufrag x\r\n\
        a=end-of-candidates\r\n";

    #[test]
    fn one_line_an_address_and_loopback_last() {
        let tidied = tidy(SDP);
        let addresses: Vec<_> = tidied
            .lines()
            .filter(|line| line.starts_with("a=candidate:"))
            .map(|line| line.split(' ').nth(ADDRESS).unwrap())
            .collect();
        assert_eq!(addresses, ["192.0.2.7", "2001:db8::7", "127.0.0.1", "::1"]);
        assert!(tidied.ends_with("a=end-of-candidates\r\n"), "{tidied}");
    }

    #[test]
    fn all_else_stays_as_it_is() {
        let rest = |sdp: &str| -> Vec<String> {
            sdp.lines()
                .filter(|line| !line.starts_with("a=candidate:"))
                .map(Into::into)
                .collect()
        };
        assert_eq!(rest(&tidy(SDP)), rest(SDP));
        assert_eq!(tidy(""), "");
    }

    #[test]
    fn loopback_alone_stays_within_its_section() {
        let alone: String = SDP
            .lines()
            .filter(|line| !line.contains("192.0.2.7") && !line.contains("2001:db8"))
            .flat_map(|line| [line, "\r\n"])
            .collect();
        let tidied = tidy(&alone);
        assert!(tidied.find("127.0.0.1").unwrap() > tidied.find("m=").unwrap());
    }
}
