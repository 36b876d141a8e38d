//! One WebRTC peer on the server's side: its settings, the negotiation, and what it reports.

use super::ServeError;
use super::channel::{Opening, Reliability};
use super::config::{ChannelConfig, Config};
use super::fresh;
use super::offer::Offer;
use super::port::{Gate, Heard, Port, PortPeer};
use crate::signaling::{ChannelInit, Code, SignalingError};
use rtc::crypto::{self, SignatureScheme};
use rtc::ice::mdns::MulticastDnsMode;
use rtc::peer_connection::certificate::CertificateParams;
use rtc::peer_connection::configuration::setting_engine::SctpMaxMessageSize;
use rtc::peer_connection::transport::RTCDtlsRole;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Notify, mpsc};
use tracing::{Instrument, error, info, warn};
use webrtc::data_channel::{DataChannel, RTCDataChannelInit};
use webrtc::peer_connection::{
    PeerConnection, PeerConnectionBuilder, PeerConnectionEventHandler, RTCCertificate,
    RTCConfigurationBuilder, RTCIceConnectionState, RTCIceGatheringState, RTCPeerConnectionState,
    SettingEngineBuilder,
};

/// How often ICE checks a candidate pair until one is chosen. The default of 200 ms is most of
/// the time that a connection takes to open on a local network.
const CHECK_INTERVAL: Duration = Duration::from_millis(20);
/// How many checks a pair gets: at [`CHECK_INTERVAL`], as long as browsers go on trying.
const MAX_CHECKS: u16 = 750;
/// How often the server asks whether a connected browser still wants to hear from it (RFC 7675
/// section 5.1); oftener where silence is to be noticed sooner.
const CONSENT_INTERVAL: Duration = Duration::from_secs(5);
/// Gathering asks no other host here, so it takes no longer than opening sockets does.
const GATHERING_LIMIT: Duration = Duration::from_secs(5);
/// How many channels more than a session may have can wait to be taken up by it, to be refused
/// one by one. What comes on top is closed at once.
const WAITING_CHANNELS: usize = 64;

/// What a message may be longer than its content: the demonstration's echo adds 6 bytes, and
/// what announces a channel adds 12 to its label (RFC 8832 section 5.1).
const HEADROOM: usize = 12;

/// What a peer reports to its session.
pub enum PeerEvent {
    /// The browser announced a channel, and it is open (RFC 8832).
    Channel(Arc<dyn DataChannel>),
    /// ICE or DTLS has failed, or the connection was closed under the session.
    Lost(RTCPeerConnectionState),
}

/// Answers offers: holds what all peers have in common.
pub struct Answerer {
    /// One certificate for all peers: making one for each costs more than the handshake.
    certificate: RTCCertificate,
    port: Port,
    channel: ChannelConfig,
    silence_timeout: Duration,
}

/// A peer that is open, answered or not yet, and what it reports.
pub struct Peer {
    pub connection: Arc<dyn PeerConnection>,
    pub events: mpsc::Receiver<PeerEvent>,
    /// What the peer's channels send with freshness goes through it.
    pub fresh: Arc<fresh::Gate>,
    /// The channels that both sides create. They open when the connection does.
    pub negotiated: Vec<Opening>,
    /// The certificate that the first offer named, and the present ICE session, once there are.
    fingerprint: String,
    ice_session: String,
    gathered: Arc<Notify>,
    /// Its routes go with it.
    port: PortPeer,
}

impl Answerer {
    /// # Errors
    /// Where no certificate can be made, or the UDP port not be opened.
    pub fn new(config: &Config, http: SocketAddr) -> Result<Self, ServeError> {
        let port = Port::bind(&config.port.listen_at(http), config.port.advertise_at(http))?;
        info!(listening = ?port.local_addrs(), advertised = ?port.advertised(), "UDP port open");
        Ok(Self {
            port,
            certificate: certificate().map_err(ServeError::Certificate)?,
            channel: config.channel.clone(),
            silence_timeout: config.session.silence_timeout,
        })
    }

    /// The port through which all peers are reached.
    pub fn port(&self) -> &Port {
        &self.port
    }

    /// Opens a peer without answering yet. It has a task from here on, and keeps it until its
    /// connection is closed.
    ///
    /// # Errors
    /// [`Code::Full`] where the system has no room for it.
    pub async fn open(&self) -> Result<Peer, SignalingError> {
        let settings = SettingEngineBuilder::new()
            // Otherwise each peer opens port 5353. What a browser hides behind an mDNS name is
            // reached all the same: its checks come first.
            .with_multicast_dns_mode(MulticastDnsMode::Disabled)
            .with_ice_connection_attempts(Some(CHECK_INTERVAL), Some(MAX_CHECKS))
            // ICE counts in two steps, to "disconnected" and from there to "failed".
            .with_ice_timeouts(
                Some(self.silence_timeout / 2),
                Some(self.silence_timeout / 2),
                Some(CONSENT_INTERVAL.min(self.silence_timeout / 6)),
            )
            // As DTLS server: the browser sends the first flight, when it knows that the way is
            // open. As client the server sends it into the dark, and a lost one costs a second.
            .with_answering_dtls_role(RTCDtlsRole::Server)
            .with_sctp_max_message_size(SctpMaxMessageSize::Bounded(
                (self.channel.message_bytes + HEADROOM) as u32,
            ))
            .build();
        let configuration = RTCConfigurationBuilder::new()
            .with_certificates(vec![self.certificate.clone()])
            .build();
        let (sender, events) = mpsc::channel(self.channel.max + WAITING_CHANNELS);
        let gathered = Arc::new(Notify::new());
        let fresh = Arc::new(fresh::Gate::new());
        let port = self.port.peer();
        let beside = fresh.clone();
        port.on_check(move |bytes| beside.check_left(bytes));
        let connection = PeerConnectionBuilder::new()
            .with_configuration(configuration)
            .with_setting_engine(settings)
            .with_handler(Arc::new(Reporter {
                events: sender,
                gathered: gathered.clone(),
                gate: port.gate(),
                fresh: fresh.clone(),
            }))
            .with_runtime(port.runtime())
            .with_udp_addrs(port.udp_addrs())
            .with_data_channel_send_buffer_limit(self.channel.send_buffer_bytes)
            .build()
            .await
            .map_err(|cause| {
                warn!(%cause, "no peer can be opened");
                SignalingError::new(Code::Full, "The server has no room for another connection.")
            })?;
        Ok(Peer {
            connection: Arc::new(connection),
            events,
            fresh,
            negotiated: Vec::new(),
            fingerprint: String::new(),
            ice_session: String::new(),
            gathered,
            port,
        })
    }
}

impl Peer {
    /// Takes an offer, which came from `from`, and returns the answer's SDP, the server's
    /// candidates included. One that is not the first, with other ICE credentials than the one
    /// before, restarts ICE (RFC 8445 section 9); all else goes on as it was.
    ///
    /// # Errors
    /// [`Code::BadSdp`] for an offer that parses and yet cannot be answered;
    /// [`Code::Conflict`] for one that names another certificate than the first, since that asks
    /// for another DTLS connection (RFC 8842 section 4), which is another session here.
    pub async fn answer(
        &mut self,
        offer: Offer,
        from: Option<IpAddr>,
    ) -> Result<String, SignalingError> {
        if self.fingerprint.is_empty() {
            self.fingerprint = offer.fingerprint().to_owned();
        } else if self.fingerprint != offer.fingerprint() {
            return Err(SignalingError::new(
                Code::Conflict,
                "Expected an offer with the certificate that the session began with. Open another session for another certificate.",
            ));
        }
        let (description, channels) = offer.into_parts();
        for channel in channels {
            self.negotiate(channel).await?;
        }
        let answer = async {
            self.connection.set_remote_description(description).await?;
            let answer = self.connection.create_answer(None).await?;
            self.connection.set_local_description(answer).await
        };
        answer.await.map_err(|cause| {
            SignalingError::new(
                Code::BadSdp,
                format!("The offer cannot be answered: {cause}."),
            )
        })?;
        if tokio::time::timeout(GATHERING_LIMIT, self.gathered.notified())
            .await
            .is_err()
        {
            error!("gathering candidates took longer than {GATHERING_LIMIT:?}");
        }
        let description = self.connection.local_description().await;
        let answer = description.and_then(|answer| {
            let routed = self.port.answer(&answer.sdp, from);
            routed.inspect_err(|cause| error!(%cause)).ok()
        });
        let answer = answer.ok_or_else(|| {
            SignalingError::new(Code::Internal, "The server could not make an answer.")
        })?;
        self.ice_session = ufrag(&answer).to_owned();
        Ok(answer)
    }

    /// Names the present ICE session, as RFC 9725 section 4.3.1 has an entity tag do: each
    /// restart has another. In quotes, as the header field has it.
    pub fn entity_tag(&self) -> String {
        format!("\"{}\"", self.ice_session)
    }

    /// Tells when the peer is heard.
    pub fn heard(&self) -> Heard {
        self.port.heard()
    }

    /// Creates this side of a channel that both sides create. `webrtc` 0.21.1 sends with a
    /// channel's reliability only if it created the channel itself, so this is how a browser
    /// gets what it chose.
    ///
    /// # Errors
    /// [`Code::BadChannel`] where it cannot be created.
    pub async fn negotiate(&mut self, channel: ChannelInit) -> Result<(), SignalingError> {
        let life_time = channel.max_packet_life_time.map(u64::from);
        let reliability = Reliability {
            ordered: channel.ordered,
            max_retransmits: channel.max_retransmits,
            max_packet_life_time: life_time.map(Duration::from_millis),
        };
        let init = RTCDataChannelInit {
            ordered: channel.ordered,
            max_retransmits: channel.max_retransmits,
            max_packet_life_time: channel.max_packet_life_time,
            protocol: channel.protocol,
            negotiated: Some(channel.id),
        };
        let inner = self
            .connection
            .create_data_channel(&channel.label, Some(init))
            .await
            .map_err(|cause| {
                let id = channel.id;
                SignalingError::new(
                    Code::BadChannel,
                    format!("Channel with the id {id}: it cannot be created: {cause}."),
                )
            })?;
        self.negotiated.push(Opening {
            inner,
            negotiated: Some(reliability),
        });
        Ok(())
    }
}

/// The ufrag of an answer, in which `webrtc` puts one.
fn ufrag(sdp: &str) -> &str {
    let mut lines = sdp.lines();
    lines
        .find_map(|line| line.strip_prefix("a=ice-ufrag:"))
        .unwrap_or_default()
}

/// Hands what happens to the session. Its calls run in the connection's own task, which drives
/// ICE, DTLS and SCTP: none of them may wait.
struct Reporter {
    events: mpsc::Sender<PeerEvent>,
    gathered: Arc<Notify>,
    gate: Gate,
    fresh: Arc<fresh::Gate>,
}

#[async_trait::async_trait]
impl PeerConnectionEventHandler for Reporter {
    async fn on_ice_gathering_state_change(&self, state: RTCIceGatheringState) {
        if state == RTCIceGatheringState::Complete {
            self.gathered.notify_one();
        }
    }

    async fn on_ice_connection_state_change(&self, state: RTCIceConnectionState) {
        self.gate.on_ice_connection_state(state);
        match state {
            RTCIceConnectionState::Checking => self.fresh.shut(true),
            RTCIceConnectionState::Connected | RTCIceConnectionState::Completed => {
                self.fresh.shut(false);
            }
            _ => {}
        }
    }

    async fn on_connection_state_change(&self, state: RTCPeerConnectionState) {
        if matches!(
            state,
            RTCPeerConnectionState::Failed | RTCPeerConnectionState::Closed
        ) {
            // A full queue means that the session is busy with channels that opened; ICE's own
            // end then shows when they close.
            let _ = self.events.try_send(PeerEvent::Lost(state));
        }
    }

    async fn on_data_channel(&self, channel: Arc<dyn DataChannel>) {
        if self
            .events
            .try_send(PeerEvent::Channel(channel.clone()))
            .is_err()
        {
            warn!("channel refused: too many opened at once");
            tokio::spawn(async move { channel.close().await }.in_current_span());
        }
    }
}

fn certificate() -> Result<RTCCertificate, webrtc::error::Error> {
    let failed = |cause: &dyn std::fmt::Display| webrtc::error::Error::Other(cause.to_string());
    let provider = crypto::default_provider().map_err(|cause| failed(&cause))?;
    let params = CertificateParams::new(Vec::new()).map_err(|cause| failed(&cause))?;
    RTCCertificate::generate(provider.crypto(), SignatureScheme::EcdsaP256Sha256, params)
}
