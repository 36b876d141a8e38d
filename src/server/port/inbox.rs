//! What has arrived for a peer and was not read yet.

use super::demux::Reason;
use super::handshake::Handshake;
use super::paths::{Origin, Paths, Ways};
use super::repeat::{Datagram as Sent, Next, Unanswered};
use super::stun;
use super::timer::{Activity, PeerSleep, Timer};
use std::collections::VecDeque;
use std::fmt;
use std::io::IoSliceMut;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use tokio::time::Instant;
use webrtc::runtime::{RecvMeta, Transmit};

/// Bytes that may wait for one peer, [`OVERHEAD`] for each datagram included. What comes on top
/// is dropped, as a full socket buffer would drop it.
const CAPACITY: usize = 256 * 1024;
/// What keeping a datagram costs besides its bytes.
const OVERHEAD: usize = 64;
/// Addresses from which a peer may nominate at a time: a browser nominates what works best so
/// far.
const MAX_NOMINATIONS: usize = 4;
/// A queue that is empty keeps room for as many datagrams, and gives back what a burst took.
const KEPT: usize = 16;
/// What surrounds a STUN message on its way, in bytes: Ethernet 14, IPv4 20, UDP 8.
const HEADERS: usize = 42;

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
    paths: Paths,
    /// The last nomination from each address, until the agent has taken one.
    nominations: VecDeque<Datagram>,
    /// Whether the peer's agent has chosen a pair; until then data waits.
    is_ready: bool,
    /// When the last datagram came.
    heard: Option<Instant>,
    activity: Activity,
    unanswered: Unanswered,
    handshake: Handshake,
    on_check: Option<OnCheck>,
}

/// Is told what each check takes on its way that leaves beside data, in bytes.
#[derive(Clone)]
struct OnCheck(Arc<dyn Fn(usize) + Send + Sync>);

impl fmt::Debug for OnCheck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("OnCheck").finish_non_exhaustive()
    }
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
        state.heard = Some(now);
        let size = bytes.len() + OVERHEAD;
        if state.bytes + size > CAPACITY {
            return Err(Reason::InboxFull);
        }
        let is_data = !stun::is_stun(bytes);
        if is_data && !state.handshake.admits(bytes) {
            return Err(Reason::BadHandshake);
        }
        state.bytes += size;
        state.paths.remember(bytes, origin);
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
        if bytes.starts_with(&stun::BINDING_SUCCESS.to_be_bytes()) {
            state.nominate_again(origin.remote);
        }
        Ok(())
    }

    /// When the last datagram came.
    pub fn heard(&self) -> Option<Instant> {
        self.state().heard
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

    /// Takes note of a datagram that leaves, and says which ways it is to take, and whether
    /// [`repeat::run`](super::repeat::run) is to be started.
    pub fn leave(&self, sent: &Transmit<'_>) -> (Ways, bool) {
        let mut state = self.state();
        let mut starts_repeating = false;
        let is_check = stun::is_stun(sent.contents);
        if !is_check {
            let now = Instant::now();
            state.activity.on_sent(now);
            state.handshake.on_sent(sent.contents);
            starts_repeating = state.unanswered.on_sent(now, sent);
        }
        let is_ready = state.is_ready;
        let ways = state.paths.ways(sent.destination, sent.contents, is_ready);
        let on_check = (is_check && is_ready).then(|| state.on_check.clone());
        drop(state);
        if let Some(OnCheck(listener)) = on_check.flatten() {
            listener(HEADERS + sent.contents.len());
        }
        (ways, starts_repeating)
    }

    /// Tells `listener` of each check from now on, in place of an earlier one.
    pub fn on_check(&self, listener: Arc<dyn Fn(usize) + Send + Sync>) {
        self.state().on_check = Some(OnCheck(listener));
    }

    /// What `repeat` is to do, and the way that each datagram takes.
    pub fn next_unanswered(&self, now: Instant) -> Next<(Sent, Origin)> {
        let mut state = self.state();
        let next = state.unanswered.next(now);
        next.map(|datagram| {
            let way = state.paths.of_data(datagram.destination)?;
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
}

#[cfg(test)]
mod tests {
    use super::super::paths::tests::at;
    use super::super::stun::tests::check;
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[tokio::test]
    async fn only_what_leaves_beside_data_is_told() {
        let inbox = Inbox::default();
        let bytes = Arc::new(AtomicUsize::new(0));
        let told = bytes.clone();
        inbox.on_check(Arc::new(move |bytes| {
            told.fetch_add(bytes, Ordering::Relaxed);
        }));
        let check = check(b"mine:remote", b"password", &[]);
        inbox.leave(&at(1).transmit(&check, None));
        assert_eq!(bytes.load(Ordering::Relaxed), 0);
        inbox.set_ready(true);
        inbox.leave(&at(1).transmit(&[23, 254, 253], None));
        assert_eq!(bytes.load(Ordering::Relaxed), 0);
        inbox.leave(&at(1).transmit(&check, None));
        assert_eq!(bytes.load(Ordering::Relaxed), check.len() + 42);
    }
}
