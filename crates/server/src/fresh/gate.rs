//! A session's gate: what its channels send with freshness goes through it, one value at a time.

use super::ledger::Ledger;
use super::window::{DATAGRAM, Window};
use crate::lock::lock;
use std::sync::{Mutex, MutexGuard};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

/// What may be outstanding, in bytes, when another message is let out because nothing is heard.
/// It fits into the packet that SCTP sends after a timeout (RFC 9260 section 7.2.3), so it does
/// not wait there and grow old.
const PROBE_ROOM: usize = 1_000;

/// Lets values of a session's channels out while the path takes them. All channels share one
/// path, so they share one gate, each in its turn.
#[derive(Debug)]
pub struct Gate {
    /// Who holds it is next. It is fair: the longest waiting channel gets it.
    turn: tokio::sync::Mutex<()>,
    window: Mutex<Window>,
    /// Something was acknowledged, or the path is another.
    moved: Notify,
    /// The path is another, for who has a pace of its own.
    path: Notify,
}

/// The right to let one value out.
pub struct Turn<'a> {
    gate: &'a Gate,
    _turn: tokio::sync::MutexGuard<'a, ()>,
}

impl Gate {
    pub fn new() -> Self {
        Self {
            turn: tokio::sync::Mutex::default(),
            window: Mutex::new(Window::new(Instant::now().into())),
            moved: Notify::new(),
            path: Notify::new(),
        }
    }

    /// Says whether the path is a connection of TCP, on which nothing is lost and all may stall.
    pub fn set_stream(&self, is_stream: bool) {
        self.window().set_stream(is_stream);
    }

    /// As [`Gate::set_stream`] has it.
    pub fn is_stream(&self) -> bool {
        self.window().is_stream()
    }

    /// The path is another, and is measured anew.
    pub fn begin_path(&self, is_stream: bool) {
        let mut window = self.window();
        window.begin_path(Instant::now().into());
        window.set_stream(is_stream);
        drop(window);
        self.moved.notify_one();
        self.path.notify_one();
    }

    /// Completes once after each time that the path has become another, for one who waits.
    pub async fn path_changed(&self) {
        self.path.notified().await;
    }

    /// Waits for this channel's turn.
    pub async fn turn(&self) -> Turn<'_> {
        Turn {
            gate: self,
            _turn: self.turn.lock().await,
        }
    }

    /// Takes note of what else than a sink's messages leaves on the same path, so many bytes.
    pub fn beside(&self, bytes: usize) {
        self.window()
            .beside(Instant::now().into(), DATAGRAM + bytes);
    }

    /// Takes note of a message that leaves.
    pub fn sent(&self, ledger: &mut Ledger, bytes: usize) {
        // SCTP counts an empty message as one byte.
        ledger.send(Instant::now().into(), bytes.max(1), &mut self.window());
    }

    /// Takes note of what a channel has outstanding now.
    pub fn outstanding(&self, ledger: &mut Ledger, bytes: usize) {
        if ledger.outstanding(Instant::now().into(), bytes, &mut self.window()) {
            self.moved.notify_one();
        }
    }

    /// Takes note of what a channel has outstanding now that SCTP's timer has run out: what is not
    /// any more was given up, and says nothing about the path. That may be gone where the client
    /// `is_silent`.
    pub fn given_up(&self, ledger: &mut Ledger, bytes: usize, is_silent: bool) {
        ledger.given_up(bytes, is_silent, &mut self.window());
        self.moved.notify_one();
    }

    /// Forgets what a channel that has closed had outstanding.
    pub fn forget(&self, ledger: &mut Ledger) {
        ledger.forget(&mut self.window());
        self.moved.notify_one();
    }

    fn window(&self) -> MutexGuard<'_, Window> {
        lock(&self.window)
    }
}

impl Turn<'_> {
    /// Whether a message of this many bytes may leave now. Where not, waits until it is worth
    /// looking again.
    pub async fn has_room(&self, bytes: usize) -> bool {
        let now = Instant::now();
        let look_at: Instant = {
            let mut window = self.gate.window();
            if window.has_room(now.into(), bytes) {
                return true;
            }
            let probe_at = window.probe_at().into();
            // What is larger has to leave some time, too.
            let outstanding = window.outstanding();
            let fits = outstanding == 0 || outstanding + bytes <= PROBE_ROOM;
            if now >= probe_at && fits {
                window.probed();
                return true;
            }
            let paced_until = window.paced_until(now.into()).into();
            let stalls_at = window.stalls_at().map(Instant::from);
            let others = [Some(probe_at), stalls_at].into_iter().flatten();
            let others = others.filter(|at| *at > now).min();
            others.map_or(paced_until, |at| at.min(paced_until))
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

    #[test]
    fn what_is_given_up_stops_the_rest_only_where_the_client_is_silent() {
        for is_silent in [false, true] {
            let gate = Gate::new();
            let mut ledger = Ledger::default();
            gate.sent(&mut ledger, 100);
            gate.sent(&mut ledger, 100);
            gate.given_up(&mut ledger, 0, is_silent);
            let mut window = gate.window();
            assert_eq!(window.outstanding(), 0);
            let later = std::time::Instant::now() + std::time::Duration::from_secs(1);
            assert_eq!(window.has_room(later, 100), !is_silent);
        }
    }

    #[tokio::test]
    async fn who_waits_for_room_is_told_when_something_is_released() {
        let gate = Gate::new();
        let mut other = Ledger::default();
        for _ in 0..10 {
            gate.sent(&mut other, 200);
        }
        let releasing = async {
            tokio::task::yield_now().await;
            gate.outstanding(&mut other, 0);
            std::future::pending().await
        };
        let waiting = async {
            let turn = gate.turn().await;
            while !turn.has_room(100).await {}
        };
        tokio::select! {
            biased;
            () = waiting => {}
            () = releasing => {}
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_larger_than_a_probe_leaves_too_when_nothing_is_heard() {
        let gate = Gate::new();
        let mut ledger = Ledger::default();
        gate.sent(&mut ledger, 100);
        gate.given_up(&mut ledger, 0, true);
        let turn = gate.turn().await;
        let leaves = async { while !turn.has_room(60_000).await {} };
        let left = tokio::time::timeout(std::time::Duration::from_secs(60), leaves);
        left.await.expect("a turn");
    }
}
