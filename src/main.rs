mod allocator;

use std::process::ExitCode;
use tickwire::server::{self, Config, RunError, TopicsError};
use tickwire_server::shutdown;
use tokio::net::TcpListener;
use tracing::{error, info};

const USAGE: &str = "\
Usage: tickwire          serves, as Leptos.toml in the current directory has it
       tickwire check    says whether that can be used, and prints the configuration in force";

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => serve(),
        ["check"] => check(),
        ["help" | "-h" | "--help"] => {
            println!("{USAGE}");
            ExitCode::SUCCESS
        }
        _ => {
            eprintln!("{USAGE}");
            ExitCode::from(2)
        }
    }
}

/// Reads the configuration as a start does, and prints it.
fn check() -> ExitCode {
    let checked = Config::load().map_err(RunError::from).and_then(|config| {
        server::check(&config).map_err(TopicsError::from)?;
        Ok(config)
    });
    match checked {
        Ok(config) => {
            println!("{config}");
            ExitCode::SUCCESS
        }
        Err(cause) => {
            eprintln!("{cause}");
            ExitCode::FAILURE
        }
    }
}

#[tokio::main]
async fn serve() -> ExitCode {
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
