//! When sessions are asked to leave.

use std::sync::OnceLock;
use std::time::Duration;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

/// In which part of a drain sessions are asked to leave.
const LEAVING: f64 = 0.8;

/// Asks sessions to leave, each at a time of its own.
pub struct Leaving {
    begun: CancellationToken,
    over: OnceLock<Duration>,
}

impl Leaving {
    /// Asks when `begun` is cancelled.
    pub fn new(begun: CancellationToken) -> Self {
        let over = OnceLock::new();
        Self { begun, over }
    }

    /// Asks all within this time.
    pub fn begin(&self, over: Duration) {
        let _ = self.over.set(over);
        self.begun.cancel();
    }

    /// When a session is to leave: not in the last part, in which it may still be on its way.
    pub async fn time(&self) {
        self.begun.cancelled().await;
        let over = self.over.get().copied().unwrap_or_default();
        sleep(over.mul_f64(rand::random::<f64>() * LEAVING)).await;
    }
}
