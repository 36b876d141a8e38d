//! ICE for a server that can be reached (RFC 8445): its client makes the checks, and nominates.
//!
//! The agent answers checks that are made with its password, and makes one check of its own on a
//! path from which one came: its answer proves that the client is there, and a client that waits
//! for a check of ours need not wait. It offers the client nothing to check but its host
//! candidates, keeps no list of pairs, and never controls.
//!
//! **Which path is used.** What was nominated last, and before any nomination, what was checked
//! last (RFC 8445 section 8.1.1). Once there is one, another takes its place only when the client
//! has answered a check there: who sends a recorded check again from elsewhere cannot. A client
//! that does not nominate again after its address has changed is followed once the path that was
//! nominated is silent. Data prolongs a path, and never moves it.
//!
//! **What a stranger costs.** Where nobody has answered yet, at most three times what
//! came from there leaves.

use crate::path::{Datagrams, Path};
use crate::stun::{self, Check, Kind, Message, Transaction};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// How many paths a peer may have at a time. One more takes the place of that which has been
/// checked least lately and is not in use.
pub const MAX_PATHS: usize = 16;
/// How many answers of a peer are known. During an ICE restart data still takes the path to which
/// the earlier one led (RFC 8445 section 9).
const GENERATIONS: usize = 2;
/// How much leaves on a path that is not proven, times what came (as RFC 9000 section 8.1 has it).
const AMPLIFICATION: usize = 3;
/// A path that was nominated is silent when nothing has come for so long: a client checks a path
/// that it uses each 2 to 5 s, and acknowledges what is sent at once.
const SILENT: Duration = Duration::from_secs(2);
/// The priority of a check: that of a peer-reflexive candidate, the only one of its kind (RFC 8445
/// sections 5.1.2.1 and 7.1.1).
const PRIORITY: u32 = 110 << 24 | 65_535 << 8 | 255;

/// A ufrag and a password (RFC 8445 section 5.3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credentials {
    pub ufrag: String,
    pub password: String,
}

impl Credentials {
    /// Credentials that are not to be guessed: 60 random bits name the peer, 144 are its secret
    /// (RFC 8839 section 5.4 asks for 24 and 128).
    pub fn random() -> Self {
        const CHARACTERS: &[u8; 64] =
            b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let random = |length: usize| -> String {
            let mut bytes = vec![0_u8; length];
            rand::fill(&mut bytes[..]);
            let characters = bytes.iter().map(|byte| CHARACTERS[usize::from(byte & 63)]);
            characters.map(char::from).collect()
        };
        Self {
            ufrag: random(10),
            password: random(24),
        }
    }
}

/// Why a check is not answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CheckError {
    /// It is for a ufrag that the peer does not have.
    UnknownUfrag,
    /// It was not made with the peer's password.
    NotAuthentic,
}

/// A message that was made with the password of one of the peer's answers.
#[derive(Clone, Copy, Debug)]
pub struct Authentic<'a> {
    message: Message<'a>,
    generation: u64,
}

/// What a check has changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Checked {
    /// Another path is in use now.
    pub has_moved: bool,
    /// An address that is not this peer's any more, so that the new one has room.
    pub forgotten: Option<SocketAddr>,
}

/// Both sides' credentials of one offer and answer.
#[derive(Debug)]
struct Generation {
    number: u64,
    local: Credentials,
    remote: Credentials,
}

/// A path from which an authentic check came.
#[derive(Debug)]
struct Known {
    path: Path,
    generation: u64,
    checked: Instant,
    heard: Instant,
    /// The check of ours that its client has not answered yet.
    asked: Option<Transaction>,
    is_proven: bool,
    is_nominated: bool,
    received: usize,
    sent: usize,
}

/// The ICE agent of one peer.
#[derive(Debug)]
pub struct Agent {
    /// Oldest first; never empty.
    generations: Vec<Generation>,
    tie_breaker: u64,
    known: Vec<Known>,
    /// The path in use, and whether it was nominated.
    selected: Option<(Path, bool)>,
    heard: Instant,
}

impl Agent {
    /// For an answer with these credentials to an offer with those.
    pub fn new(now: Instant, local: Credentials, remote: Credentials) -> Self {
        Self {
            generations: vec![Generation {
                number: 0,
                local,
                remote,
            }],
            tie_breaker: rand::random(),
            known: Vec::new(),
            selected: None,
            heard: now,
        }
    }

    /// From now on checks for another answer are answered too. The path stays until another is
    /// nominated by one of them. Returns the ufrag that is not known any more.
    pub fn restart(&mut self, local: Credentials, remote: Credentials) -> Option<String> {
        let number = self.newest().number + 1;
        self.generations.push(Generation {
            number,
            local,
            remote,
        });
        (self.generations.len() > GENERATIONS).then(|| self.generations.remove(0).local.ufrag)
    }

    /// The credentials of the newest answer.
    pub fn local(&self) -> &Credentials {
        &self.newest().local
    }

    /// The credentials of the newest offer.
    pub fn remote(&self) -> &Credentials {
        &self.newest().remote
    }

    /// The ufrags by which the peer is known.
    pub fn ufrags(&self) -> impl Iterator<Item = &str> {
        self.generations
            .iter()
            .map(|generation| generation.local.ufrag.as_str())
    }

    /// The addresses that are this peer's.
    pub fn sources(&self) -> impl Iterator<Item = SocketAddr> {
        self.known.iter().map(|known| known.path.remote)
    }

    /// The path in use.
    pub fn path(&self) -> Option<Path> {
        self.selected.map(|(path, _)| path)
    }

    /// When the client was last heard, by something that only it can have sent.
    pub fn heard(&self) -> Instant {
        self.heard
    }

    /// Whether a check was made with a password of this peer's.
    ///
    /// # Errors
    /// Where not, or where the ufrag is another.
    pub fn authenticate<'a>(&self, message: Message<'a>) -> Result<Authentic<'a>, CheckError> {
        let ufrag = message.local_ufrag().ok_or(CheckError::UnknownUfrag)?;
        let generation = self
            .generations
            .iter()
            .find(|generation| generation.local.ufrag.as_bytes() == ufrag)
            .ok_or(CheckError::UnknownUfrag)?;
        if !message.is_authentic(generation.local.password.as_bytes()) {
            return Err(CheckError::NotAuthentic);
        }
        Ok(Authentic {
            message,
            generation: generation.number,
        })
    }

    /// Answers a check that came on `path` in a datagram of `length` bytes.
    pub fn check(
        &mut self,
        now: Instant,
        path: Path,
        check: Authentic<'_>,
        length: usize,
        out: &mut Datagrams,
    ) -> Checked {
        let Some(generation) = self
            .generations
            .iter()
            .find(|generation| generation.number == check.generation)
        else {
            return Checked::default();
        };
        let (transaction, password) = (
            check.message.transaction(),
            generation.local.password.as_bytes(),
        );
        if check.message.is_controlled() {
            out.add(path, |out| {
                stun::write_role_conflict(out, transaction, password);
            });
            return Checked::default();
        }
        let answered = out.add(path, |out| {
            stun::write_success(out, transaction, path.remote, password);
        });
        self.heard = now;
        let forgotten = self.note(now, path, &check, length, answered);
        self.ask(path, check.generation, out);
        Checked {
            has_moved: self.select(now, path),
            forgotten,
        }
    }

    /// Enters a check into what is known of its path. Returns the address that had to go for it.
    fn note(
        &mut self,
        now: Instant,
        path: Path,
        check: &Authentic<'_>,
        length: usize,
        answered: usize,
    ) -> Option<SocketAddr> {
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

    fn make_room(&mut self) -> Option<SocketAddr> {
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
        Some(self.known.swap_remove(at).path.remote)
    }

    /// Makes a check on a path that is not proven: one for each that comes there, if it is within
    /// what may be sent there. It carries both ufrags, of which the client's may be long, and a
    /// forged check need not have it.
    fn ask(&mut self, path: Path, generation: u64, out: &mut Datagrams) {
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
        known.asked = Some(transaction);
        known.sent += out.add(path, |out| out.extend_from_slice(&bytes));
    }

    /// Takes an answer to a check of ours, which came on `path`. True where another path is in use
    /// now.
    pub fn answered(&mut self, now: Instant, path: Path, answer: &Message<'_>) -> bool {
        if answer.kind() != Kind::Success {
            return false;
        }
        let generations = &self.generations;
        let Some(known) = self.known.iter_mut().find(|known| {
            known.path.remote == path.remote && known.asked == Some(answer.transaction())
        }) else {
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
    fn select(&mut self, now: Instant, path: Path) -> bool {
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

    fn known_mut(&mut self, remote: SocketAddr) -> Option<&mut Known> {
        let mut known = self.known.iter_mut();
        known.find(|known| known.path.remote == remote)
    }

    fn newest(&self) -> &Generation {
        self.generations
            .last()
            .expect("there is one from the start, and one is added before one goes")
    }
}

#[cfg(test)]
mod tests;
