//! The routing tables, and what may change them.

use super::super::inbox::Inbox;
use super::super::paths::Origin;
use super::super::{reply, stun};
use super::{PeerId, Reason, Reply, Routes};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// How many addresses a peer may be reached from, for each of its two newest answers. A browser
/// checks from each of its interfaces.
pub const MAX_SOURCES: usize = 16;
/// How many answers of a peer are known. During an ICE restart data still comes from where the
/// earlier one led (RFC 8445 section 9).
pub const GENERATIONS: usize = 2;
/// How long an address stays a peer's without a word from it. Browsers check about every 5 s
/// (RFC 7675 section 5.1).
const HELD_FOR: Duration = Duration::from_secs(15);

/// Peers, and what leads to each.
#[derive(Default)]
pub struct Table {
    peers: HashMap<PeerId, Peer>,
    ufrags: HashMap<Vec<u8>, PeerId>,
    pub(super) sources: HashMap<SocketAddr, Source>,
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

/// An address that a peer is heard from.
pub(super) struct Source {
    pub(super) peer: PeerId,
    /// The newest of the peer's answers that a check from here was made for.
    generation: u64,
    inbox: Arc<Inbox>,
    heard: Instant,
}

impl Table {
    pub fn add_peer(&mut self, inbox: Arc<Inbox>) -> PeerId {
        let id = PeerId(self.next);
        self.next += 1;
        let generations = Vec::new();
        self.peers.insert(id, Peer { inbox, generations });
        id
    }

    pub fn remove_peer(&mut self, id: PeerId) {
        let removed = self.peers.remove(&id);
        for generation in removed.into_iter().flat_map(|peer| peer.generations) {
            self.forget(generation);
        }
    }

    pub fn routes(&self) -> Routes {
        Routes {
            peers: self.peers.len(),
            ufrags: self.ufrags.len(),
            sources: self.sources.len(),
        }
    }

    /// The inbox that a datagram is for. RFC 7983 section 7 tells its kind by the first byte.
    pub fn find(
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

    pub fn add_answer(&mut self, id: PeerId, ufrag: &[u8], password: &[u8]) -> bool {
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
