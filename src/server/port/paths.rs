//! The ways back to where a peer's datagrams came from.
//!
//! Each address of this machine makes another pair for the browser (RFC 8445 section 6.1.2), and
//! the peer's agent knows of one alone. So the answer to a check leaves from where the check came
//! in, or its pair would fail (section 7.2.5.2.1); a check of the agent's own leaves from
//! wherever the browser checked, or some pairs would wait for theirs (section 7.3.1.4); and data
//! takes the way that the browser's data takes.

use super::stun::{self, BINDING_REQUEST, Transaction};
use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};
use webrtc::runtime::Transmit;

/// Ways back that are remembered: more than the addresses that may become a peer's.
const MAX_PATHS: usize = 40;
/// Addresses of this machine at which one of a peer's may be heard.
const MAX_WAYS: usize = 4;
/// Checks that wait for an answer from elsewhere than data leaves from. An agent answers each
/// at once.
const MAX_CHECKS: usize = 16;

/// Where a datagram came from, and where it came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Origin {
    pub remote: SocketAddr,
    /// Which of the port's sockets received it.
    pub socket: usize,
    /// The address of this machine that it was sent to, where the system says so.
    pub local: Option<IpAddr>,
}

impl Origin {
    /// A datagram that goes back there, or several of one length.
    pub fn transmit<'a>(&self, contents: &'a [u8], segment_size: Option<usize>) -> Transmit<'a> {
        Transmit {
            destination: self.remote,
            ecn: None,
            contents,
            segment_size,
            src_ip: self.local,
        }
    }
}

/// The ways back of one peer.
#[derive(Debug, Default)]
pub struct Paths {
    /// Where each address has been heard. Of several for one address the first is where its data
    /// comes in; before there is data, where its first check did.
    heard: Vec<Origin>,
    /// Checks that came in elsewhere, by their transaction.
    checks: VecDeque<(Transaction, Origin)>,
}

impl Paths {
    /// Takes note of where a datagram came from.
    pub fn remember(&mut self, datagram: &[u8], origin: Origin) {
        let is_same_remote = |path: &Origin| path.remote == origin.remote;
        let Some(first) = self.heard.iter().position(is_same_remote) else {
            if self.heard.len() == MAX_PATHS {
                self.heard.remove(0);
            }
            self.heard.push(origin);
            return;
        };
        if self.heard[first] == origin {
            return;
        }
        let mut known = self.heard.iter().position(|path| *path == origin);
        if known.is_none()
            && self.heard.len() < MAX_PATHS
            && self.heard_from(origin.remote).count() < MAX_WAYS
        {
            known = Some(self.heard.len());
            self.heard.push(origin);
        }
        if !stun::is_stun(datagram) {
            if let Some(known) = known {
                self.heard.swap(first, known);
            }
        } else if let Some(transaction) = stun::transaction(datagram) {
            if self.checks.len() == MAX_CHECKS {
                self.checks.pop_front();
            }
            self.checks.push_back((transaction, origin));
        }
    }

    /// The ways that a datagram to `remote` is to take. `is_ready` says whether the agent has
    /// chosen a pair.
    pub fn ways(&mut self, remote: SocketAddr, datagram: &[u8], is_ready: bool) -> Ways {
        if stun::is_stun(datagram)
            && let Some(transaction) = stun::transaction(datagram)
            && let Some(at) = self.checks.iter().position(|check| check.0 == transaction)
        {
            return Ways::one(self.checks.remove(at).map(|check| check.1));
        }
        let mut heard = self.heard_from(remote).copied();
        let mut ways = Ways::one(heard.next());
        if !is_ready && datagram.starts_with(&BINDING_REQUEST.to_be_bytes()) {
            ways.others.extend(heard);
        }
        ways
    }

    /// The way of data to `remote`.
    pub fn of_data(&self, remote: SocketAddr) -> Option<Origin> {
        self.heard_from(remote).next().copied()
    }

    fn heard_from(&self, remote: SocketAddr) -> impl Iterator<Item = &Origin> {
        self.heard.iter().filter(move |path| path.remote == remote)
    }
}

/// The ways that a datagram takes.
#[derive(Debug)]
pub struct Ways {
    /// `None` where nothing was heard from its destination.
    pub first: Option<Origin>,
    /// Those that a check takes besides.
    pub others: Vec<Origin>,
}

impl Ways {
    fn one(first: Option<Origin>) -> Self {
        Self {
            first,
            others: Vec::new(),
        }
    }
}

#[cfg(test)]
pub mod tests {
    use super::super::stun::tests::check;
    use super::*;

    const DATA: &[u8] = &[23, 254, 253];

    fn remote() -> SocketAddr {
        SocketAddr::from(([192, 0, 2, 1], 4_000))
    }

    pub fn at(local: u8) -> Origin {
        Origin {
            remote: remote(),
            socket: 0,
            local: Some(IpAddr::from([198, 51, 100, local])),
        }
    }

    fn check_of(transaction: &Transaction) -> Vec<u8> {
        let mut bytes = check(b"mine:remote", b"password", &[]);
        bytes[8..20].copy_from_slice(transaction);
        bytes
    }

    fn answer_to(check: &[u8]) -> Vec<u8> {
        let mut bytes = check.to_vec();
        bytes[..2].copy_from_slice(&stun::BINDING_SUCCESS.to_be_bytes());
        bytes
    }

    #[test]
    fn an_answer_leaves_from_where_its_check_came_in() {
        let mut paths = Paths::default();
        let [one, two] = [b"transaction1", b"transaction2"].map(check_of);
        paths.remember(&one, at(1));
        paths.remember(&two, at(2));
        let mut way = |check: &[u8]| paths.ways(remote(), &answer_to(check), true).first;
        assert_eq!(way(&two), Some(at(2)));
        assert_eq!(way(&one), Some(at(1)));
    }

    #[test]
    fn a_check_leaves_from_wherever_the_browser_checked_until_a_pair_is_chosen() {
        let mut paths = Paths::default();
        paths.remember(&check_of(b"transaction1"), at(1));
        paths.remember(&check_of(b"transaction2"), at(2));
        let own = check_of(b"transaction3");
        let ways = paths.ways(remote(), &own, false);
        assert_eq!((ways.first, ways.others), (Some(at(1)), vec![at(2)]));
        assert!(paths.ways(remote(), &own, true).others.is_empty());
        let elsewhere = SocketAddr::from(([192, 0, 2, 9], 1));
        assert_eq!(paths.ways(elsewhere, &own, false).first, None);
    }

    #[test]
    fn data_takes_the_way_of_the_browsers_data() {
        let mut paths = Paths::default();
        paths.remember(&check_of(b"transaction1"), at(1));
        paths.remember(&check_of(b"transaction2"), at(2));
        assert_eq!(paths.of_data(remote()), Some(at(1)));
        paths.remember(DATA, at(2));
        assert_eq!(paths.of_data(remote()), Some(at(2)));
        assert_eq!(paths.ways(remote(), DATA, true).first, Some(at(2)));
    }

    #[test]
    fn no_more_ways_are_remembered_than_a_machine_has() {
        let mut paths = Paths::default();
        for local in 0..100 {
            paths.remember(&check_of(b"transaction1"), at(local));
        }
        let ways = paths.ways(remote(), &check_of(b"transaction3"), false);
        assert_eq!(ways.others.len() + 1, MAX_WAYS);
        assert!(paths.checks.len() <= MAX_CHECKS);
    }
}
