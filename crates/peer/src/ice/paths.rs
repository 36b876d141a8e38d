//! The paths of a peer: what is known of each, which is used, and what may leave there.

use super::{Agent, Authentic};
use crate::path::{Datagrams, Path, Remote};
use crate::stun::{Check, Kind, Message, Transaction};
use std::time::{Duration, Instant};

/// How many paths a peer may have at a time. One more takes the place of that which has been
/// checked least lately and is not in use.
pub const MAX_PATHS: usize = 16;
/// How much leaves on a path that is not proven, times what came (as RFC 9000 section 8.1 has it).
const AMPLIFICATION: usize = 3;
/// A path that was nominated is silent when nothing has come for so long: a client checks a path
/// that it uses each 2 to 5 s, and acknowledges what is sent at once.
const SILENT: Duration = Duration::from_secs(2);
/// The priority of a check: that of a peer-reflexive candidate, the only one of its kind (RFC 8445
/// sections 5.1.2.1 and 7.1.1).
const PRIORITY: u32 = 110 << 24 | 65_535 << 8 | 255;

/// A path from which an authentic check came.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) path: Path,
    pub(super) generation: u64,
    pub(super) checked: Instant,
    pub(super) heard: Instant,
    /// The check of ours that its client has not answered yet, and when it was made.
    pub(super) asked: Option<(Transaction, Instant)>,
    /// How long the client's answer took.
    pub(super) round_trip: Option<Duration>,
    pub(super) is_proven: bool,
    pub(super) is_nominated: bool,
    pub(super) received: usize,
    pub(super) sent: usize,
}

impl Agent {
    /// Enters a check into what is known of its path. Returns the path that had to go for it.
    pub(super) fn note(
        &mut self,
        now: Instant,
        path: Path,
        check: &Authentic<'_>,
        length: usize,
        answered: usize,
    ) -> Option<Path> {
        let at = self
            .known
            .iter()
            .position(|known| known.path.remote == path.remote);
        let mut forgotten = None;
        let at = at.unwrap_or_else(|| {
            forgotten = self.make_room();
            // Most peers have one path for all their life.
            self.known.reserve_exact(1);
            self.known.push(Known {
                path,
                generation: check.generation,
                checked: now,
                heard: now,
                asked: None,
                round_trip: None,
                is_proven: false,
                is_nominated: false,
                received: 0,
                sent: 0,
            });
            self.known.len() - 1
        });
        let known = &mut self.known[at];
        // The client may reach the same address of its by another of ours.
        known.path = path;
        known.checked = now;
        known.heard = now;
        known.received += length;
        known.sent += answered;
        if check.generation > known.generation {
            known.generation = check.generation;
            known.is_nominated = false;
        }
        if check.generation == known.generation {
            known.is_nominated |= check.message.nominates();
        }
        forgotten
    }

    fn make_room(&mut self) -> Option<Path> {
        if self.known.len() < MAX_PATHS {
            return None;
        }
        let selected = self.path().map(|path| path.remote);
        let (at, _) = self
            .known
            .iter()
            .enumerate()
            .filter(|(_, known)| Some(known.path.remote) != selected)
            .min_by_key(|(_, known)| known.checked)?;
        Some(self.known.swap_remove(at).path)
    }

    /// Makes a check on a path that is not proven: one for each that comes there, if it is within
    /// what may be sent there. It carries both ufrags, of which the client's may be long, and a
    /// forged check need not have it.
    pub(super) fn ask(&mut self, now: Instant, path: Path, generation: u64, out: &mut Datagrams) {
        let Some(known) = self
            .known
            .iter_mut()
            .find(|known| known.path == path && !known.is_proven)
        else {
            return;
        };
        let Some(generation) = self
            .generations
            .iter()
            .find(|known| known.number == generation)
        else {
            return;
        };
        let transaction: Transaction = rand::random();
        let check = Check {
            transaction,
            ufrags: (&generation.remote.ufrag, &generation.local.ufrag),
            priority: PRIORITY,
            tie_breaker: self.tie_breaker,
        };
        let mut bytes = Vec::new();
        check.write(&mut bytes, generation.remote.password.as_bytes());
        if known.sent + bytes.len() > AMPLIFICATION * known.received {
            return;
        }
        known.asked = Some((transaction, now));
        known.sent += out.add(path, |out| out.extend_from_slice(&bytes));
    }

    /// Takes an answer to a check of ours, which came on `path`. True where another path is in use
    /// now.
    pub fn answered(&mut self, now: Instant, path: Path, answer: &Message<'_>) -> bool {
        if answer.kind() != Kind::Success {
            return false;
        }
        let generations = &self.generations;
        let asked = self.known.iter_mut().find_map(|known| {
            let (transaction, at) = known.asked?;
            let is_its = known.path.remote == path.remote && transaction == answer.transaction();
            is_its.then_some((known, at))
        });
        let Some((known, at)) = asked else {
            return false;
        };
        let is_authentic = generations.iter().any(|generation| {
            generation.number == known.generation
                && answer.is_authentic(generation.remote.password.as_bytes())
        });
        if !is_authentic {
            return false;
        }
        known.asked = None;
        known.round_trip = Some(now.saturating_duration_since(at));
        known.is_proven = true;
        known.heard = now;
        self.heard = now;
        let path = known.path;
        self.select(now, path)
    }

    /// Takes note of data that came on a path and that the client has sent beyond doubt.
    pub fn prolong(&mut self, now: Instant, path: Path) {
        if let Some(known) = self.known_mut(path.remote) {
            known.heard = now;
            self.heard = now;
        }
    }

    /// Takes note of a datagram of `length` bytes other than a check; false where its path is not
    /// known.
    pub fn received(&mut self, path: Path, length: usize) -> bool {
        let known = self.known_mut(path.remote);
        known.map(|known| known.received += length).is_some()
    }

    /// The path that a datagram of `length` bytes may take now; `None` where there is none, or not
    /// so much may leave there yet.
    pub fn leave(&mut self, length: usize) -> Option<Path> {
        let (path, _) = self.selected?;
        let known = self.known.iter_mut().find(|known| known.path == path)?;
        if !known.is_proven && known.sent + length > AMPLIFICATION * known.received {
            return None;
        }
        known.sent += length;
        Some(path)
    }

    /// Puts a path in use that has just been heard, if it is to be. True where that is another.
    pub(super) fn select(&mut self, now: Instant, path: Path) -> bool {
        let find = |remote| self.known.iter().find(|known| known.path.remote == remote);
        let Some(candidate) = find(path.remote) else {
            return false;
        };
        let nominated = candidate.is_nominated;
        let Some((current, was_nominated)) = self.selected else {
            self.selected = Some((candidate.path, nominated));
            return true;
        };
        if current.remote == path.remote {
            self.selected = Some((candidate.path, was_nominated || nominated));
            return false;
        }
        let may_move = find(current.remote).is_none_or(|current| {
            let is_older = candidate.generation < current.generation;
            let is_silent = now.saturating_duration_since(current.heard) >= SILENT;
            is_silent || !is_older && (nominated || !was_nominated)
        });
        if !may_move || !candidate.is_proven {
            return false;
        }
        self.selected = Some((candidate.path, nominated));
        // Another nomination moves it back.
        for known in &mut self.known {
            known.is_nominated &= known.path.remote == path.remote;
        }
        true
    }

    fn known_mut(&mut self, remote: Remote) -> Option<&mut Known> {
        let mut known = self.known.iter_mut();
        known.find(|known| known.path.remote == remote)
    }
}
