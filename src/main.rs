mod allocator;

use std::process::ExitCode;
use tickwire::server::{self, Config, RunError};
use tickwire_server::shutdown;
use tokio::net::TcpListener;
use tracing::{error, info};

#[tokio::main]
async fn main() -> ExitCode {
    match start().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(cause) => {
            error!("{cause}");
            ExitCode::FAILURE
        }
    }
}

async fn start() -> Result<(), RunError> {
    let config = Config::load().inspect_err(|_| server::log::start_with_defaults())?;
    server::log::start(&config.log);
    server::limits::raise_open_files();
    let shutdown = shutdown::signal().map_err(RunError::Signals)?;
    let listener = TcpListener::bind(config.leptos.site_addr)
        .await
        .map_err(|cause| RunError::Bind(config.leptos.site_addr, cause))?;
    info!(address = %config.leptos.site_addr, "serving HTTP");
    let feeds = server::feeds(&config.topics)?;
    server::run(listener, config, feeds, shutdown).await
}
