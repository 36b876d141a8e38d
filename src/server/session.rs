//! One peer's life, from its offer to its end.

use super::channel::{Opening, close as close_channel};
use super::config::{ChannelConfig, SessionConfig};
use super::feeds::{Session, Table};
use super::fresh::Gate;
use super::offer::Offer;
use super::peer::{Answerer, Peer, PeerEvent};
use super::sessions::Sessions;
use super::update::{Asked, Channels, Update, Updated};
use crate::signaling::SignalingError;
use std::collections::{HashMap, HashSet};
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, error, info, info_span, warn};
use webrtc::data_channel::DataChannel;
use webrtc::peer_connection::RTCPeerConnectionState;

/// Names a session. 128 random bits: who knows it may end the session.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SessionId(String);

impl SessionId {
    /// An id that is not to be guessed, from a cryptographic generator that the system seeds.
    pub fn random() -> Self {
        Self(format!("{:032x}", rand::random::<u128>()))
    }

    /// The id that a request names, be there such a session or not.
    pub fn from_request(id: String) -> Self {
        Self(id)
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why a session ended.
#[derive(Debug)]
enum End {
    /// `DELETE`, or the server is shutting down.
    Asked,
    /// The last channel closed, or the connection.
    LastChannelClosed,
    /// No channel opened in time.
    NeverOpened,
    /// ICE or DTLS failed.
    Lost(RTCPeerConnectionState),
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Asked => f.write_str("asked to end"),
            Self::LastChannelClosed => f.write_str("its last channel closed"),
            Self::NeverOpened => f.write_str("no channel opened in time"),
            Self::Lost(state) => write!(f, "the connection is {state}"),
        }
    }
}

/// What all sessions of a server have in common.
pub struct Common {
    pub answerer: Answerer,
    pub session: SessionConfig,
    pub channel: ChannelConfig,
    pub feeds: Table,
}

/// What a session is given.
pub struct Setup {
    pub offer: Offer,
    /// Where the offer came from.
    pub from: Option<IpAddr>,
    /// Takes the answer, or why there is none.
    pub answer: oneshot::Sender<Result<Updated, SignalingError>>,
    /// What requests want of the session later.
    pub updates: mpsc::Receiver<Asked>,
    /// Ends the session when it is cancelled.
    pub ending: CancellationToken,
}

/// Answers the offer and serves the peer until it ends. When this returns, the peer's sockets
/// and tasks are gone.
pub async fn run(common: Arc<Common>, id: SessionId, sessions: Sessions, setup: Setup) {
    // Boxed, so that the room for making a peer is not kept for as long as the peer lives.
    let mut peer = match Box::pin(common.answerer.open()).await {
        Ok(peer) => peer,
        Err(refused) => {
            let _ = setup.answer.send(Err(refused));
            return;
        }
    };
    let ids = setup.offer.ids();
    match Box::pin(peer.answer(setup.offer, setup.from)).await {
        Ok(sdp) => {
            // A request that was given up leaves a session that no browser knows of: it ends
            // as one in which no channel opens.
            let _ = setup.answer.send(Ok(Updated {
                sdp: Some(sdp),
                entity_tag: peer.entity_tag(),
            }));
            info!("answered");
            let session = Session {
                id,
                sessions,
                heard: peer.heard(),
            };
            let mut serving = Serving::new(&common, &session, peer.fresh.clone());
            for (id, opening) in ids.into_iter().zip(peer.negotiated.drain(..)) {
                serving.serve(opening, Some(id));
            }
            let end = serving.run(&mut peer, setup.updates, &setup.ending).await;
            close(&peer).await;
            info!(reason = %end, "ended");
        }
        Err(refused) => {
            close(&peer).await;
            let _ = setup.answer.send(Err(refused));
        }
    }
}

/// The channels of a session at work.
struct Serving<'a> {
    common: &'a Arc<Common>,
    session: &'a Session,
    opened: Arc<Notify>,
    gate: Arc<Gate>,
    /// Dropping it ends the channels' tasks.
    tasks: JoinSet<()>,
    /// The ids of the channels that both sides created, by their tasks.
    ids: HashMap<Id, u16>,
}

impl<'a> Serving<'a> {
    fn new(common: &'a Arc<Common>, session: &'a Session, gate: Arc<Gate>) -> Self {
        Self {
            common,
            session,
            opened: Arc::new(Notify::new()),
            gate,
            tasks: JoinSet::new(),
            ids: HashMap::new(),
        }
    }

    /// Serves a channel, which has this id if both sides created it.
    fn serve(&mut self, opening: Opening, id: Option<u16>) {
        let (common, session) = (self.common.clone(), self.session.clone());
        let (gate, opened) = (self.gate.clone(), self.opened.clone());
        let span = info_span!("channel", id = opening.inner.id());
        let on_open = move || opened.notify_one();
        let serving = async move {
            let feeds = &common.feeds;
            feeds
                .serve(opening, &common.channel, gate, &session, on_open)
                .await;
        };
        let task = self.tasks.spawn(serving.instrument(span)).id();
        if let Some(id) = id {
            self.ids.insert(task, id);
        }
    }

    async fn run(
        mut self,
        peer: &mut Peer,
        mut updates: mpsc::Receiver<Asked>,
        ending: &CancellationToken,
    ) -> End {
        let open_by = Instant::now() + self.common.session.open_timeout;
        let mut is_open = false;
        loop {
            tokio::select! {
                () = ending.cancelled() => return End::Asked,
                () = sleep_until(open_by), if !is_open => return End::NeverOpened,
                () = self.opened.notified() => is_open = true,
                Some(event) = peer.events.recv() => match event {
                    PeerEvent::Lost(state) => return End::Lost(state),
                    PeerEvent::Channel(inner) => self.take_up(inner),
                },
                Some(asked) = updates.recv() => {
                    // Who asked sees that there is no reply.
                    let made = self.update(asked.update, peer);
                    let reply = tokio::select! {
                        () = ending.cancelled() => return End::Asked,
                        reply = made => reply,
                    };
                    let _ = asked.reply.send(reply);
                }
                Some(ended) = self.tasks.join_next_with_id() => self.ended(ended),
            }
            if is_open && self.tasks.is_empty() {
                return End::LastChannelClosed;
            }
        }
    }

    /// The browser announced a channel.
    fn take_up(&mut self, inner: Arc<dyn DataChannel>) {
        let max = self.common.channel.max;
        if self.tasks.len() < max {
            let negotiated = None;
            self.serve(Opening { inner, negotiated }, None);
        } else {
            warn!(max, "channel refused: the session has as many as it may");
            let closing = async move { close_channel(&*inner).await };
            self.tasks.spawn(closing.in_current_span());
        }
    }

    async fn update(&mut self, update: Update, peer: &mut Peer) -> Result<Updated, SignalingError> {
        let is_restart = update.offer.is_some();
        let taken: HashSet<u16> = self.ids.values().copied().collect();
        let channels = Channels {
            taken: &taken,
            count: self.tasks.len(),
            max: self.common.channel.max,
        };
        let (updated, added) = Box::pin(update.make(peer, channels))
            .await
            .inspect_err(|cause| info!(%cause, "not changed"))?;
        info!(is_restart, added = added.len(), "changed");
        for (id, opening) in added {
            self.serve(opening, Some(id));
        }
        Ok(updated)
    }

    fn ended(&mut self, ended: Result<(Id, ()), JoinError>) {
        let task = match ended {
            Ok((task, ())) => task,
            Err(cause) => {
                error!(%cause, "a channel's task failed");
                cause.id()
            }
        };
        self.ids.remove(&task);
    }
}

/// Tells the browser, by SCTP's ABORT and DTLS' close_notify, and ends the peer's task.
async fn close(peer: &Peer) {
    if let Err(cause) = peer.connection.close().await {
        warn!(%cause, "the peer did not close cleanly");
    }
}
