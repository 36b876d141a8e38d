//! SIGINT and SIGTERM.

use super::ServeError;
use tokio::signal::unix::{SignalKind, signal as on};

/// Completes at the first SIGINT or SIGTERM. Both are caught from the call on, not from the
/// first poll.
///
/// # Errors
/// Where the signals cannot be caught.
pub fn signal() -> Result<impl Future<Output = ()>, ServeError> {
    let mut interrupt = on(SignalKind::interrupt()).map_err(ServeError::Signals)?;
    let mut terminate = on(SignalKind::terminate()).map_err(ServeError::Signals)?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}
