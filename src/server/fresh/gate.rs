//! A session's gate: what its channels send with freshness goes through it, one value at a time.

use super::ledger::Ledger;
use super::lock;
use super::window::Window;
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

/// How often a channel that waits for room looks by itself whether there is some, and asks the
/// others. They are told as a rule; an acknowledgement that arrives while a value leaves can be
/// missed.
const LOOK: Duration = Duration::from_millis(20);
/// What may be outstanding, in bytes, when another message is let out because nothing is heard.
/// It fits into the packet that SCTP sends after a timeout (RFC 9260 section 7.2.3), so it does
/// not wait there and grow old.
const PROBE_ROOM: usize = 1_000;
/// For how long a gate stays shut: several times what an ICE restart takes, where there is a path.
/// Whether there is one then, the values themselves show.
const SHUT: Duration = Duration::from_secs(2);

/// Lets values of a session's channels out while the path takes them. All channels share one
/// path, so they share one gate, each in its turn.
#[derive(Debug)]
pub struct Gate {
    /// Who holds it is next. It is fair: the longest waiting channel gets it.
    turn: tokio::sync::Mutex<()>,
    window: Mutex<Window>,
    /// Something was acknowledged, or there is a path again.
    moved: Notify,
    /// A channel waits, and nothing has moved for a while.
    asks: Notify,
    /// There is no path, by all likelihood, until then.
    shut_until: Mutex<Option<Instant>>,
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
            asks: Notify::new(),
            shut_until: Mutex::default(),
        }
    }

    /// Lets nothing out while there is no path, as during an ICE restart, for two seconds at most:
    /// what left then would be lost, and SCTP would take a second to notice (RFC 9260 section
    /// 6.3.1: RTO.Min). Where there is a path again, it is another as a rule, and is measured anew.
    pub fn shut(&self, is_shut: bool) {
        let now = Instant::now();
        let until = is_shut.then(|| now + SHUT);
        let before = std::mem::replace(&mut *lock(&self.shut_until), until);
        if before.is_some() && !is_shut {
            self.window().begin_path(now.into());
        }
        self.moved.notify_one();
    }

    /// Waits until each channel of the session should say what it has outstanding, also one that
    /// has nothing to send: an acknowledgement of which it was not told would hold up the others
    /// for ever.
    pub async fn asked(&self) {
        self.asks.notified().await;
    }

    /// Waits for this channel's turn.
    pub async fn turn(&self) -> Turn<'_> {
        Turn {
            gate: self,
            _turn: self.turn.lock().await,
        }
    }

    /// Takes note of one of ICE's checks, which left for the same path and takes so many bytes.
    pub fn check_left(&self, bytes: usize) {
        self.window().beside(Instant::now().into(), bytes);
    }

    /// Takes note of a message that leaves.
    pub fn sent(&self, ledger: &mut Ledger, bytes: usize) {
        ledger.send(Instant::now().into(), bytes, &mut self.window());
    }

    /// Takes note of what a channel has outstanding now.
    pub fn outstanding(&self, ledger: &mut Ledger, bytes: usize) {
        if ledger.outstanding(Instant::now().into(), bytes, &mut self.window()) {
            self.moved.notify_one();
        }
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
    /// looking again, and the channel should say what it has outstanding first.
    pub async fn has_room(&self, bytes: usize) -> bool {
        let now = Instant::now();
        let is_shut = lock(&self.gate.shut_until).is_some_and(|until| now < until);
        let look_at = if is_shut {
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
            () = sleep_until(look_at) => {
                if look_at >= now + LOOK {
                    self.gate.asks.notify_waiters();
                }
            }
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

    /// It may be another that has not been told of an acknowledgement, and has nothing to send.
    #[tokio::test]
    async fn who_waits_for_room_asks_all_channels_what_they_have_outstanding() {
        let gate = Gate::new();
        let mut other = Ledger::default();
        for _ in 0..10 {
            gate.sent(&mut other, 200);
        }
        let answering = async {
            gate.asked().await;
            gate.outstanding(&mut other, 0);
            std::future::pending().await
        };
        let waiting = async {
            let turn = gate.turn().await;
            assert!(!turn.has_room(100).await);
            while !turn.has_room(100).await {}
        };
        tokio::select! {
            () = waiting => {}
            () = answering => {}
        }
    }

    #[tokio::test]
    async fn a_gate_that_nobody_opens_opens_by_itself() {
        let gate = Gate::new();
        gate.shut(true);
        let turn = gate.turn().await;
        let began = Instant::now();
        while !turn.has_room(100).await {}
        assert!(began.elapsed() >= SHUT);
    }
}
