//! Who gets a datagram.
//!
//! A connectivity check names the peer that it is for: the part of its USERNAME before the colon
//! is the ufrag of that peer's answer (RFC 8445 section 7.2.2). If it was made with that
//! answer's password, its source address is the peer's from then on, and whatever else comes
//! from there is routed by it (RFC 7983 tells the kinds apart). All other datagrams are dropped
//! and counted, and leave no trace in any table.
//!
//! **What a stranger can do to a route.** Without a peer's password: nothing. With a recorded
//! check of a peer, sent again from elsewhere: add an address to that peer, up to
//! [`MAX_SOURCES`](table::MAX_SOURCES), which takes nothing from the ones it has. With a session
//! of their own and a forged source address: nothing, while the peer at that address is heard
//! from.

mod table;

use super::inbox::Inbox;
use super::paths::Origin;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use table::Table;
use tokio::time::Instant;

/// Names a peer of a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PeerId(u64);

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
    /// A check for a peer that has as many addresses as it may.
    TooManySources,
    /// A check from an address at which another peer is being heard.
    SourceTaken,
    /// From an address that is no peer's.
    UnknownSource,
    /// For a peer that does not read fast enough.
    InboxFull,
    /// More of a DTLS handshake than there is to one, or in a form that no sender makes.
    BadHandshake,
}

impl Reason {
    /// Every reason, in the order of their numbers.
    pub const ALL: [Self; 9] = [
        Self::NotForUs,
        Self::MalformedStun,
        Self::UnknownUfrag,
        Self::NotAuthentic,
        Self::TooManySources,
        Self::SourceTaken,
        Self::UnknownSource,
        Self::InboxFull,
        Self::BadHandshake,
    ];

    /// The reason in a word, as metrics and logs name it.
    pub fn name(self) -> &'static str {
        match self {
            Self::NotForUs => "not_for_us",
            Self::MalformedStun => "malformed_stun",
            Self::UnknownUfrag => "unknown_ufrag",
            Self::NotAuthentic => "not_authentic",
            Self::TooManySources => "too_many_sources",
            Self::SourceTaken => "source_taken",
            Self::UnknownSource => "unknown_source",
            Self::InboxFull => "inbox_full",
            Self::BadHandshake => "bad_handshake",
        }
    }
}

/// Datagrams dropped, by reason.
#[derive(Default)]
struct Drops([AtomicU64; Reason::ALL.len()]);

/// Routes datagrams to the inboxes of peers.
#[derive(Default)]
pub struct Demux {
    table: Mutex<Table>,
    drops: Drops,
}

/// What is to be done after datagrams were routed.
#[derive(Default)]
pub struct Then {
    /// Of the peers that something came for, each once.
    pub wakers: Vec<Waker>,
    pub replies: Vec<Reply>,
}

/// A datagram that goes back to where one came from.
pub struct Reply {
    pub bytes: Vec<u8>,
    pub origin: Origin,
}

/// How large the tables are. Only answers and authentic checks change it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Routes {
    /// Peers that are open.
    pub peers: usize,
    /// Ufrags by which checks are routed.
    pub ufrags: usize,
    /// Source addresses by which all else is.
    pub sources: usize,
}

impl Demux {
    fn table(&self) -> MutexGuard<'_, Table> {
        // Every change leaves the tables whole, so a panic elsewhere does not spoil them.
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn add_peer(&self, inbox: Arc<Inbox>) -> PeerId {
        self.table().add_peer(inbox)
    }

    /// Makes a peer known by another answer. `false` where the ufrag is another peer's.
    pub fn add_answer(&self, id: PeerId, ufrag: &[u8], password: &[u8]) -> bool {
        self.table().add_answer(id, ufrag, password)
    }

    /// Forgets a peer and all that led to it.
    pub fn remove_peer(&self, id: PeerId) {
        self.table().remove_peer(id);
    }

    /// Routes one batch of datagrams, all received at `now`. What follows from them is put in
    /// `then`, for the caller to do when no lock is held.
    pub fn route<'a>(
        &self,
        datagrams: impl Iterator<Item = (&'a [u8], Origin)>,
        now: Instant,
        then: &mut Then,
    ) {
        let mut table = self.table();
        for (datagram, origin) in datagrams {
            let routed = table
                .find(datagram, origin, now, &mut then.replies)
                .and_then(|inbox| inbox.deliver(datagram, origin, now, &mut then.wakers));
            if let Err(reason) = routed {
                self.drops.0[reason as usize].fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    pub fn routes(&self) -> Routes {
        self.table().routes()
    }

    /// How many datagrams were dropped for `reason` since the port was opened.
    pub fn dropped(&self, reason: Reason) -> u64 {
        self.drops.0[reason as usize].load(Ordering::Relaxed)
    }
}

impl fmt::Debug for Demux {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.routes().fmt(f)
    }
}

#[cfg(test)]
mod tests;
