//! The program: the server's feeds and router, with the page around them.

pub mod auth;
pub mod config;
mod files;
mod health;
#[cfg(any(test, feature = "site-inside"))]
mod inside;
pub mod limits;
pub mod log;
mod machine;
mod prices;
mod shell;
mod site;
mod state;
mod supervisor;
mod tls;
pub mod token;

pub use auth::AuthError;
pub use config::{Config, ConfigError, EngineConfig, TlsConfig, TopicConfig};
pub use health::health;
pub use machine::Machine;
pub use site::site;
pub use state::AppState;
pub use tls::{TlsError, encryption};

use crate::connect::ConnectError as OfferError;
use crate::prices::PRICES;
use axum::http::request::Parts;
use leptos::prelude::{expect_context, use_context};
use leptos_axum::ResponseOptions;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tickwire_nats::{ConnectError, Nats};
use tickwire_server::http::admit;
use tickwire_server::shutdown::Signals;
use tickwire_server::{
    AddTopicError, Feeds, OpenError, Policy, Saving, ServeError, Sessions, StoreError, Topics,
};
use tickwire_wire::feed;
use tickwire_wire::signaling::{Answer, ChannelInit, Code, SignalingError};
use tokio::net::TcpListener;
use tracing::{info, warn};

/// Why the program did not start, or how it stopped.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The configuration cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// HTTP's address cannot be had.
    #[error("cannot listen on {0}: {1}. Is another server running? Set site-addr in Leptos.toml.")]
    Bind(SocketAddr, #[source] io::Error),
    /// The process cannot be told to stop.
    #[error("cannot receive signals: {0}")]
    Signals(#[source] io::Error),
    /// The configuration has topics that cannot be.
    #[error(transparent)]
    Topics(#[from] TopicsError),
    /// What keeps the topics of several servers cannot be used.
    #[error("[engine] in Leptos.toml: {0}")]
    Engine(#[from] ConnectError),
    /// The keys of tokens cannot be had.
    #[error(transparent)]
    Auth(#[from] AuthError),
    /// HTTP cannot be encrypted.
    #[error("[tls] in Leptos.toml: {0}")]
    Tls(#[from] TlsError),
    /// The server cannot be opened, or has failed.
    #[error(transparent)]
    Serve(#[from] ServeError),
}

/// Why the topics of a configuration cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum TopicsError {
    /// Two are for the same names, or one is no name.
    #[error(transparent)]
    Add(#[from] AddTopicError),
    /// The file to which one is saved cannot be had.
    #[error(transparent)]
    Save(#[from] StoreError),
}

impl From<OpenError> for RunError {
    fn from(cause: OpenError) -> Self {
        ServeError::from(cause).into()
    }
}

/// Where topics are kept: in this process, or by what the configuration says.
///
/// # Errors
/// Where that cannot be used.
pub async fn topics(engine: &EngineConfig) -> Result<Topics, ConnectError> {
    if !engine.is_on() {
        return Ok(Topics::new());
    }
    Ok(Topics::kept_by(Nats::connect(engine.options()).await?))
}

/// The feeds that come with the server, the load of its machine, a topic to try, and these, which are added
/// to `topics`.
///
/// # Errors
/// Where two topics are for the same names, or the file of one cannot be had.
///
/// # Panics
/// Outside a Tokio runtime.
pub fn feeds(configured: &[TopicConfig], topics: &Topics) -> Result<Feeds, TopicsError> {
    let machine = Machine::new();
    let feeds = Feeds::built_in().feed(feed::MACHINE, move |channel, sessions| {
        machine.clone().serve(channel, sessions)
    });
    let feeds = prices::add(feeds, topics).topics(topics);
    let mut files = HashMap::new();
    for it in configured {
        let Some(path) = &it.persist else {
            topics.add(&it.name, it.policy)?;
            continue;
        };
        let saving = match files.entry(path) {
            Entry::Occupied(open) => open.into_mut(),
            Entry::Vacant(other) => other.insert(Saving::open(path)?),
        };
        topics.add_saved(&it.name, it.policy, saving)?;
    }
    Ok(feeds)
}

/// Whether a configuration that was read can be used, as far as that is known without a start.
///
/// # Errors
/// Where two topics are for the same names.
pub fn check(config: &Config) -> Result<(), AddTopicError> {
    let topics = Topics::new();
    topics.topic(PRICES, Policy::latest());
    let mut configured = config.topics.iter();
    configured.try_for_each(|it| topics.add(&it.name, it.policy))
}

/// Serves the page and these feeds on `listener` until a signal: at SIGTERM it has clients leave first.
/// Then it ends every session and returns.
///
/// # Errors
/// Where a certificate or the UDP port cannot be had, or the listener fails.
pub async fn run<S: Clone + Send + Sync + 'static>(
    listener: TcpListener,
    config: Config,
    feeds: Feeds<S>,
    signals: Signals,
) -> Result<(), RunError> {
    let http = listener.local_addr().map_err(ServeError::Http)?;
    let encryption = encryption(&config.tls)?;
    let authentication = auth::authentication(&config.auth).await?;
    if !authentication.is_on() && !http.ip().is_loopback() {
        warn!("anybody who reaches this server may use all of it: set [auth] in Leptos.toml");
    }
    let sessions = Sessions::open(&config.server, http, feeds, authentication)?;
    let protocol = if encryption.is_some() {
        "HTTPS"
    } else {
        "HTTP"
    };
    info!(address = %http, "serving {protocol}");
    let state = AppState {
        leptos: config.leptos,
        sessions: sessions.clone(),
    };
    let app = site(state, &config.site.base);
    supervisor::tell_ready();
    // `cargo leptos watch` starts the next in its place.
    let is_watched = std::env::var_os("LEPTOS_WATCH").is_some();
    let over = match is_watched {
        true => Duration::ZERO,
        false => config.server.drain.over,
    };
    let leaving = signals.drained(sessions.clone(), over);
    let shutdown = async {
        leaving.await;
        supervisor::tell_stopping();
    };
    Ok(tickwire_server::serve(listener, app, sessions, encryption.map(Arc::new), shutdown).await?)
}

/// What the server function does on the server.
pub(crate) async fn connect(
    kind: String,
    sdp: String,
    channels: Vec<ChannelInit>,
) -> Result<Answer, OfferError> {
    let sessions = expect_context::<Sessions>();
    let Some(request) = use_context::<Parts>() else {
        let error = SignalingError::new(Code::Internal, "The server lost the request.");
        return Err(OfferError(error));
    };
    admit(&sessions, request, &kind, &sdp, channels)
        .await
        .map_err(|refusal| {
            expect_context::<ResponseOptions>().set_status(refusal.status());
            OfferError(refusal.0)
        })
}
