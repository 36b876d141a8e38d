//! Opens sessions: for an offer, and for a WebSocket.

use super::{Open, Sessions, busy};
use crate::admission::{Asker, Network};
use crate::auth::Caller;
use crate::id::{SessionId, SessionNumber};
use crate::offer::Offer;
use crate::peer::receive_window;
use crate::request::OpeningRequest;
use crate::session::{self, Coming, Setup};
use crate::socket::{Limits, Patience, Socket};
use crate::update::Updated;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tickwire_auth::User;
use tickwire_wire::signaling::{Code, SignalingError};
use tokio::sync::{mpsc, oneshot};
use tracing::{Instrument, info_span};

/// How many changes of a session may wait for the one under way; a browser has one or two.
const WAITING_UPDATES: usize = 4;

impl Sessions {
    /// Opens a session for an offer that came with this request, and returns its id and the answer.
    ///
    /// The session is a task of its own from the start: a request that is given up half-way
    /// leaves nothing behind that the session would not clear up.
    ///
    /// # Errors
    /// [`Code::Full`], [`Code::TooMany`], [`Code::Forbidden`], [`Code::ShuttingDown`], or why the offer cannot be answered.
    pub async fn admit(
        &self,
        offer: Offer,
        request: OpeningRequest,
        user: Option<User>,
    ) -> Result<(SessionId, Updated), SignalingError> {
        let (answer, answered) = oneshot::channel();
        let id = self.begin(Coming::Offer { offer, answer }, request, user)?;
        let answer = answered.await.unwrap_or_else(|_| {
            Err(SignalingError::new(
                Code::Internal,
                "The server failed to make an answer.",
            ))
        })?;
        Ok((id, answer))
    }

    /// Opens a session for a client that has come with this request by a WebSocket, and returns that, to be
    /// driven.
    ///
    /// # Errors
    /// As [`Sessions::admit`].
    pub(crate) fn admit_socket(
        &self,
        request: OpeningRequest,
        user: Option<User>,
    ) -> Result<Arc<Socket>, SignalingError> {
        let common = &self.0.common;
        let socket = Socket::new(Limits {
            channels: common.channel.max,
            unread: receive_window(&common.channel),
            refusals: common.limit.refusals,
            has_topics: self.topics().is_some(),
        });
        self.begin(Coming::Socket(socket.clone()), request, user)?;
        Ok(socket)
    }

    /// How long a client may be silent on a WebSocket, and take nothing.
    pub(crate) fn patience(&self) -> Patience {
        Patience {
            silence: self.0.common.session.silence_timeout,
            stall: self.0.common.channel.stall_timeout,
        }
    }

    /// The largest message on a channel, in bytes.
    pub(crate) fn message_bytes(&self) -> usize {
        self.0.common.channel.message_bytes
    }

    /// Begins a session.
    fn begin(
        &self,
        client: Coming,
        request: OpeningRequest,
        user: Option<User>,
    ) -> Result<SessionId, SignalingError> {
        let registry = &self.0;
        if registry.ending.is_cancelled() || self.is_draining() {
            return Err(SignalingError::new(
                Code::ShuttingDown,
                "This server is shutting down. Try again soon.",
            ));
        }
        let caller = Caller::new(
            user.clone(),
            registry.authentication.clone(),
            request.clone(),
            match &client {
                Coming::Offer { offer, .. } => offer.fingerprint(),
                Coming::Socket(_) => None,
            },
        )?;
        let nodes = self.nodes();
        let id = SessionId::random(nodes.as_ref().map(|nodes| nodes.this()));
        let number = SessionNumber(1 + self.0.numbers.fetch_add(1, Ordering::Relaxed));
        let ending = self.0.ending.child_token();
        let asker = Asker {
            network: request.from().map(Network::from),
            user: user.as_ref().map(|user| {
                let most = user.max_sessions();
                let most = most.unwrap_or(registry.http.1.sessions_per_user);
                (user.name().into(), most)
            }),
        };
        let place = registry.admission.enter(number.0, asker, ending.clone())?;
        let (updates, asked) = mpsc::channel(WAITING_UPDATES);
        let open = Open {
            number,
            ending: ending.clone(),
            user,
            updates,
        };
        let listed = Listed::add(self.clone(), id.clone(), open);
        let common = self.0.common.clone();
        // Its future would have it twice, for as long as the session lasts.
        let setup = Box::new(Setup {
            client,
            request,
            caller,
            registry: self.0.clone(),
            silent: self.0.silent.clone(),
            updates: asked,
            place,
            ending,
        });
        self.0.tasks.spawn(
            async move {
                session::run(common, number, setup).await;
                drop(listed);
            }
            .instrument(info_span!("session", %number)),
        );
        Ok(id)
    }

    /// A place for a WebSocket, which is a connection until its session is known and after: for as long as this is
    /// held.
    ///
    /// # Errors
    /// [`Code::Busy`], [`Code::TooMany`]: where all are taken, or all of the network's.
    pub(crate) fn socket(
        &self,
        network: Option<Network>,
    ) -> Result<impl Send + 'static, SignalingError> {
        let permit = self.0.sockets.clone().try_acquire_owned();
        let permit = permit.map_err(|_| busy("All connections are taken"))?;
        let most = self.0.http.1.connections_per_address;
        let of_network = network.map(|network| self.0.connections.enter(network, most));
        match of_network {
            Some(None) => Err(SignalingError::new(
                Code::TooMany,
                "Your network has as many connections as it may.",
            )
            .retry_after(5)),
            of_network => Ok((permit, of_network.flatten())),
        }
    }
}

/// A session in the table of those that are open: until this is dropped.
struct Listed {
    sessions: Sessions,
    id: SessionId,
}

impl Listed {
    fn add(sessions: Sessions, id: SessionId, open: Open) -> Self {
        sessions.0.open().insert(id.clone(), open);
        Self { sessions, id }
    }
}

impl Drop for Listed {
    fn drop(&mut self) {
        self.sessions.0.open().remove(&self.id);
    }
}
