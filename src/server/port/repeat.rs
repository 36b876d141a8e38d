//! Sends again what a peer that is opening has left unanswered.
//!
//! Opening is some ten datagrams of the server's, one after the other's answer: DTLS's flights
//! (RFC 6347 section 4.2.4) and SCTP's INIT ACK and COOKIE ACK (RFC 9260 section 5.1). `webrtc`
//! sends each again after a second, and SCTP's answers not at all before they are asked for
//! again. So a network that loses a datagram in twenty costs every third peer a second or more.
//! Here the datagrams themselves go out again, sooner. A peer that has them already drops them as
//! replays (RFC 6347 section 4.1.2.6), so nothing is answered twice.

use super::inbox::Inbox;
use super::socket::Socket;
use std::net::SocketAddr;
use std::sync::{Arc, Weak};
use std::time::Duration;
use tokio::time::{Instant, sleep_until};
use webrtc::runtime::Transmit;

/// How long a peer may leave a datagram unanswered; twice as long each time after that. Above the
/// round trip of most networks, so that little is sent in vain. Browsers wait 50 ms.
const PATIENCE: Duration = Duration::from_millis(80);
/// How often a datagram is sent again: until the engine's own timer sends it after a second.
const ROUNDS: u32 = 3;
/// How long after its first datagram a peer counts as opening. After that SCTP has a round trip
/// to go by, and channels that may rather lose a message than wait for it.
const OPENING: Duration = Duration::from_secs(3);
/// How many datagrams are kept, at most, for one peer and in all.
const KEPT: u32 = 32;

/// What one peer may have lost.
#[derive(Debug, Default)]
pub struct Unanswered {
    datagrams: Vec<Datagram>,
    /// How many have been kept so far.
    kept: u32,
    /// When the first was.
    since: Option<Instant>,
    round: u32,
    due: Option<Instant>,
    /// Whether [`run`] does.
    is_running: bool,
}

/// A datagram as it was sent, or several of one length that were sent in one go.
#[derive(Clone, Debug)]
pub struct Datagram {
    pub destination: SocketAddr,
    pub contents: Arc<[u8]>,
    pub segment_size: Option<usize>,
}

/// What is to be done.
#[derive(Debug)]
pub enum Next<T = Datagram> {
    Send(Vec<T>),
    Wait(Instant),
    End,
}

impl<T> Next<T> {
    /// With something else in place of each datagram, or without it.
    pub fn map<U>(self, change: impl FnMut(T) -> Option<U>) -> Next<U> {
        match self {
            Self::Send(datagrams) => Next::Send(datagrams.into_iter().filter_map(change).collect()),
            Self::Wait(until) => Next::Wait(until),
            Self::End => Next::End,
        }
    }
}

impl Unanswered {
    /// Takes note of DTLS that was sent. `true` where [`run`] is to be started.
    pub fn on_sent(&mut self, now: Instant, sent: &Transmit<'_>) -> bool {
        let since = *self.since.get_or_insert(now);
        if self.kept == KEPT || now.saturating_duration_since(since) > OPENING {
            return false;
        }
        self.kept += 1;
        self.datagrams.push(Datagram {
            destination: sent.destination,
            contents: sent.contents.into(),
            segment_size: sent.segment_size,
        });
        if self.due.is_none() {
            self.round = 0;
            self.due = Some(now + PATIENCE);
        }
        !std::mem::replace(&mut self.is_running, true)
    }

    /// The peer was heard.
    pub fn on_received(&mut self) {
        self.datagrams = Vec::new();
        self.due = None;
    }

    pub fn next(&mut self, now: Instant) -> Next {
        match self.due {
            Some(due) if due > now => Next::Wait(due),
            Some(_) if self.round < ROUNDS => {
                self.round += 1;
                self.due = Some(now + PATIENCE * (1 << self.round));
                Next::Send(self.datagrams.clone())
            }
            _ => {
                self.on_received();
                self.is_running = false;
                Next::End
            }
        }
    }
}

/// Sends what is due, until nothing is unanswered or the peer is gone.
pub async fn run(inbox: Weak<Inbox>, sockets: Arc<[Socket]>) {
    let mut until = Instant::now() + PATIENCE;
    loop {
        sleep_until(until).await;
        let Some(inbox) = inbox.upgrade() else {
            return;
        };
        match inbox.next_unanswered(Instant::now()) {
            Next::Send(datagrams) => {
                for (datagram, way) in datagrams {
                    // As lost as it may have been before: the next round sends it again.
                    let _ = sockets[way.socket].try_send(&Transmit {
                        destination: datagram.destination,
                        ecn: None,
                        contents: &datagram.contents,
                        segment_size: datagram.segment_size,
                        src_ip: way.local,
                    });
                }
            }
            Next::Wait(due) => until = due,
            Next::End => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    fn sent(contents: &[u8]) -> Transmit<'_> {
        Transmit {
            destination: SocketAddr::from(([192, 0, 2, 1], 4_000)),
            ecn: None,
            contents,
            segment_size: None,
            src_ip: None,
        }
    }

    fn sends(unanswered: &mut Unanswered, now: Instant) -> usize {
        match unanswered.next(now) {
            Next::Send(datagrams) => datagrams.len(),
            _ => 0,
        }
    }

    #[test]
    fn what_stays_unanswered_is_sent_again_three_times() {
        let start = Instant::now();
        let mut unanswered = Unanswered::default();
        assert!(unanswered.on_sent(start, &sent(b"one")));
        assert!(!unanswered.on_sent(start + ms(10), &sent(b"two")));
        let rounds: Vec<u64> = (0..2_000)
            .filter(|&after| sends(&mut unanswered, start + ms(after)) == 2)
            .collect();
        assert_eq!(rounds, [80, 240, 560]);
        assert!(matches!(unanswered.next(start + ms(2_000)), Next::End));
    }

    #[test]
    fn a_peer_that_is_heard_is_sent_nothing_again() {
        let start = Instant::now();
        let mut unanswered = Unanswered::default();
        assert!(unanswered.on_sent(start, &sent(b"one")));
        unanswered.on_received();
        assert!(matches!(unanswered.next(start + ms(80)), Next::End));
        // Its next silence begins anew.
        assert!(unanswered.on_sent(start + ms(100), &sent(b"two")));
        assert_eq!(sends(&mut unanswered, start + ms(179)), 0);
        assert_eq!(sends(&mut unanswered, start + ms(180)), 1);
    }

    #[test]
    fn only_the_opening_is_kept_and_no_more_than_it_takes() {
        let start = Instant::now();
        let mut unanswered = Unanswered::default();
        for _ in 0..100 {
            unanswered.on_sent(start, &sent(b"many"));
        }
        assert_eq!(sends(&mut unanswered, start + ms(80)), KEPT as usize);
        let mut late = Unanswered::default();
        late.on_sent(start, &sent(b"first"));
        late.on_received();
        late.on_sent(start + ms(3_001), &sent(b"late"));
        assert_eq!(sends(&mut late, start + ms(4_000)), 0);
    }
}
