//! The server: HTTP for the page and the signalling, WebRTC for everything after it.
//!
//! A request walks `http` → `sessions` → `session`; a datagram walks `port` → `peer`, and what
//! it carried `channel` → `feeds`, and back the same way, through `fresh` where a value may
//! grow old. Neither skips a room.

mod channel;
pub mod config;
pub mod feeds;
mod fresh;
pub mod http;
pub mod limits;
pub mod log;
mod message;
mod offer;
mod peer;
mod presence;
mod session;
mod sessions;
mod shell;
pub mod shutdown;
mod state;
mod update;

pub use channel::{Channel, Deadline, Latest};
pub use config::{Config, ConfigError};
pub use feeds::Feeds;
pub use fresh::Counts;
pub use http::{router, site};
pub use message::{Message, Reliability, SendError};
pub use session::{SessionId, SessionNumber};
pub use sessions::Sessions;
pub use state::AppState;
pub use update::{Condition, Update, Updated};

use std::io;
use std::net::SocketAddr;
use std::time::Duration;
use tickwire_peer::dtls::DtlsError;
use tickwire_peer::port::PortError;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

/// How long a shutdown may take: requests under way and the closing of sessions. What is not
/// done by then is cut off, so that the process ends within 5 s of its signal.
const SHUTDOWN_LIMIT: Duration = Duration::from_secs(4);

/// Why the server did not start, or stopped.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error("cannot listen on {0}: {1}. Is another server running? Set site-addr in Leptos.toml.")]
    Bind(SocketAddr, io::Error),
    #[error("cannot receive signals: {0}")]
    Signals(io::Error),
    #[error("DTLS cannot be set up: {0}")]
    Dtls(#[from] DtlsError),
    #[error("{0}. Set listen under [port] in Leptos.toml.")]
    Port(#[from] PortError),
    #[error("HTTP failed: {0}")]
    Http(io::Error),
}

/// Serves the page and these feeds on `listener` until `shutdown` completes, then ends every
/// session and returns.
///
/// # Errors
/// Where a certificate or the UDP port cannot be had, or the listener fails.
pub async fn run<S: Clone + Send + Sync + 'static>(
    listener: TcpListener,
    config: Config,
    feeds: Feeds<S>,
    shutdown: impl Future<Output = ()>,
) -> Result<(), ServeError> {
    let http = listener.local_addr().map_err(ServeError::Http)?;
    let sessions = Sessions::open(&config, http, feeds)?;
    let app = site(AppState {
        leptos: config.leptos,
        sessions: sessions.clone(),
    });
    let stop = CancellationToken::new();
    let mut http = tokio::spawn(
        axum::serve(
            listener,
            app.into_make_service_with_connect_info::<SocketAddr>(),
        )
        .with_graceful_shutdown(stop.clone().cancelled_owned())
        .into_future(),
    );

    tokio::select! {
        ended = &mut http => return ended.unwrap_or_else(|cause| Err(io::Error::other(cause))).map_err(ServeError::Http),
        cause = sessions.port().failed() => {
            stop.cancel();
            sessions.shut_down().await;
            return Err(cause.into());
        }
        () = shutdown => info!(sessions = sessions.count(), "shutting down"),
    }
    stop.cancel();
    let done = tokio::time::timeout(SHUTDOWN_LIMIT, async {
        sessions.shut_down().await;
        let _ = (&mut http).await;
    });
    if done.await.is_err() {
        warn!("requests or sessions were still open after {SHUTDOWN_LIMIT:?}; cut off");
        http.abort();
    }
    info!("stopped");
    Ok(())
}
