//! The link to NATS.

use crate::shared::Connection;
use async_nats::{ConnectErrorKind, ConnectOptions, Event};
use std::error::Error;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tickwire_server::tls::{self, TrustError};
use tokio::sync::watch;
use tracing::warn;

/// How long one try to reach NATS may take.
pub const CONNECT: Duration = Duration::from_secs(2);
/// How often it is asked whether the other side is there.
const PING: Duration = Duration::from_secs(2);
/// The longest wait between two tries.
const LONGEST_WAIT: Duration = Duration::from_millis(500);
/// Where NATS is, and how it is used.
#[derive(Clone)]
pub struct Options {
    /// Its servers, as URLs: `nats://host:4222`, or `tls://host:4222`.
    pub servers: Vec<String>,
    /// What nodes have in common that have the same topics: 1 to 64 letters, digits, `-` and `_`.
    pub namespace: String,
    /// A token, if it asks for one.
    pub token: Option<String>,
    /// A file of credentials (`.creds`), if it asks for those.
    pub credentials: Option<PathBuf>,
    /// A file with certificates (PEM) of who has signed the servers', besides those that the system trusts.
    pub ca: Option<PathBuf>,
    /// On how many servers of NATS each stream is, 1 to 5.
    pub replicas: usize,
    /// Whether the newest values are in files, and not in memory: then they outlive a restart of all of NATS.
    /// Logs always are.
    pub files: bool,
}

impl Options {
    /// One server, in a namespace called `default`, with what it keeps in memory.
    pub fn new(server: impl Into<String>) -> Self {
        Self {
            servers: vec![server.into()],
            namespace: "default".into(),
            token: None,
            credentials: None,
            ca: None,
            replicas: 1,
            files: false,
        }
    }
}

/// Without the token, which is no part of a log.
impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut options = f.debug_struct("Options");
        options
            .field("servers", &self.servers)
            .field("namespace", &self.namespace);
        options.finish_non_exhaustive()
    }
}

/// Why NATS cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The namespace is none.
    #[error("expected a namespace of 1 to 64 letters, digits, - and _, found {0:?}")]
    Namespace(String),
    /// No server is named, or one by what is no URL.
    #[error("expected servers of NATS such as nats://localhost:4222: {0}")]
    Servers(String),
    /// The file of credentials cannot be read.
    #[error("the credentials for NATS in {0} cannot be read: {1}")]
    Credentials(PathBuf, String),
    /// The file of certificates cannot be used.
    #[error(transparent)]
    Certificates(#[from] TrustError),
    /// It does not let this node in, or its certificate is not trusted.
    #[error("NATS does not let this server in: {0}")]
    Denied(String),
    /// It is older than what is needed.
    #[error("expected nats-server 2.11 or later, found {0}")]
    Version(String),
    /// It was started without JetStream.
    #[error("{0}")]
    Stream(String),
}

/// Connects, and has `told` know of the link from then on.
pub async fn connect(
    options: &Options,
    node: &str,
    told: watch::Sender<Connection>,
) -> Result<async_nats::Client, ConnectError> {
    let told = Arc::new(told);
    let build = || async {
        let told = told.clone();
        let mut connecting = ConnectOptions::new()
            .name(format!("tickwire {node}"))
            .connection_timeout(CONNECT)
            .ping_interval(PING)
            .reconnect_delay_callback(|tries| {
                let wait = Duration::from_millis(50 * tries.min(100) as u64);
                // Not all nodes at once.
                wait.min(LONGEST_WAIT).mul_f64(rand::random_range(0.5..1.0))
            })
            .event_callback(move |event| {
                let told = told.clone();
                async move { note(&told, &event) }
            });
        if let Some(token) = &options.token {
            connecting = connecting.token(token.clone());
        }
        if let Some(path) = &options.credentials {
            let unreadable =
                |cause: std::io::Error| ConnectError::Credentials(path.clone(), cause.to_string());
            connecting = connecting
                .credentials_file(path)
                .await
                .map_err(unreadable)?;
        }
        let trusting = tls::client(options.ca.as_deref())?;
        Ok::<_, ConnectError>(connecting.tls_client_config(trusting))
    };
    let cause = match build().await?.connect(&options.servers).await {
        Ok(client) => return Ok(client),
        Err(cause) => cause,
    };
    match cause.kind() {
        ConnectErrorKind::ServerParse => Err(ConnectError::Servers(cause.to_string())),
        ConnectErrorKind::Authentication
        | ConnectErrorKind::AuthorizationViolation
        | ConnectErrorKind::Tls => Err(ConnectError::Denied(cause.to_string())),
        _ if is_untrusted(&cause) => Err(ConnectError::Denied(cause.to_string())),
        _ => {
            warn!(%cause, "NATS cannot be reached; it is tried again");
            let connecting = build().await?.retry_on_initial_connect();
            let connected = connecting.connect(&options.servers).await;
            connected.map_err(|cause| ConnectError::Servers(cause.to_string()))
        }
    }
}

/// Whether what has answered speaks another protocol, or has a certificate that nobody trusts: rustls says so by
/// an error of I/O.
fn is_untrusted(cause: &async_nats::ConnectError) -> bool {
    let first: &dyn Error = cause;
    let mut causes = std::iter::successors(Some(first), |&cause| cause.source());
    causes.any(|cause| {
        let io = cause.downcast_ref::<std::io::Error>();
        io.is_some_and(|io| io.kind() == std::io::ErrorKind::InvalidData)
    })
}

fn note(told: &watch::Sender<Connection>, event: &Event) {
    match event {
        Event::Connected => told.send_modify(|it| {
            it.is_up = true;
            it.number += 1;
        }),
        Event::Disconnected | Event::Closed => told.send_modify(|it| it.is_up = false),
        other => warn!(%other, "NATS"),
    }
}
