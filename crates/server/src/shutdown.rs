//! SIGINT and SIGTERM.

use crate::sessions::Sessions;
use std::io;
use std::time::Duration;
use tokio::signal::unix::{Signal, SignalKind, signal as on};

/// The signals that ask a process to end.
pub struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    /// Catches both from here on.
    ///
    /// # Errors
    /// Where they cannot be caught.
    pub fn new() -> io::Result<Self> {
        Ok(Self {
            interrupt: on(SignalKind::interrupt())?,
            terminate: on(SignalKind::terminate())?,
        })
    }

    /// Completes at the first of either.
    pub async fn any(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }

    /// Completes at SIGINT; at SIGTERM when these sessions are drained ([`Sessions::drain`]), or at
    /// another signal.
    pub async fn drained(mut self, sessions: Sessions, over: Duration) {
        tokio::select! {
            _ = self.interrupt.recv() => return,
            _ = self.terminate.recv() => {}
        }
        tokio::select! {
            () = sessions.drain(over) => {}
            () = self.any() => {}
        }
    }
}

/// Completes at the first SIGINT or SIGTERM. Both are caught from the call on, not from the
/// first poll.
///
/// # Errors
/// Where the signals cannot be caught.
pub fn signal() -> io::Result<impl Future<Output = ()>> {
    let mut signals = Signals::new()?;
    Ok(async move { signals.any().await })
}
