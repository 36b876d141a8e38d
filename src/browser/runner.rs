//! What runs a trial, on both halves: the server's never does.

use crate::trial::Settings;
use leptos::prelude::*;

/// What `use_runner` gives a component: one run at a time. Copies are the same runner.
#[derive(Clone, Copy)]
pub struct Runner {
    /// Whether a run goes on.
    pub is_running: Signal<bool>,
    /// Begins a run of these settings; nothing while one goes on. The run of this index stays.
    pub start: Callback<(Settings, Option<usize>)>,
    /// Stops sending, and waits for what is not back; called again, ends the run at once.
    pub stop: Callback<()>,
}
