//! Connections of TCP by which clients come that UDP does not reach (RFC 6544): each carries datagrams,
//! which take the same way in and out as those of UDP.
//!
//! **What a stranger costs.** A connection whose first frame is no authentic check, or on which none has
//! come after [`PROOF_LIMIT`], is closed. How many there may be is up to who accepts them.
//!
//! **What waits.** Little lies in the kernel that is not on its way yet (`TCP_NOTSENT_LOWAT`), and what
//! has waited here for [`FRESH`] is dropped, as a full router would: what decides how much is sent learns
//! of a narrow link by that, as over UDP.

mod frames;
mod listen;
mod port;
mod table;

pub use listen::{covers, is_client, listen_beside};
pub use table::Streams;

use super::Shared;
use crate::path::{Path, Remote};
use frames::Frames;
use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use table::Entered;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};
use tracing::debug;

/// How long the first authentic check may take.
const PROOF_LIMIT: Duration = Duration::from_secs(3);
/// How long nothing may come: browsers check each connection of theirs several times a minute.
const IDLE_LIMIT: Duration = Duration::from_secs(60);
/// How long what waits may take to leave when the peer has ended.
const END_LIMIT: Duration = Duration::from_secs(1);
/// How long a datagram may wait until the kernel takes it.
const FRESH: Duration = Duration::from_millis(200);
/// How many bytes may wait so at most.
const MAX_WAITING: usize = 1 << 18;
/// How many bytes may lie in the kernel that are not on their way.
#[cfg(target_os = "linux")]
const UNSENT: u32 = 1 << 14;
/// How many bytes are handed to the kernel at once.
const WRITE: usize = 1 << 14;

/// A datagram that has come on a connection.
pub struct Frame {
    pub path: Path,
    pub stream: Arc<Stream>,
    pub datagram: Vec<u8>,
}

/// One connection.
#[derive(Default)]
pub struct Stream {
    waiting: Mutex<Waiting>,
    filled: Notify,
    is_proven: AtomicBool,
    proven: Notify,
    is_over: AtomicBool,
    over: Notify,
}

/// What is to leave.
#[derive(Default)]
struct Waiting {
    datagrams: VecDeque<(Instant, Vec<u8>)>,
    bytes: usize,
}

impl Stream {
    /// An authentic check has come.
    pub fn prove(&self) {
        if !self.is_proven.swap(true, Ordering::AcqRel) {
            self.proven.notify_one();
        }
    }

    pub fn is_proven(&self) -> bool {
        self.is_proven.load(Ordering::Acquire)
    }

    /// Closes it when what waits has left.
    pub fn end(&self) {
        self.is_over.store(true, Ordering::Release);
        self.over.notify_one();
        self.filled.notify_one();
    }

    fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Acquire)
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        // Nothing is changed in steps that a panic could part.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where there is no room, the datagram is lost.
    fn send(&self, now: Instant, datagram: &[u8]) {
        let mut waiting = self.waiting();
        if waiting.bytes + datagram.len() <= MAX_WAITING {
            waiting.bytes += datagram.len();
            waiting.datagrams.push_back((now, datagram.to_vec()));
            self.filled.notify_one();
        }
    }

    /// Takes what may leave at once, in frames.
    fn take(&self, now: Instant, out: &mut Vec<u8>) {
        let mut waiting = self.waiting();
        while out.len() < WRITE
            && let Some((since, datagram)) = waiting.datagrams.pop_front()
        {
            waiting.bytes -= datagram.len();
            if now.saturating_duration_since(since) < FRESH {
                frames::write(out, &datagram);
            }
        }
        if waiting.datagrams.is_empty() {
            waiting.datagrams = VecDeque::new();
        }
    }
}

/// Serves a connection until it ends, for the loop of this number.
pub async fn serve(shared: &Shared, home: usize, mut socket: TcpStream, from: SocketAddr) {
    let entered = Entered::new(&shared.streams);
    let stream = &entered.stream;
    let path = Path {
        remote: Remote::tcp(from),
        socket: entered.number,
        local: None,
    };
    let prepared = prepare(&socket);
    let (reader, writer) = socket.split();
    let ended = tokio::select! {
        ended = read(shared, home, path, stream, reader) => ended,
        ended = write(stream, writer) => ended,
        ended = is_not_proven(stream) => ended,
    };
    if let Err(cause) = prepared.and(ended) {
        debug!(%from, %cause, "a connection of ICE ended");
    }
}

/// Has what is small leave at once, and little lie in the kernel that is not on its way.
///
/// # Errors
/// Where the kernel does not take it.
pub fn prepare(socket: &TcpStream) -> io::Result<()> {
    socket.set_nodelay(true)?;
    #[cfg(target_os = "linux")]
    socket2::SockRef::from(socket).set_tcp_notsent_lowat(UNSENT)?;
    Ok(())
}

/// Hands what comes over to the loop.
async fn read(
    shared: &Shared,
    home: usize,
    path: Path,
    stream: &Arc<Stream>,
    mut reader: ReadHalf<'_>,
) -> io::Result<()> {
    let mut frames = Frames::default();
    let mut came = [0; Frames::ROOM];
    let mut whole = Vec::new();
    loop {
        let read = timeout(IDLE_LIMIT, reader.read(&mut came)).await??;
        if read == 0 {
            return Ok(());
        }
        let taken = frames.take(&came[..read], |frame| whole.push(frame.to_vec()));
        taken.map_err(io::Error::other)?;
        for datagram in whole.drain(..) {
            let stream = stream.clone();
            let frame = Frame {
                path,
                stream,
                datagram,
            };
            if shared.frames[home].send(frame).await.is_err() {
                return Ok(());
            }
        }
    }
}

/// Writes what waits, until the peer has ended.
async fn write(stream: &Stream, mut writer: WriteHalf<'_>) -> io::Result<()> {
    let mut out = Vec::new();
    loop {
        writer.writable().await?;
        stream.take(Instant::now(), &mut out);
        if !out.is_empty() {
            let over = async {
                while !stream.is_over() {
                    stream.over.notified().await;
                }
                sleep(END_LIMIT).await;
            };
            tokio::select! {
                written = writer.write_all(&out) => written?,
                () = over => return Ok(()),
            }
            out.clear();
        } else if stream.is_over() {
            return writer.shutdown().await;
        } else {
            stream.filled.notified().await;
        }
    }
}

/// Completes where no authentic check comes in time.
async fn is_not_proven(stream: &Stream) -> io::Result<()> {
    if timeout(PROOF_LIMIT, stream.proven.notified()).await.is_ok() {
        std::future::pending::<()>().await;
    }
    Err(io::Error::other("no authentic check came in time"))
}
