//! Tokens whose signature was found to be good.
//!
//! A client brings the same token each time it connects, and to check a signature with a public key takes
//! most of what connecting takes here. A secret is quicker than looking.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// How many are kept in each of two generations: when the younger is full, the older is forgotten.
const GENERATION: usize = 5_000;

/// The SHA-256 of a token, with its signature.
pub(crate) type Digest = [u8; 32];

pub(crate) fn digest(token: &str) -> Digest {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, token.as_bytes());
    let mut bytes = [0; 32];
    bytes.copy_from_slice(digest.as_ref());
    bytes
}

/// What was made of each token.
pub(crate) struct Seen<T>(Mutex<Generations<T>>);

struct Generations<T> {
    younger: HashMap<Digest, T>,
    older: HashMap<Digest, T>,
}

impl<T: Clone> Seen<T> {
    pub fn new() -> Self {
        Self(Mutex::new(Generations {
            younger: HashMap::new(),
            older: HashMap::new(),
        }))
    }

    pub fn get(&self, digest: &Digest) -> Option<T> {
        let mut generations = self.generations();
        if let Some(made) = generations.younger.get(digest) {
            return Some(made.clone());
        }
        let made = generations.older.remove(digest)?;
        generations.add(*digest, made.clone());
        Some(made)
    }

    pub fn add(&self, digest: Digest, made: T) {
        self.generations().add(digest, made);
    }

    /// Forgets one that is over.
    pub fn remove(&self, digest: &Digest) {
        let mut generations = self.generations();
        generations.younger.remove(digest);
        generations.older.remove(digest);
    }

    fn generations(&self) -> MutexGuard<'_, Generations<T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Generations<T> {
    fn add(&mut self, digest: Digest, made: T) {
        if self.younger.len() == GENERATION {
            self.older = std::mem::take(&mut self.younger);
        }
        self.younger.insert(digest, made);
    }
}

#[cfg(test)]
mod tests {
    use super::{GENERATION, Seen, digest};

    #[test]
    fn it_is_bounded_and_what_is_used_stays() {
        let seen = Seen::new();
        seen.add(digest("used"), 0);
        for number in 1..=5 * GENERATION {
            seen.add(digest(&number.to_string()), number);
            assert_eq!(seen.get(&digest("used")), Some(0));
        }
        let kept = |number: &usize| seen.get(&digest(&number.to_string())) == Some(*number);
        assert!(!kept(&1) && kept(&(5 * GENERATION)));
        let generations = seen.generations();
        let (younger, older) = (generations.younger.len(), generations.older.len());
        assert!((1..=GENERATION).contains(&younger) && older <= GENERATION);
    }

    #[test]
    fn what_is_removed_is_gone() {
        let seen = Seen::new();
        seen.add(digest("a"), ());
        seen.remove(&digest("a"));
        assert_eq!(seen.get(&digest("a")), None);
    }
}
