//! Ways that datagrams take, and datagrams that are to leave.

use std::net::{IpAddr, SocketAddr};
use std::ops::Range;

/// The most that leaves by one call, in bytes: the kernel takes no more than one UDP datagram may
/// have (65,507 over IPv4), and sends none of it otherwise.
const MAX_RUN: usize = 60_000;

/// Where a client is reached: a transport address (RFC 8445 section 4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Remote {
    /// The address and the port number.
    pub address: SocketAddr,
    /// Whether it is TCP's, and not UDP's.
    pub is_tcp: bool,
}

impl Remote {
    /// An address of UDP.
    pub fn udp(address: SocketAddr) -> Self {
        let is_tcp = false;
        Self { address, is_tcp }
    }

    /// An address of TCP.
    pub fn tcp(address: SocketAddr) -> Self {
        let is_tcp = true;
        Self { address, is_tcp }
    }
}

/// A way between a peer and its client: what a candidate pair is once datagrams use it (RFC 8445
/// section 4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Path {
    /// The client's address.
    pub remote: Remote,
    /// Which of the port's UDP sockets it is, or which of its TCP connections.
    pub socket: usize,
    /// The address that the client sends to, where the system tells: the answer has to come from
    /// it.
    pub local: Option<IpAddr>,
}

/// Datagrams that are to leave, one behind the other in one buffer, for all peers of a loop.
#[derive(Debug, Default)]
pub struct Datagrams {
    bytes: Vec<u8>,
    each: Vec<(Path, Range<usize>)>,
}

impl Datagrams {
    /// Adds the datagram that `write` writes behind what the buffer has. One without content is
    /// none. Returns its length in bytes.
    pub fn add(&mut self, path: Path, write: impl FnOnce(&mut Vec<u8>)) -> usize {
        let start = self.bytes.len();
        write(&mut self.bytes);
        let end = self.bytes.len();
        if end > start {
            self.each.push((path, start..end));
        }
        end - start
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.each.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.each.is_empty()
    }

    /// Those that are there, in the order in which they were added.
    pub fn iter(&self) -> impl Iterator<Item = (Path, &[u8])> {
        let bytes = &self.bytes;
        self.each
            .iter()
            .map(move |(path, range)| (*path, &bytes[range.clone()]))
    }

    /// The datagram of this number.
    pub fn get(&self, number: usize) -> Option<(Path, &[u8])> {
        let (path, range) = self.each.get(number)?;
        Some((*path, &self.bytes[range.clone()]))
    }

    /// The longest run from the datagram `first` on that takes one way and can leave by one call:
    /// all of one length, but for the last, which may be shorter, and at most `max` of them. How
    /// many, their way, their bytes and the length of each.
    pub fn run(&self, first: usize, max: usize) -> Option<(usize, Path, &[u8], usize)> {
        let (path, range) = self.each.get(first)?;
        let (start, length) = (range.start, range.len());
        let mut end = range.end;
        let mut count = 1;
        for (next, range) in self.each[first + 1..].iter().take(max.saturating_sub(1)) {
            let is_before_full = self.each[first + count - 1].1.len() == length;
            let is_too_much = range.end - start > MAX_RUN;
            if next != path || range.len() > length || !is_before_full || is_too_much {
                break;
            }
            end = range.end;
            count += 1;
        }
        Some((count, *path, &self.bytes[start..end], length))
    }

    /// Forgets them; the buffer stays, unless a burst made it large.
    pub fn clear(&mut self) {
        const KEPT: usize = 1 << 18;
        self.each.clear();
        self.bytes.clear();
        self.bytes.shrink_to(KEPT);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(port: u16) -> Path {
        Path {
            remote: Remote::udp(SocketAddr::from(([192, 0, 2, 1], port))),
            socket: 0,
            local: None,
        }
    }

    #[test]
    fn a_run_is_of_one_path_and_one_length_and_its_last_may_be_shorter() {
        let mut datagrams = Datagrams::default();
        for (port, length) in [(1, 5), (1, 5), (1, 3), (1, 3), (2, 3), (2, 4)] {
            datagrams.add(path(port), |out| out.extend(vec![length as u8; length]));
        }
        assert_eq!(datagrams.add(path(3), |_| {}), 0);
        assert_eq!(datagrams.len(), 6);
        let run = |first| {
            let (count, path, bytes, length) = datagrams.run(first, 10).unwrap();
            (count, path.remote.address.port(), bytes.len(), length)
        };
        assert_eq!(run(0), (3, 1, 13, 5));
        assert_eq!(run(3), (1, 1, 3, 3));
        assert_eq!(run(4), (1, 2, 3, 3));
        assert_eq!(run(5), (1, 2, 4, 4));
        assert_eq!(datagrams.run(0, 2).unwrap().0, 2);
        assert!(datagrams.run(6, 10).is_none());
        for _ in 0..64 {
            datagrams.add(path(4), |out| out.extend([0; 1_228]));
        }
        let (count, _, bytes, _) = datagrams.run(6, 64).unwrap();
        assert_eq!((count, bytes.len()), (48, 48 * 1_228));
        datagrams.clear();
        assert!(datagrams.is_empty() && datagrams.iter().next().is_none());
    }
}
