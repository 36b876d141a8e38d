//! By what a session is known: to those who may change it, and to everybody.

use std::fmt;

/// What lets one change and end a session: 128 random bits. It is no part of a log.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct SessionId(String);

impl SessionId {
    /// An id that is not to be guessed, from a cryptographic generator that the system seeds.
    pub fn random() -> Self {
        Self(format!("{:032x}", rand::random::<u128>()))
    }

    /// The id that a request names, be there such a session or not.
    pub fn from_request(id: String) -> Self {
        Self(id)
    }

    /// As it stands in answers and addresses.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionId(…)")
    }
}

/// Which session of a server's it is, counted from 1 since its start. Who knows it can do nothing
/// by it, so it stands in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionNumber(pub u64);

impl fmt::Display for SessionNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_stands_in_no_log() {
        let id = SessionId::random();
        let shown = format!("{id:?} {:?}", Some(&id));
        assert!(!shown.contains(&id.as_str()[..4]), "{shown}");
        assert_ne!(id, SessionId::random());
    }
}
