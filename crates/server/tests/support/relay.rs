//! A relay in user space between one client and a server.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::net::UdpSocket;
use tokio::task::JoinSet;

/// Loses four in ten of the datagrams that the server sends, STUN apart.
pub struct Relay {
    /// Where the client sends to.
    pub address: SocketAddr,
    inner: UdpSocket,
    outer: UdpSocket,
}

/// Relays until it is dropped.
pub struct Running {
    is_losing: Arc<AtomicBool>,
    _task: JoinSet<()>,
}

impl Relay {
    pub async fn bind() -> Self {
        let outer = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        Self {
            address: outer.local_addr().unwrap(),
            inner: UdpSocket::bind("127.0.0.1:0").await.unwrap(),
            outer,
        }
    }

    pub fn run(self, server: SocketAddr) -> Running {
        let is_losing = Arc::new(AtomicBool::new(true));
        let mut task = JoinSet::new();
        task.spawn(self.relay(server, is_losing.clone()));
        Running {
            is_losing,
            _task: task,
        }
    }

    async fn relay(self, server: SocketAddr, is_losing: Arc<AtomicBool>) {
        let mut client = None;
        let mut count = 0_u32;
        let (mut out, mut back) = ([0; 2_000], [0; 2_000]);
        loop {
            // An error is an ICMP message about an earlier datagram.
            tokio::select! {
                Ok((length, from)) = self.outer.recv_from(&mut out) => {
                    client = Some(from);
                    let _ = self.inner.send_to(&out[..length], server).await;
                }
                Ok(length) = self.inner.recv(&mut back) => {
                    let datagram = &back[..length];
                    // RFC 7983 section 7.
                    let is_stun = datagram[0] <= 3;
                    count = count.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    let is_chosen = (count >> 16) % 10 < 4;
                    let is_lost = is_losing.load(Ordering::Relaxed) && is_chosen && !is_stun;
                    if let (Some(client), false) = (client, is_lost) {
                        let _ = self.outer.send_to(datagram, client).await;
                    }
                }
                else => return,
            }
        }
    }
}

impl Running {
    pub fn lose_nothing(&self) {
        self.is_losing.store(false, Ordering::Relaxed);
    }
}
