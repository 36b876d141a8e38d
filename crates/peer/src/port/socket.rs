//! A UDP socket that many peers are reached through.

use super::PortError;
use crate::path::Datagrams;
use quinn_udp::{BATCH_SIZE, RecvMeta, Transmit, UdpSockRef, UdpSocketState};
use socket2::{Domain, Protocol, SockRef, Type};
use std::io::{self, IoSliceMut};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::Interest;
use tokio::net::UdpSocket;
use tokio::runtime::Handle;
use tokio::time::timeout;

/// What is asked of the kernel, each way. All peers share it: at 5,000 of them a tick of the
/// clock is 5,000 datagrams at once.
pub const KERNEL_BUFFER: usize = 8 << 20;
/// Room for one receive: what GRO may have put together (RFC 768: a length has 16 bits).
const RECEIVE_BUFFER: usize = 1 << 16;
/// How long datagrams wait for room in the kernel before they are dropped, as on any network.
const PATIENCE: Duration = Duration::from_millis(10);

/// One of a port's sockets.
pub struct Socket {
    io: UdpSocket,
    offload: UdpSocketState,
    local: SocketAddr,
    /// How many datagrams came, and were sent.
    came: AtomicU64,
    left: AtomicU64,
}

/// Where a loop receives into.
pub struct Buffers {
    storage: Vec<u8>,
    meta: [RecvMeta; BATCH_SIZE],
}

impl Buffers {
    pub fn new() -> Self {
        Self {
            storage: vec![0; BATCH_SIZE * RECEIVE_BUFFER],
            meta: [RecvMeta::default(); BATCH_SIZE],
        }
    }
}

impl Socket {
    /// Binds `address`; an IPv6 one for IPv6 alone, so that `0.0.0.0` and `::` can have the same
    /// port. Several may share one port where `is_shared`: the kernel parts clients among them by
    /// their addresses. It is waited for at `runtime`.
    pub fn bind(address: SocketAddr, runtime: &Handle, is_shared: bool) -> Result<Self, PortError> {
        let _at_runtime = runtime.enter();
        let bound = || -> io::Result<Self> {
            let socket = socket2::Socket::new(
                Domain::for_address(address),
                Type::DGRAM,
                Some(Protocol::UDP),
            )?;
            if address.is_ipv6() {
                socket.set_only_v6(true)?;
            }
            if is_shared {
                socket.set_reuse_port(true)?;
            }
            socket.set_nonblocking(true)?;
            socket.bind(&address.into())?;
            let io = UdpSocket::from_std(socket.into())?;
            let offload = UdpSocketState::new(UdpSockRef::from(&io))?;
            let local = io.local_addr()?;
            Ok(Self {
                io,
                offload,
                local,
                came: AtomicU64::new(0),
                left: AtomicU64::new(0),
            })
        };
        bound().map_err(|cause| PortError::Bind { address, cause })
    }

    /// How many datagrams came, and how many were sent.
    pub fn datagrams(&self) -> [u64; 2] {
        [&self.came, &self.left].map(|it| it.load(Ordering::Relaxed))
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

    /// Whether something has come. One task is woken: that of the socket's loop.
    pub fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.io.poll_recv_ready(cx)
    }

    /// Takes one batch of what has come, and gives each datagram to `take`. False where there was
    /// none.
    pub fn receive<'a>(
        &self,
        buffers: &'a mut Buffers,
        mut take: impl FnMut(&'a [u8], &RecvMeta),
    ) -> io::Result<bool> {
        let mut parts = buffers.storage.chunks_exact_mut(RECEIVE_BUFFER);
        let mut slices: [IoSliceMut<'_>; BATCH_SIZE] =
            std::array::from_fn(|_| IoSliceMut::new(parts.next().unwrap_or_default()));
        let meta = &mut buffers.meta;
        let received = self.io.try_io(Interest::READABLE, || {
            self.offload
                .recv(UdpSockRef::from(&self.io), &mut slices, meta)
        });
        let count = match received {
            Ok(count) => count,
            Err(cause) if is_passing(&cause) => return Ok(false),
            Err(cause) => return Err(cause),
        };
        let mut came = 0;
        let parts = buffers.storage.chunks_exact(RECEIVE_BUFFER);
        for (bytes, meta) in parts.zip(&buffers.meta).take(count) {
            // An empty datagram has a stride of 0, and no chunk.
            for datagram in bytes[..meta.len].chunks(meta.stride.max(1)) {
                take(datagram, meta);
                came += 1;
            }
        }
        self.came.fetch_add(came, Ordering::Relaxed);
        Ok(count > 0)
    }

    /// Sends the datagrams from `first` on that can leave by one call, once the kernel has room.
    /// Returns how many there were: those that it does not take are lost, as on any network.
    pub async fn send(&self, datagrams: &Datagrams, first: usize) -> usize {
        let (count, sent) = self.try_send(datagrams, first);
        if sent.is_err_and(|cause| cause.kind() == io::ErrorKind::WouldBlock)
            && timeout(PATIENCE, self.io.writable()).await.is_ok()
        {
            return self.try_send(datagrams, first).0;
        }
        count
    }

    /// The same, now or not at all.
    pub fn try_send(&self, datagrams: &Datagrams, first: usize) -> (usize, io::Result<()>) {
        let max = self.offload.max_gso_segments();
        let Some((count, path, contents, length)) = datagrams.run(first, max) else {
            return (0, Ok(()));
        };
        let transmit = Transmit {
            destination: path.remote.address,
            ecn: None,
            contents,
            segment_size: (count > 1).then_some(length),
            src_ip: path.local,
        };
        let sent = self.io.try_io(Interest::WRITABLE, || {
            self.offload.try_send(UdpSockRef::from(&self.io), &transmit)
        });
        if sent.is_ok() {
            self.left.fetch_add(count as u64, Ordering::Relaxed);
        }
        (count, sent)
    }
}

/// Whether a socket can be read from again after this: nothing is there, the call was interrupted,
/// or it was told of an earlier datagram that could not be delivered.
fn is_passing(cause: &io::Error) -> bool {
    matches!(
        cause.kind(),
        io::ErrorKind::WouldBlock
            | io::ErrorKind::Interrupted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::HostUnreachable
            | io::ErrorKind::NetworkUnreachable
    )
}
