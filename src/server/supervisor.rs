//! What systemd is told, where it has started the process (`Type=notify`).

use sd_notify::NotifyState;
use std::time::Duration;
use tokio::time::interval;
use tracing::debug;

/// The server serves; from here on the watchdog is told that it lives, if there is one.
pub fn tell_ready() {
    tell(&[NotifyState::Ready]);
    if let Some(patience) = sd_notify::watchdog_enabled() {
        tokio::spawn(tell_alive(patience / 3));
    }
}

/// It stops.
pub fn tell_stopping() {
    tell(&[NotifyState::Stopping]);
}

/// It is the runtime of the requests that tells so: one that hangs does not.
async fn tell_alive(every: Duration) {
    let mut tick = interval(every);
    loop {
        tick.tick().await;
        tell(&[NotifyState::Watchdog]);
    }
}

fn tell(states: &[NotifyState<'_>]) {
    // Without NOTIFY_SOCKET it does nothing.
    if let Err(cause) = sd_notify::notify(states) {
        debug!(%cause, "systemd was not told");
    }
}
