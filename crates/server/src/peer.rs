//! One peer on the server's side: the negotiation, and what it reports.

use super::config::{ChannelConfig, Config, OutOfBounds};
use super::fresh;
use super::message::Reliability;
use super::offer::Offer;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use tickwire_peer::dtls::DtlsError;
use tickwire_peer::peer::PeerConfig;
use tickwire_peer::port::{DataChannel, Heard, OnPath, PeerHandle, Port, PortError};
use tickwire_peer::sctp::{self, NegotiateError, SctpLimits};
use tickwire_wire::signaling::{ChannelInit, Code, SignalingError};
use tracing::{error, info};

/// Bytes that may wait for a session's feeds to take them, for all of its channels, times the
/// largest message.
const WINDOW: usize = 4;
/// … and as many at least: what a fast link carries in a round trip.
const LEAST_WINDOW: usize = 256 * 1024;
/// The longest label and subprotocol of a channel that the browser announces, in bytes.
const MAX_LABEL: usize = 1_024;

/// Why a server cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// A setting is out of its bounds.
    #[error(transparent)]
    Config(#[from] OutOfBounds),
    /// No certificate can be had.
    #[error("DTLS cannot be set up: {0}")]
    Dtls(#[from] DtlsError),
    /// The UDP port cannot be had.
    #[error("{0}. Another program may have it: set `listen` of the port.")]
    Port(#[from] PortError),
}

/// Answers offers: holds what all peers have in common.
pub struct Answerer {
    port: Port,
}

/// A peer that is answered, open or not yet, and what it reports.
pub struct Peer {
    pub handle: PeerHandle,
    /// What the peer's channels send with freshness goes through it.
    pub fresh: Arc<fresh::Gate>,
}

impl Answerer {
    /// # Errors
    /// Where no certificate can be made, or the UDP port not be opened.
    pub fn new(config: &Config, http: SocketAddr) -> Result<Self, OpenError> {
        let peers = PeerConfig::new(limits(&config.channel), config.session.silence_timeout)?;
        let listen = config.port.listen_at(http);
        let tcp = config.port.tcp.then_some(http);
        let port = Port::bind(&listen, tcp, config.port.advertise_at(http), peers)?;
        info!(listening = ?port.local_addrs(), advertised = ?port.advertised(), "UDP port open");
        Ok(Self { port })
    }

    /// The port through which all peers are reached.
    pub fn port(&self) -> &Port {
        &self.port
    }

    /// Opens a peer for an offer, which came from `from`. Returns it with the channels that both
    /// sides create, which open when the connection does, and the answer's SDP.
    ///
    /// # Errors
    /// [`Code::BadChannel`] for a channel that cannot be created, [`Code::TcpOnly`] where the client cannot
    /// reach it.
    pub fn answer(
        &self,
        offer: Offer,
        from: Option<IpAddr>,
    ) -> Result<(Peer, Vec<DataChannel>, String), SignalingError> {
        let (description, channels) = offer.into_parts();
        if description.is_tcp_only() && !self.port.has_tcp() {
            let message = "All candidates are TCP, and this server speaks UDP alone. Expected a UDP candidate.";
            return Err(SignalingError::new(Code::TcpOnly, message));
        }
        let (handle, answer) = self.port.open(&description, from).map_err(|cause| {
            error!(%cause, "no peer can be opened");
            SignalingError::new(Code::Internal, "The server could not make an answer.")
        })?;
        let fresh = Arc::new(fresh::Gate::new());
        let gate = fresh.clone();
        handle.on_path(move |event| match event {
            OnPath::Beside(bytes) => gate.beside(bytes),
            OnPath::Moved { is_tcp } => gate.begin_path(is_tcp),
        });
        let peer = Peer { handle, fresh };
        let negotiated = peer.negotiate(channels)?;
        Ok((peer, negotiated, answer))
    }
}

impl Peer {
    /// Restarts ICE for another offer, which came from `from`, and returns the answer's SDP. All
    /// else goes on as it was (RFC 8445 section 9).
    ///
    /// # Errors
    /// [`Code::Conflict`] for one that names another certificate than the first, since that asks
    /// for another DTLS connection (RFC 8842 section 4), which is another session here.
    pub fn restart(&self, offer: Offer, from: Option<IpAddr>) -> Result<String, SignalingError> {
        let (description, _) = offer.into_parts();
        self.handle.restart(&description, from).map_err(|_| {
            SignalingError::new(
                Code::Conflict,
                "Expected an offer with the certificate that the session began with. Open another session for another certificate.",
            )
        })
    }

    /// Names the present ICE session, as RFC 9725 section 4.3.1 has an entity tag do: each
    /// restart has another. In quotes, as the header field has it.
    pub fn entity_tag(&self) -> String {
        format!("\"{}\"", self.handle.ufrag())
    }

    /// Tells when the peer is heard.
    pub fn heard(&self) -> Heard {
        self.handle.heard()
    }

    /// Creates this side of channels that both sides create: all of them, or none.
    ///
    /// # Errors
    /// [`Code::Conflict`] where an id is in use, [`Code::BadChannel`] where there are as many
    /// channels as there may be.
    pub fn negotiate(
        &self,
        channels: Vec<ChannelInit>,
    ) -> Result<Vec<DataChannel>, SignalingError> {
        let mut created: Vec<DataChannel> = Vec::new();
        for channel in channels {
            let id = channel.id;
            match self.handle.negotiate(init(channel)) {
                Ok(channel) => created.push(channel),
                Err(cause) => {
                    created.iter().for_each(DataChannel::close);
                    let code = match cause {
                        NegotiateError::Conflict => Code::Conflict,
                        _ => Code::BadChannel,
                    };
                    return Err(SignalingError::new(
                        code,
                        format!("Channel with the id {id}: it cannot be created: {cause}."),
                    ));
                }
            }
        }
        Ok(created)
    }
}

fn init(channel: ChannelInit) -> sctp::ChannelInit {
    let reliability = Reliability {
        ordered: channel.ordered,
        max_retransmits: channel.max_retransmits,
        max_packet_life_time: channel
            .max_packet_life_time
            .map(|time| std::time::Duration::from_millis(time.into())),
    };
    sctp::ChannelInit {
        id: channel.id,
        label: channel.label,
        protocol: channel.protocol,
        reliability: reliability.into(),
    }
}

/// How many bytes may wait for a session's feeds to take them.
pub fn receive_window(config: &ChannelConfig) -> usize {
    config
        .message_bytes
        .saturating_mul(WINDOW)
        .max(LEAST_WINDOW)
}

fn limits(config: &ChannelConfig) -> SctpLimits {
    let max_message_bytes = u32::try_from(config.message_bytes).unwrap_or(u32::MAX);
    SctpLimits {
        max_channels: config.max,
        max_message_bytes,
        receive_window: u32::try_from(receive_window(config)).unwrap_or(u32::MAX),
        max_label_bytes: MAX_LABEL,
    }
}
