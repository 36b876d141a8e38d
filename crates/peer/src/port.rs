//! One UDP port for every peer of a server.
//!
//! A [`Port`] opens its sockets and a loop for every two processors, and carries thousands of
//! peers: a server has one port to open in a firewall, one mapping to make in a router or a
//! container, and as many open files with a thousand peers as with none.
//!
//! Each loop has a socket of its own at the same address (`SO_REUSEPORT`), so that the kernel
//! parts clients among the loops, and a thread of its own with a runtime of one thread, at which
//! those who serve its peers work too ([`PeerHandle::runtime`]): a message wakes no other
//! processor. A peer is behind a lock that its loop alone takes as a rule: who sends takes it for
//! as long as it takes to put a message into SCTP, and marks the peer; its loop then sends for all
//! that are marked in one go. A client whose address has changed comes to another loop perhaps,
//! and nothing has to be moved for it.

mod candidates;
mod handle;
mod routes;
mod slot;
mod socket;
mod stream;
mod worker;

pub use candidates::{Advertise, Advertised, AdvertisedError};
pub use handle::{DataChannel, Heard, PeerHandle};
pub use routes::{Reason, Size};
pub use slot::{OnPath, Released};
pub use stream::{is_client, prepare};

use crate::dtls::{Identity, IdentityError};
use crate::ice::Credentials;
use crate::peer::{Peer, PeerConfig};
use crate::sdp::{Local, Offer};
use candidates::Candidates;
use routes::{Drops, Routes};
use slot::Slot;
use socket::{KERNEL_BUFFER, Socket};
use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::num::NonZero;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError};
use std::time::{Instant, SystemTime};
use stream::{Frame, Streams};
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::{Mutex, mpsc};
use tokio::task::JoinError;
use tracing::{error, info, warn};
use worker::{Told, Worker};

/// The SCTP port that answers name; the association takes whichever the client sends to (RFC 8841
/// section 5).
const SCTP_PORT: u16 = 5_000;

/// A loop has so many processors: the kernel and HTTP want some too, and loops that share the work
/// of one wait more often and take less at once. On two processors that they share with 300
/// clients, two loops took 21 microseconds an echo where one takes 15.
const CORES_A_LOOP: usize = 2;

/// How often the system is asked for a number that is free for UDP and for TCP.
const TRIES: usize = 16;

/// How many frames of connections may wait for a loop; a client that sends more waits.
const FRAMES: usize = 256;

/// Why a port cannot be opened, or is closed.
#[derive(Debug, thiserror::Error)]
pub enum PortError {
    /// The system does not give the address.
    #[error("cannot open UDP port {address}: {cause}")]
    Bind {
        address: SocketAddr,
        cause: io::Error,
    },
    /// The system does not give the address to TCP.
    #[error(
        "cannot listen on TCP port {address}: {cause}. Set tcp = false under [port] to do without"
    )]
    Listen {
        address: SocketAddr,
        cause: io::Error,
    },
    /// None of the addresses to listen on can be had.
    #[error("no UDP port was opened: this system has none of the address families asked for")]
    Nothing,
    /// There is no certificate.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// The system gives no thread, or nothing to wait by.
    #[error("cannot start a loop for the UDP port: {0}")]
    Loop(io::Error),
    /// A loop has ended, and the peers that it served are deaf.
    #[error("the UDP port receives no more: {0}")]
    Deaf(String),
}

/// What the loops of a port share.
struct Shared {
    config: Arc<PeerConfig>,
    identity: std::sync::Mutex<Arc<Identity>>,
    routes: Routes,
    drops: Drops,
    /// Whether a loop has ended.
    is_deaf: AtomicBool,
    candidates: Candidates,
    loops: Vec<Told>,
    /// Where the loops run.
    runtimes: Vec<Handle>,
    /// Of each loop, one for each address that the port listens on.
    sockets: Vec<Vec<Socket>>,
    streams: Streams,
    /// What has come on them, for each loop.
    frames: Vec<mpsc::Sender<Frame>>,
    next: AtomicUsize,
}

/// The sockets, and who gets what arrives at them. Receives until it is dropped.
pub struct Port {
    shared: Arc<Shared>,
    locals: Vec<SocketAddr>,
    /// HTTP's address, where clients may come by TCP.
    http: Option<SocketAddr>,
    /// Listeners that nobody has taken yet.
    tcp: std::sync::Mutex<Vec<std::net::TcpListener>>,
    /// Tells when a loop has ended, and why.
    ended: Mutex<mpsc::Receiver<String>>,
}

impl Port {
    /// Opens the port on each address of `listen`. An IPv6 address is for IPv6 alone. `0.0.0.0`
    /// and `::` stand for all addresses of a family, and are passed over on a system without it.
    /// Port 0 lets the system choose.
    ///
    /// With `http`, clients that UDP does not reach may come by TCP (RFC 6544): it listens for them at the
    /// same addresses, but where HTTP has the number, whose listener they come to.
    ///
    /// # Errors
    /// Where an address cannot be had, no certificate be made, or no loop be started.
    pub fn bind(
        listen: &[SocketAddr],
        http: Option<SocketAddr>,
        advertise: Advertise,
        config: PeerConfig,
    ) -> Result<Self, PortError> {
        let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
        let loops = cores.div_ceil(CORES_A_LOOP);
        let runtimes: Vec<Runtime> = (0..loops)
            .map(|_| Builder::new_current_thread().enable_all().build())
            .collect::<io::Result<_>>()
            .map_err(PortError::Loop)?;
        let handles: Vec<Handle> = runtimes.iter().map(|it| it.handle().clone()).collect();
        let mut sockets: Vec<Vec<Socket>> = (0..loops).map(|_| Vec::new()).collect();
        let mut locals = Vec::new();
        let mut tcp = Vec::new();
        for &address in listen {
            match bind_both(address, http, &handles) {
                Ok((bound, listener)) => {
                    tcp.extend(listener);
                    locals.extend(bound.first().map(Socket::local_addr));
                    for (sockets, socket) in sockets.iter_mut().zip(bound) {
                        sockets.push(socket);
                    }
                }
                Err(PortError::Bind { cause, .. })
                    if address.ip().is_unspecified() && is_unsupported(&cause) =>
                {
                    let family = if address.is_ipv6() { "IPv6" } else { "IPv4" };
                    info!("this system has no {family}; listening without it");
                }
                Err(cause) => return Err(cause),
            }
        }
        if locals.is_empty() {
            return Err(PortError::Nothing);
        }
        enlarge_buffers(sockets.iter().flatten());
        let (frames, came): (Vec<_>, Vec<_>) = (0..loops).map(|_| mpsc::channel(FRAMES)).unzip();
        let shared = Arc::new(Shared {
            config: Arc::new(config),
            identity: std::sync::Mutex::new(Arc::new(Identity::generate(SystemTime::now())?)),
            routes: Routes::default(),
            drops: Drops::default(),
            is_deaf: AtomicBool::new(false),
            candidates: Candidates::new(locals.clone(), advertise),
            loops: (0..loops).map(|_| Told::default()).collect(),
            runtimes: handles,
            sockets,
            streams: Streams::default(),
            frames,
            next: AtomicUsize::new(0),
        });
        let (ending, ended) = mpsc::channel(loops);
        let port = Self {
            shared,
            locals,
            http,
            tcp: std::sync::Mutex::new(tcp),
            ended: Mutex::new(ended),
        };
        for (number, (runtime, came)) in runtimes.into_iter().zip(came).enumerate() {
            let at_runtime = runtime.enter();
            let worker = Worker::new(number, port.shared.clone(), came);
            drop(at_runtime);
            let (ending, failing) = (ending.clone(), port.shared.clone());
            // As a task: each wake of what a runtime blocks on is a call of the system.
            let working = runtime.spawn(worker.run());
            std::thread::Builder::new()
                .name(format!("udp-{number}"))
                .spawn(move || {
                    if let Some(cause) = cause_of(runtime.block_on(working)) {
                        failing.is_deaf.store(true, Ordering::Relaxed);
                        // There is room for each loop's.
                        let _ = ending.try_send(cause);
                    }
                })
                .map_err(PortError::Loop)?;
        }
        Ok(port)
    }

    /// The addresses that the port listens on, with the ports that the system chose.
    pub fn local_addrs(&self) -> &[SocketAddr] {
        &self.locals
    }

    /// The addresses that answers name at this moment, the preferred first.
    pub fn advertised(&self) -> Vec<SocketAddr> {
        self.shared.candidates.addresses(None)
    }

    /// Opens a peer for an offer, and returns it with the answer's SDP. `from` is the address that
    /// the offer came from, where it is known: another machine is not told of loopback, unless
    /// [`Advertise::These`] says so.
    ///
    /// # Errors
    /// Where no certificate can be made in place of one that has grown old.
    pub fn open(
        &self,
        offer: &Offer,
        from: Option<IpAddr>,
    ) -> Result<(PeerHandle, String), PortError> {
        let shared = &self.shared;
        let identity = shared.identity(SystemTime::now())?;
        let now = Instant::now();
        let home = shared.next.fetch_add(1, Ordering::Relaxed) % shared.loops.len();
        loop {
            let local = Credentials::random();
            let config = shared.config.clone();
            let peer = Peer::new(config, identity.clone(), offer, local.clone(), now);
            let slot = Slot::new(peer, home, now);
            // Another peer's ufrag comes up once in a quintillion times.
            if shared.routes.add_ufrag(&local.ufrag, &slot) {
                let answer = shared.answer(offer, &local, &identity, from, 1);
                return Ok((PeerHandle::new(shared.clone(), slot), answer));
            }
        }
    }

    /// Completes when the port has stopped working, with the cause: then no peer can be reached.
    pub async fn failed(&self) -> PortError {
        let cause = self.ended.lock().await.recv().await;
        let cause = cause.unwrap_or_else(|| "its loops have ended".to_owned());
        error!(cause, "the UDP port receives no more");
        PortError::Deaf(cause)
    }

    /// Whether it has.
    pub fn has_failed(&self) -> bool {
        self.shared.is_deaf.load(Ordering::Relaxed)
    }

    /// How many datagrams came and how many were sent since the port was opened.
    pub fn datagrams(&self) -> [u64; 2] {
        let sockets = self.shared.sockets.iter().flatten();
        sockets.fold([0, 0], |[came, left], socket| {
            let [more_came, more_left] = socket.datagrams();
            [came + more_came, left + more_left]
        })
    }

    /// How many peers have a path by UDP, and by TCP.
    pub fn peers_by_way(&self) -> [usize; 2] {
        self.shared.routes.by_way()
    }

    /// How large the routing tables are.
    pub fn routes(&self) -> Size {
        self.shared.routes.size()
    }

    /// How many datagrams were dropped for `reason` since the port was opened.
    pub fn dropped(&self, reason: Reason) -> u64 {
        self.shared.drops.get(reason)
    }
}

impl Drop for Port {
    fn drop(&mut self) {
        self.shared.loops.iter().for_each(Told::end);
    }
}

/// Why a loop has ended, if it was not asked to.
fn cause_of(ended: Result<Option<io::Error>, JoinError>) -> Option<String> {
    match ended {
        Ok(failed) => failed.map(|cause| cause.to_string()),
        Err(panicked) => Some(panicked.to_string()),
    }
}

impl Shared {
    /// The certificate for a new peer.
    fn identity(&self, now: SystemTime) -> Result<Arc<Identity>, IdentityError> {
        let mut identity = self.identity.lock().unwrap_or_else(PoisonError::into_inner);
        if !identity.is_fresh(now) {
            *identity = Arc::new(Identity::generate(now)?);
        }
        Ok(identity.clone())
    }

    fn answer(
        &self,
        offer: &Offer,
        local: &Credentials,
        identity: &Identity,
        from: Option<IpAddr>,
        version: u64,
    ) -> String {
        let candidates = self.candidates.addresses(from);
        offer.answer(&Local {
            ufrag: &local.ufrag,
            password: &local.password,
            fingerprint: identity.fingerprint(),
            sctp_port: SCTP_PORT,
            max_message_size: self.config.limits().max_message_bytes,
            candidates: &candidates,
            tcp: &self.candidates.by_tcp(&candidates),
            session_id: rand::random::<u64>() >> 1,
            version,
            ice_lite: false,
        })
    }
}

/// A socket at `address` for each loop, and with `http` the listener for TCP at the same number.
fn bind_both(
    address: SocketAddr,
    http: Option<SocketAddr>,
    loops: &[Handle],
) -> Result<(Vec<Socket>, Option<std::net::TcpListener>), PortError> {
    let mut tries = if address.port() == 0 { TRIES } else { 1 };
    loop {
        let bound = bind_all(address, loops)?;
        let (Some(http), Some(socket)) = (http, bound.first()) else {
            return Ok((bound, None));
        };
        tries -= 1;
        match stream::listen_beside(http, socket.local_addr()) {
            Ok(listener) => return Ok((bound, listener)),
            // The system has chosen a number that is free for UDP alone.
            Err(cause) if cause.kind() == io::ErrorKind::AddrInUse && tries > 0 => {}
            Err(cause) => return Err(PortError::Listen { address, cause }),
        }
    }
}

/// A socket at `address` for each loop.
fn bind_all(address: SocketAddr, loops: &[Handle]) -> Result<Vec<Socket>, PortError> {
    // Somebody else's socket could share the port too; one that does not share tells whether it is
    // taken.
    let mut at = Socket::bind(address, &loops[0], false)?.local_addr();
    at.set_ip(address.ip());
    let is_shared = loops.len() > 1;
    let each = loops.iter();
    each.map(|it| Socket::bind(at, it, is_shared)).collect()
}

/// Asks for large buffers, and says so once where the kernel gave less.
fn enlarge_buffers<'a>(sockets: impl Iterator<Item = &'a Socket>) {
    let short: BTreeMap<&str, usize> = sockets.flat_map(Socket::enlarge_buffers).collect();
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

/// Whether a system lacks an address family: it knows no such sockets, or has no such address.
fn is_unsupported(cause: &io::Error) -> bool {
    matches!(
        cause.kind(),
        io::ErrorKind::Unsupported | io::ErrorKind::AddrNotAvailable
    ) || cause.raw_os_error() == Some(rustix::io::Errno::AFNOSUPPORT.raw_os_error())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sctp::SctpLimits;
    use std::net::Ipv4Addr;
    use std::time::Duration;

    #[tokio::test]
    async fn a_loop_that_has_ended_is_the_end_of_the_port() {
        let config = PeerConfig::new(SctpLimits::default(), Duration::from_secs(30)).unwrap();
        let listen = [(Ipv4Addr::LOCALHOST, 0).into()];
        let advertise = Advertise::OwnAddresses { loopback: true };
        let port = Port::bind(&listen, None, advertise, config).unwrap();
        port.shared.loops.iter().for_each(Told::end);
        assert!(matches!(port.failed().await, PortError::Deaf(_)));
    }

    #[tokio::test]
    async fn a_loop_ends_with_what_its_socket_says_or_with_its_panic() {
        let refused = io::Error::other("the socket is gone");
        assert_eq!(cause_of(Ok(Some(refused))).unwrap(), "the socket is gone");
        assert_eq!(cause_of(Ok(None)), None);
        let panicked = tokio::spawn(async { panic!("in a loop") }).await;
        let cause = cause_of(panicked).unwrap();
        assert!(cause.contains("in a loop"), "{cause}");
    }
}
