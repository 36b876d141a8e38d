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

mod credentials;
mod paths;

pub use credentials::Credentials;
pub use paths::MAX_PATHS;

use crate::path::{Datagrams, Path};
use crate::stun::{self, Message};
use paths::Known;
use std::time::{Duration, Instant};

/// How many answers of a peer are known. During an ICE restart data still takes the path to which
/// the earlier one led (RFC 8445 section 9).
const GENERATIONS: usize = 2;

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
    /// A path that is not this peer's any more, so that the new one has room.
    pub forgotten: Option<Path>,
}

/// Both sides' credentials of one offer and answer.
#[derive(Debug)]
struct Generation {
    number: u64,
    local: Credentials,
    remote: Credentials,
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
    /// Whether an authentic check has come at all.
    was_checked: bool,
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
            was_checked: false,
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

    /// The paths that are this peer's.
    pub fn paths(&self) -> impl Iterator<Item = Path> {
        self.known.iter().map(|known| known.path)
    }

    /// The path in use.
    pub fn path(&self) -> Option<Path> {
        self.selected.map(|(path, _)| path)
    }

    /// How long the client's answer to a check of ours took on the path in use.
    pub fn round_trip(&self) -> Option<Duration> {
        let (path, _) = self.selected?;
        let known = self.known.iter().find(|known| known.path == path)?;
        known.round_trip
    }

    /// Whether an authentic check has come, though there may be no path yet.
    pub fn was_checked(&self) -> bool {
        self.was_checked
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
            stun::write_success(out, transaction, path.remote.address, password);
        });
        self.heard = now;
        self.was_checked = true;
        let forgotten = self.note(now, path, &check, length, answered);
        self.ask(now, path, check.generation, out);
        Checked {
            has_moved: self.select(now, path),
            forgotten,
        }
    }

    fn newest(&self) -> &Generation {
        self.generations
            .last()
            .expect("there is one from the start, and one is added before one goes")
    }
}

#[cfg(test)]
mod tests;
