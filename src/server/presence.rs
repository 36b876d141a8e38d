//! Whether a session's browser is there, as far as its datagrams tell.

use super::Sessions;
use std::time::Duration;
use tickwire_peer::port::Heard;
use tracing::info;

/// How long a browser may be silent that is sent something each second: an acknowledgement may be
/// lost. Looked at each second, silence is noticed within 3 s. The session lives on for its
/// silence timeout, so that the browser can come back to it.
const LIMIT: Duration = Duration::from_secs(2);

/// Looks whether a browser is heard, and counts it among the silent ones of all sessions while it
/// is not.
pub struct Presence {
    heard: Heard,
    sessions: Sessions,
    is_silent: bool,
}

impl Presence {
    /// A browser that is there.
    pub fn new(heard: Heard, sessions: Sessions) -> Self {
        Self {
            heard,
            sessions,
            is_silent: false,
        }
    }

    /// To be called each second.
    pub fn look(&mut self) {
        let is_silent = self.heard.ago().is_some_and(|ago| ago >= LIMIT);
        if is_silent != self.is_silent {
            info!("{}", if is_silent { "silent" } else { "heard again" });
        }
        self.set(is_silent);
    }

    fn set(&mut self, is_silent: bool) {
        match (self.is_silent, is_silent) {
            (false, true) => self.sessions.count_silent(1),
            (true, false) => self.sessions.count_silent(-1),
            _ => {}
        }
        self.is_silent = is_silent;
    }
}

impl Drop for Presence {
    fn drop(&mut self) {
        self.set(false);
    }
}
