//! Whether a session's browser is there, as far as what comes of it tells.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;
use tracing::info;

/// How long a browser may be silent that is sent something each second: an acknowledgement may be
/// lost. Looked at each second, silence is noticed within 3 s. The session lives on for its
/// silence timeout, so that the browser can come back to it.
const LIMIT: Duration = Duration::from_secs(2);

/// A session's part of the number of silent sessions: it is one of them or not, however many look.
pub struct Silence {
    /// How long ago the browser was heard.
    heard_ago: Box<dyn Fn() -> Option<Duration> + Send + Sync>,
    is_silent: AtomicBool,
    all: Arc<AtomicUsize>,
}

impl Silence {
    /// A browser that is there. `all` counts those of the server that are not.
    pub fn new(
        heard_ago: impl Fn() -> Option<Duration> + Send + Sync + 'static,
        all: Arc<AtomicUsize>,
    ) -> Arc<Self> {
        Arc::new(Self {
            heard_ago: Box::new(heard_ago),
            is_silent: AtomicBool::new(false),
            all,
        })
    }

    /// True where that is news.
    fn set(&self, is_silent: bool) -> bool {
        let was_silent = self.is_silent.swap(is_silent, Ordering::Relaxed);
        match (was_silent, is_silent) {
            (false, true) => self.all.fetch_add(1, Ordering::Relaxed),
            (true, false) => self.all.fetch_sub(1, Ordering::Relaxed),
            _ => return false,
        };
        true
    }
}

/// Looks whether a browser is heard, and counts its session among the silent ones while it is not.
pub struct Presence(Arc<Silence>);

impl Presence {
    pub(crate) fn new(silence: Arc<Silence>) -> Self {
        Self(silence)
    }

    /// To be called each second.
    pub fn look(&self) {
        let is_silent = self.is_silent();
        if self.0.set(is_silent) {
            info!("{}", if is_silent { "silent" } else { "heard again" });
        }
    }

    /// Whether nothing was heard for so long that the browser may be gone.
    pub(crate) fn is_silent(&self) -> bool {
        (self.0.heard_ago)().is_some_and(|ago| ago >= LIMIT)
    }
}

impl Drop for Presence {
    /// Nobody looks any more, or the next to look finds it again.
    fn drop(&mut self) {
        self.0.set(false);
    }
}
