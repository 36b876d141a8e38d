//! Structured logs on standard error. A session's lines carry its id.

use super::config::LogConfig;
use std::io::IsTerminal;
use tracing_subscriber::EnvFilter;

/// Starts logging as configured. Later calls change nothing.
pub fn start(config: &LogConfig) {
    start_with(config.filter());
}

/// Starts logging with the defaults, for a message about a configuration that cannot be read.
pub fn start_with_defaults() {
    start(&LogConfig::default());
}

fn start_with(filter: EnvFilter) {
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .try_init();
}
