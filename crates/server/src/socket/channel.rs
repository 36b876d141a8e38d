//! A channel of a WebSocket, as those see it who serve it.

use super::Socket;
use crate::lock::lock;
use bytes::Bytes;
use std::fmt;
use std::pin::pin;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};
use tickwire_peer::port::Released;
use tickwire_peer::sctp::{ChannelInit, Kind, Message, SendError};
use tickwire_wire::socket::VALUES_ID;
use tokio::sync::{Notify, SetOnce};

/// What a channel's holder is told by.
#[derive(Default)]
pub struct Waiting {
    /// There may be a message to take, or the channel has closed. One waits for it.
    pub readable: Notify,
    /// Something has been received, or the channel has closed. Any number wait.
    released: Notify,
    closed: SetOnce<()>,
    on_released: OnceLock<Box<dyn Fn(Released) + Send + Sync>>,
}

impl Waiting {
    pub fn released(&self, outstanding: usize) {
        if let Some(on_released) = self.on_released.get() {
            on_released(Released {
                outstanding,
                is_given_up: false,
                is_silent: false,
            });
        }
        self.released.notify_waiters();
    }

    pub fn close(&self) {
        // It may have been before.
        let _ = self.closed.set(());
        self.readable.notify_one();
        self.released.notify_waiters();
    }
}

/// A channel. It does what a data channel does ([`tickwire_peer::port::DataChannel`]), by the same names.
pub struct SocketChannel {
    socket: Arc<Socket>,
    waiting: Arc<Waiting>,
    init: ChannelInit,
}

impl SocketChannel {
    pub(super) fn new(socket: Arc<Socket>, waiting: Arc<Waiting>, init: ChannelInit) -> Self {
        Self {
            socket,
            waiting,
            init,
        }
    }

    pub fn init(&self) -> &ChannelInit {
        &self.init
    }

    pub fn try_send(&self, kind: Kind, data: &Bytes, limit: usize) -> Result<bool, SendError> {
        self.send(|mux| mux.send(self.init.id, kind, data, limit))
    }

    /// On `values`, before all else, and not counted as outstanding: who sends has acknowledgements and a pace
    /// of its own.
    pub fn try_send_once(&self, data: &Bytes, limit: usize) -> Result<bool, SendError> {
        if self.init.id != VALUES_ID {
            return self.try_send(Kind::Binary, data, limit);
        }
        self.send(|mux| mux.send_values(data, limit))
    }

    fn send(&self, send: impl FnOnce(&mut super::Mux) -> Option<bool>) -> Result<bool, SendError> {
        if self.is_closed() {
            return Err(SendError::Closed);
        }
        let sent = send(&mut lock(&self.socket.state).mux);
        let is_sent = sent.ok_or(SendError::Closed)?;
        self.socket.out.notify_one();
        Ok(is_sent)
    }

    pub fn outstanding(&self) -> usize {
        lock(&self.socket.state).mux.outstanding(self.init.id)
    }

    pub async fn released(&self, is_enough: impl Fn() -> bool) {
        let mut released = pin!(self.waiting.released.notified());
        released.as_mut().enable();
        if !self.is_closed() && !is_enough() {
            released.await;
        }
    }

    pub fn on_released(&self, listener: impl Fn(Released) + Send + Sync + 'static) {
        let _ = self.waiting.on_released.set(Box::new(listener));
    }

    pub async fn recv(&self) -> Option<Message> {
        loop {
            if let Some(message) = self.try_recv() {
                return Some(message);
            }
            if self.is_closed() {
                return self.try_recv();
            }
            self.waiting.readable.notified().await;
        }
    }

    fn try_recv(&self) -> Option<Message> {
        let message = lock(&self.socket.state)
            .mux
            .recv(Instant::now(), self.init.id)?;
        self.socket.room.notify_one();
        Some(message)
    }

    pub fn unread_for(&self) -> Option<Duration> {
        lock(&self.socket.state)
            .mux
            .unread_for(Instant::now(), self.init.id)
    }

    pub fn is_closed(&self) -> bool {
        self.waiting.closed.initialized()
    }

    pub async fn closed(&self) {
        self.waiting.closed.wait().await;
    }

    pub fn close(&self) {
        let effects = lock(&self.socket.state).mux.close(self.init.id);
        self.socket.apply(effects);
    }
}

impl fmt::Debug for SocketChannel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.init.fmt(f)
    }
}
