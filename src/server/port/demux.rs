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
//! [`MAX_SOURCES`], which takes nothing from the ones it has. With a session of their own and a
//! forged source address: nothing, while the peer at that address is heard from.

use super::inbox::{Inbox, Origin};
use super::{reply, stun};
use std::collections::HashMap;
use std::fmt;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::Duration;
use tokio::time::Instant;

/// How many addresses a peer may be reached from, for each of its two newest answers. A browser
/// checks from each of its interfaces.
const MAX_SOURCES: usize = 16;
/// How many answers of a peer are known. During an ICE restart data still comes from where the
/// earlier one led (RFC 8445 section 9).
const GENERATIONS: usize = 2;
/// How long an address stays a peer's without a word from it. Browsers check about every 5 s
/// (RFC 7675 section 5.1).
const HELD_FOR: Duration = Duration::from_secs(15);

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
}

impl Reason {
    /// Every reason, in the order of their numbers.
    pub const ALL: [Self; 8] = [
        Self::NotForUs,
        Self::MalformedStun,
        Self::UnknownUfrag,
        Self::NotAuthentic,
        Self::TooManySources,
        Self::SourceTaken,
        Self::UnknownSource,
        Self::InboxFull,
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

#[derive(Default)]
struct Table {
    peers: HashMap<PeerId, Peer>,
    ufrags: HashMap<Vec<u8>, PeerId>,
    sources: HashMap<SocketAddr, Source>,
    next: u64,
}

struct Peer {
    inbox: Arc<Inbox>,
    /// Oldest first.
    generations: Vec<Generation>,
}

/// What one answer of a peer has led to.
struct Generation {
    number: u64,
    ufrag: Vec<u8>,
    password: Vec<u8>,
    sources: Vec<SocketAddr>,
}

struct Source {
    peer: PeerId,
    /// The newest of the peer's answers that a check from here was made for.
    generation: u64,
    inbox: Arc<Inbox>,
    heard: Instant,
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
        let mut table = self.table();
        let id = PeerId(table.next);
        table.next += 1;
        table.peers.insert(
            id,
            Peer {
                inbox,
                generations: Vec::new(),
            },
        );
        id
    }

    /// Makes a peer known by another answer. `false` where the ufrag is another peer's.
    pub fn add_answer(&self, id: PeerId, ufrag: &[u8], password: &[u8]) -> bool {
        self.table().add_answer(id, ufrag, password)
    }

    /// Forgets a peer and all that led to it.
    pub fn remove_peer(&self, id: PeerId) {
        let mut table = self.table();
        if let Some(peer) = table.peers.remove(&id) {
            for generation in peer.generations {
                table.forget(generation);
            }
        }
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
        let table = self.table();
        Routes {
            peers: table.peers.len(),
            ufrags: table.ufrags.len(),
            sources: table.sources.len(),
        }
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

impl Table {
    /// The inbox that a datagram is for. RFC 7983 section 7 tells its kind by the first byte.
    fn find(
        &mut self,
        datagram: &[u8],
        origin: Origin,
        now: Instant,
        replies: &mut Vec<Reply>,
    ) -> Result<&Inbox, Reason> {
        let remote = origin.remote;
        match datagram.first() {
            Some(0..=3) => {
                let message = stun::Message::read(datagram).ok_or(Reason::MalformedStun)?;
                if message.is_binding_request() {
                    self.admit(&message, remote, now)?;
                }
                if message.is_nomination() {
                    replies.extend(self.answer_nomination(&message, datagram, origin)?);
                }
                self.by_source(remote, now)
            }
            Some(20..=63) => self.by_source(remote, now),
            _ => Err(Reason::NotForUs),
        }
    }

    fn by_source(&mut self, remote: SocketAddr, now: Instant) -> Result<&Inbox, Reason> {
        let source = self.sources.get_mut(&remote).ok_or(Reason::UnknownSource)?;
        source.heard = now;
        Ok(&source.inbox)
    }

    /// Answers a check that nominates its pair, while the peer's agent has none. `webrtc`'s
    /// agent leaves such a check without an answer, and forgets it, unless one of its own has
    /// succeeded on that pair; RFC 8445 section 7.3.1 has it answer at once, and take the pair
    /// as soon as its check succeeds. The browser would go on only with its next nomination.
    fn answer_nomination(
        &self,
        check: &stun::Message<'_>,
        datagram: &[u8],
        origin: Origin,
    ) -> Result<Option<Reply>, Reason> {
        let ufrag = check.local_ufrag().ok_or(Reason::UnknownUfrag)?;
        let (peer, generation) = self.by_ufrag(ufrag).ok_or(Reason::UnknownUfrag)?;
        // Where the source is known nobody has looked at this yet.
        if !check.is_authentic(&generation.password) {
            return Err(Reason::NotAuthentic);
        }
        if !peer.inbox.keep_nomination(datagram, origin.remote) {
            return Ok(None);
        }
        let response = check.transaction().and_then(|transaction| {
            reply::success(transaction, origin.remote, &generation.password)
        });
        Ok(response.map(|bytes| Reply { bytes, origin }))
    }

    fn by_ufrag(&self, ufrag: &[u8]) -> Option<(&Peer, &Generation)> {
        let peer = self.peers.get(self.ufrags.get(ufrag)?)?;
        let generation = peer
            .generations
            .iter()
            .find(|generation| generation.ufrag == ufrag)?;
        Some((peer, generation))
    }

    /// Sees to it that the address a check comes from is that of the peer it is for.
    fn admit(
        &mut self,
        check: &stun::Message<'_>,
        remote: SocketAddr,
        now: Instant,
    ) -> Result<(), Reason> {
        let ufrag = check.local_ufrag().ok_or(Reason::UnknownUfrag)?;
        let id = *self.ufrags.get(ufrag).ok_or(Reason::UnknownUfrag)?;
        let (peer, generation) = self.by_ufrag(ufrag).ok_or(Reason::UnknownUfrag)?;
        let known = self.sources.get(&remote);
        if known.is_some_and(|source| source.peer == id && source.generation >= generation.number) {
            // The peer's own agent checks the integrity of what comes from a known address.
            return Ok(());
        }
        if !check.is_authentic(&generation.password) {
            return Err(Reason::NotAuthentic);
        }
        if known.is_some_and(|source| {
            source.peer != id && now.saturating_duration_since(source.heard) < HELD_FOR
        }) {
            return Err(Reason::SourceTaken);
        }
        if generation.sources.len() >= MAX_SOURCES {
            return Err(Reason::TooManySources);
        }
        let source = Source {
            peer: id,
            generation: generation.number,
            inbox: peer.inbox.clone(),
            heard: now,
        };
        if let Some(earlier) = self.sources.insert(remote, source) {
            self.strike(earlier.peer, remote);
        }
        if let Some(generation) = self.generation(id, ufrag) {
            generation.sources.push(remote);
        }
        Ok(())
    }

    fn generation(&mut self, id: PeerId, ufrag: &[u8]) -> Option<&mut Generation> {
        let peer = self.peers.get_mut(&id)?;
        peer.generations
            .iter_mut()
            .find(|generation| generation.ufrag == ufrag)
    }

    /// Strikes an address off the list that it was on.
    fn strike(&mut self, id: PeerId, remote: SocketAddr) {
        if let Some(peer) = self.peers.get_mut(&id) {
            for generation in &mut peer.generations {
                generation.sources.retain(|&source| source != remote);
            }
        }
    }

    fn add_answer(&mut self, id: PeerId, ufrag: &[u8], password: &[u8]) -> bool {
        let Some(peer) = self.peers.get_mut(&id) else {
            return false;
        };
        if let Some(&owner) = self.ufrags.get(ufrag) {
            // The same answer again changes nothing.
            return owner == id;
        }
        let oldest = (peer.generations.len() == GENERATIONS).then(|| peer.generations.remove(0));
        let number = peer.generations.last().map_or(0, |last| last.number + 1);
        peer.generations.push(Generation {
            number,
            ufrag: ufrag.into(),
            password: password.into(),
            sources: Vec::new(),
        });
        self.ufrags.insert(ufrag.into(), id);
        if let Some(oldest) = oldest {
            self.forget(oldest);
        }
        true
    }

    fn forget(&mut self, generation: Generation) {
        self.ufrags.remove(&generation.ufrag);
        for source in generation.sources {
            self.sources.remove(&source);
        }
    }
}

#[cfg(test)]
mod tests;
