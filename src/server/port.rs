//! One UDP port for every peer of a server.
//!
//! `webrtc` gives each peer connection sockets of its own. A [`Port`] gives them one (or one for
//! each address it listens on): a server has one port to open in a firewall, one mapping to make
//! in a router or a container, and as many open files with a thousand peers as with none.
//!
//! It works through `webrtc`'s own seams and knows nothing else of the program around it. A
//! peer's [`Runtime`](webrtc::runtime::Runtime) hands out virtual sockets in place of real ones;
//! what arrives at the port is routed to them by ICE's own rules (`demux` says how, and what a
//! stranger can do to it); and the candidates of an answer are replaced by the port's. To use it
//! alone:
//!
//! ```no_run
//! # use std::sync::Arc;
//! # use tickwire::server::port::{Advertise, Gate, Port};
//! # use webrtc::peer_connection::*;
//! struct Handler(Gate);
//!
//! #[async_trait::async_trait]
//! impl PeerConnectionEventHandler for Handler {
//!     async fn on_ice_connection_state_change(&self, state: RTCIceConnectionState) {
//!         self.0.on_ice_connection_state(state);
//!     }
//! }
//!
//! # async fn example(offer: RTCSessionDescription) -> Result<(), Box<dyn std::error::Error>> {
//! let port = Port::bind(&["0.0.0.0:3478".parse()?], Advertise::OwnAddresses { loopback: false })?;
//! // For each peer:
//! let peer = port.peer();
//! let connection = PeerConnectionBuilder::new()
//!     .with_handler(Arc::new(Handler(peer.gate())))
//!     .with_runtime(peer.runtime())
//!     .with_udp_addrs(peer.udp_addrs())
//!     .build()
//!     .await?;
//! connection.set_remote_description(offer).await?;
//! let answer = connection.create_answer(None).await?;
//! connection.set_local_description(answer).await?;
//! // Once gathering is complete, and again for the answer to each ICE restart:
//! let answer = connection.local_description().await.ok_or("no answer")?;
//! let answer = peer.answer(&answer.sdp, None)?;
//! # Ok(()) }
//! ```
//!
//! Dropping `peer` takes its routes away.
//!
//! Two things to know. The peers must answer, not offer: a route begins with a check that the
//! other side sends. And `webrtc` insists on binding a socket for each address before it asks
//! the runtime for one, so for some microseconds while a peer is made there is a socket on
//! loopback, at a port that the system picks, that nothing is ever read from.

mod candidates;
mod demux;
mod handshake;
mod inbox;
mod paths;
mod repeat;
mod reply;
mod runtime;
mod socket;
mod stun;
mod timer;

pub use candidates::{Advertise, Advertised};
pub use demux::{Reason, Routes};

use candidates::Candidates;
use demux::{Demux, PeerId};
use inbox::Inbox;
use runtime::PeerRuntime;
use socket::{KERNEL_BUFFER, Socket};
use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::Duration;
use timer::Timer;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tracing::{info, warn};
use webrtc::peer_connection::RTCIceConnectionState;
use webrtc::runtime::Runtime;

/// Why a port cannot be opened, or a peer not be reached through it.
#[derive(Debug, thiserror::Error)]
pub enum PortError {
    /// The system does not give the address.
    #[error("cannot open UDP port {address}: {cause}")]
    Bind {
        address: SocketAddr,
        cause: io::Error,
    },
    /// None of the addresses to listen on can be had.
    #[error("no UDP port was opened: this system has none of the address families asked for")]
    Nothing,
    /// The answer has no ICE credentials, or they are another peer's.
    #[error("the answer cannot be routed: {0}")]
    Answer(&'static str),
}

/// The sockets, and who gets what arrives at them. Receives until it is dropped.
#[derive(Debug)]
pub struct Port {
    sockets: Arc<[Socket]>,
    demux: Arc<Demux>,
    candidates: Arc<Candidates>,
    agents: Vec<SocketAddr>,
    epoch: Instant,
    /// Dropping it ends the receiving tasks.
    _receivers: JoinSet<()>,
}

impl Port {
    /// Opens the port on each address of `listen`. An IPv6 address is for IPv6 alone. `0.0.0.0`
    /// and `::` stand for all addresses of a family; `::` is passed over on a system without
    /// IPv6. Port 0 lets the system choose.
    ///
    /// # Errors
    /// Where an address cannot be had.
    ///
    /// # Panics
    /// Outside a Tokio runtime.
    pub fn bind(listen: &[SocketAddr], advertise: Advertise) -> Result<Self, PortError> {
        let mut sockets = Vec::new();
        for &address in listen {
            match Socket::bind(address) {
                Ok(socket) => sockets.push(socket),
                Err(PortError::Bind { cause, .. })
                    if address.ip() == Ipv6Addr::UNSPECIFIED && is_unsupported(&cause) =>
                {
                    info!("this system has no IPv6; listening on IPv4 alone");
                }
                Err(cause) => return Err(cause),
            }
        }
        if sockets.is_empty() {
            return Err(PortError::Nothing);
        }
        enlarge_buffers(&sockets);
        let sockets: Arc<[Socket]> = sockets.into();
        let locals: Vec<SocketAddr> = sockets.iter().map(Socket::local_addr).collect();
        let agents = agent_addresses(&locals);
        let demux = Arc::new(Demux::default());
        let mut receivers = JoinSet::new();
        for number in 0..sockets.len() {
            let (sockets, demux) = (sockets.clone(), demux.clone());
            receivers.spawn(async move { sockets[number].receive(number, &demux).await });
        }
        Ok(Self {
            sockets,
            demux,
            candidates: Arc::new(Candidates::new(locals, advertise)),
            agents,
            epoch: Instant::now(),
            _receivers: receivers,
        })
    }

    /// The addresses that the port listens on, with the ports that the system chose.
    pub fn local_addrs(&self) -> Vec<SocketAddr> {
        self.sockets.iter().map(Socket::local_addr).collect()
    }

    /// The addresses that answers name at this moment, the preferred first.
    pub fn advertised(&self) -> Vec<SocketAddr> {
        self.candidates.addresses(None)
    }

    /// A share of the port for one more peer. Nothing is routed to it before its answer.
    pub fn peer(&self) -> PortPeer {
        let inbox = Arc::new(Inbox::default());
        PortPeer {
            id: self.demux.add_peer(inbox.clone()),
            inbox,
            sockets: self.sockets.clone(),
            demux: self.demux.clone(),
            candidates: self.candidates.clone(),
            agents: self.agents.clone(),
            epoch: self.epoch,
        }
    }

    /// How large the routing tables are.
    pub fn routes(&self) -> Routes {
        self.demux.routes()
    }

    /// How many datagrams were dropped for `reason` since the port was opened.
    pub fn dropped(&self, reason: Reason) -> u64 {
        self.demux.dropped(reason)
    }
}

/// One peer's share of a [`Port`]. Dropping it takes the peer's routes away.
#[derive(Debug)]
pub struct PortPeer {
    id: PeerId,
    inbox: Arc<Inbox>,
    sockets: Arc<[Socket]>,
    demux: Arc<Demux>,
    candidates: Arc<Candidates>,
    agents: Vec<SocketAddr>,
    epoch: Instant,
}

impl PortPeer {
    /// What the peer connection is to run on.
    pub fn runtime(&self) -> Arc<dyn Runtime> {
        Arc::new(PeerRuntime {
            inbox: self.inbox.clone(),
            sockets: self.sockets.clone(),
            timer: Timer::new(self.epoch),
        })
    }

    /// What the peer connection is to take for its own addresses: one of each family that the
    /// port listens on.
    pub fn udp_addrs(&self) -> Vec<SocketAddr> {
        self.agents.clone()
    }

    /// Tells the port how far the peer's ICE agent is.
    pub fn gate(&self) -> Gate {
        Gate(self.inbox.clone())
    }

    /// Tells when the peer is heard.
    pub fn heard(&self) -> Heard {
        Heard(self.inbox.clone())
    }

    /// Tells `listener` what each of ICE's checks takes on its way, and each answer to one, in
    /// bytes, headers included, that leaves while the peer's data does: they keep the path busy,
    /// and what is sent at the same moment waits for them. There is one listener; another takes
    /// its place.
    pub fn on_check(&self, listener: impl Fn(usize) + Send + Sync + 'static) {
        self.inbox.on_check(Arc::new(listener));
    }

    /// Routes checks that are made for this answer to the peer, and returns the answer with the
    /// port's candidates in place of its own. Those of the peer's answer before this one are routed
    /// too (an ICE restart, RFC 8445 section 9), since a browser sends along its earlier pair for
    /// some seconds after it has nominated another; older ones no more. `offered_from` is the
    /// address that the offer came from, where it is known: another machine is not told of
    /// loopback, unless [`Advertise::These`] says so.
    ///
    /// # Errors
    /// Where the answer has no ICE credentials (RFC 8839 section 5.4).
    pub fn answer(&self, sdp: &str, offered_from: Option<IpAddr>) -> Result<String, PortError> {
        let attribute = |name: &str| {
            sdp.lines().find_map(|line| {
                line.strip_prefix("a=")?
                    .strip_prefix(name)?
                    .strip_prefix(':')
            })
        };
        let (Some(ufrag), Some(password)) = (attribute("ice-ufrag"), attribute("ice-pwd")) else {
            return Err(PortError::Answer("it has no ICE credentials"));
        };
        if !self
            .demux
            .add_answer(self.id, ufrag.as_bytes(), password.as_bytes())
        {
            return Err(PortError::Answer("its ufrag is another peer's"));
        }
        Ok(self.candidates.replace(sdp, offered_from))
    }
}

impl Drop for PortPeer {
    fn drop(&mut self) {
        self.demux.remove_peer(self.id);
    }
}

/// Keeps a peer's data back while its ICE agent would drop it: before a candidate pair is
/// chosen, and during an ICE restart.
#[derive(Debug)]
pub struct Gate(Arc<Inbox>);

impl Gate {
    /// To be called with each state that the peer connection reports.
    pub fn on_ice_connection_state(&self, state: RTCIceConnectionState) {
        match state {
            RTCIceConnectionState::Connected | RTCIceConnectionState::Completed => {
                self.0.set_ready(true);
            }
            RTCIceConnectionState::New | RTCIceConnectionState::Checking => {
                self.0.set_ready(false);
            }
            _ => {}
        }
    }
}

/// When a peer is heard: any datagram of its counts.
#[derive(Clone, Debug)]
pub struct Heard(Arc<Inbox>);

impl Heard {
    /// How long ago the last datagram came; `None` before the first.
    pub fn ago(&self) -> Option<Duration> {
        self.0.heard().map(|at| at.elapsed())
    }
}

/// Asks for large buffers, and says so once where the kernel gave less.
fn enlarge_buffers(sockets: &[Socket]) {
    let short: BTreeMap<&str, usize> = sockets.iter().flat_map(Socket::enlarge_buffers).collect();
    if short.is_empty() {
        return;
    }
    let settings: Vec<String> = short
        .keys()
        .map(|setting| format!("{setting}={KERNEL_BUFFER}"))
        .collect();
    warn!(
        got = ?short.values(), wanted = KERNEL_BUFFER,
        "the kernel gave smaller UDP buffers than were asked for, and with many peers it will drop \
         datagrams: sysctl -w {}",
        settings.join(" ")
    );
}

/// An address on loopback for each family that is listened on. Agents pair candidates of the
/// same family alone (RFC 8445 section 6.1.2.2), so they need one of each.
fn agent_addresses(locals: &[SocketAddr]) -> Vec<SocketAddr> {
    let families = [
        (
            Ipv4Addr::LOCALHOST.into(),
            SocketAddr::is_ipv4 as fn(&SocketAddr) -> bool,
        ),
        (Ipv6Addr::LOCALHOST.into(), SocketAddr::is_ipv6),
    ];
    let mut agents = Vec::new();
    for (loopback, is_family) in families {
        if !locals.iter().any(is_family) {
            continue;
        }
        let address = SocketAddr::new(loopback, 0);
        match UdpSocket::bind(address) {
            Ok(_) => agents.push(address),
            Err(cause) => warn!(
                %address, %cause,
                "peers of this address family will not connect: each needs a moment of loopback"
            ),
        }
    }
    agents
}

/// Whether a system lacks an address family: it knows no such sockets, or has no such address.
fn is_unsupported(cause: &io::Error) -> bool {
    matches!(
        cause.kind(),
        io::ErrorKind::Unsupported | io::ErrorKind::AddrNotAvailable
    ) || cause.raw_os_error() == Some(rustix::io::Errno::AFNOSUPPORT.raw_os_error())
}
