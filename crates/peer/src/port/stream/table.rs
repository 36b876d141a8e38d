//! The connections that there are.

use super::Stream;
use crate::path::Path;
use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Instant;

/// The connections of a port, by their numbers.
#[derive(Default)]
pub struct Streams {
    open: RwLock<HashMap<usize, Arc<Stream>>>,
    next: AtomicUsize,
}

impl Streams {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.read().len()
    }

    fn read(&self) -> RwLockReadGuard<'_, HashMap<usize, Arc<Stream>>> {
        self.open.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, HashMap<usize, Arc<Stream>>> {
        self.open.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends a datagram on its connection, if its path is one of TCP: otherwise this is false. One that finds
    /// no room, or no connection, is lost, as on any network.
    pub fn send(&self, path: Path, datagram: &[u8]) -> bool {
        if path.remote.is_tcp
            && let Some(stream) = self.read().get(&path.socket)
        {
            stream.send(Instant::now(), datagram);
        }
        path.remote.is_tcp
    }

    /// Closes the connections among these paths.
    pub fn end(&self, paths: impl IntoIterator<Item = Path>) {
        let open = self.read();
        let numbers = paths.into_iter().filter(|path| path.remote.is_tcp);
        numbers
            .filter_map(|path| open.get(&path.socket))
            .for_each(|stream| stream.end());
    }
}

/// A connection in the table, until this is dropped.
pub struct Entered<'a> {
    streams: &'a Streams,
    pub number: usize,
    pub stream: Arc<Stream>,
}

impl<'a> Entered<'a> {
    pub fn new(streams: &'a Streams) -> Self {
        let number = streams.next.fetch_add(1, Ordering::Relaxed);
        let stream = Arc::new(Stream::default());
        streams.write().insert(number, stream.clone());
        Self {
            streams,
            number,
            stream,
        }
    }
}

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        self.streams.write().remove(&self.number);
    }
}
