//! What has arrived for a peer and was not read yet, and the ways back to where it came from.

use super::demux::Reason;
use super::repeat::{Datagram as Sent, Next, Unanswered};
use super::stun::{BINDING_REQUEST, BINDING_SUCCESS, Transaction, transaction};
use super::timer::{Activity, PeerSleep, Timer};
use std::collections::VecDeque;
use std::io::IoSliceMut;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use tokio::time::Instant;
use webrtc::runtime::{RecvMeta, Transmit};

/// Bytes that may wait for one peer, [`OVERHEAD`] for each datagram included. What comes on top
/// is dropped, as a full socket buffer would drop it.
const CAPACITY: usize = 256 * 1024;
/// What keeping a datagram costs besides its bytes.
const OVERHEAD: usize = 64;
/// Ways back that are remembered: more than the addresses that may become a peer's.
const MAX_PATHS: usize = 40;
/// Addresses of this machine at which one of a peer's may be heard.
const MAX_WAYS: usize = 4;
/// Checks that wait for an answer from elsewhere than data leaves from. An agent answers each
/// at once.
const MAX_CHECKS: usize = 16;
/// Addresses from which a peer may nominate at a time: a browser nominates what works best so far.
const MAX_NOMINATIONS: usize = 4;
/// A queue that is empty keeps room for as many datagrams, and gives back what a burst took.
const KEPT: usize = 16;

/// Where a datagram came from, and where it came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Origin {
    pub remote: SocketAddr,
    /// Which of the port's sockets received it.
    pub socket: usize,
    /// The address of this machine that it was sent to, where the system says so.
    pub local: Option<IpAddr>,
}

/// The address family of a candidate pair. An agent keeps a socket for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    V4,
    V6,
}

impl Family {
    pub fn of(address: SocketAddr) -> Self {
        if address.is_ipv4() {
            Self::V4
        } else {
            Self::V6
        }
    }
}

/// One peer's inbox.
#[derive(Debug, Default)]
pub struct Inbox(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    queues: [Queue; 2],
    bytes: usize,
    /// Where each address has been heard. Of several for one address the first is where its data
    /// comes in; before there is data, where its first check did.
    paths: Vec<Origin>,
    /// Checks that came in elsewhere, by their transaction.
    checks: VecDeque<(Transaction, Origin)>,
    /// The last nomination from each address, until the agent has taken one.
    nominations: VecDeque<Datagram>,
    /// Whether the peer's agent has chosen a pair; until then data waits.
    is_ready: bool,
    activity: Activity,
    unanswered: Unanswered,
}

#[derive(Debug, Default)]
struct Queue {
    datagrams: VecDeque<Datagram>,
    /// DTLS that came before the agent was ready for it.
    early: VecDeque<Datagram>,
    reader: Option<Waker>,
}

#[derive(Debug)]
struct Datagram {
    remote: SocketAddr,
    bytes: Box<[u8]>,
}

impl Inbox {
    fn state(&self) -> MutexGuard<'_, State> {
        // No change is made in steps that a panic could part.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes in a datagram. Where its reader waits, the waker is put in `wakers`.
    pub fn deliver(
        &self,
        bytes: &[u8],
        origin: Origin,
        now: Instant,
        wakers: &mut Vec<Waker>,
    ) -> Result<(), Reason> {
        let mut state = self.state();
        let size = bytes.len() + OVERHEAD;
        if state.bytes + size > CAPACITY {
            return Err(Reason::InboxFull);
        }
        state.bytes += size;
        state.remember(bytes, origin);
        let is_data = !is_stun(bytes);
        if is_data {
            state.activity.on_received(now);
            state.unanswered.on_received(now, bytes);
        }
        let is_early = is_data && !state.is_ready;
        let queue = &mut state.queues[Family::of(origin.remote) as usize];
        let datagram = Datagram {
            remote: origin.remote,
            bytes: bytes.into(),
        };
        if is_early {
            queue.early.push_back(datagram);
        } else {
            queue.datagrams.push_back(datagram);
            wakers.extend(queue.reader.take());
        }
        if bytes.starts_with(&BINDING_SUCCESS.to_be_bytes()) {
            state.nominate_again(origin.remote);
        }
        Ok(())
    }

    /// Keeps a check that nominates its pair, for the agent to see again. `false` where the
    /// agent has a pair already: then it answers by itself.
    pub fn keep_nomination(&self, check: &[u8], remote: SocketAddr) -> bool {
        let mut state = self.state();
        if state.is_ready {
            return false;
        }
        state.nominations.retain(|earlier| earlier.remote != remote);
        if state.nominations.len() == MAX_NOMINATIONS {
            state.nominations.pop_front();
        }
        state.nominations.push_back(Datagram {
            remote,
            bytes: check.into(),
        });
        true
    }

    /// Says whether the agent has a pair to take data from. What came before is kept until it
    /// has, since an agent drops it: a first DTLS flight that overtakes the nomination would be
    /// sent again only after a second (RFC 6347 section 4.2.4.1).
    pub fn set_ready(&self, is_ready: bool) {
        let mut wakers = Vec::new();
        let mut state = self.state();
        state.is_ready = is_ready;
        state.nominations = VecDeque::new();
        if is_ready {
            for queue in &mut state.queues {
                if !queue.early.is_empty() {
                    queue.datagrams.append(&mut queue.early);
                    wakers.extend(queue.reader.take());
                }
            }
        }
        drop(state);
        wakers.into_iter().for_each(Waker::wake);
    }

    /// Moves as many datagrams as there are and fit into `bufs`.
    pub fn poll_recv(
        &self,
        family: Family,
        cx: &mut Context<'_>,
        bufs: &mut [IoSliceMut<'_>],
        meta: &mut [RecvMeta],
    ) -> Poll<usize> {
        let mut state = self.state();
        let state = &mut *state;
        let queue = &mut state.queues[family as usize];
        let mut filled = 0;
        for (buf, meta) in bufs.iter_mut().zip(meta) {
            let Some(datagram) = queue.datagrams.pop_front() else {
                break;
            };
            state.bytes -= datagram.bytes.len() + OVERHEAD;
            let len = datagram.bytes.len().min(buf.len());
            buf[..len].copy_from_slice(&datagram.bytes[..len]);
            *meta = RecvMeta::default();
            meta.addr = datagram.remote;
            meta.len = len;
            meta.stride = len;
            filled += 1;
        }
        if filled == 0 {
            if queue.datagrams.capacity() > KEPT {
                queue.datagrams = VecDeque::new();
            }
            match &mut queue.reader {
                Some(waker) => waker.clone_from(cx.waker()),
                none => *none = Some(cx.waker().clone()),
            }
            return Poll::Pending;
        }
        Poll::Ready(filled)
    }

    /// Takes note of a datagram to `remote`, and says from which sockets and addresses of this
    /// machine it is to leave; from none where nothing was heard from there.
    ///
    /// Each address of this machine makes another pair for the browser (RFC 8445 section 6.1.2),
    /// and the peer's agent knows of one alone. So the answer to a check leaves from where the
    /// check came in, or its pair would fail (section 7.2.5.2.1); a check of the agent's own
    /// leaves from wherever the browser checked, or some pairs would wait for theirs (section
    /// 7.3.1.4); and data takes the way that the browser's data takes.
    pub fn leave(&self, sent: &Transmit<'_>) -> Ways {
        let (remote, datagram) = (sent.destination, sent.contents);
        let mut state = self.state();
        let mut starts_repeating = false;
        if !is_stun(datagram) {
            let now = Instant::now();
            state.activity.on_sent(now);
            starts_repeating = state.unanswered.on_sent(now, sent);
        } else if let Some(transaction) = transaction(datagram)
            && let Some(at) = state.checks.iter().position(|check| check.0 == transaction)
        {
            return Ways::one(state.checks.remove(at).map(|check| check.1));
        }
        let mut heard = state.heard_from(remote).copied();
        let mut ways = Ways::one(heard.next());
        ways.starts_repeating = starts_repeating;
        if !state.is_ready && datagram.starts_with(&BINDING_REQUEST.to_be_bytes()) {
            ways.others.extend(heard);
        }
        ways
    }

    /// What `repeat` is to do, and the way that each datagram takes.
    pub fn next_unanswered(&self, now: Instant) -> Next<(Sent, Origin)> {
        let mut state = self.state();
        let next = state.unanswered.next(now);
        next.map(|datagram| {
            let way = *state.heard_from(datagram.destination).next()?;
            Some((datagram, way))
        })
    }

    /// A sleep for the peer's driver: as long as it asks, or somewhat longer.
    pub fn sleep(&self, timer: &Timer, duration: Duration) -> PeerSleep {
        let state = self.state();
        timer.sleep(duration, state.is_ready.then_some(&state.activity))
    }
}

impl State {
    fn heard_from(&self, remote: SocketAddr) -> impl Iterator<Item = &Origin> {
        self.paths.iter().filter(move |path| path.remote == remote)
    }

    /// Puts a nomination from `remote` behind what has come from there: a check of the agent's
    /// own has succeeded, and now it can take the pair.
    fn nominate_again(&mut self, remote: SocketAddr) {
        let of_remote = |nomination: &Datagram| nomination.remote == remote;
        let Some(at) = self.nominations.iter().position(of_remote) else {
            return;
        };
        if let Some(nomination) = self.nominations.remove(at) {
            self.bytes += nomination.bytes.len() + OVERHEAD;
            let queue = &mut self.queues[Family::of(remote) as usize];
            queue.datagrams.push_back(nomination);
        }
    }

    fn remember(&mut self, datagram: &[u8], origin: Origin) {
        let is_same_remote = |path: &Origin| path.remote == origin.remote;
        let Some(first) = self.paths.iter().position(is_same_remote) else {
            if self.paths.len() == MAX_PATHS {
                self.paths.remove(0);
            }
            self.paths.push(origin);
            return;
        };
        if self.paths[first] == origin {
            return;
        }
        let mut known = self.paths.iter().position(|path| *path == origin);
        if known.is_none()
            && self.paths.len() < MAX_PATHS
            && self.heard_from(origin.remote).count() < MAX_WAYS
        {
            known = Some(self.paths.len());
            self.paths.push(origin);
        }
        if !is_stun(datagram) {
            if let Some(known) = known {
                self.paths.swap(first, known);
            }
        } else if let Some(transaction) = transaction(datagram) {
            if self.checks.len() == MAX_CHECKS {
                self.checks.pop_front();
            }
            self.checks.push_back((transaction, origin));
        }
    }
}

/// The ways that a datagram takes.
#[derive(Debug)]
pub struct Ways {
    /// `None` where nothing was heard from its destination.
    pub first: Option<Origin>,
    /// Those that a check takes besides.
    pub others: Vec<Origin>,
    /// Whether [`super::repeat::run`] is to be started.
    pub starts_repeating: bool,
}

impl Ways {
    fn one(first: Option<Origin>) -> Self {
        Self {
            first,
            others: Vec::new(),
            starts_repeating: false,
        }
    }
}

/// RFC 7983 section 7.
fn is_stun(datagram: &[u8]) -> bool {
    datagram.first().is_some_and(|&first| first <= 3)
}
