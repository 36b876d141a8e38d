//! A real nats-server, and nodes that have topics in common.
#![allow(dead_code, reason = "each test has a part of it")]

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use tickwire_nats::{Nats, Options};
use tickwire_server::Topics;
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::time::{sleep, timeout};

/// How long something may take that is waited for.
pub const PATIENCE: Duration = Duration::from_secs(30);
/// How often it is looked.
const LOOK: Duration = Duration::from_millis(5);

/// The program, where the set-up of the tests or the machine has it.
fn program() -> PathBuf {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../end2end/.venv/bin/nats-server");
    if own.exists() {
        return own;
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut programs = std::env::split_paths(&path).map(|it| it.join("nats-server"));
    let found = programs.find(|it| it.exists());
    found.expect("no nats-server is there: `scripts/setup` sets it up")
}

/// A nats-server with JetStream.
pub struct NatsServer {
    port: u16,
    folder: TempDir,
    process: Option<Child>,
    arguments: Vec<String>,
}

impl NatsServer {
    pub async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// With arguments besides.
    pub async fn start_with(arguments: &[&str]) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut server = Self {
            port: port.local_addr().unwrap().port(),
            folder: TempDir::new().unwrap(),
            process: None,
            arguments: arguments.iter().map(|it| (*it).to_owned()).collect(),
        };
        drop(port);
        server.resume().await;
        server
    }

    /// Starts it again, at the same port.
    pub async fn resume(&mut self) {
        let process = Command::new(program())
            .args(["--jetstream", "--addr", "127.0.0.1", "--port"])
            .arg(self.port.to_string())
            .arg("--store_dir")
            .arg(self.folder.path())
            .args(&self.arguments)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn();
        self.process = Some(process.unwrap());
        let is_there = async {
            while TcpStream::connect(("127.0.0.1", self.port)).await.is_err() {
                sleep(LOOK).await;
            }
        };
        within("nats-server", is_there).await;
    }

    /// Kills it.
    pub async fn kill(&mut self) {
        let mut process = self.process.take().unwrap();
        process.kill().await.unwrap();
    }

    pub fn options(&self) -> Options {
        Options::new(format!("nats://127.0.0.1:{}", self.port))
    }

    /// A node of it.
    pub async fn nats(&self) -> Arc<Nats> {
        Nats::connect(self.options()).await.unwrap()
    }

    /// The topics of a node of it.
    pub async fn node(&self) -> Topics {
        Topics::kept_by(self.nats().await)
    }
}

pub async fn within<T>(what: &str, waiting: impl Future<Output = T>) -> T {
    let waited = timeout(PATIENCE, waiting).await;
    waited.unwrap_or_else(|_| panic!("{what}: not within {PATIENCE:?}"))
}

/// Waits until it is so: what a node has changes when NATS tells it.
pub async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let waiting = async {
        while !is_so() {
            sleep(LOOK).await;
        }
    };
    within(what, waiting).await;
}
