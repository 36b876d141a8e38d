//! A session's gate: what its channels send with freshness goes through it, one value at a time.

use super::window::{Sent, Window, cost};
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

/// How often a channel that waits for room looks by itself whether there is some. It is told as
/// a rule; an acknowledgement that arrives while a value leaves can be missed.
const LOOK: Duration = Duration::from_millis(20);
/// What may be outstanding, in bytes, when another message is let out because nothing is heard.
/// It fits into the packet that SCTP sends after a timeout (RFC 9260 section 7.2.3), so it does
/// not wait there and grow old.
const PROBE_ROOM: usize = 1_000;

/// So many messages released at once are not acknowledged by one packet, as a rule: SCTP has
/// given them up (RFC 9260 section 6.3.3, RFC 3758 section 3.5).
const MANY: usize = 3;

/// Lets values of a session's channels out while the path takes them. All channels share one
/// path, so they share one gate, each in its turn.
#[derive(Debug)]
pub struct Gate {
    /// Who holds it is next. It is fair: the longest waiting channel gets it.
    turn: tokio::sync::Mutex<()>,
    window: Mutex<Window>,
    /// Something was acknowledged, or there is a path again.
    moved: Notify,
    /// There is no path at this moment.
    is_shut: AtomicBool,
}

/// The right to let one value out.
pub struct Turn<'a> {
    gate: &'a Gate,
    _turn: tokio::sync::MutexGuard<'a, ()>,
}

/// What a channel has outstanding, in the order in which it left.
#[derive(Debug, Default)]
pub struct Ledger {
    sent: VecDeque<Sent>,
    /// What is taken for lost. SCTP keeps it until it has given it up, which on a channel
    /// without retransmissions can take a second; until then it does not count as on its way.
    lost: VecDeque<Sent>,
    bytes: usize,
}

impl Ledger {
    /// Bytes that have left and are neither acknowledged nor given up.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Takes what has been on its way for too long for lost, so that the rest of the window can
    /// be used: up to half of it, since it may be the path that has grown slow.
    fn write_off(&mut self, now: Instant, window: &mut Window) {
        while let Some(&oldest) = self.sent.front()
            && window.is_overdue(now.into(), oldest)
            && (self.lost.len() + 1) * cost(oldest.bytes) <= window.size() / 2
        {
            self.sent.pop_front();
            self.lost.push_back(oldest);
            window.release(oldest);
        }
    }

    /// Takes out what was released, so that no more than `bytes` are left, and returns the
    /// newest message that was acknowledged.
    ///
    /// Which messages were released is not known, only how many bytes. They are taken for the
    /// oldest, as long as those can have been heard of: none can much sooner than the shortest
    /// round trip. What is released sooner was given up.
    fn settle(&mut self, now: Instant, bytes: usize, window: &mut Window) -> Option<Sent> {
        let mut newest = None;
        for count in 0.. {
            let is_alone = count < MANY && self.lost.is_empty();
            let is_heard = |sent: &Sent| is_alone || window.can_be_heard(now.into(), *sent);
            let is_heard = self.sent.front().is_some_and(is_heard);
            let is_lost = !is_heard && !self.lost.is_empty();
            let queue = if is_lost {
                &mut self.lost
            } else {
                &mut self.sent
            };
            let Some(&released) = queue.front() else {
                break;
            };
            if self.bytes < bytes + released.bytes.max(1) {
                break;
            }
            queue.pop_front();
            self.bytes -= released.bytes;
            if !is_lost {
                window.release(released);
            }
            if is_heard {
                newest = Some(released);
            }
        }
        newest
    }
}

impl Gate {
    pub fn new() -> Self {
        Self {
            turn: tokio::sync::Mutex::default(),
            window: Mutex::new(Window::new(Instant::now().into())),
            moved: Notify::new(),
            is_shut: AtomicBool::new(false),
        }
    }

    /// Lets nothing out while there is no path, as during an ICE restart: what left then would be
    /// lost, and SCTP would take a second to notice (RFC 9260 section 6.3.1: RTO.Min).
    pub fn shut(&self, is_shut: bool) {
        self.is_shut.store(is_shut, Ordering::Relaxed);
        self.moved.notify_one();
    }

    /// Waits for this channel's turn.
    pub async fn turn(&self) -> Turn<'_> {
        Turn {
            gate: self,
            _turn: self.turn.lock().await,
        }
    }

    /// Takes note of a message that leaves.
    pub fn sent(&self, ledger: &mut Ledger, bytes: usize) {
        let sent = self.window().send(Instant::now().into(), bytes);
        ledger.sent.push_back(sent);
        ledger.bytes += bytes;
    }

    /// Takes note of what a channel has outstanding now.
    pub fn outstanding(&self, ledger: &mut Ledger, bytes: usize) {
        let now = Instant::now();
        let mut window = self.window();
        let newest = ledger.settle(now, bytes, &mut window);
        if let Some(newest) = newest {
            window.acknowledged(now.into(), newest);
        }
        ledger.write_off(now, &mut window);
        drop(window);
        if newest.is_some() {
            self.moved.notify_one();
        }
    }

    /// Forgets what a channel that has closed had outstanding.
    pub fn forget(&self, ledger: &mut Ledger) {
        let mut window = self.window();
        for sent in ledger.sent.drain(..) {
            window.release(sent);
        }
        *ledger = Ledger::default();
        self.moved.notify_one();
    }

    fn window(&self) -> MutexGuard<'_, Window> {
        self.window.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Turn<'_> {
    /// Whether a message of this many bytes may leave now. Where not, waits until it is worth
    /// looking again, and the channel should say what it has outstanding first.
    pub async fn has_room(&self, bytes: usize) -> bool {
        let now = Instant::now();
        let look_at = if self.gate.is_shut.load(Ordering::Relaxed) {
            now + LOOK
        } else {
            let mut window = self.gate.window();
            if window.has_room(now.into(), bytes) {
                return true;
            }
            let probe_at = window.probe_at().into();
            if now >= probe_at && window.outstanding() + bytes <= PROBE_ROOM {
                window.probed();
                return true;
            }
            let next = if now < probe_at { probe_at } else { now + LOOK };
            next.min(now + LOOK)
                .min(window.paced_until(now.into()).into())
        };
        tokio::select! {
            () = self.gate.moved.notified() => {}
            () = sleep_until(look_at) => {}
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn nothing_leaves_while_there_is_no_path() {
        let gate = Gate::new();
        assert!(gate.turn().await.has_room(100).await);
        gate.shut(true);
        let turn = gate.turn().await;
        for _ in 0..5 {
            assert!(!turn.has_room(100).await);
        }
        gate.shut(false);
        assert!(turn.has_room(100).await);
    }
}
