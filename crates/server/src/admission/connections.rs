//! How many connections of HTTP each network has.

use super::Network;
use crate::lock::lock;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

/// The connections of a server.
#[derive(Default)]
pub struct Connections {
    by_network: Mutex<HashMap<Network, usize>>,
    refused: AtomicU64,
}

impl Connections {
    /// How many were closed at once, since their address had as many as it may.
    pub fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    /// How many are open.
    pub fn open(&self) -> usize {
        lock(&self.by_network).values().sum()
    }

    /// A place for one more of this network; none where it has `most`.
    pub fn enter(self: &Arc<Self>, network: Network, most: usize) -> Option<Connection> {
        let mut by_network = lock(&self.by_network);
        let count = by_network.entry(network).or_default();
        if *count >= most {
            self.refused.fetch_add(1, Ordering::Relaxed);
            return None;
        }
        *count += 1;
        Some(Connection {
            all: self.clone(),
            network,
        })
    }
}

/// One of them, until it is dropped.
pub struct Connection {
    all: Arc<Connections>,
    network: Network,
}

impl Drop for Connection {
    fn drop(&mut self) {
        let mut by_network = lock(&self.all.by_network);
        if let Some(count) = by_network.get_mut(&self.network) {
            *count -= 1;
            if *count == 0 {
                by_network.remove(&self.network);
            }
        }
    }
}
