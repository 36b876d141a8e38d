//! What the HTTP handlers share.

use axum::extract::FromRef;
use leptos::config::LeptosOptions;
use tickwire_server::Sessions;

/// The state of the router. Copies share the sessions.
#[derive(Clone)]
pub struct AppState {
    /// Where the page's files are, and what they are called.
    pub leptos: LeptosOptions,
    /// The sessions that are open.
    pub sessions: Sessions,
}

impl FromRef<AppState> for LeptosOptions {
    fn from_ref(state: &AppState) -> Self {
        state.leptos.clone()
    }
}

impl FromRef<AppState> for Sessions {
    fn from_ref(state: &AppState) -> Self {
        state.sessions.clone()
    }
}
