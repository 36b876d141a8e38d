//! Sends again what a peer that is opening has left unanswered.
//!
//! Opening is some ten datagrams of the server's, one after the other's answer: DTLS's flights
//! (RFC 6347 section 4.2.4) and SCTP's INIT ACK and COOKIE ACK (RFC 9260 section 5.1). `webrtc`
//! sends a flight again after a second, SCTP's answers not at all before they are asked for
//! again, and a flight that was lost never, once the peer has repeated its own: any handshake
//! record stops its timer. So a network that loses a datagram in twenty costs every third peer a
//! second or more, and some their connection. Here the datagrams themselves go out again, and
//! sooner. A peer that has them already drops them as replays (RFC 6347 section 4.1.2.6), so
//! nothing is answered twice.

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
/// … or so many times what its quickest answer took, up to a bound: on a narrow or a long path what
/// is sent in vain stands before the first values.
const ANSWER: f64 = 1.5;
const MAX_PATIENCE: Duration = Duration::from_millis(400);
/// How long `webrtc` has to answer what a peer has repeated, before its last flight goes out again.
const GRACE: Duration = Duration::from_millis(20);
/// How often a flight is sent again while nothing is heard: until the engine's own timer sends it
/// after a second.
const ROUNDS: u32 = 3;
/// … and how often in all, for one peer.
const ALL_ROUNDS: u32 = 16;
/// How long after its first application data a peer counts as opening. After that SCTP has a
/// round trip to go by, and channels that may rather lose a message than wait for it.
const OPENING: Duration = Duration::from_secs(3);
/// How long a handshake is helped along.
const HANDSHAKE: Duration = Duration::from_secs(15);
/// How many datagrams are kept, at most, for one peer and in all.
const KEPT: u32 = 32;
/// DTLS's content type of application data, which is what SCTP is to it (RFC 6347 section 4.1).
const APPLICATION_DATA: u8 = 23;

/// What one peer may have lost.
#[derive(Debug, Default)]
pub struct Unanswered {
    /// The last flight.
    datagrams: Vec<Datagram>,
    /// How many have been kept so far.
    kept: u32,
    /// When the first was, and the first with application data.
    since: Option<Instant>,
    data_since: Option<Instant>,
    /// Whether the peer has sent a handshake record since: what is sent next is another flight.
    is_heard: bool,
    /// When the flight began, until there is an answer; and how long the quickest answer took. One
    /// to what was sent again counts too, once: it is the quickest only on a long path. A later one
    /// may be what the peer repeats by itself.
    began: Option<Instant>,
    quickest: Option<Duration>,
    round: u32,
    all_rounds: u32,
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
        self.since.get_or_insert(now);
        if is_data(sent.contents) {
            let since = *self.data_since.get_or_insert(now);
            if now.saturating_duration_since(since) > OPENING {
                return false;
            }
        }
        if std::mem::take(&mut self.is_heard) {
            self.forget();
        }
        if self.kept == KEPT {
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
            self.began = Some(now);
            self.due = Some(now + self.patience());
        }
        !std::mem::replace(&mut self.is_running, true)
    }

    /// Takes note of DTLS that came. Application data shows that the peer has what it needs;
    /// a handshake record may be its next flight, or its last one again.
    pub fn on_received(&mut self, now: Instant, datagram: &[u8]) {
        if let Some(began) = self.began.take()
            && self.round < 2
        {
            let took = now.saturating_duration_since(began);
            self.quickest = Some(self.quickest.map_or(took, |quickest| quickest.min(took)));
        }
        if is_data(datagram) {
            self.forget();
        } else if self.due.is_some() {
            self.is_heard = true;
            if self.round > 0 {
                self.round = 0;
                self.due = Some(now + GRACE);
            }
        }
    }

    pub fn next(&mut self, now: Instant) -> Next {
        let is_over = self.all_rounds == ALL_ROUNDS
            || self
                .since
                .is_some_and(|since| now.saturating_duration_since(since) > HANDSHAKE);
        match self.due {
            Some(due) if !is_over && due > now => Next::Wait(due.min(now + PATIENCE)),
            Some(_) if !is_over && self.round < ROUNDS => {
                self.round += 1;
                self.all_rounds += 1;
                self.due = Some(now + self.patience() * (1 << self.round));
                Next::Send(self.datagrams.clone())
            }
            // From here on only if the peer repeats itself.
            Some(_) if !is_over => Next::Wait(now + PATIENCE),
            _ => {
                self.forget();
                self.is_running = false;
                Next::End
            }
        }
    }

    fn patience(&self) -> Duration {
        let answered = self.quickest.unwrap_or_default().mul_f64(ANSWER);
        answered.clamp(PATIENCE, MAX_PATIENCE)
    }

    fn forget(&mut self) {
        self.datagrams = Vec::new();
        self.due = None;
    }
}

fn is_data(dtls: &[u8]) -> bool {
    dtls.first() == Some(&APPLICATION_DATA)
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
                    let again = way.transmit(&datagram.contents, datagram.segment_size);
                    let _ = sockets[way.socket].try_send(&again);
                }
            }
            Next::Wait(due) => until = due,
            Next::End => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::paths::tests::at;
    use super::*;

    fn ms(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    fn sent(contents: &[u8]) -> Transmit<'_> {
        at(1).transmit(contents, None)
    }

    fn sends(unanswered: &mut Unanswered, now: Instant) -> usize {
        match unanswered.next(now) {
            Next::Send(datagrams) => datagrams.len(),
            _ => 0,
        }
    }

    /// The milliseconds after `start`, up to `end`, at which something goes out again.
    fn rounds(unanswered: &mut Unanswered, start: Instant, from: u64, end: u64) -> Vec<u64> {
        (from..end)
            .filter(|&after| sends(unanswered, start + ms(after)) > 0)
            .collect()
    }

    const HANDSHAKE_RECORD: &[u8] = &[22, 254, 253, 0];
    const DATA: &[u8] = &[23, 254, 253, 0];

    #[test]
    fn what_stays_unanswered_is_sent_again_three_times() {
        let start = Instant::now();
        let mut unanswered = Unanswered::default();
        assert!(unanswered.on_sent(start, &sent(HANDSHAKE_RECORD)));
        assert!(!unanswered.on_sent(start + ms(10), &sent(HANDSHAKE_RECORD)));
        assert_eq!(sends(&mut unanswered, start + ms(80)), 2);
        assert_eq!(rounds(&mut unanswered, start, 81, 15_001), [240, 560]);
        assert!(matches!(unanswered.next(start + ms(15_001)), Next::End));
    }

    #[test]
    fn a_peer_that_repeats_its_flight_gets_the_last_one_again() {
        let start = Instant::now();
        let mut unanswered = Unanswered::default();
        unanswered.on_sent(start, &sent(HANDSHAKE_RECORD));
        assert_eq!(rounds(&mut unanswered, start, 0, 600), [80, 240, 560]);
        unanswered.on_received(start + ms(1_000), HANDSHAKE_RECORD);
        unanswered.on_received(start + ms(1_001), HANDSHAKE_RECORD);
        assert_eq!(
            rounds(&mut unanswered, start, 1_001, 1_600),
            [1_020, 1_180, 1_500]
        );
        // What is sent after that is another flight, and the one before has arrived.
        unanswered.on_sent(start + ms(1_600), &sent(&[22, 1]));
        unanswered.on_sent(start + ms(1_600), &sent(&[22, 2]));
        assert_eq!(sends(&mut unanswered, start + ms(1_680)), 2);
    }

    #[test]
    fn a_peer_that_sends_data_is_sent_nothing_again() {
        let start = Instant::now();
        let mut unanswered = Unanswered::default();
        assert!(unanswered.on_sent(start, &sent(HANDSHAKE_RECORD)));
        unanswered.on_received(start + ms(10), DATA);
        assert!(matches!(unanswered.next(start + ms(80)), Next::End));
        // Its next silence begins anew.
        assert!(unanswered.on_sent(start + ms(100), &sent(DATA)));
        assert_eq!(rounds(&mut unanswered, start, 100, 200), [180]);
    }

    #[test]
    fn on_a_long_path_it_is_sent_again_in_vain_only_once() {
        let start = Instant::now();
        let mut unanswered = Unanswered::default();
        unanswered.on_sent(start, &sent(HANDSHAKE_RECORD));
        assert_eq!(rounds(&mut unanswered, start, 0, 200), [80]);
        unanswered.on_received(start + ms(200), HANDSHAKE_RECORD);
        unanswered.on_sent(start + ms(200), &sent(HANDSHAKE_RECORD));
        assert_eq!(rounds(&mut unanswered, start, 200, 1_200), [500, 1_100]);
    }

    #[test]
    fn only_the_opening_is_kept_and_no_more_than_it_takes() {
        let start = Instant::now();
        let mut unanswered = Unanswered::default();
        for _ in 0..100 {
            unanswered.on_sent(start, &sent(DATA));
        }
        assert_eq!(sends(&mut unanswered, start + ms(80)), KEPT as usize);
        let mut late = Unanswered::default();
        late.on_sent(start, &sent(DATA));
        late.on_received(start + ms(10), DATA);
        late.on_sent(start + ms(3_001), &sent(DATA));
        assert!(matches!(late.next(start + ms(4_000)), Next::End));
    }

    #[test]
    fn a_peer_that_repeats_itself_for_ever_is_not_answered_for_ever() {
        let start = Instant::now();
        let mut unanswered = Unanswered::default();
        unanswered.on_sent(start, &sent(HANDSHAKE_RECORD));
        let mut count = 0;
        for after in 0..14_000 {
            unanswered.on_received(start + ms(after), HANDSHAKE_RECORD);
            count += sends(&mut unanswered, start + ms(after));
        }
        assert_eq!(count, ALL_ROUNDS as usize);
    }
}
