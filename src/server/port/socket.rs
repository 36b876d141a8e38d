//! The real sockets of a port, and the virtual one that stands for them before each peer.

use super::PortError;
use super::demux::{Demux, Then};
use super::inbox::{Family, Inbox};
use super::paths::Origin;
use super::repeat;
use socket2::{Domain, Protocol, SockRef, Type};
use std::fmt;
use std::future::Future;
use std::io::{self, IoSliceMut};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker, ready};
use tokio::io::Interest;
use tokio::net::UdpSocket;
use tokio::time::Instant;
use tracing::error;
use webrtc::runtime::{AsyncUdpSocket, BATCH_SIZE, RecvMeta, Transmit, UdpSockRef, UdpSocketState};

/// What is asked of the kernel, each way. All peers share it: at 5,000 of them a tick of the
/// clock is 5,000 datagrams at once.
pub const KERNEL_BUFFER: usize = 8 << 20;
/// Room for one receive: what GRO may have put together (RFC 768: a length has 16 bits).
const RECEIVE_BUFFER: usize = 1 << 16;

/// A UDP socket that many peers send through.
pub struct Socket {
    io: UdpSocket,
    offload: UdpSocketState,
    local: SocketAddr,
}

impl fmt::Debug for Socket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Socket").field(&self.local).finish()
    }
}

impl Socket {
    /// Binds `address`; an IPv6 one for IPv6 alone, so that `0.0.0.0` and `::` can have the same
    /// port.
    pub fn bind(address: SocketAddr) -> Result<Self, PortError> {
        let bound = || -> io::Result<Self> {
            let socket = socket2::Socket::new(
                Domain::for_address(address),
                Type::DGRAM,
                Some(Protocol::UDP),
            )?;
            if address.is_ipv6() {
                socket.set_only_v6(true)?;
            }
            socket.set_nonblocking(true)?;
            socket.bind(&address.into())?;
            let io = UdpSocket::from_std(socket.into())?;
            let offload = UdpSocketState::new(UdpSockRef::from(&io))?;
            let local = io.local_addr()?;
            Ok(Self { io, offload, local })
        };
        bound().map_err(|cause| PortError::Bind { address, cause })
    }

    pub fn local_addr(&self) -> SocketAddr {
        self.local
    }

    /// Asks for [`KERNEL_BUFFER`] each way. Where the kernel gave less: the setting that limits
    /// it, and what it gave.
    pub fn enlarge_buffers(&self) -> Vec<(&'static str, usize)> {
        let socket = SockRef::from(&self.io);
        let got = [
            (
                "net.core.rmem_max",
                socket
                    .set_recv_buffer_size(KERNEL_BUFFER)
                    .and_then(|()| socket.recv_buffer_size()),
            ),
            (
                "net.core.wmem_max",
                socket
                    .set_send_buffer_size(KERNEL_BUFFER)
                    .and_then(|()| socket.send_buffer_size()),
            ),
        ];
        // Linux counts its own overhead in, and reports twice what it was asked for.
        let counted = if cfg!(target_os = "linux") { 2 } else { 1 };
        got.into_iter()
            .map(|(setting, got)| (setting, got.unwrap_or(0) / counted))
            .filter(|&(_, got)| got < KERNEL_BUFFER)
            .collect()
    }

    /// Sends now or not at all.
    pub fn try_send(&self, transmit: &Transmit<'_>) -> io::Result<()> {
        self.io.try_io(Interest::WRITABLE, || {
            self.offload.try_send(UdpSockRef::from(&self.io), transmit)
        })
    }

    /// Receives and routes for as long as the socket works.
    pub async fn receive(&self, number: usize, demux: &Demux) {
        let mut storage = vec![0; BATCH_SIZE * RECEIVE_BUFFER];
        let mut then = Then::default();
        loop {
            if let Err(cause) = self.io.readable().await {
                error!(%cause, address = %self.local, "the UDP port receives no more");
                return;
            }
            let mut meta = [RecvMeta::default(); BATCH_SIZE];
            let received = {
                let mut bufs: Vec<_> = storage
                    .chunks_exact_mut(RECEIVE_BUFFER)
                    .map(IoSliceMut::new)
                    .collect();
                self.io.try_io(Interest::READABLE, || {
                    self.offload
                        .recv(UdpSockRef::from(&self.io), &mut bufs, &mut meta)
                })
            };
            let count = match received {
                Ok(count) => count,
                Err(cause) if cause.kind() == io::ErrorKind::WouldBlock => continue,
                // An ICMP message about some peer's address, for instance: the next is another.
                Err(cause) => {
                    tracing::debug!(%cause, "a datagram was not received");
                    continue;
                }
            };
            let datagrams = storage
                .chunks_exact(RECEIVE_BUFFER)
                .zip(&meta[..count])
                .flat_map(|(bytes, meta)| {
                    let origin = Origin {
                        remote: meta.addr,
                        socket: number,
                        local: meta.dst_ip,
                    };
                    // An empty datagram has a stride of 0, and no chunk.
                    bytes[..meta.len]
                        .chunks(meta.stride.max(1))
                        .map(move |datagram| (datagram, origin))
                });
            demux.route(datagrams, Instant::now(), &mut then);
            for reply in then.replies.drain(..) {
                // Lost, it is asked for again.
                let _ = self.try_send(&reply.origin.transmit(&reply.bytes, None));
            }
            then.wakers.drain(..).for_each(Waker::wake);
        }
    }
}

/// One address family of a port as one peer sees it: reads its inbox, sends through the port.
pub struct PeerSocket {
    /// What the peer's agent takes for its address.
    local: SocketAddr,
    family: Family,
    inbox: Arc<Inbox>,
    sockets: Arc<[Socket]>,
    /// Waits for a socket that could not take a datagram, and how that was to leave. Each peer
    /// waits on its own: a socket of Tokio's remembers one waker of those that only poll it.
    blocked: Mutex<Option<(Origin, Writable)>>,
}

type Writable = Pin<Box<dyn Future<Output = io::Result<()>> + Send>>;

impl PeerSocket {
    pub fn new(local: SocketAddr, inbox: Arc<Inbox>, sockets: Arc<[Socket]>) -> Self {
        Self {
            local,
            family: Family::of(local),
            inbox,
            sockets,
            blocked: Mutex::new(None),
        }
    }

    fn send(&self, way: &Origin, transmit: &Transmit<'_>) -> io::Result<()> {
        let transmit = Transmit {
            src_ip: way.local,
            ..transmit.clone()
        };
        match self.sockets.get(way.socket) {
            Some(socket) => socket.try_send(&transmit),
            None => Err(io::ErrorKind::AddrNotAvailable.into()),
        }
    }

    /// The way of a datagram that had to wait, once it can leave.
    fn poll_blocked(&self, cx: &mut Context<'_>) -> Poll<io::Result<Option<Origin>>> {
        let mut blocked = self.blocked.lock().unwrap_or_else(PoisonError::into_inner);
        let Some((way, writable)) = &mut *blocked else {
            return Poll::Ready(Ok(None));
        };
        let (way, writable) = (*way, ready!(writable.as_mut().poll(cx)));
        *blocked = None;
        Poll::Ready(writable.map(|()| Some(way)))
    }

    fn wait_for(&self, way: Origin) {
        let sockets = self.sockets.clone();
        let writable = Box::pin(async move { sockets[way.socket].io.writable().await });
        let mut blocked = self.blocked.lock().unwrap_or_else(PoisonError::into_inner);
        *blocked = Some((way, writable));
    }
}

impl fmt::Debug for PeerSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PeerSocket").field(&self.family).finish()
    }
}

impl AsyncUdpSocket for PeerSocket {
    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.local)
    }

    fn poll_send(&self, cx: &mut Context<'_>, transmit: &Transmit<'_>) -> Poll<io::Result<usize>> {
        let way = match ready!(self.poll_blocked(cx))? {
            Some(way) => way,
            None => {
                let (ways, starts_repeating) = self.inbox.leave(transmit);
                if starts_repeating {
                    let (inbox, sockets) = (Arc::downgrade(&self.inbox), self.sockets.clone());
                    tokio::spawn(repeat::run(inbox, sockets));
                }
                for way in &ways.others {
                    // One of several checks: the agent sends the next if this does not leave.
                    let _ = self.send(way, transmit);
                }
                // An agent that knows no candidates sends only to where it was heard from.
                ways.first.ok_or(io::ErrorKind::AddrNotAvailable)?
            }
        };
        match self.send(&way, transmit) {
            Err(cause) if cause.kind() == io::ErrorKind::WouldBlock => {
                self.wait_for(way);
                // Its task is woken at once where there is room again already.
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            sent => Poll::Ready(sent.map(|()| transmit.contents.len())),
        }
    }

    fn poll_recv(
        &self,
        cx: &mut Context<'_>,
        bufs: &mut [IoSliceMut<'_>],
        meta: &mut [RecvMeta],
    ) -> Poll<io::Result<usize>> {
        self.inbox.poll_recv(self.family, cx, bufs, meta).map(Ok)
    }

    fn max_gso_segments(&self) -> usize {
        self.sockets
            .iter()
            .map(|socket| socket.offload.max_gso_segments())
            .min()
            .unwrap_or(1)
    }
}
