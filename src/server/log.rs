//! Structured logs on standard error. A session's lines carry its number.

use super::config::{LogConfig, LogFormat};
use std::io::IsTerminal;

/// Starts logging as configured. Later calls change nothing.
pub fn start(config: &LogConfig) {
    let log = tracing_subscriber::fmt()
        .with_env_filter(config.filter())
        .with_writer(std::io::stderr);
    let _ = match config.format {
        LogFormat::Text => log.with_ansi(std::io::stderr().is_terminal()).try_init(),
        LogFormat::Json => log.json().flatten_event(true).try_init(),
    };
}

/// Starts logging with the defaults, for a message about a configuration that cannot be read.
pub fn start_with_defaults() {
    start(&LogConfig::default());
}
