//! The registry: admits sessions up to a limit, finds them by id, changes or ends one, ends all.

mod admit;

use super::admission::{Admission, Connections};
use super::auth::Authentication;
use super::config::{AdminConfig, ApiConfig, Config, HttpConfig, LimitConfig, TurnConfig};
use super::engine::{Nodes, watch_stale};
use super::feeds::{Feeds, FromSession, Opening, Refused};
use super::id::{SessionId, SessionNumber};
use super::peer::{Answerer, OpenError};
use super::session::{Common, Leaving};
use super::stats::{Requests, Stats};
use super::topics::Topics;
use super::update::{Asked, Update, Updated};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tickwire_auth::User;
use tickwire_peer::port::Port;
use tickwire_wire::signaling::{Code, SignalingError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot, watch};
use tokio::time::{interval, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::info;

/// How many streams over HTTP may be open.
const MAX_STREAMS: usize = 1_000;
/// How many requests that write may be under way: each may hold a batch.
const MAX_WRITES: usize = 64;
/// How often it is looked for values that have grown too old.
const EXPIRY: Duration = Duration::from_millis(250);
/// How often it is looked whether the last session has left.
const LOOK: Duration = Duration::from_millis(50);
/// How long a change may take, those before it included.
const UPDATE_LIMIT: Duration = Duration::from_secs(10);

/// The sessions of a server. Copies are the same registry.
#[derive(Clone)]
pub struct Sessions(Arc<Registry>);

struct Registry {
    common: Arc<Common>,
    api: ApiConfig,
    authentication: Authentication,
    /// Who may speak HTTP, and how much of it.
    http: (HttpConfig, LimitConfig),
    turn: TurnConfig,
    connections: Arc<Connections>,
    /// One permit a stream over HTTP.
    streams: Arc<Semaphore>,
    /// One permit a WebSocket.
    sockets: Arc<Semaphore>,
    /// One permit a request that writes.
    writes: Arc<Semaphore>,
    admission: Arc<Admission>,
    open: Mutex<HashMap<SessionId, Open>>,
    /// How many sessions there were.
    numbers: AtomicU64,
    stats: Arc<Stats>,
    requests: Requests,
    admin: AdminConfig,
    drains_over: Duration,
    /// Has clients leave.
    draining: CancellationToken,
    /// They have left.
    drained: CancellationToken,
    /// How many sessions' browsers are silent.
    silent: Arc<AtomicUsize>,
    tasks: TaskTracker,
    /// Ends every session, those that are being admitted included.
    ending: CancellationToken,
}

/// How an open session is reached.
struct Open {
    number: SessionNumber,
    /// Ends it.
    ending: CancellationToken,
    /// Whose it is; nobody's in particular where nobody is asked.
    user: Option<User>,
    /// Takes changes, one after the other.
    updates: mpsc::Sender<Asked>,
}

impl Open {
    fn is_of(&self, user: Option<&User>) -> bool {
        self.user.as_ref().map(User::name) == user.map(User::name)
    }
}

impl Sessions {
    /// An empty registry with its UDP port open, for a server whose HTTP is at `http`, and
    /// which serves these feeds. Call [`Sessions::shut_down`] in the end.
    ///
    /// # Errors
    /// Where a setting is out of its bounds, no certificate can be made, or the port not be opened.
    pub fn open<S: Clone + Send + Sync + 'static>(
        config: &Config,
        http: SocketAddr,
        feeds: Feeds<S>,
        authentication: Authentication,
    ) -> Result<Self, OpenError> {
        config.check()?;
        let stats = Arc::new(Stats::default());
        let draining = CancellationToken::new();
        let sessions = Self(Arc::new(Registry {
            common: Arc::new(Common {
                answerer: Answerer::new(config, http)?,
                session: config.session.clone(),
                limit: config.limit.clone(),
                stats: stats.clone(),
                leaving: Leaving::new(draining.clone()),
                channel: config.channel.clone(),
                feeds: feeds.into_table(),
            }),
            api: config.api.clone(),
            authentication,
            http: (config.http.clone(), config.limit.clone()),
            turn: config.turn.clone(),
            connections: Arc::default(),
            streams: Arc::new(Semaphore::new(MAX_STREAMS)),
            sockets: Arc::new(Semaphore::new(config.limit.connections)),
            admission: Arc::new(Admission::new(&config.session, &config.limit)),
            open: Mutex::default(),
            numbers: AtomicU64::new(0),
            silent: Arc::default(),
            stats,
            requests: Requests::default(),
            admin: config.admin.clone(),
            drains_over: config.drain.over,
            draining,
            drained: CancellationToken::new(),
            writes: Arc::new(Semaphore::new(MAX_WRITES)),
            tasks: TaskTracker::new(),
            ending: CancellationToken::new(),
        }));
        if let Some(topics) = sessions.topics() {
            let (topics, ending) = (topics.clone(), sessions.0.ending.clone());
            sessions.0.tasks.spawn(async move {
                let mut tick = interval(EXPIRY);
                while ending.run_until_cancelled(tick.tick()).await.is_some() {
                    topics.expire(Instant::now());
                }
            });
        }
        Ok(sessions)
    }

    /// The topics that are offered, if any are.
    pub fn topics(&self) -> Option<&Topics> {
        self.0.common.feeds.topics()
    }

    /// The servers that have the same topics, if there are several.
    pub(crate) fn nodes(&self) -> Option<Arc<dyn Nodes>> {
        self.topics()?.engine().nodes()
    }

    /// Since when what keeps the topics cannot be reached, so that what readers have may be old.
    pub(crate) fn stale(&self) -> watch::Receiver<Option<Instant>> {
        let engine = self.topics().map(|topics| topics.engine());
        engine.map_or_else(|| watch::channel(None).1, |engine| watch_stale(&*engine))
    }

    /// A place for a stream over HTTP, and what ends it; none, where all are taken.
    pub(crate) fn stream(&self) -> Option<(OwnedSemaphorePermit, CancellationToken)> {
        let permit = self.0.streams.clone().try_acquire_owned().ok()?;
        Some((permit, self.0.ending.clone()))
    }

    /// A place for a request that writes; none, where all are taken.
    pub(crate) fn write(&self) -> Option<OwnedSemaphorePermit> {
        self.0.writes.clone().try_acquire_owned().ok()
    }

    /// Who is let in.
    pub(crate) fn admission(&self) -> &Admission {
        &self.0.admission
    }

    /// Who may speak HTTP, and how much of it.
    pub(crate) fn http(&self) -> (&HttpConfig, &LimitConfig) {
        let (http, limits) = &self.0.http;
        (http, limits)
    }

    /// Servers that relay.
    pub(crate) fn turn(&self) -> &TurnConfig {
        &self.0.turn
    }

    /// The connections of HTTP.
    pub(crate) fn connections(&self) -> &Arc<Connections> {
        &self.0.connections
    }

    /// How it is found out who asks.
    pub(crate) fn authentication(&self) -> &Authentication {
        &self.0.authentication
    }

    pub(crate) fn api(&self) -> &ApiConfig {
        &self.0.api
    }

    /// Changes a session: restarts its ICE, adds channels. Changes of one session are made one
    /// after the other.
    ///
    /// # Errors
    /// [`Code::NotFound`], [`Code::PreconditionFailed`], [`Code::Conflict`], [`Code::Busy`], or
    /// why the offer or the channels cannot be had.
    pub async fn update(&self, id: &SessionId, update: Update) -> Result<Updated, SignalingError> {
        let updates = {
            let open = self.0.open();
            let named = open.get(id).filter(|it| it.is_of(update.user.as_ref()));
            named.map(|open| open.updates.clone())
        };
        let update = Box::new(update);
        let (reply, replied) = oneshot::channel();
        updates
            .ok_or_else(not_found)?
            .try_send(Asked { update, reply })
            .map_err(|refused| match refused {
                mpsc::error::TrySendError::Full(_) => busy("Too many changes of this session wait"),
                mpsc::error::TrySendError::Closed(_) => not_found(),
            })?;
        match timeout(UPDATE_LIMIT, replied).await {
            Ok(replied) => replied.unwrap_or_else(|_| Err(not_found())),
            Err(_) => Err(busy("The session did not take the change in time")),
        }
    }

    /// Ends a session. `false` if there is none of this number, or it has been asked to end before.
    pub fn end(&self, number: SessionNumber) -> bool {
        let open = self.0.open();
        let named = open.iter().find(|(_, open)| open.number == number);
        let id = named.map(|(id, _)| id.clone());
        drop(open);
        id.is_some_and(|id| self.remove(&id))
    }

    /// The same for whoever knows its id, and is its user if it has one.
    pub(super) fn end_by_id(&self, id: &SessionId, user: Option<&User>) -> bool {
        let is_of = |open: &Open| open.is_of(user);
        let is_theirs = self.0.open().get(id).is_some_and(is_of);
        is_theirs && self.remove(id)
    }

    fn remove(&self, id: &SessionId) -> bool {
        let open = self.0.open().remove(id);
        if let Some(open) = &open {
            open.ending.cancel();
        }
        open.is_some()
    }

    /// How many sessions are open, those that are still being answered or closed included.
    pub fn count(&self) -> usize {
        self.0.admission.count()
    }

    /// Whether as many are open as may be.
    pub(crate) fn is_full(&self) -> bool {
        self.0.admission.is_full()
    }

    /// How many of them have a browser that has not been heard for some seconds.
    pub fn silent(&self) -> usize {
        self.0.silent.load(Ordering::Relaxed)
    }

    /// How many channels a session may have.
    pub(super) fn max_channels(&self) -> usize {
        self.0.common.channel.max
    }

    /// The UDP port of all sessions.
    pub fn port(&self) -> &Port {
        self.0.common.answerer.port()
    }

    /// Has every client leave within this time, and admits no more. Each is asked at a time of its own, so
    /// that not all come to another server at once; one that can opens its next session before it leaves.
    /// Completes when the last has left, or the time is over. [`crate::serve`] ends then too.
    pub async fn drain(&self, over: Duration) {
        let registry = &self.0;
        if over.is_zero() {
            // Nobody is asked to go elsewhere who is closed at once.
            return registry.drained.cancel();
        }
        info!(sessions = self.count(), ?over, "draining");
        registry.common.leaving.begin(over);
        let all_left = async {
            while self.count() > 0 {
                sleep(LOOK).await;
            }
        };
        let is_done = timeout(over, all_left).await.is_ok();
        info!(sessions = self.count(), is_done, "drained");
        registry.drained.cancel();
    }

    /// Whether clients are asked to leave.
    pub fn is_draining(&self) -> bool {
        self.0.draining.is_cancelled()
    }

    /// Is cancelled when clients are asked to leave.
    pub(crate) fn draining(&self) -> &CancellationToken {
        &self.0.draining
    }

    /// Completes when a drain has ended.
    pub(crate) async fn drained(&self) {
        self.0.drained.cancelled().await;
    }

    /// How long a drain takes that is asked for over HTTP.
    pub(crate) fn drains_over(&self) -> Duration {
        self.0.drains_over
    }

    pub(crate) fn admin(&self) -> &AdminConfig {
        &self.0.admin
    }

    pub(crate) fn stats(&self) -> &Stats {
        &self.0.stats
    }

    pub(crate) fn requests(&self) -> &Requests {
        &self.0.requests
    }

    /// Admits no more, ends every session, and waits until the last is gone.
    pub async fn shut_down(&self) {
        self.0.tasks.close();
        self.0.ending.cancel();
        self.0.tasks.wait().await;
        if let Some(topics) = self.topics().cloned() {
            let engine = topics.engine();
            if let Some(nodes) = engine.nodes() {
                nodes.answer(None);
            }
            engine.flush().await;
            // It panics nowhere, and is not cancelled.
            let _ = tokio::task::spawn_blocking(move || topics.flush()).await;
        }
    }
}

/// All sessions of the server, for a feed: how many there are, and to end one.
impl<S> FromSession<S> for Sessions {
    fn from_session(opening: &Opening<'_>, _state: &S) -> Result<Self, Refused> {
        let registry = opening.session.registry.clone().downcast();
        registry.map(Self).map_err(|_| "no sessions here".into())
    }
}

impl Registry {
    /// The table is whole at any time that a panic could leave it, so poisoning is passed over.
    fn open(&self) -> MutexGuard<'_, HashMap<SessionId, Open>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(super) fn not_found() -> SignalingError {
    SignalingError::new(Code::NotFound, "No session has this id. It may have ended.")
}

fn busy(what: &str) -> SignalingError {
    SignalingError::new(Code::Busy, format!("{what}. Try again in a second."))
}
