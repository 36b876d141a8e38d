//! Who has which place: a state machine without I/O.

use super::Network;
use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// How many places there are.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Open sessions.
    pub open: usize,
    /// Open sessions of a network, pending ones included.
    pub open_of_network: usize,
    /// Sessions that have not proven a return path.
    pub pending: usize,
    /// Those of a network.
    pub pending_of_network: usize,
}

/// Who asks for a place.
#[derive(Clone, Debug, Default)]
pub struct Asker {
    /// Where it asks from, where that is known.
    pub network: Option<Network>,
    /// What it is called, and how many sessions it may have.
    pub user: Option<(Arc<str>, usize)>,
}

/// Which limit a session meets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Met {
    /// As many sessions are open as there may be.
    Open,
    /// As many of one network are.
    OpenOfNetwork,
    /// As many of one user are.
    OfUser,
    /// As many sessions are pending as there may be.
    Pending,
    /// As many of one network are.
    PendingOfNetwork,
    /// A network brings more offers than it may.
    Offers,
}

impl Met {
    pub const ALL: [Self; 6] = [
        Self::Open,
        Self::OpenOfNetwork,
        Self::OfUser,
        Self::Pending,
        Self::PendingOfNetwork,
        Self::Offers,
    ];

    /// As the configuration has it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Open => "sessions",
            Self::OpenOfNetwork => "sessions_per_address",
            Self::OfUser => "sessions_per_user",
            Self::Pending => "pending",
            Self::PendingOfNetwork => "pending_per_address",
            Self::Offers => "offers_per_second",
        }
    }
}

#[derive(Debug)]
struct Entry {
    asker: Asker,
    is_open: bool,
    /// Ends the session.
    ending: CancellationToken,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Count {
    pending: usize,
    open: usize,
}

/// The places of a server. A session has one from its offer to its end: a pending one until its client
/// has proven that it receives what is sent to it, an open one from then on.
#[derive(Debug)]
pub struct Places {
    bounds: Bounds,
    /// In the order in which they came.
    entries: BTreeMap<u64, Entry>,
    by_network: HashMap<Network, Count>,
    by_user: HashMap<Arc<str>, usize>,
    all: Count,
}

impl Places {
    pub fn new(bounds: Bounds) -> Self {
        Self {
            bounds,
            entries: BTreeMap::new(),
            by_network: HashMap::new(),
            by_user: HashMap::new(),
            all: Count::default(),
        }
    }

    /// A pending place for a session of this number, which `ending` ends. Where all are taken, the oldest
    /// of the network that has the most goes for it, if that has more than the asker's.
    ///
    /// # Errors
    /// The limit that is met.
    pub fn enter(
        &mut self,
        number: u64,
        asker: Asker,
        ending: CancellationToken,
    ) -> Result<(), Met> {
        if self.all.open >= self.bounds.open {
            return Err(Met::Open);
        }
        let of_network = asker.network.map(|it| self.of(it)).unwrap_or_default();
        if of_network.pending + of_network.open >= self.bounds.open_of_network {
            return Err(Met::OpenOfNetwork);
        }
        if of_network.pending >= self.bounds.pending_of_network {
            return Err(Met::PendingOfNetwork);
        }
        if let Some((name, most)) = &asker.user
            && self.by_user.get(name).is_some_and(|count| count >= most)
        {
            return Err(Met::OfUser);
        }
        if self.all.pending >= self.bounds.pending && !self.displace(of_network.pending) {
            return Err(Met::Pending);
        }
        self.all.pending += 1;
        if let Some(network) = asker.network {
            self.by_network.entry(network).or_default().pending += 1;
        }
        if let Some((name, _)) = &asker.user {
            *self.by_user.entry(name.clone()).or_default() += 1;
        }
        let entry = Entry {
            asker,
            is_open: false,
            ending,
        };
        self.entries.insert(number, entry);
        Ok(())
    }

    /// The session's client has proven its return path. False where there is no open place: the session
    /// is to end.
    pub fn open(&mut self, number: u64) -> bool {
        let Some(entry) = self.entries.get_mut(&number) else {
            return false;
        };
        if entry.is_open {
            return true;
        }
        if self.all.open >= self.bounds.open {
            return false;
        }
        entry.is_open = true;
        let network = entry.asker.network;
        let of_network = network.and_then(|it| self.by_network.get_mut(&it));
        for count in [Some(&mut self.all), of_network].into_iter().flatten() {
            count.pending -= 1;
            count.open += 1;
        }
        true
    }

    /// The session has ended.
    pub fn leave(&mut self, number: u64) {
        let Some(entry) = self.entries.remove(&number) else {
            return;
        };
        let one = |count: &mut Count| match entry.is_open {
            true => count.open -= 1,
            false => count.pending -= 1,
        };
        one(&mut self.all);
        if let Some(network) = entry.asker.network {
            less(&mut self.by_network, network, one);
        }
        if let Some((name, _)) = entry.asker.user {
            less(&mut self.by_user, name, |count| *count -= 1);
        }
    }

    /// How many sessions there are, pending ones included.
    pub fn count(&self) -> usize {
        self.entries.len()
    }

    /// Whether as many are open as may be.
    pub fn is_full(&self) -> bool {
        self.all.open >= self.bounds.open
    }

    /// How many of them are pending.
    pub fn pending(&self) -> usize {
        self.all.pending
    }

    fn of(&self, network: Network) -> Count {
        self.by_network.get(&network).copied().unwrap_or_default()
    }

    /// Ends the oldest pending session of the network that has the most of them, where those are more than
    /// `least`.
    fn displace(&mut self, least: usize) -> bool {
        let pending = self.entries.iter().filter(|(_, entry)| !entry.is_open);
        let with_count = pending.filter_map(|(number, entry)| {
            let count = self.of(entry.asker.network?).pending;
            Some((*number, count))
        });
        // The first of those that have as many is the oldest.
        let most = with_count.reduce(|most, it| if it.1 > most.1 { it } else { most });
        let Some((number, _)) = most.filter(|(_, count)| *count > least + 1) else {
            return false;
        };
        if let Some(entry) = self.entries.get(&number) {
            entry.ending.cancel();
        }
        self.leave(number);
        true
    }
}

/// Takes one from a count, which goes with the last.
fn less<K: Hash + Eq, C: Default + PartialEq>(
    counts: &mut HashMap<K, C>,
    of: K,
    one: impl FnOnce(&mut C),
) {
    if let Some(count) = counts.get_mut(&of) {
        one(count);
        if *count == C::default() {
            counts.remove(&of);
        }
    }
}

#[cfg(test)]
mod tests;
