//! A loop: receives, has peers do what is due, and sends what they have to send.

use super::Shared;
use super::routes::Reason;
use super::slot::{Slot, beside};
use super::socket::Buffers;
use super::stream::Frame;
use crate::path::{Path, Remote};
use crate::peer::Room;
use crate::stun::{self, Kind, Message};
use std::cmp::{self, Reverse};
use std::collections::BinaryHeap;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::task::Poll;
use std::time::{Duration, Instant};
use tokio::sync::{Notify, mpsc};
use tokio::time::{Sleep, sleep};

/// How many batches a loop takes from a socket before it sends, looks at what is due, and lets
/// others have the processor.
const BATCHES: usize = 4;
/// How many datagrams it takes of those that came by TCP.
const FRAMES_AT_ONCE: usize = 256;
/// How long a loop sleeps when nothing is due.
const IDLE: Duration = Duration::from_secs(60);

/// What others tell a loop.
#[derive(Default)]
pub struct Told {
    marked: Mutex<Vec<Arc<Slot>>>,
    is_over: AtomicBool,
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

    /// Has the loop end.
    pub fn end(&self) {
        self.is_over.store(true, Ordering::Release);
        self.wake.notify_one();
    }

    fn take(&self, into: &mut Vec<Arc<Slot>>) {
        let mut marked = self.marked.lock().unwrap_or_else(PoisonError::into_inner);
        into.append(&mut marked);
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
    fn partial_cmp(&self, other: &Self) -> Option<cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Entry {
    fn cmp(&self, other: &Self) -> cmp::Ordering {
        self.0.cmp(&other.0)
    }
}

/// One loop of a port.
pub struct Worker {
    number: usize,
    shared: Arc<Shared>,
    buffers: Buffers,
    /// What comes by TCP, and the one for which the loop was woken.
    frames: mpsc::Receiver<Frame>,
    first: Option<Frame>,
    room: Room,
    due: BinaryHeap<Reverse<Entry>>,
    /// Ends when something is due, or before. It is moved only to an earlier time: each time that
    /// is earlier than all others at a runtime costs a call of the system.
    alarm: Pin<Box<Sleep>>,
    marked: Vec<Arc<Slot>>,
}

impl Worker {
    /// # Panics
    /// Outside a Tokio runtime.
    pub fn new(number: usize, shared: Arc<Shared>, frames: mpsc::Receiver<Frame>) -> Self {
        Self {
            alarm: Box::pin(sleep(IDLE)),
            number,
            shared,
            buffers: Buffers::new(),
            frames,
            first: None,
            room: Room::default(),
            due: BinaryHeap::new(),
            marked: Vec::new(),
        }
    }

    /// Works until it is told to end: then there is no error.
    pub async fn run(mut self) -> Option<io::Error> {
        while !self.shared.loops[self.number]
            .is_over
            .load(Ordering::Acquire)
        {
            if let Err(cause) = self.turn().await {
                return Some(cause);
            }
        }
        None
    }

    async fn turn(&mut self) -> io::Result<()> {
        self.wait().await?;
        for _ in 0..BATCHES {
            if !self.receive()? {
                break;
            }
        }
        self.receive_frames();
        // Who serves the peers may answer: that leaves with the acknowledgement.
        tokio::task::yield_now().await;
        self.send_marked();
        self.look(Instant::now());
        self.send().await;
        Ok(())
    }

    /// Waits until something has come, something is to be sent, or something is due.
    async fn wait(&mut self) -> io::Result<()> {
        let next = self.due.peek().map(|Reverse(Entry(due, _))| *due);
        if let Some(next) = next.filter(|next| *next < self.alarm.deadline().into_std()) {
            self.alarm.as_mut().reset(next.into());
        }
        let told = &self.shared.loops[self.number];
        let sockets = &self.shared.sockets[self.number];
        let readable = poll_fn(|cx| {
            let mut polled = sockets.iter().map(|socket| socket.poll_readable(cx));
            polled.find(Poll::is_ready).unwrap_or(Poll::Pending)
        });
        tokio::select! {
            ready = readable => ready,
            () = told.wake.notified() => Ok(()),
            // The loop holds what the other end belongs to.
            Some(frame) = self.frames.recv() => {
                self.first = Some(frame);
                Ok(())
            }
            () = self.alarm.as_mut() => {
                self.alarm.as_mut().reset((Instant::now() + IDLE).into());
                Ok(())
            }
        }
    }

    /// Takes a batch from each socket. False where there was nothing.
    fn receive(&mut self) -> io::Result<bool> {
        let now = Instant::now();
        let mut is_busy = false;
        let shared = &self.shared;
        for (number, socket) in shared.sockets[self.number].iter().enumerate() {
            let (room, due, marked) = (&mut self.room, &mut self.due, &mut self.marked);
            is_busy |= socket.receive(&mut self.buffers, |datagram, meta| {
                let path = Path {
                    remote: Remote::udp(meta.addr),
                    socket: number,
                    local: meta.dst_ip,
                };
                match route(shared, self.number, now, path, datagram, room) {
                    Ok(routed) => routed.follow(due, marked),
                    Err(reason) => shared.drops.count(reason),
                }
            })?;
        }
        Ok(is_busy)
    }

    /// Takes what has come by TCP.
    fn receive_frames(&mut self) {
        let now = Instant::now();
        let mut next = self.first.take();
        for _ in 0..FRAMES_AT_ONCE {
            let Some(frame) = next.or_else(|| self.frames.try_recv().ok()) else {
                return;
            };
            next = None;
            let (path, stream) = (frame.path, frame.stream);
            let room = &mut self.room;
            match route(&self.shared, self.number, now, path, &frame.datagram, room) {
                Ok(routed) => {
                    stream.prove();
                    routed.follow(&mut self.due, &mut self.marked);
                }
                Err(reason) => {
                    self.shared.drops.count(reason);
                    // A client's first frame is a check.
                    if !stream.is_proven() {
                        stream.end();
                    }
                }
            }
        }
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
        let due = slot.drive(&mut self.room, |state, room| {
            state.peer.handle_timeout(now, room);
        });
        if let Some(due) = due {
            self.due.push(Reverse(Entry(due, Arc::downgrade(slot))));
        }
    }

    async fn send(&mut self) {
        let out = &self.room.out;
        let mut first = 0;
        while let Some((path, datagram)) = out.get(first) {
            if self.shared.streams.send(path, datagram) {
                first += 1;
                continue;
            }
            let Some(socket) = self.shared.sockets[self.number].get(path.socket) else {
                first += 1;
                continue;
            };
            first += socket.send(out, first).await;
        }
        self.room.out.clear();
    }
}

/// Whom a datagram was for.
struct Routed {
    slot: Arc<Slot>,
    /// When it is due, where that is new.
    due: Option<Instant>,
    has_to_send: bool,
}

impl Routed {
    /// Has the loop see to what follows from the datagram.
    fn follow(self, due: &mut BinaryHeap<Reverse<Entry>>, marked: &mut Vec<Arc<Slot>>) {
        if let Some(at) = self.due {
            due.push(Reverse(Entry(at, Arc::downgrade(&self.slot))));
        }
        if self.has_to_send && self.slot.mark() {
            marked.push(self.slot);
        }
    }
}

/// Gives a datagram to the peer that it is for.
fn route(
    shared: &Shared,
    home: usize,
    now: Instant,
    path: Path,
    datagram: &[u8],
    room: &mut Room,
) -> Result<Routed, Reason> {
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
    let mut has_to_send = false;
    let due = slot.drive(room, |state, room| {
        has_to_send = state.peer.handle(now, path, datagram, room);
        slot.came(state, path, home);
    });
    Ok(Routed {
        slot,
        due,
        has_to_send,
    })
}

fn check(
    shared: &Shared,
    home: usize,
    now: Instant,
    path: Path,
    message: stun::Message<'_>,
    length: usize,
    room: &mut Room,
) -> Result<Routed, Reason> {
    let ufrag = message.local_ufrag().ok_or(Reason::UnknownUfrag)?;
    let slot = shared.routes.by_ufrag(ufrag);
    let slot = slot.ok_or(Reason::UnknownUfrag)?;
    let authentic = slot.lock().peer.authenticate(message);
    let authentic = authentic.map_err(|_| Reason::NotAuthentic)?;
    if !shared.routes.claim(now, path.remote, &slot) {
        return Err(Reason::SourceTaken);
    }
    let mut forgotten = None;
    let due = slot.drive(room, |state, room| {
        let before = room.out.len();
        forgotten = state.peer.handle_check(now, path, authentic, length, room);
        beside(state, path, &room.out, before);
        slot.came(state, path, home);
    });
    if let Some(forgotten) = forgotten {
        shared.routes.release(forgotten.remote, &slot);
        shared.streams.end([forgotten]);
    }
    Ok(Routed {
        slot,
        due,
        has_to_send: false,
    })
}
