//! By what a session is known: to those who may change it, and to everybody.

use std::fmt;

/// Between the name of a node and the rest.
const NODE_END: char = '-';

/// What lets one change and end a session: 128 random bits, after the name of the node that has it where
/// there are several. It is no part of a log.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct SessionId(String);

impl SessionId {
    /// An id that is not to be guessed, from a cryptographic generator that the system seeds.
    pub fn random(node: Option<&str>) -> Self {
        let random = rand::random::<u128>();
        Self(match node {
            Some(node) => format!("{node}{NODE_END}{random:032x}"),
            None => format!("{random:032x}"),
        })
    }

    /// The id that a request names, be there such a session or not.
    pub fn from_request(id: String) -> Self {
        Self(id)
    }

    /// The node that has it, of several.
    pub fn node(&self) -> Option<&str> {
        let (node, _) = self.0.split_once(NODE_END)?;
        Some(node)
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
        let id = SessionId::random(None);
        let shown = format!("{id:?} {:?}", Some(&id));
        assert!(!shown.contains(&id.as_str()[..4]), "{shown}");
        assert_ne!(id, SessionId::random(None));
        assert_eq!(SessionId::random(Some("a1")).node(), Some("a1"));
        assert_eq!(id.node(), None);
    }
}
