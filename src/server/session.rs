//! One peer's life, from its offer to its end.

use super::channel::{Opening, close as close_channel};
use super::config::{ChannelConfig, SessionConfig};
use super::feeds::{Session, Table};
use super::fresh::Gate;
use super::offer::Offer;
use super::peer::{Answerer, Peer, PeerEvent};
use crate::signaling::SignalingError;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use tokio::sync::{Notify, oneshot};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, error, info, info_span, warn};
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
    /// Takes the answer's SDP, or why there is none.
    pub answer: oneshot::Sender<Result<String, SignalingError>>,
    /// Ends the session when it is cancelled.
    pub ending: CancellationToken,
}

/// Answers the offer and serves the peer until it ends. When this returns, the peer's sockets
/// and tasks are gone.
pub async fn run(common: Arc<Common>, session: Session, setup: Setup) {
    // Boxed, so that the room for making a peer is not kept for as long as the peer lives.
    let mut peer = match Box::pin(common.answerer.open()).await {
        Ok(peer) => peer,
        Err(refused) => {
            let _ = setup.answer.send(Err(refused));
            return;
        }
    };
    match Box::pin(peer.answer(setup.offer, setup.from)).await {
        Ok(sdp) => {
            // A request that was given up leaves a session that no browser knows of: it ends
            // as one in which no channel opens.
            let _ = setup.answer.send(Ok(sdp));
            info!("answered");
            let end = serve(&mut peer, &common, &session, &setup.ending).await;
            close(&peer).await;
            info!(reason = %end, "ended");
        }
        Err(refused) => {
            close(&peer).await;
            let _ = setup.answer.send(Err(refused));
        }
    }
}

async fn serve(
    peer: &mut Peer,
    common: &Arc<Common>,
    session: &Session,
    ending: &CancellationToken,
) -> End {
    let open_by = Instant::now() + common.session.open_timeout;
    let opened = Arc::new(Notify::new());
    let gate = Arc::new(Gate::new());
    let mut is_open = false;
    // Dropping it ends the channels' tasks.
    let mut channels = JoinSet::new();
    let serve_channel = |opening: Opening| {
        let (common, session) = (common.clone(), session.clone());
        let (gate, opened) = (gate.clone(), opened.clone());
        let span = info_span!("channel", id = opening.inner.id());
        let on_open = move || opened.notify_one();
        let serving = async move {
            let feeds = &common.feeds;
            feeds
                .serve(opening, &common.channel, gate, &session, on_open)
                .await;
        };
        serving.instrument(span)
    };
    for opening in peer.negotiated.drain(..) {
        channels.spawn(serve_channel(opening));
    }
    loop {
        tokio::select! {
            () = ending.cancelled() => return End::Asked,
            () = sleep_until(open_by), if !is_open => return End::NeverOpened,
            () = opened.notified() => is_open = true,
            Some(event) = peer.events.recv() => match event {
                PeerEvent::Lost(state) => return End::Lost(state),
                PeerEvent::Channel(inner) if channels.len() < common.channel.max => {
                    channels.spawn(serve_channel(Opening { inner, negotiated: None }));
                }
                PeerEvent::Channel(inner) => {
                    warn!(max = common.channel.max, "channel refused: the session has as many as it may");
                    channels.spawn(async move { close_channel(&*inner).await }.in_current_span());
                }
            },
            Some(ended) = channels.join_next() => {
                if let Err(cause) = ended {
                    error!(%cause, "a channel's task failed");
                }
            }
        }
        if is_open && channels.is_empty() {
            return End::LastChannelClosed;
        }
    }
}

/// Tells the browser, by SCTP's ABORT and DTLS' close_notify, and ends the peer's task.
async fn close(peer: &Peer) {
    if let Err(cause) = peer.connection.close().await {
        warn!(%cause, "the peer did not close cleanly");
    }
}
