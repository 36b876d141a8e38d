//! The server as a whole: its settings, its router, its end.

use crate::auth::{Authentication, Denied};
use crate::config::Config;
use crate::feeds::Feeds;
use crate::http::{Doors, Encryption, accept, accept_clients, admin, count, host, require, router};
use crate::peer::OpenError;
use crate::sessions::Sessions;
use axum::Router;
use axum::http::request::Parts;
use axum::middleware::{from_fn, from_fn_with_state};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tickwire_auth::User;
use tickwire_peer::port::{Advertised, PortError};
use tokio::net::TcpListener;
use tokio_rustls::rustls::ServerConfig;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::info;

/// How long a shutdown may take: requests under way and the closing of sessions. What is not
/// done by then is cut off, so that the process ends within 5 s of its signal.
const SHUTDOWN_LIMIT: Duration = Duration::from_secs(4);

/// Why the server did not start, or how it stopped.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// It cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The address for those who run it cannot be had.
    #[error("cannot listen on {0}, the address for metrics: {1}")]
    Admin(SocketAddr, #[source] io::Error),
    /// The UDP port has failed, and the server stopped.
    #[error("the UDP port failed")]
    Port(#[source] PortError),
    /// HTTP has failed, and the server stopped.
    #[error("HTTP failed")]
    Http(#[source] io::Error),
    /// It stopped as asked, but not all of it in time.
    #[error("requests or sessions were still open after {0:?}, and were cut off")]
    CutOff(Duration),
}

/// A server that is not open yet: feeds, and settings with defaults.
pub struct Server<S = ()> {
    feeds: Feeds<S>,
    config: Config,
    authentication: Authentication,
    encryption: Option<Arc<ServerConfig>>,
}

impl<S: Clone + Send + Sync + 'static> Server<S> {
    /// A server of these feeds with the default settings.
    pub fn new(feeds: Feeds<S>) -> Self {
        Self {
            feeds,
            config: Config::default(),
            authentication: Authentication::default(),
            encryption: None,
        }
    }

    /// Sets everything at once.
    pub fn config(mut self, config: Config) -> Self {
        self.config = config;
        self
    }

    /// Asks who sends a request: for a session, for a change of one, for topics over HTTP. The hook takes
    /// out of the request what it needs and says who the [`User`] is, whom feeds can extract. [`tokens`]
    /// is one. It has 5 s. Without a hook nobody is asked, and all may what the server offers.
    ///
    /// It is asked again, with the same request and another `Authorization: Bearer`, where a client
    /// renews its token; a session ends when its user does.
    ///
    /// [`tokens`]: crate::auth::tokens
    pub fn authenticate<R>(mut self, hook: impl Fn(&Parts) -> R + Send + Sync + 'static) -> Self
    where
        R: Future<Output = Result<User, Denied>> + Send + 'static,
    {
        self.authentication = Authentication::new(hook);
        self
    }

    /// How many sessions may be open at once; 1,000 unless said.
    pub fn max_sessions(mut self, max: usize) -> Self {
        self.config.session.max = max;
        self
    }

    /// Where it listens for peers, UDP; all of the machine's addresses and HTTP's port number
    /// unless said.
    pub fn listen(mut self, at: impl IntoIterator<Item = Advertised>) -> Self {
        self.config.port.listen = at.into_iter().collect();
        self
    }

    /// What answers name as its addresses; the machine's own unless said.
    pub fn advertise(mut self, these: impl IntoIterator<Item = Advertised>) -> Self {
        self.config.port.advertise = these.into_iter().collect();
        self
    }

    /// Encrypts HTTP, as [`serve`] does; [`tls`](crate::tls) makes such a configuration. [`Server::open`] has
    /// nothing of it.
    pub fn encrypt(mut self, by: ServerConfig) -> Self {
        self.encryption = Some(Arc::new(by));
        self
    }

    /// Opens its UDP port, for HTTP at `http`. For those who serve HTTP in a way of their own: they
    /// merge [`router`] into theirs, and call [`Sessions::shut_down`] in the end.
    ///
    /// # Errors
    /// Where a setting is out of its bounds, or a certificate or the UDP port cannot be had.
    pub fn open(self, http: SocketAddr) -> Result<Sessions, OpenError> {
        Sessions::open(&self.config, http, self.feeds, self.authentication)
    }

    /// Serves the sessions and `app` on `listener` until `shutdown` completes, then ends every
    /// session and returns. Where the configuration has an address for those who run the server, it
    /// serves [`admin`](crate::admin) there.
    ///
    /// # Errors
    /// As [`Server::open`]; where that address cannot be had; where HTTP or the UDP port fails; where not
    /// all ends in 4 s.
    pub async fn serve(
        self,
        listener: TcpListener,
        app: Router,
        shutdown: impl Future<Output = ()>,
    ) -> Result<(), ServeError> {
        let http = listener.local_addr().map_err(ServeError::Http)?;
        let encryption = self.encryption.clone();
        let sessions = self.open(http)?;
        let app = app.merge(router(sessions.clone()));
        serve(listener, app, sessions, encryption, shutdown).await
    }
}

/// Serves `app`, of which [`router`] is a part already, as [`Server::serve`] does. With `encryption` it speaks
/// HTTPS: who asks without is sent to the same address with it (308), but for `/health/live` and `/health/ready`.
/// Peers, whose data is encrypted always, come to the same port.
///
/// # Errors
/// Where the address of [`admin`](crate::admin) cannot be had; where HTTP or the UDP port fails; where
/// not all ends in 4 s.
pub async fn serve(
    listener: TcpListener,
    app: Router,
    sessions: Sessions,
    encryption: Option<Arc<ServerConfig>>,
    shutdown: impl Future<Output = ()>,
) -> Result<(), ServeError> {
    let stop = CancellationToken::new();
    let _at_any_end = stop.clone().drop_guard();
    if let Some(address) = sessions.admin().listen {
        let cannot = |cause| ServeError::Admin(address, cause);
        let listener = TcpListener::bind(address).await.map_err(cannot)?;
        let address = listener.local_addr().map_err(cannot)?;
        info!(%address, "serving metrics");
        tokio::spawn({
            let (sessions, stop) = (sessions.clone(), stop.clone());
            async move {
                let doors = Doors::new(sessions.http(), Arc::default());
                let app = admin(sessions);
                // Whoever watches sees the drain to its end.
                let ending = (stop, CancellationToken::new());
                accept(listener, app, &doors, (None, None), ending).await;
            }
        });
    }
    let doors = Doors::new(sessions.http(), sessions.connections().clone());
    let clients = listen_tcp(&sessions, &doors, &stop)?;
    let mut http = tokio::spawn({
        let app = match encryption {
            Some(_) => app.layer(from_fn(require)),
            None => app,
        };
        let encryption = encryption.map(Encryption::new);
        let app = app.layer(from_fn_with_state(sessions.clone(), host));
        let app = app.layer(from_fn_with_state(sessions.clone(), count));
        let (sessions, stop) = (sessions.clone(), stop.clone());
        async move {
            let ending = (stop, sessions.draining().clone());
            let clients = sessions.port().has_tcp().then_some(sessions);
            accept(listener, app, &doors, (clients, encryption), ending).await;
        }
    });
    let outcome = tokio::select! {
        // Before it is to, it ends by a panic alone.
        ended = &mut http => Err(ServeError::Http(ended.map_err(io::Error::other).err().unwrap_or_else(|| io::Error::other("it ended")))),
        () = sessions.drained() => Ok(()),
        cause = sessions.port().failed() => Err(ServeError::Port(cause)),
        () = shutdown => {
            info!(sessions = sessions.count(), "shutting down");
            Ok(())
        }
    };
    stop.cancel();
    let ending = async {
        sessions.shut_down().await;
        if !http.is_finished() {
            let _ = (&mut http).await;
        }
        clients.wait().await;
    };
    let is_done = tokio::time::timeout(SHUTDOWN_LIMIT, ending).await.is_ok();
    http.abort();
    outcome?;
    if !is_done {
        return Err(ServeError::CutOff(SHUTDOWN_LIMIT));
    }
    info!("stopped");
    Ok(())
}

/// Listens for clients that come by TCP, if they may, where HTTP does not.
fn listen_tcp(
    sessions: &Sessions,
    doors: &Doors,
    stop: &CancellationToken,
) -> Result<TaskTracker, ServeError> {
    let serving = TaskTracker::new();
    for listener in sessions.port().take_listeners() {
        let listener = TcpListener::from_std(listener).map_err(ServeError::Http)?;
        let (doors, sessions, stop) = (doors.clone(), sessions.clone(), stop.clone());
        serving.spawn(async move {
            accept_clients(listener, &doors, sessions, stop).await;
        });
    }
    serving.close();
    Ok(serving)
}
