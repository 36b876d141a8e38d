//! SIGINT and SIGTERM.

use std::io;
use tokio::signal::unix::{SignalKind, signal as on};

/// Completes at the first SIGINT or SIGTERM. Both are caught from the call on, not from the
/// first poll.
///
/// # Errors
/// Where the signals cannot be caught.
pub fn signal() -> io::Result<impl Future<Output = ()>> {
    let mut interrupt = on(SignalKind::interrupt())?;
    let mut terminate = on(SignalKind::terminate())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}
