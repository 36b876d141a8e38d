//! A loop: receives, has peers do what is due, and sends what they have to send.

use super::Shared;
use super::routes::Reason;
use super::slot::{Slot, beside};
use super::socket::Buffers;
use crate::path::Path;
use crate::peer::Room;
use crate::stun::{self, Kind, Message};
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::future::poll_fn;
use std::io;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::task::Poll;
use std::time::{Duration, Instant};
use tokio::sync::Notify;
use tokio::time::sleep_until;

/// How many batches a loop takes from a socket before it sends, looks at what is due, and lets
/// others have the processor.
const BATCHES: usize = 4;
/// How long a loop sleeps when nothing is due.
const IDLE: Duration = Duration::from_secs(60);

/// What others tell a loop.
#[derive(Default)]
pub struct Told {
    marked: Mutex<Vec<Arc<Slot>>>,
    wake: Notify,
}

impl Told {
    /// Tells that a peer has something to send. There is at most one entry a peer.
    pub fn mark(&self, slot: &Arc<Slot>) {
        if slot.mark() {
            let mut marked = self.marked.lock().unwrap_or_else(PoisonError::into_inner);
            marked.push(slot.clone());
            let is_first = marked.len() == 1;
            drop(marked);
            if is_first {
                self.wake.notify_one();
            }
        }
    }

    fn take(&self, into: &mut Vec<Arc<Slot>>) {
        let mut marked = self.marked.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::swap(into, &mut marked);
    }
}

/// A slot that is due, ordered by when.
struct Entry(Instant, Weak<Slot>);

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl Eq for Entry {}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Entry {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.cmp(&other.0)
    }
}

/// One loop of a port.
pub struct Worker {
    number: usize,
    shared: Arc<Shared>,
    buffers: Buffers,
    room: Room,
    due: BinaryHeap<Reverse<Entry>>,
    marked: Vec<Arc<Slot>>,
}

impl Worker {
    pub fn new(number: usize, shared: Arc<Shared>) -> Self {
        Self {
            number,
            shared,
            buffers: Buffers::new(),
            room: Room::default(),
            due: BinaryHeap::new(),
            marked: Vec::new(),
        }
    }

    /// Works for as long as its sockets do; returns why they do not any more.
    pub async fn run(mut self) -> io::Error {
        loop {
            if let Err(cause) = self.wait().await {
                return cause;
            }
            for _ in 0..BATCHES {
                match self.receive() {
                    Ok(true) => {}
                    Ok(false) => break,
                    Err(cause) => return cause,
                }
            }
            self.send_marked();
            self.look(Instant::now());
            self.send().await;
            tokio::task::yield_now().await;
        }
    }

    /// Waits until something has come, something is to be sent, or something is due.
    async fn wait(&mut self) -> io::Result<()> {
        let next = self.due.peek().map(|Reverse(Entry(due, _))| *due);
        let until = next.unwrap_or_else(|| Instant::now() + IDLE);
        let told = &self.shared.loops[self.number];
        let sockets = &self.shared.sockets[self.number];
        let readable = poll_fn(|cx| {
            let mut polled = sockets.iter().map(|socket| socket.poll_readable(cx));
            polled.find(Poll::is_ready).unwrap_or(Poll::Pending)
        });
        tokio::select! {
            ready = readable => ready,
            () = told.wake.notified() => Ok(()),
            () = sleep_until(until.into()) => Ok(()),
        }
    }

    /// Takes a batch from each socket. False where there was nothing.
    fn receive(&mut self) -> io::Result<bool> {
        let now = Instant::now();
        let mut is_busy = false;
        let shared = &self.shared;
        for (number, socket) in shared.sockets[self.number].iter().enumerate() {
            let (room, due) = (&mut self.room, &mut self.due);
            is_busy |= socket.receive(&mut self.buffers, |datagram, meta| {
                let path = Path {
                    remote: meta.addr,
                    socket: number,
                    local: meta.dst_ip,
                };
                match route(shared, self.number, now, path, datagram, room) {
                    Ok((slot, Some(at))) => {
                        due.push(Reverse(Entry(at, Arc::downgrade(&slot))));
                    }
                    Ok(_) => {}
                    Err(reason) => shared.drops.count(reason),
                }
            })?;
        }
        Ok(is_busy)
    }

    /// Sends what was put into peers since the last time.
    fn send_marked(&mut self) {
        let mut marked = std::mem::take(&mut self.marked);
        self.shared.loops[self.number].take(&mut marked);
        let now = Instant::now();
        for slot in marked.drain(..) {
            slot.unmark();
            self.drive(now, &slot);
        }
        self.marked = marked;
    }

    /// Has peers do what is due.
    fn look(&mut self, now: Instant) {
        while let Some(Reverse(Entry(due, _))) = self.due.peek()
            && *due <= now
        {
            let Some(Reverse(Entry(due, slot))) = self.due.pop() else {
                return;
            };
            if let Some(slot) = slot.upgrade()
                && slot.disarm(due)
            {
                self.drive(now, &slot);
            }
        }
    }

    fn drive(&mut self, now: Instant, slot: &Arc<Slot>) {
        let due = slot.drive(self.number, &mut self.room, |state, room| {
            state.peer.handle_timeout(now, room);
        });
        if let Some(due) = due {
            self.due.push(Reverse(Entry(due, Arc::downgrade(slot))));
        }
    }

    async fn send(&mut self) {
        let out = &self.room.out;
        let mut first = 0;
        while let Some((path, _)) = out.get(first) {
            let Some(socket) = self.shared.sockets[self.number].get(path.socket) else {
                first += 1;
                continue;
            };
            first += socket.send(out, first).await;
        }
        self.room.out.clear();
    }
}

/// Gives a datagram to the peer that it is for. Returns that, and when it is due where that is new.
fn route(
    shared: &Shared,
    home: usize,
    now: Instant,
    path: Path,
    datagram: &[u8],
    room: &mut Room,
) -> Result<(Arc<Slot>, Option<Instant>), Reason> {
    match datagram.first() {
        Some(0..=3) => {
            let message = Message::read(datagram).ok_or(Reason::MalformedStun)?;
            if message.kind() == Kind::Request {
                return check(shared, home, now, path, message, datagram.len(), room);
            }
        }
        Some(20..=63) => {}
        _ => return Err(Reason::NotForUs),
    }
    let slot = shared.routes.by_source(path.remote);
    let slot = slot.ok_or(Reason::UnknownSource)?;
    let due = slot.drive(home, room, |state, room| {
        state.peer.handle(now, path, datagram, room);
    });
    Ok((slot, due))
}

fn check(
    shared: &Shared,
    home: usize,
    now: Instant,
    path: Path,
    message: stun::Message<'_>,
    length: usize,
    room: &mut Room,
) -> Result<(Arc<Slot>, Option<Instant>), Reason> {
    let ufrag = message.local_ufrag().ok_or(Reason::UnknownUfrag)?;
    let slot = shared.routes.by_ufrag(ufrag);
    let slot = slot.ok_or(Reason::UnknownUfrag)?;
    let authentic = slot.lock().peer.authenticate(message);
    let authentic = authentic.map_err(|_| Reason::NotAuthentic)?;
    if !shared.routes.claim(now, path.remote, &slot) {
        return Err(Reason::SourceTaken);
    }
    let mut forgotten = None;
    let due = slot.drive(home, room, |state, room| {
        let before = room.out.len();
        forgotten = state.peer.handle_check(now, path, authentic, length, room);
        beside(state, path, &room.out, before);
    });
    if let Some(forgotten) = forgotten {
        shared.routes.release(forgotten, &slot);
    }
    Ok((slot, due))
}
