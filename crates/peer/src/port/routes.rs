//! Who gets a datagram.
//!
//! A connectivity check names the peer that it is for: the part of its USERNAME before the colon
//! is the ufrag of that peer's answer (RFC 8445 section 7.2.2). If it was made with that answer's
//! password, its source address is the peer's from then on, and whatever else comes from there is
//! routed by it (RFC 7983 tells the kinds apart). All other datagrams are dropped and counted, and
//! leave no trace.

use super::slot::Slot;
use crate::path::{Path, Remote};
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::{Duration, Instant};

/// How long an address stays a peer's without a word from it. Clients check about every 5 s (RFC
/// 7675 section 5.1).
const HELD_FOR: Duration = Duration::from_secs(15);

/// Why a datagram was dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub enum Reason {
    /// Neither STUN nor DTLS by its first byte (RFC 7983), or empty.
    NotForUs,
    /// Claims to be STUN, and its lengths or its form are wrong.
    MalformedStun,
    /// A check for a ufrag that no peer has.
    UnknownUfrag,
    /// A check for a peer, not made with its password.
    NotAuthentic,
    /// A check from an address at which another peer is being heard.
    SourceTaken,
    /// From an address that is no peer's.
    UnknownSource,
}

impl Reason {
    /// Every reason, in the order of their numbers.
    pub const ALL: [Self; 6] = [
        Self::NotForUs,
        Self::MalformedStun,
        Self::UnknownUfrag,
        Self::NotAuthentic,
        Self::SourceTaken,
        Self::UnknownSource,
    ];

    /// The reason in a word, as metrics and logs name it.
    pub fn name(self) -> &'static str {
        match self {
            Self::NotForUs => "not_for_us",
            Self::MalformedStun => "malformed_stun",
            Self::UnknownUfrag => "unknown_ufrag",
            Self::NotAuthentic => "not_authentic",
            Self::SourceTaken => "source_taken",
            Self::UnknownSource => "unknown_source",
        }
    }
}

/// Datagrams dropped, by reason.
#[derive(Debug, Default)]
pub struct Drops([AtomicU64; Reason::ALL.len()]);

impl Drops {
    pub fn count(&self, reason: Reason) {
        self.0[reason as usize].fetch_add(1, Ordering::Relaxed);
    }

    pub fn get(&self, reason: Reason) -> u64 {
        self.0[reason as usize].load(Ordering::Relaxed)
    }
}

/// How large the tables are. Only answers and authentic checks change it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// Ufrags by which checks are routed: two a peer at most.
    pub ufrags: usize,
    /// Source addresses by which all else is: at most [`MAX_PATHS`](crate::ice::MAX_PATHS) a
    /// peer.
    pub sources: usize,
}

#[derive(Default)]
struct Table {
    ufrags: HashMap<Box<[u8]>, Arc<Slot>>,
    sources: HashMap<Remote, Arc<Slot>>,
}

/// The routes of a port. No lock of it is held while a peer's is taken.
#[derive(Default)]
pub struct Routes(RwLock<Table>);

impl Routes {
    // Every change leaves the tables whole, so a panic elsewhere does not spoil them.
    fn read(&self) -> RwLockReadGuard<'_, Table> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Table> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn size(&self) -> Size {
        let table = self.read();
        Size {
            ufrags: table.ufrags.len(),
            sources: table.sources.len(),
        }
    }

    /// How many peers have a path by UDP, and by TCP.
    pub fn by_way(&self) -> [usize; 2] {
        let slots: HashMap<*const Slot, Arc<Slot>> = self
            .read()
            .ufrags
            .values()
            .map(|slot| (Arc::as_ptr(slot), slot.clone()))
            .collect();
        let mut ways = [0, 0];
        let paths = slots
            .values()
            .filter_map(|slot| slot.lock().peer.ice().path());
        paths.for_each(|path| ways[usize::from(path.remote.is_tcp)] += 1);
        ways
    }

    pub fn by_ufrag(&self, ufrag: &[u8]) -> Option<Arc<Slot>> {
        self.read().ufrags.get(ufrag).cloned()
    }

    pub fn by_source(&self, source: Remote) -> Option<Arc<Slot>> {
        self.read().sources.get(&source).cloned()
    }

    /// Makes a peer known by a ufrag. False where it is another's: ufrags are random.
    pub fn add_ufrag(&self, ufrag: &str, slot: &Arc<Slot>) -> bool {
        let mut table = self.write();
        if table.ufrags.contains_key(ufrag.as_bytes()) {
            return false;
        }
        table.ufrags.insert(ufrag.as_bytes().into(), slot.clone());
        true
    }

    pub fn remove_ufrag(&self, ufrag: &str) {
        self.write().ufrags.remove(ufrag.as_bytes());
    }

    /// Forgets a peer and all that led to it. Returns the paths that did.
    pub fn remove(&self, slot: &Arc<Slot>) -> Vec<Path> {
        slot.leave();
        let state = slot.lock();
        let ufrags: Vec<String> = state.peer.ice().ufrags().map(str::to_owned).collect();
        let paths: Vec<Path> = state.peer.ice().paths().collect();
        drop(state);
        let mut table = self.write();
        for ufrag in ufrags {
            table.ufrags.remove(ufrag.as_bytes());
        }
        for Path { remote, .. } in &paths {
            let holder = table.sources.get(remote);
            if holder.is_some_and(|holder| Arc::ptr_eq(holder, slot)) {
                table.sources.remove(remote);
            }
        }
        paths
    }

    /// Makes an address a peer's. False where another peer is heard there.
    pub fn claim(&self, now: Instant, source: Remote, slot: &Arc<Slot>) -> bool {
        let holder = self.by_source(source);
        match &holder {
            Some(holder) if Arc::ptr_eq(holder, slot) => return true,
            Some(holder) if holder.silent_for(now) < HELD_FOR => return false,
            _ => {}
        }
        let mut table = self.write();
        if slot.is_gone() {
            return false;
        }
        table.sources.insert(source, slot.clone());
        true
    }

    /// Takes an address from a peer, if it is that peer's.
    pub fn release(&self, source: Remote, slot: &Arc<Slot>) {
        let mut table = self.write();
        if table
            .sources
            .get(&source)
            .is_some_and(|holder| Arc::ptr_eq(holder, slot))
        {
            table.sources.remove(&source);
        }
    }
}
