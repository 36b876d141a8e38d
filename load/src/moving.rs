//! Clients that a server which drains sends to another, and what they have of the values meanwhile.

use crate::figures::lateness;
use rustix::process::{Pid, Signal, kill_process};
use std::cell::Cell;
use std::time::{Duration, Instant, SystemTime};

/// How long a session goes on where the one in its place has values: what is on its way may still come.
pub const REST: Duration = Duration::from_millis(500);

/// What a client has, over both its sessions.
#[derive(Debug, Default)]
pub struct Client {
    newest: Cell<Option<SystemTime>>,
    /// How old the newest value has become at most before another came, in milliseconds.
    oldest: Cell<Option<i32>>,
    /// When it leaves the session that it was told to leave.
    pub leaves: Cell<Option<Instant>>,
}

impl Client {
    /// A value has come. Its age counts from the first that `is_measured`.
    pub fn has(&self, stamp: SystemTime, is_measured: bool) {
        if is_measured {
            self.oldest.set(self.oldest());
        }
        self.newest.set(self.newest.get().max(Some(stamp)));
    }

    /// How old the newest value has become at most until now.
    pub fn oldest(&self) -> Option<i32> {
        let age = lateness(self.newest.get()?, SystemTime::now());
        Some(self.oldest.get().unwrap_or(age).max(age))
    }
}

/// Tells a server to have its clients leave.
pub fn drain(server: u32) {
    let server = i32::try_from(server).ok().and_then(Pid::from_raw);
    let told = server.map(|it| kill_process(it, Signal::TERM));
    if !matches!(told, Some(Ok(()))) {
        eprintln!("load: the server cannot be told to drain: {told:?}");
    }
}
