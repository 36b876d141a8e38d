//! The registry: admits sessions up to a limit, finds them by id, ends one or all.

use super::ServeError;
use super::config::Config;
use super::feeds::{Feeds, Session};
use super::offer::Offer;
use super::peer::Answerer;
use super::port::Port;
use super::session::{self, Common, SessionId, Setup};
use crate::signaling::{ANSWER, Answer, Code, SignalingError};
use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, TryAcquireError, oneshot};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{Instrument, info_span};

/// The sessions of a server. Copies are the same registry.
#[derive(Clone)]
pub struct Sessions(Arc<Registry>);

struct Registry {
    common: Arc<Common>,
    /// One permit a session; closed when the server shuts down.
    room: Arc<Semaphore>,
    open: Mutex<HashMap<SessionId, CancellationToken>>,
    tasks: TaskTracker,
    /// Ends every session, those that are being admitted included.
    ending: CancellationToken,
}

impl Sessions {
    /// An empty registry with its UDP port open, for a server whose HTTP is at `http`, and
    /// which serves these feeds. Call [`Sessions::shut_down`] in the end.
    ///
    /// # Errors
    /// Where no certificate can be made, or the port not be opened.
    pub fn open<S: Clone + Send + Sync + 'static>(
        config: &Config,
        http: SocketAddr,
        feeds: Feeds<S>,
    ) -> Result<Self, ServeError> {
        Ok(Self(Arc::new(Registry {
            common: Arc::new(Common {
                answerer: Answerer::new(config, http)?,
                session: config.session.clone(),
                channel: config.channel.clone(),
                feeds: feeds.into_table(),
            }),
            room: Arc::new(Semaphore::new(config.session.max)),
            open: Mutex::default(),
            tasks: TaskTracker::new(),
            ending: CancellationToken::new(),
        })))
    }

    /// Opens a session for an offer that came from `from`, where that is known, and returns its
    /// answer.
    ///
    /// The session is a task of its own from the start: a request that is given up half-way
    /// leaves nothing behind that the session would not clear up.
    ///
    /// # Errors
    /// [`Code::Full`], [`Code::ShuttingDown`], or why the offer cannot be answered.
    pub async fn admit(
        &self,
        offer: Offer,
        from: Option<IpAddr>,
    ) -> Result<Answer, SignalingError> {
        let permit = self
            .0
            .room
            .clone()
            .try_acquire_owned()
            .map_err(|refused| match refused {
                TryAcquireError::NoPermits => SignalingError::new(
                    Code::Full,
                    format!(
                        "All {} places of this server are taken. Try again soon.",
                        self.0.common.session.max
                    ),
                ),
                TryAcquireError::Closed => SignalingError::new(
                    Code::ShuttingDown,
                    "This server is shutting down. Try again soon.",
                ),
            })?;
        let id = SessionId::random();
        let ending = self.0.ending.child_token();
        let place = Place::take(self.clone(), id.clone(), ending.clone(), permit);
        let (answer, answered) = oneshot::channel();
        let run = session::run(
            self.0.common.clone(),
            Session {
                id: id.clone(),
                sessions: self.clone(),
            },
            Setup {
                offer,
                from,
                answer,
                ending,
            },
        );
        self.0.tasks.spawn(
            async move {
                run.await;
                drop(place);
            }
            .instrument(info_span!("session", %id)),
        );
        let sdp = answered.await.unwrap_or_else(|_| {
            Err(SignalingError::new(
                Code::Internal,
                "The server failed to make an answer.",
            ))
        })?;
        Ok(Answer {
            kind: ANSWER.into(),
            sdp,
            id: id.to_string(),
        })
    }

    /// Ends a session. `false` if there is none of this id, or it has been asked to end before.
    pub fn end(&self, id: &SessionId) -> bool {
        let ending = self.0.open().remove(id);
        if let Some(ending) = &ending {
            ending.cancel();
        }
        ending.is_some()
    }

    /// How many sessions are open, those that are still being answered or closed included.
    pub fn count(&self) -> usize {
        self.0.common.session.max - self.0.room.available_permits()
    }

    /// How many channels a session may have.
    pub(super) fn max_channels(&self) -> usize {
        self.0.common.channel.max
    }

    /// The UDP port of all sessions.
    pub fn port(&self) -> &Port {
        self.0.common.answerer.port()
    }

    /// Admits no more, ends every session, and waits until the last is gone.
    pub async fn shut_down(&self) {
        self.0.room.close();
        self.0.tasks.close();
        self.0.ending.cancel();
        self.0.tasks.wait().await;
    }
}

impl Registry {
    /// The table is whole at any time that a panic could leave it, so poisoning is passed over.
    fn open(&self) -> MutexGuard<'_, HashMap<SessionId, CancellationToken>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A session's place in the registry: given back however the session's task ends.
struct Place {
    sessions: Sessions,
    id: SessionId,
    _permit: OwnedSemaphorePermit,
}

impl Place {
    fn take(
        sessions: Sessions,
        id: SessionId,
        ending: CancellationToken,
        permit: OwnedSemaphorePermit,
    ) -> Self {
        sessions.0.open().insert(id.clone(), ending);
        Self {
            sessions,
            id,
            _permit: permit,
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.sessions.0.open().remove(&self.id);
    }
}
