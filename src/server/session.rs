//! One peer's life, from its offer to its end.

use super::channel::Channel;
use super::config::{ChannelConfig, SessionConfig};
use super::feeds;
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
use tracing::{Instrument, debug, error, info, info_span, warn};
use webrtc::data_channel::DataChannel;
use webrtc::peer_connection::RTCPeerConnectionState;

/// Labels are the browser's to choose, up to 64 KiB; a log shows this many characters of one.
const LABEL_SHOWN: usize = 64;

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
    /// The browser closed its last channel, or the connection.
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
            Self::LastChannelClosed => f.write_str("the browser closed its last channel"),
            Self::NeverOpened => f.write_str("no channel opened in time"),
            Self::Lost(state) => write!(f, "the connection is {state}"),
        }
    }
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
pub async fn run(
    answerer: Arc<Answerer>,
    session: SessionConfig,
    channel: ChannelConfig,
    setup: Setup,
) {
    // Boxed, so that the room for making a peer is not kept for as long as the peer lives.
    let mut peer = match Box::pin(answerer.open()).await {
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
            let end = serve(&mut peer, &session, &channel, &setup.ending).await;
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
    session: &SessionConfig,
    channel: &ChannelConfig,
    ending: &CancellationToken,
) -> End {
    let open_by = Instant::now() + session.open_timeout;
    let opened = Arc::new(Notify::new());
    let mut is_open = false;
    // Dropping it ends the channels' tasks.
    let mut channels = JoinSet::new();
    loop {
        tokio::select! {
            () = ending.cancelled() => return End::Asked,
            () = sleep_until(open_by), if !is_open => return End::NeverOpened,
            () = opened.notified() => is_open = true,
            Some(event) = peer.events.recv() => match event {
                PeerEvent::Lost(state) => return End::Lost(state),
                PeerEvent::Channel(inner) if channels.len() < channel.max => {
                    let span = info_span!("channel", id = inner.id());
                    channels.spawn(serve_channel(inner, channel.clone(), opened.clone()).instrument(span));
                }
                PeerEvent::Channel(inner) => {
                    warn!(max = channel.max, "channel refused: the session has as many as it may");
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

async fn serve_channel(inner: Arc<dyn DataChannel>, config: ChannelConfig, opened: Arc<Notify>) {
    let Some(channel) = Channel::open(inner.clone(), &config).await else {
        return;
    };
    opened.notify_one();
    log_opened(&*inner).await;
    match feeds::time_and_echo(&channel).await {
        Ok(()) => info!("channel closed"),
        Err(cause) => {
            info!(%cause, "channel ended");
            close_channel(&*inner).await;
        }
    }
}

/// Logs what was negotiated. Reading it fails only for a channel that has closed meanwhile.
async fn log_opened(channel: &dyn DataChannel) {
    let label = channel.label().await.unwrap_or_default();
    let label: String = label.chars().take(LABEL_SHOWN).collect();
    let ordered = channel.ordered().await.unwrap_or_default();
    let max_retransmits = channel.max_retransmits().await.ok().flatten();
    let max_packet_life_time_ms = channel.max_packet_life_time().await.ok().flatten();
    info!(
        label,
        ordered, max_retransmits, max_packet_life_time_ms, "channel open"
    );
}

/// Closes a channel, as the browser sees too.
async fn close_channel(channel: &dyn DataChannel) {
    if let Err(cause) = channel.close().await {
        debug!(%cause, "the channel was closed already");
    }
}

/// Tells the browser, by SCTP's ABORT and DTLS' close_notify, and ends the peer's task.
async fn close(peer: &Peer) {
    if let Err(cause) = peer.connection.close().await {
        warn!(%cause, "the peer did not close cleanly");
    }
}
