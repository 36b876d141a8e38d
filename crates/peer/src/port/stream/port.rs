//! What a port offers to those who listen for connections.

use super::serve;
use crate::port::Port;
use std::net::SocketAddr;
use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use tokio::net::TcpStream;
use tokio::task::AbortHandle;

impl Port {
    /// The listeners for clients that come by TCP, but for HTTP's. From here on answers name them, and
    /// HTTP's. What comes there, and what comes at HTTP's and [is a client's](crate::port::is_client), is for
    /// [`Port::serve_tcp`].
    pub fn take_listeners(&self) -> Vec<std::net::TcpListener> {
        let mut tcp = self.tcp.lock().unwrap_or_else(PoisonError::into_inner);
        let listeners = std::mem::take(&mut *tcp);
        let own = listeners.iter().filter_map(|it| it.local_addr().ok());
        let at: Vec<SocketAddr> = self.http.into_iter().chain(own).collect();
        self.shared.candidates.listen_tcp(at);
        listeners
    }

    /// Whether answers name addresses of TCP.
    pub fn has_tcp(&self) -> bool {
        self.shared.candidates.has_tcp()
    }

    /// Serves a connection by which a client comes, from `from`, until it ends. One on which no authentic
    /// check comes within 3 s, or anything else comes first, is closed. How many there are at a time is up
    /// to the caller.
    pub async fn serve_tcp(&self, stream: std::net::TcpStream, from: SocketAddr) {
        let shared = self.shared.clone();
        let home = shared.next.fetch_add(1, Ordering::Relaxed) % shared.loops.len();
        let runtime = shared.runtimes[home].clone();
        let serving = runtime.spawn(async move {
            if let Ok(stream) = TcpStream::from_std(stream) {
                serve(&shared, home, stream, from).await;
            }
        });
        let _aborted = AbortOnDrop(serving.abort_handle());
        // It panics nowhere, and is cancelled with its loop at most.
        let _ = serving.await;
    }

    /// How many connections clients have at present.
    pub fn connections(&self) -> usize {
        self.shared.streams.len()
    }
}

/// Ends a task when it is dropped.
struct AbortOnDrop(AbortHandle);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}
