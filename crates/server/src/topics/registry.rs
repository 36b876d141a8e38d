//! The topics of a server, by name and by pattern.

use super::policy::{self, Policy};
use super::topic::Keeping;
use super::{Saving, Topic, attendance};
use crate::engine::{Engine, InProcess};
use crate::lock::lock;
use crate::stats::Count;
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tracing::warn;

/// How many topics there may be of all patterns together.
const MAX_TOPICS: usize = 100_000;
/// The longest name, in bytes.
const MAX_NAME: usize = 1_024;
/// From how many topics of patterns on it is looked for those that nobody has any more.
const SWEEP_FROM: usize = 1_000;
/// How long it is not looked again, however many there are.
const SWEEP_REST: Duration = Duration::from_secs(1);
/// How many names an error tells.
const SHOWN_NAMES: usize = 20;

/// Why there is no topic of a name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoTopic {
    /// Neither a name nor a pattern fits.
    #[error("There is no topic {name:?}; there are {offered}.")]
    Unknown {
        /// What was asked for; of a long one, its beginning.
        name: String,
        /// What there is, separated by commas.
        offered: String,
    },
    /// A pattern fits, and the name is too long.
    #[error("The name of a topic has at most {MAX_NAME} bytes.")]
    TooLong,
    /// A pattern fits, and there are as many topics as may be.
    #[error("There are as many topics as there may be.")]
    TooMany,
}

/// Why a topic cannot be added.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the topic {name:?} cannot be added: {cause}")]
pub struct AddTopicError {
    name: String,
    cause: String,
}

fn is_pattern(name: &str) -> bool {
    name.contains(['{', '}'])
}

/// Topics by name. Copies are the same.
///
/// ```
/// use std::time::Duration;
/// use tickwire_server::{Feeds, Policy, Topics};
///
/// let topics = Topics::new();
/// let prices = topics.topic("prices", Policy::latest());
/// prices.put("EURUSD", "1.0934")?;
///
/// topics.pattern("rooms/{room}/strokes", Policy::deadline(Duration::from_millis(500)));
/// topics.get("rooms/7/strokes")?.put("alice", "12,40 13,41")?;
///
/// let feeds = Feeds::built_in().topics(&topics);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Topics(Arc<Mutex<Registry>>);

#[derive(Debug)]
struct Registry {
    /// What keeps them, those apart that are saved.
    engine: Arc<dyn Engine>,
    named: HashMap<String, Topic>,
    /// Which of `patterns` a name fits.
    fitting: matchit::Router<usize>,
    patterns: Vec<Pattern>,
    /// Those of patterns that somebody has asked for, each with which of `patterns` it is of.
    made: HashMap<String, (usize, Topic)>,
    /// The files to which topics are saved, one for each that is added so.
    savings: Vec<Saving>,
    /// Whether there are topics whose values grow too old.
    ages: bool,
    /// Changes of all topics.
    puts: Arc<Count>,
    sweep_at: usize,
    swept: Option<Instant>,
}

#[derive(Debug)]
struct Pattern {
    name: String,
    policy: Policy,
    keeping: Keeping,
    /// How many topics of it there are.
    topics: usize,
}

/// What is told of a topic, or of those of a pattern.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Listed {
    /// Its name, or the pattern.
    pub name: String,
    /// The name of its policy: `latest`, `deadline` or `log`.
    pub policy: &'static str,
    /// Of a pattern, how many topics there are now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub topics: Option<usize>,
    /// Of a topic, how many keys it has, or values where each counts by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keys: Option<usize>,
    /// Of a topic, how many sessions and streams read it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub readers: Option<usize>,
}

impl Default for Topics {
    fn default() -> Self {
        Self::new()
    }
}

impl Topics {
    /// None yet. They are kept in this process.
    pub fn new() -> Self {
        Self::kept_by(Arc::new(InProcess::default()))
    }

    /// None yet. An engine keeps them, for several servers that have the same.
    pub fn kept_by(engine: Arc<dyn Engine>) -> Self {
        Self(Arc::new(Mutex::new(Registry {
            engine,
            named: HashMap::new(),
            fitting: matchit::Router::new(),
            patterns: Vec::new(),
            made: HashMap::new(),
            savings: Vec::new(),
            ages: false,
            puts: Arc::default(),
            sweep_at: 0,
            swept: None,
        })))
    }

    /// What keeps them.
    pub(crate) fn engine(&self) -> Arc<dyn Engine> {
        lock(&self.0).engine.clone()
    }

    /// Whether what keeps them can be reached.
    pub(crate) fn is_reachable(&self) -> bool {
        self.engine().stale().borrow().is_none()
    }

    /// Adds a topic of this name.
    ///
    /// # Panics
    /// As [`Topics::add`] fails, and for a pattern: that is a mistake in the program.
    pub fn topic(&self, name: &str, policy: Policy) -> Topic {
        assert!(!is_pattern(name), "{name:?} is a pattern");
        self.pattern(name, policy);
        // It has just been added.
        self.get(name).expect("a topic")
    }

    /// Adds a topic for each name that fits a pattern: `rooms/{room}/cursors`, or `files/{*path}` for
    /// each that begins with `files/`. Such a topic is there from when it is first asked for, until it
    /// is empty and nobody has it any more, as a reader or in the program. There may be 100,000 of all
    /// patterns. A topic that was added by its name is not of a pattern.
    ///
    /// # Panics
    /// As [`Topics::add`] fails: that is a mistake in the program.
    pub fn pattern(&self, pattern: &str, policy: Policy) {
        if let Err(cause) = self.add(pattern, policy) {
            panic!("{cause}");
        }
    }

    /// Adds a topic of this name, or those of a pattern.
    ///
    /// # Errors
    /// Where it is empty, too long or no pattern, or there is one for the same names.
    pub fn add(&self, name: &str, policy: Policy) -> Result<(), AddTopicError> {
        self.enter(name, policy, Keeping::Engine)
    }

    /// Adds a topic of this name, and returns it, which is kept in this process, whatever engine keeps the
    /// others.
    ///
    /// # Errors
    /// As [`Topics::add`], and for a pattern.
    pub fn add_here(&self, name: &str, policy: Policy) -> Result<Topic, AddTopicError> {
        let failed = |cause: String| AddTopicError {
            name: name.to_owned(),
            cause,
        };
        if is_pattern(name) {
            return Err(failed("expected a name, and no pattern".into()));
        }
        self.enter(name, policy, Keeping::Here)?;
        self.get(name).map_err(|cause| failed(cause.to_string()))
    }

    /// The same, with topics that are saved, and are there again after a restart; those of a deadline are
    /// not. They are kept in this process, whatever engine keeps the others.
    ///
    /// # Errors
    /// As [`Topics::add`].
    pub fn add_saved(
        &self,
        name: &str,
        policy: Policy,
        saving: &Saving,
    ) -> Result<(), AddTopicError> {
        self.enter(name, policy, Keeping::Saved(saving.clone()))
    }

    /// Waits until all that was put into topics that are saved is on the disk, and blocks its thread
    /// meanwhile. What cannot be written is told in the log.
    pub fn flush(&self) {
        let savings = lock(&self.0).savings.clone();
        for saving in savings {
            if let Err(cause) = saving.flush() {
                warn!("{cause}");
            }
        }
    }

    fn enter(&self, name: &str, policy: Policy, keeping: Keeping) -> Result<(), AddTopicError> {
        let failed = |cause: &str| AddTopicError {
            name: name.to_owned(),
            cause: cause.to_owned(),
        };
        if name.is_empty() || name.len() > MAX_NAME {
            let cause = format!("expected 1 to {MAX_NAME} bytes");
            return Err(failed(&cause));
        }
        let mut registry = lock(&self.0);
        registry.ages |= policy.ages();
        if is_pattern(name) {
            let index = registry.patterns.len();
            let added = registry.fitting.insert(name, index);
            added.map_err(|cause| failed(&cause.to_string()))?;
            registry.patterns.push(Pattern {
                name: name.to_owned(),
                policy,
                keeping: keeping.clone(),
                topics: 0,
            });
            let fits = |name: &str| registry.fitting.at(name).is_ok_and(|it| *it.value == index);
            let saved = match &keeping {
                Keeping::Saved(saving) => saving.names(fits),
                Keeping::Engine | Keeping::Here => Vec::new(),
            };
            for name in saved {
                // Where there is no room, it stays in the file.
                let _ = registry.get(&name);
            }
        } else if registry.named.contains_key(name) {
            return Err(failed("there is one already"));
        } else {
            let topic = Topic::new(
                name,
                name,
                policy,
                &keeping,
                &*registry.engine,
                &registry.puts,
            );
            registry.named.insert(name.to_owned(), topic);
        }
        if let Keeping::Saved(saving) = keeping {
            registry.savings.push(saving);
        }
        Ok(())
    }

    /// The topic of a name.
    ///
    /// # Errors
    /// Where there is none, and none can be made.
    pub fn get(&self, name: &str) -> Result<Topic, NoTopic> {
        lock(&self.0).get(name)
    }

    /// Whether both are the same.
    pub(crate) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// The names and patterns there are, in alphabetical order.
    pub fn names(&self) -> Vec<String> {
        lock(&self.0).names()
    }

    /// What there is, in alphabetical order. The names of a pattern's topics are not told.
    pub fn list(&self) -> Vec<Listed> {
        let registry = lock(&self.0);
        let topics = registry.named.iter().map(|(name, topic)| Listed {
            name: name.clone(),
            policy: policy::name(topic.values().policy()),
            topics: None,
            keys: Some(topic.len()),
            readers: Some(topic.readers()),
        });
        let patterns = registry.patterns.iter().map(|pattern| Listed {
            name: pattern.name.clone(),
            policy: pattern.policy.name(),
            topics: Some(pattern.topics),
            keys: None,
            readers: None,
        });
        let mut listed: Vec<_> = topics.chain(patterns).collect();
        listed.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        listed
    }

    /// How many changes of all topics there were.
    pub(crate) fn puts(&self) -> u64 {
        lock(&self.0).puts.get()
    }

    /// Removes the values that have grown too old.
    pub(crate) fn expire(&self, now: Instant) {
        let registry = lock(&self.0);
        if !registry.ages {
            return;
        }
        let topics = registry.named.values();
        let topics = topics.chain(registry.made.values().map(|(_, topic)| topic));
        let ages = |topic: &&Topic| topic.values().limits().max_age.is_some();
        let topics: Vec<_> = topics.filter(ages).cloned().collect();
        drop(registry);
        for topic in topics {
            topic.values().expire(now);
        }
    }
}

impl Registry {
    fn get(&mut self, name: &str) -> Result<Topic, NoTopic> {
        let made = || self.made.get(name).map(|(_, topic)| topic);
        if let Some(topic) = self.named.get(name).or_else(made) {
            return Ok(topic.clone());
        }
        // Of those who read a topic of presence nothing is told.
        let of = name.strip_suffix(attendance::SUFFIX);
        let of = of.filter(|of| !of.ends_with(attendance::SUFFIX));
        if let Some(presence) = of.and_then(|of| self.get(of).ok()?.of_presence()) {
            return Ok(presence);
        }
        let Ok(found) = self.fitting.at(name) else {
            return Err(NoTopic::Unknown {
                name: name.chars().take(64).collect(),
                offered: offered(&self.names()),
            });
        };
        let index = *found.value;
        if name.len() > MAX_NAME {
            return Err(NoTopic::TooLong);
        }
        self.sweep(Instant::now());
        if self.made.len() >= MAX_TOPICS {
            return Err(NoTopic::TooMany);
        }
        let pattern = &mut self.patterns[index];
        pattern.topics += 1;
        let topic = Topic::new(
            name,
            &pattern.name,
            pattern.policy,
            &pattern.keeping,
            &*self.engine,
            &self.puts,
        );
        self.made.insert(name.to_owned(), (index, topic.clone()));
        Ok(topic)
    }

    /// Drops topics that nobody has any more, where there are many.
    fn sweep(&mut self, now: Instant) {
        let is_rested = self.swept.is_none_or(|at| now - at >= SWEEP_REST);
        if is_rested && self.made.len() >= self.sweep_at.clamp(SWEEP_FROM, MAX_TOPICS) {
            let patterns = &mut self.patterns;
            self.made.retain(|_, (index, topic)| {
                let is_unused = topic.is_unused(now);
                patterns[*index].topics -= usize::from(is_unused);
                !is_unused
            });
            // So a topic is looked at twice as a rule, however many there are.
            self.sweep_at = 2 * self.made.len();
            self.swept = Some(now);
        }
    }

    fn names(&self) -> Vec<String> {
        let patterns = self.patterns.iter().map(|pattern| &pattern.name);
        let mut names: Vec<_> = self.named.keys().chain(patterns).cloned().collect();
        names.sort_unstable();
        names
    }
}

/// Names for people.
fn offered(names: &[String]) -> String {
    match names.len().checked_sub(SHOWN_NAMES) {
        None | Some(0) => names.join(", "),
        Some(more) => format!("{} and {more} more", names[..SHOWN_NAMES].join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_has_a_topic_for_each_name_that_fits() {
        let topics = Topics::new();
        topics.topic("prices", Policy::latest());
        topics.pattern("rooms/{room}/cursors", Policy::latest());
        let room = topics.get("rooms/7/cursors").unwrap();
        room.put("alice", "here").unwrap();
        assert!(
            topics
                .get("rooms/7/cursors")
                .unwrap()
                .get("alice")
                .is_some()
        );
        assert!(topics.get("rooms/8/cursors").unwrap().is_empty());
        let unknown = topics.get("rooms/7").unwrap_err();
        assert_eq!(
            unknown.to_string(),
            r#"There is no topic "rooms/7"; there are prices, rooms/{room}/cursors."#
        );
        let long = format!("rooms/{}/cursors", "x".repeat(MAX_NAME));
        assert_eq!(topics.get(&long).unwrap_err(), NoTopic::TooLong);
    }

    #[test]
    fn topics_of_patterns_are_bounded_and_go_where_nobody_has_them() {
        let topics = Topics::new();
        topics.pattern("rooms/{room}", Policy::latest());
        let kept = topics.get("rooms/kept").unwrap();
        topics
            .get("rooms/full")
            .unwrap()
            .put("key", "value")
            .unwrap();
        for room in 0..2 * SWEEP_FROM {
            topics.get(&format!("rooms/{room}")).unwrap();
        }
        let made = lock(&topics.0).made.len();
        assert!(made < 2 * SWEEP_FROM, "{made}");
        assert!(!topics.get("rooms/full").unwrap().is_empty());
        kept.put("key", "value").unwrap();
        assert!(!topics.get("rooms/kept").unwrap().is_empty());

        let held: Vec<_> = (0..MAX_TOPICS)
            .map_while(|room| topics.get(&format!("rooms/{room}")).ok())
            .collect();
        assert!(held.len() <= MAX_TOPICS);
        let over = (0..MAX_TOPICS).find_map(|room| topics.get(&format!("rooms/x{room}")).err());
        assert_eq!(over, Some(NoTopic::TooMany));
    }

    #[test]
    #[should_panic(expected = "there is one already")]
    fn a_name_is_given_once() {
        let topics = Topics::new();
        topics.topic("prices", Policy::latest());
        topics.topic("prices", Policy::log(10));
    }
}
