//! Keeps Tickwire's topics in NATS, so that several servers have the same: what is put on one node comes to
//! the readers of all.
//!
//! ```no_run
//! # async fn start() -> Result<(), Box<dyn std::error::Error>> {
//! use tickwire_nats::{Nats, Options};
//! use tickwire_server::{Feeds, Policy, Server, Topics};
//!
//! let nats = Nats::connect(Options::new("nats://localhost:4222")).await?;
//! let topics = Topics::kept_by(nats);
//! topics.topic("prices", Policy::latest());
//! let server = Server::new(Feeds::built_in().topics(&topics));
//! # Ok(())
//! # }
//! ```
//!
//! The newest value of each key is in a stream of JetStream, with one message a subject; its sequence is the
//! version that readers everywhere see. A node follows what somebody reads there, and nothing else. What is
//! put goes to NATS until NATS says that it has it: of each key the newest, so that a cut costs what was in
//! between, and not the last. A stream that was lost with its server gets its values back from the nodes
//! that know them.
//!
//! A value walks `topic` → `outbox` → `publish` to NATS, and `follow` → `taking` → `catchup` from it. What
//! decides is without I/O: `outbox`, `cursor`, `catchup`.

#![forbid(unsafe_code)]

mod catchup;
mod connect;
mod cursor;
mod delivery;
mod follow;
mod headers;
mod leases;
mod nodes;
mod outbox;
mod publish;
mod shared;
mod streams;
mod subject;
mod taking;
mod topic;

use crate::connect::{CONNECT, connect};
pub use crate::connect::{ConnectError, Options};
use crate::nodes::{Alive, ByNats};
use crate::shared::{Connection, Shared};
use crate::streams::Streams;
use crate::subject::Namespace;
use crate::topic::NatsTopic;
use async_nats::jetstream::context::ContextBuilder;
use futures_util::future::BoxFuture;
use std::collections::VecDeque;
use std::fmt;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tickwire_server::engine::{Engine, EngineFigures, Kept, Nodes, PATIENCE, TopicSetup};
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};
use tokio_util::sync::{CancellationToken, DropGuard};
use tracing::{info, warn};

/// How often it is looked whether all has been sent.
const LOOK: Duration = Duration::from_millis(10);

/// Topics that are kept in NATS, for several nodes.
pub struct Nats {
    shared: Arc<Shared>,
    _ending: DropGuard,
}

impl Nats {
    /// Connects to NATS, and comes back to it by itself whenever the link is lost. Where it cannot be reached
    /// now, that is told in the log, and tried again: a server that starts before NATS does is no failure.
    ///
    /// # Errors
    /// Where the options cannot be, NATS does not let this node in, or is not what is needed.
    pub async fn connect(options: Options) -> Result<Arc<Self>, ConnectError> {
        let namespace = Namespace::new(&options.namespace);
        let namespace = namespace.ok_or(ConnectError::Namespace(options.namespace.clone()))?;
        let node = format!("{:016x}", rand::random::<u64>());
        let (told, connection) = watch::channel(Connection::default());
        let client = connect(&options, &node, told).await?;
        let is_up = connection.borrow().is_up;
        let jetstream = ContextBuilder::new()
            .timeout(PATIENCE)
            .build(client.clone());
        let ending = CancellationToken::new();
        let shared = Arc::new(Shared {
            streams: Streams::new(jetstream, options.replicas),
            alive: Mutex::new(Alive::new(node.clone())),
            client,
            namespace,
            node,
            is_file: options.files,
            outbox: Mutex::default(),
            events: Mutex::new(VecDeque::new()),
            filled: tokio::sync::Notify::new(),
            stored: tokio::sync::Notify::new(),
            stale: watch::Sender::new((!is_up).then(Instant::now)),
            connection,
            answerer: Mutex::default(),
            runtime: Handle::current(),
            ending: ending.clone(),
            received: AtomicU64::new(0),
            followed: AtomicUsize::new(0),
            topics: Mutex::default(),
            last_id: AtomicU64::new(0),
        });
        begin(&shared).await?;
        Ok(Arc::new(Self {
            shared,
            _ending: ending.drop_guard(),
        }))
    }

    /// What this node is called among the others.
    pub fn node(&self) -> &str {
        &self.shared.node
    }
}

/// Begins what goes on until the end.
async fn begin(shared: &Arc<Shared>) -> Result<(), ConnectError> {
    let failed = |cause: async_nats::SubscribeError| ConnectError::Stream(cause.to_string());
    let client = &shared.client;
    let inbox = client.new_inbox();
    let replies = client
        .subscribe(format!("{inbox}.*"))
        .await
        .map_err(failed)?;
    let heard = client.subscribe(shared.namespace.alive());
    let heard = heard.await.map_err(failed)?;
    let asked = client.subscribe(shared.namespace.ask(&shared.node));
    let asked = asked.await.map_err(failed)?;
    // The event is told by a task.
    let mut connection = shared.connection.clone();
    let is_up = timeout(CONNECT, connection.wait_for(|it| it.is_up)).await;
    if is_up.is_ok_and(|it| it.is_ok()) {
        if !client.is_server_compatible(2, 11, 0) {
            return Err(ConnectError::Version(client.server_info().version));
        }
        let spec = streams::StreamSpec::values(&shared.namespace, shared.is_file);
        let ready = shared.streams.ready(&spec).await;
        ready.map_err(|cause| ConnectError::Stream(cause.to_string()))?;
        info!(node = shared.node, "topics are kept by NATS");
    }
    shared.look();
    tokio::spawn(publish::run(shared.clone(), inbox, replies));
    tokio::spawn(nodes::beat(shared.clone(), heard));
    tokio::spawn(nodes::answer(shared.clone(), asked));
    tokio::spawn(watch_link(shared.clone()));
    Ok(())
}

/// Tells of the link's being lost, and of its coming back.
async fn watch_link(shared: Arc<Shared>) {
    let mut connection = shared.connection.clone();
    let mut known = *connection.borrow_and_update();
    loop {
        tokio::select! {
            () = shared.ending.cancelled() => return,
            changed = connection.changed() => if changed.is_err() {
                return;
            },
        }
        let now = *connection.borrow_and_update();
        if now.number != known.number || !now.is_up {
            shared.lose();
        }
        match now.is_up {
            true => info!("NATS is there"),
            false => warn!("NATS cannot be reached"),
        }
        known = now;
    }
}

impl Engine for Nats {
    fn topic(&self, name: &str, of: &str, setup: TopicSetup) -> Arc<dyn Kept> {
        NatsTopic::new(&self.shared, name, of, setup)
    }

    fn stale(&self) -> watch::Receiver<Option<Instant>> {
        self.shared.stale.subscribe()
    }

    fn nodes(&self) -> Option<Arc<dyn Nodes>> {
        Some(Arc::new(ByNats(self.shared.clone())))
    }

    fn figures(&self) -> EngineFigures {
        let outbox = lock(&self.shared.outbox);
        EngineFigures {
            sent: outbox.counts.sent,
            repeated: outbox.counts.repeated,
            received: self.shared.received.load(Ordering::Relaxed),
            followed: self.shared.followed.load(Ordering::Relaxed),
            pending: outbox.pending(),
        }
    }

    fn flush(&self) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            let is_sent = async {
                while lock(&self.shared.outbox).pending() > 0 {
                    sleep(LOOK).await;
                }
            };
            if timeout(PATIENCE, is_sent).await.is_err() {
                let pending = lock(&self.shared.outbox).pending();
                warn!(pending, "NATS does not have all that was put");
            }
        })
    }
}

impl fmt::Debug for Nats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Nats").finish_non_exhaustive()
    }
}

/// Nothing here panics in the middle of a change.
fn lock<T>(state: &Mutex<T>) -> MutexGuard<'_, T> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}
