mod allocator;

use std::process::ExitCode;
use std::time::SystemTime;
use tickwire::server::{self, Config, RunError, TopicsError, token};
use tickwire_server::OpenError;
use tickwire_server::shutdown::Signals;
use tokio::net::TcpListener;
use tracing::error;

const USAGE: &str = "\
Usage: tickwire          serves, as Leptos.toml in the current directory has it
       tickwire health   says whether the one that runs here answers, for a container's health check
       tickwire token    makes a token; tickwire token --help says more
       tickwire check    says whether that can be used, and prints the configuration in force";

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => serve(),
        ["check"] => check(),
        ["health"] => health(),
        ["token", "--help"] => {
            println!("{}", token::USAGE);
            ExitCode::SUCCESS
        }
        ["token", ..] => make_token(&arguments[1..]),
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

/// Makes a token with the secret of the configuration, or a key.
fn make_token(arguments: &[String]) -> ExitCode {
    let made = Config::load().map_err(|cause| cause.to_string());
    let made = made.and_then(|it| token::token(&it.auth, arguments, SystemTime::now()));
    match made {
        Ok(token) => {
            println!("{token}");
            ExitCode::SUCCESS
        }
        Err(cause) => {
            eprintln!("{cause}");
            ExitCode::FAILURE
        }
    }
}

/// Reads the configuration as a start does, and prints it.
#[tokio::main(flavor = "current_thread")]
async fn check() -> ExitCode {
    let checked = Config::load().map_err(RunError::from).and_then(|config| {
        config.server.check().map_err(OpenError::from)?;
        server::check(&config).map_err(TopicsError::from)?;
        server::auth::own_keys(&config.auth)?;
        server::encryption(&config.tls)?;
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

/// Asks the one that runs with this configuration.
fn health() -> ExitCode {
    let asked = Config::load().map_err(|cause| cause.to_string());
    match asked.and_then(|config| server::health(&config)) {
        Ok(()) => ExitCode::SUCCESS,
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
    let signals = Signals::new().map_err(RunError::Signals)?;
    let listener = TcpListener::bind(config.leptos.site_addr)
        .await
        .map_err(|cause| RunError::Bind(config.leptos.site_addr, cause))?;
    let topics = server::topics(&config.engine).await?;
    let feeds = server::feeds(&config.topics, &topics)?;
    server::run(listener, config, feeds, signals).await
}
