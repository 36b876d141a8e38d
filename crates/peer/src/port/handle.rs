//! A peer of a port, and its channels, as those see them who serve it.

use super::Shared;
use super::slot::{Listener, OnPath, Released, Slot, State, Waiting};
use crate::ice::Credentials;
use crate::peer::{Event, OtherCertificate, Room};
use crate::sctp::{ChannelInit, Kind, Message, NegotiateError, SendError};
use crate::sdp::Offer;
use bytes::Bytes;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use tokio::runtime::Handle;

/// A peer of a [`Port`](super::Port). Dropping it tells the client that the connection is closed,
/// and takes the peer's routes away.
pub struct PeerHandle {
    shared: Arc<Shared>,
    slot: Arc<Slot>,
}

impl PeerHandle {
    pub(super) fn new(shared: Arc<Shared>, slot: Arc<Slot>) -> Self {
        Self { shared, slot }
    }

    /// The next event; one caller at a time.
    pub async fn event(&self) -> Event {
        loop {
            let told = self.slot.told.notified();
            if let Some(event) = self.slot.lock().next_event() {
                return event;
            }
            told.await;
        }
    }

    /// Answers another offer, and returns the answer's SDP. One with other credentials than the
    /// one before restarts ICE (RFC 8445 section 9); all else goes on as it was.
    ///
    /// # Errors
    /// Where the offer names another certificate than the first.
    pub fn restart(&self, offer: &Offer, from: Option<IpAddr>) -> Result<String, OtherCertificate> {
        let routes = &self.shared.routes;
        let is_restart = self.slot.lock().peer.is_restart(offer)?;
        let fresh = is_restart.then(|| {
            std::iter::repeat_with(Credentials::random)
                .find(|local| routes.add_ufrag(&local.ufrag, &self.slot))
        });
        let mut state = self.slot.lock();
        let mut earlier = None;
        if let Some(local) = fresh.flatten() {
            earlier = state.peer.restart(offer, local);
        }
        let local = state.peer.ice().local().clone();
        let identity = state.peer.identity().clone();
        drop(state);
        if let Some(ufrag) = earlier {
            routes.remove_ufrag(&ufrag);
        }
        Ok(self.shared.answer(offer, &local, &identity, from, 2))
    }

    /// The ufrag of the newest answer, which names the ICE session.
    pub fn ufrag(&self) -> String {
        self.slot.lock().peer.ice().local().ufrag.clone()
    }

    /// Begins a channel that both sides create with an agreed id (`negotiated: true`). It can be
    /// sent on once the association is up.
    ///
    /// # Errors
    /// Where the id is in use, or there are as many channels as there may be.
    pub fn negotiate(&self, init: ChannelInit) -> Result<DataChannel, NegotiateError> {
        let mut state = self.slot.lock();
        state.peer.negotiate(&init)?;
        Ok(self.enter(&mut state, init))
    }

    /// The channel that the client has announced, as [`Event::Sctp`] told.
    pub fn channel(&self, init: ChannelInit) -> DataChannel {
        self.enter(&mut self.slot.lock(), init)
    }

    fn enter(&self, state: &mut State, init: ChannelInit) -> DataChannel {
        let waiting = Arc::new(Waiting::default());
        // What has come already was told to nobody.
        waiting.readable.notify_one();
        state.channels.insert(init.id, waiting.clone());
        DataChannel {
            slot: self.slot.clone(),
            shared: self.shared.clone(),
            waiting,
            init,
        }
    }

    /// Tells `listener` what happens on the peer's path beside its data. It is called in the
    /// peer's loop: it must not wait, nor call the peer. Another takes its place.
    pub fn on_path(&self, listener: impl Fn(OnPath) + Send + Sync + 'static) {
        self.slot.lock().listener = Some(Listener(Arc::new(listener)));
    }

    /// Where the peer's loop runs at present, on one thread: what serves the peer costs least
    /// there. What takes the processor for long keeps the loop's peers waiting.
    pub fn runtime(&self) -> &Handle {
        &self.shared.runtimes[self.slot.home()]
    }

    /// Whether the path in use is TCP's.
    pub fn is_by_tcp(&self) -> bool {
        self.slot.lock().peer.is_by_tcp()
    }

    /// Whether an authentic check has come of the client, though there may be no path yet.
    pub fn was_checked(&self) -> bool {
        self.slot.lock().peer.ice().was_checked()
    }

    /// Tells when the client is heard.
    pub fn heard(&self) -> Heard {
        Heard(self.slot.clone())
    }
}

impl Drop for PeerHandle {
    fn drop(&mut self) {
        let mut room = Room::default();
        let mut state = self.slot.lock();
        state.peer.close(Instant::now(), &mut room);
        state
            .channels
            .drain()
            .for_each(|(_, waiting)| waiting.close());
        drop(state);
        let paths = self.shared.routes.remove(&self.slot);
        // Now, since the port may go with its last peer.
        let sockets = &self.shared.sockets[self.slot.home()];
        let mut first = 0;
        while let Some((path, datagram)) = room.out.get(first) {
            if self.shared.streams.send(path, datagram) {
                first += 1;
                continue;
            }
            let socket = sockets.get(path.socket);
            first += socket.map_or(1, |socket| socket.try_send(&room.out, first).0);
        }
        self.shared.streams.end(paths);
    }
}

impl fmt::Debug for PeerHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PeerHandle").finish_non_exhaustive()
    }
}

/// When a client is heard: what only it can have sent counts.
#[derive(Clone)]
pub struct Heard(Arc<Slot>);

impl Heard {
    /// How long ago it was; `None` before the first time.
    pub fn ago(&self) -> Option<Duration> {
        self.0.heard(Instant::now())
    }
}

impl fmt::Debug for Heard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Heard").field(&self.ago()).finish()
    }
}

/// A data channel. Dropping it does not close it.
pub struct DataChannel {
    slot: Arc<Slot>,
    shared: Arc<Shared>,
    waiting: Arc<Waiting>,
    init: ChannelInit,
}

impl DataChannel {
    /// Its id, label, subprotocol and reliability.
    pub fn init(&self) -> &ChannelInit {
        &self.init
    }

    /// Sends a message, where not more than `limit` bytes are outstanding then, or nothing is.
    /// False where there is no room for it.
    ///
    /// # Errors
    /// Where the channel is not open, or the message is larger than the client takes.
    pub fn try_send(&self, kind: Kind, data: &Bytes, limit: usize) -> Result<bool, SendError> {
        let mut state = self.state()?;
        let outstanding = state.peer.buffered(self.init.id);
        if outstanding > 0 && outstanding + data.len() > limit {
            return Ok(false);
        }
        let sent = state.peer.send(Instant::now(), self.init.id, kind, data);
        drop(state);
        sent?;
        self.mark();
        Ok(true)
    }

    /// Sends a binary message once, beside SCTP's congestion control, for a sender that has acknowledgements
    /// of its own and paces what it sends by them. On a channel that is ordered or gives nothing up, and
    /// for a message that is larger than a packet, it is [`DataChannel::try_send`] with `limit`.
    ///
    /// False where there is no room for it.
    ///
    /// # Errors
    /// As [`DataChannel::try_send`].
    pub fn try_send_once(&self, data: &Bytes, limit: usize) -> Result<bool, SendError> {
        let reliability = self.init.reliability;
        if reliability.ordered || reliability.limit.is_none() {
            return self.try_send(Kind::Binary, data, limit);
        }
        let sent = self
            .state()?
            .peer
            .send_once(Instant::now(), self.init.id, data, limit)?;
        self.mark();
        Ok(sent)
    }

    /// The round trip of the peer's path, by the check that has proven it; `None` before that.
    pub fn round_trip(&self) -> Option<Duration> {
        self.state().ok()?.peer.round_trip()
    }

    /// Bytes that were sent and are neither acknowledged nor given up. An empty message counts 1.
    pub fn outstanding(&self) -> usize {
        self.state()
            .map_or(0, |mut state| state.peer.buffered(self.init.id))
    }

    /// Waits until something is released that was outstanding, or the channel has closed.
    /// `is_enough` is asked first, when nothing can be missed any more.
    pub async fn released(&self, is_enough: impl Fn() -> bool) {
        let released = self.waiting.released.notified();
        let mut released = std::pin::pin!(released);
        released.as_mut().enable();
        if !self.is_closed() && !is_enough() {
            released.await;
        }
    }

    /// Has `listener` called whenever some of what is outstanding is released. It is called in the peer's loop: it must not wait, nor call the peer. There is one.
    pub fn on_released(&self, listener: impl Fn(Released) + Send + Sync + 'static) {
        let _ = self.waiting.on_released.set(Box::new(listener));
    }

    /// The next message; `None` once the channel has closed and all that came before is taken.
    /// One caller at a time; a call that is dropped loses nothing. What is not taken keeps the
    /// client from sending more, on all its channels in the end.
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
        let message = self.state().ok()?.peer.recv(self.init.id)?;
        let now = self.slot.milliseconds(Instant::now());
        self.waiting.unread_since.store(now, Ordering::Relaxed);
        // The client is to learn of the room.
        self.mark();
        Some(message)
    }

    /// For how long a message has waited while none was taken; `None` where none waits.
    pub fn unread_for(&self) -> Option<Duration> {
        let since = self.waiting.unread_since.load(Ordering::Relaxed);
        let has_one = self.state().ok()?.peer.has_message(self.init.id);
        let now = self.slot.milliseconds(Instant::now());
        has_one.then(|| Duration::from_millis(now.saturating_sub(since)))
    }

    /// Whether nothing can be sent any more.
    pub fn is_closed(&self) -> bool {
        self.waiting.closed.initialized()
    }

    /// Waits until nothing can be sent any more.
    pub async fn closed(&self) {
        self.waiting.closed.wait().await;
    }

    /// Closes it once what was sent before has arrived or was given up.
    pub fn close(&self) {
        let state = self.state();
        if let Ok(mut state) = state {
            state.peer.close_channel(self.init.id);
            drop(state);
            self.mark();
        }
    }

    /// The peer, while the channel is this one and not another of its id.
    fn state(&self) -> Result<std::sync::MutexGuard<'_, State>, SendError> {
        let state = self.slot.lock();
        let is_this = state
            .channels
            .get(&self.init.id)
            .is_some_and(|waiting| Arc::ptr_eq(waiting, &self.waiting));
        if is_this {
            Ok(state)
        } else {
            Err(SendError::Closed)
        }
    }

    fn mark(&self) {
        self.shared.loops[self.slot.home()].mark(&self.slot);
    }
}

impl fmt::Debug for DataChannel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.init.fmt(f)
    }
}
