//! A topic of the newest values comes to have what its stream has, and a stream that has lost its values
//! gets them back from the nodes that know them.
//!
//! No I/O.

use crate::headers::Received;
use crate::outbox::Refill;
use std::collections::{HashMap, HashSet};
use std::time::Instant;
use tickwire_values::{Topic, Value};
use tracing::warn;

/// A value that the stream is to have.
#[derive(Debug, PartialEq, Eq)]
pub struct Missing {
    pub key: String,
    pub value: Value,
    pub refill: Refill,
}

/// What has come since a consumer began.
#[derive(Debug)]
pub struct CatchUp {
    /// The first sequence that the stream has ever had: what is older is of a stream before it.
    first: u64,
    /// What was put on this node, and was in a stream before this one.
    own: HashMap<String, (Value, u64)>,
    /// Whether values are of their nodes alone, which know what becomes of them.
    is_of_node: bool,
    /// What the stream has.
    found: HashSet<String>,
    is_over: bool,
}

impl CatchUp {
    pub fn new(first: u64, own: Vec<(String, Value, u64)>, is_of_node: bool) -> Self {
        let own = own.into_iter().filter(|(_, _, version)| *version < first);
        Self {
            first,
            own: own
                .map(|(key, value, version)| (key, (value, version)))
                .collect(),
            is_of_node,
            found: HashSet::new(),
            is_over: false,
        }
    }

    /// A message of this sequence has come, about a value that has changed then. Returns what the stream is
    /// to have in its place, where that is newer.
    pub fn take(
        &mut self,
        topic: &Topic,
        changed: Instant,
        sequence: u64,
        received: Received,
    ) -> Option<Missing> {
        let Received { key, value, .. } = received;
        if let Some(version) = received.version
            && let Some((value, known)) = self.known(topic, &key)
            && known > version
        {
            self.find(&key);
            let refill = Refill {
                version: known,
                expected: sequence,
            };
            return Some(Missing { key, value, refill });
        }
        self.find(&key);
        self.own.remove(&key);
        if let Err(cause) = topic.apply(changed, &key, sequence, value) {
            warn!(key, %cause, "a value that another node has put is left out");
        }
        None
    }

    /// All that the stream had is here, up to this sequence. Returns what it lacks.
    pub fn finish(&mut self, topic: &Topic, now: Instant, last: u64) -> Vec<Missing> {
        self.is_over = true;
        let mut kept = std::mem::take(&mut self.found);
        let there = topic.snapshot(now).values;
        let there = there.iter().map(|(key, _)| key.to_string());
        let keys: HashSet<_> = there.chain(self.own.keys().cloned()).collect();
        let missing = keys.into_iter().filter(|key| !kept.contains(key));
        let missing = missing.filter_map(|key| {
            let (value, version) = self.known(topic, &key)?;
            let refill = Refill {
                version,
                expected: 0,
            };
            Some(Missing { key, value, refill })
        });
        let missing: Vec<_> = missing.collect();
        kept.extend(missing.iter().map(|it| it.key.clone()));
        topic.retain(now, &kept, last);
        missing
    }

    fn find(&mut self, key: &str) {
        if !self.is_over && !self.found.contains(key) {
            self.found.insert(key.to_owned());
        }
    }

    /// What was the newest of a key in a stream before this one, as far as is known here.
    fn known(&self, topic: &Topic, key: &str) -> Option<(Value, u64)> {
        let here = || {
            let version = topic.version_of(key)?;
            (version < self.first).then_some((topic.get(key)?, version))
        };
        let here = (!self.is_of_node).then(here).flatten();
        let own = self.own.get(key).cloned();
        here.into_iter()
            .chain(own)
            .max_by_key(|(_, version)| *version)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tickwire_values::{Limits, Policy};

    fn topic(values: &[(&str, &'static str, u64)]) -> Topic {
        let topic = Topic::following(Policy::Latest, Limits::new(100), || {});
        for (key, value, version) in values {
            let applied = topic.apply(Instant::now(), key, *version, Some((*value).into()));
            applied.unwrap();
        }
        topic
    }

    fn received(key: &str, value: &'static str, version: Option<u64>) -> Received {
        Received {
            key: key.to_owned(),
            value: Some(value.into()),
            node: None,
            version,
        }
    }

    fn missing(key: &str, value: &'static str, version: u64, expected: u64) -> Missing {
        Missing {
            key: key.to_owned(),
            value: value.into(),
            refill: Refill { version, expected },
        }
    }

    fn sorted(mut missing: Vec<Missing>) -> Vec<Missing> {
        missing.sort_by(|one, other| one.key.cmp(&other.key));
        missing
    }

    #[test]
    fn what_is_gone_from_the_same_stream_was_removed() {
        let topic = topic(&[("a", "1", 110), ("b", "1", 120)]);
        let mut catch_up = CatchUp::new(100, Vec::new(), false);
        let now = Instant::now();
        assert_eq!(
            catch_up.take(&topic, now, 120, received("b", "1", None)),
            None
        );
        assert_eq!(
            catch_up.take(&topic, now, 130, received("c", "1", None)),
            None
        );
        assert_eq!(catch_up.finish(&topic, now, 130), []);
        assert_eq!((topic.version_of("a"), topic.len()), (None, 2));
    }

    #[test]
    fn another_stream_gets_back_what_it_lacks_and_nothing_older_than_what_it_has() {
        let topic = topic(&[
            ("a", "a5", 5),
            ("b", "b6", 6),
            ("c", "c7", 7),
            ("d", "d8", 8),
        ]);
        let own = vec![
            ("a".into(), "a9".into(), 9),
            ("e".into(), "e4".into(), 4),
            ("f".into(), "new".into(), 101),
        ];
        let mut catch_up = CatchUp::new(100, own, false);
        let now = Instant::now();
        // Put since.
        assert_eq!(
            catch_up.take(&topic, now, 102, received("b", "new", None)),
            None
        );
        // Given back by nodes that knew less, as much, and more.
        let older = catch_up.take(&topic, now, 103, received("c", "c3", Some(3)));
        assert_eq!(older, Some(missing("c", "c7", 7, 103)));
        assert_eq!(
            catch_up.take(&topic, now, 104, received("d", "d9", Some(9))),
            None
        );
        let lacks = sorted(catch_up.finish(&topic, now, 104));
        assert_eq!(lacks, [missing("a", "a9", 9, 0), missing("e", "e4", 4, 0)]);
        let text = |key| topic.get(key).map(|it| it.bytes);
        assert_eq!(text("b").as_deref(), Some(&b"new"[..]));
        assert_eq!(text("c").as_deref(), Some(&b"c7"[..]));
        assert_eq!(text("d").as_deref(), Some(&b"d9"[..]));
        // What was given back comes, and is as new as what is here.
        for (sequence, key, value, version) in [(105, "c", "c7", 7), (106, "a", "a9", 9)] {
            let taken = catch_up.take(&topic, now, sequence, received(key, value, Some(version)));
            assert_eq!((taken, topic.version_of(key)), (None, Some(sequence)));
        }
        // An older one that comes late is told to be so.
        let late = catch_up.take(&topic, now, 107, received("e", "e1", Some(1)));
        assert_eq!(late, Some(missing("e", "e4", 4, 107)));
    }

    #[test]
    fn what_is_of_other_nodes_is_not_given_back() {
        let topic = topic(&[("alice~1", "here", 5), ("bob~2", "here", 6)]);
        let own = vec![("bob~2".into(), "here".into(), 6)];
        let mut catch_up = CatchUp::new(100, own, true);
        let lacks = catch_up.finish(&topic, Instant::now(), 99);
        assert_eq!(lacks, [missing("bob~2", "here", 6, 0)]);
        assert_eq!(topic.version_of("alice~1"), None);
    }
}
