//! The program itself, started in a folder.

use crate::support::within;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

/// It in this folder, with these variables, at any port of this machine.
pub fn program(folder: &Path, variables: &[(&str, &str)]) -> Command {
    let mut program = Command::new(env!("CARGO_BIN_EXE_tickwire"));
    program
        .current_dir(folder)
        .env("LEPTOS_SITE_ADDR", "127.0.0.1:0")
        .env("LEPTOS_OUTPUT_NAME", "tickwire")
        .env("TICKWIRE_LOG_FORMAT", "json")
        .envs(variables.iter().copied())
        .kill_on_drop(true);
    program
}

/// It once it serves, and where.
pub async fn served(mut program: Command) -> (Child, SocketAddr) {
    let mut running = program.stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(running.stderr.take().unwrap()).lines();
    let reading = async {
        loop {
            let line = lines.next_line().await.unwrap().expect("it serves");
            let line: serde_json::Value = serde_json::from_str(&line).unwrap();
            if line["message"]
                .as_str()
                .is_some_and(|it| it.starts_with("serving HTTP"))
            {
                return line["address"].as_str().unwrap().parse().unwrap();
            }
        }
    };
    let address = within("its address", reading).await;
    // What it says from then on is nobody's, and has to go somewhere.
    tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
    (running, address)
}
