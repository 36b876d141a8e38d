//! A session's client: a peer, or one that comes by WebSocket.

use super::end::End;
use crate::channel::Carrier;
use crate::fresh::Gate;
use crate::peer::Peer;
use crate::socket::{self, Socket};
use crate::stats::Stats;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tickwire_peer::peer::{self, Event};
use tickwire_peer::sctp;
use tokio::runtime::Handle;

/// Whom a session is with.
pub enum Client {
    Peer(Peer),
    Socket(SocketClient),
}

/// One that comes by WebSocket, and is counted while this is held.
pub struct SocketClient {
    socket: Arc<Socket>,
    gate: Arc<Gate>,
    stats: Arc<Stats>,
}

impl SocketClient {
    pub fn new(socket: Arc<Socket>, stats: Arc<Stats>) -> Self {
        stats.sockets.fetch_add(1, Ordering::Relaxed);
        let gate = Arc::new(Gate::new());
        gate.set_stream(true);
        Self {
            socket,
            gate,
            stats,
        }
    }
}

impl Drop for SocketClient {
    fn drop(&mut self) {
        self.stats.sockets.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What happens to it.
pub enum Happened {
    /// It receives what is sent to it.
    Up,
    Opened(Carrier),
    Ended(End),
}

impl Client {
    /// The next that happens, for one who waits. None is lost by a call that is dropped.
    pub async fn event(&self) -> Happened {
        match self {
            Self::Peer(peer) => loop {
                return match peer.handle.event().await {
                    Event::Ended(peer::End::Closed) => Happened::Ended(End::LastChannelClosed),
                    Event::Ended(cause) => Happened::Ended(End::Lost(cause)),
                    Event::Sctp(sctp::Event::Up) => {
                        peer.fresh.set_stream(peer.handle.is_by_tcp());
                        Happened::Up
                    }
                    Event::Sctp(sctp::Event::Opened(init)) => {
                        Happened::Opened(Carrier::Data(peer.handle.channel(init)))
                    }
                    Event::Sctp(_) | Event::Moved => continue,
                };
            },
            Self::Socket(it) => match it.socket.event().await {
                socket::Event::Begun => Happened::Up,
                socket::Event::Opened(init) => {
                    Happened::Opened(Carrier::Socket(it.socket.channel(init)))
                }
                socket::Event::Ended(cause) => Happened::Ended(End::SocketLost(cause)),
            },
        }
    }

    /// What its channels send with freshness goes through it.
    pub fn gate(&self) -> Arc<Gate> {
        match self {
            Self::Peer(peer) => peer.fresh.clone(),
            Self::Socket(it) => it.gate.clone(),
        }
    }

    /// Where what serves it costs least.
    pub fn runtime(&self) -> Handle {
        match self {
            Self::Peer(peer) => peer.handle.runtime().clone(),
            Self::Socket(_) => Handle::current(),
        }
    }

    /// Whether it has shown that it is there.
    pub fn was_checked(&self) -> bool {
        match self {
            Self::Peer(peer) => peer.handle.was_checked(),
            Self::Socket(_) => true,
        }
    }

    /// Tells how long ago it was heard.
    pub fn heard_ago(&self) -> Box<dyn Fn() -> Option<Duration> + Send + Sync> {
        match self {
            Self::Peer(peer) => {
                let heard = peer.heard();
                Box::new(move || heard.ago())
            }
            Self::Socket(it) => {
                let socket = it.socket.clone();
                Box::new(move || Some(socket.heard_ago()))
            }
        }
    }

    /// Its session is over, for this reason.
    pub fn end(self, end: &End) {
        if let Self::Socket(it) = self {
            it.socket.close(end.to_string());
        }
    }
}
