//! Who a user is, and what they may.

use crate::Patterns;
use std::sync::Arc;
use std::time::SystemTime;

/// The longest name of a user, in bytes.
pub const MAX_NAME: usize = 128;

/// A user: a name, and what they may subscribe to, publish on and open. It is cheap to clone.
///
/// It is made of a token by a [`Verifier`](crate::Verifier), or by hand of what another system knows:
///
/// ```
/// use tickwire_auth::{Patterns, User};
///
/// let alice = User::new("alice")?.subscribe(Patterns::all()).sessions(2);
/// assert!(alice.may_subscribe("prices") && !alice.may_publish("prices"));
/// # Ok::<(), tickwire_auth::NameError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User(Arc<Inner>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Inner {
    name: Box<str>,
    subscribe: Patterns,
    publish: Patterns,
    feeds: Patterns,
    until: Option<SystemTime>,
    sessions: Option<usize>,
    fingerprint: Option<[u8; 32]>,
}

impl User {
    /// A user who may nothing yet, with no end and no bound of their own on sessions.
    ///
    /// # Errors
    ///
    /// Where the name is not of 1 to [`MAX_NAME`] bytes, or has a `~`, a control character, or one that
    /// makes no mark and changes how those around it are shown (the ends of lines and of paragraphs, and
    /// what turns the direction of text).
    pub fn new(name: &str) -> Result<Self, NameError> {
        check(name)?;
        Ok(Self(Arc::new(Inner {
            name: name.into(),
            subscribe: Patterns::none(),
            publish: Patterns::none(),
            feeds: Patterns::none(),
            until: None,
            sessions: None,
            fingerprint: None,
        })))
    }

    /// May subscribe to these topics.
    #[must_use]
    pub fn subscribe(self, topics: Patterns) -> Self {
        self.with(|it| it.subscribe = topics)
    }

    /// May publish on these topics.
    #[must_use]
    pub fn publish(self, topics: Patterns) -> Self {
        self.with(|it| it.publish = topics)
    }

    /// May open channels with these labels.
    #[must_use]
    pub fn feeds(self, labels: Patterns) -> Self {
        self.with(|it| it.feeds = labels)
    }

    /// May all that until then.
    #[must_use]
    pub fn ends(self, end: SystemTime) -> Self {
        self.with(|it| it.until = Some(end))
    }

    /// May have so many sessions at once.
    #[must_use]
    pub fn sessions(self, most: usize) -> Self {
        self.with(|it| it.sessions = Some(most))
    }

    /// May connect with one DTLS certificate alone: that with this SHA-256 fingerprint.
    #[must_use]
    pub fn bound_to(self, sha256: [u8; 32]) -> Self {
        self.with(|it| it.fingerprint = Some(sha256))
    }

    fn with(mut self, change: impl FnOnce(&mut Inner)) -> Self {
        change(Arc::make_mut(&mut self.0));
        self
    }

    /// Who it is: the `sub` of a token (RFC 7519 section 4.1.2).
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// Whether they may subscribe to this topic.
    pub fn may_subscribe(&self, topic: &str) -> bool {
        self.0.subscribe.allows(topic)
    }

    /// Whether they may publish on this topic.
    pub fn may_publish(&self, topic: &str) -> bool {
        self.0.publish.allows(topic)
    }

    /// Whether they may open a channel with this label, to the feed of that name.
    pub fn may_open(&self, label: &str) -> bool {
        self.0.feeds.allows(label)
    }

    /// Until when; without end where it is none.
    pub fn until(&self) -> Option<SystemTime> {
        self.0.until
    }

    /// How many sessions they may have at once; as many as the server lets anybody where it is none.
    pub fn max_sessions(&self) -> Option<usize> {
        self.0.sessions
    }

    /// The SHA-256 fingerprint of the one DTLS certificate they may connect with; any where it is none.
    pub fn fingerprint(&self) -> Option<&[u8; 32]> {
        self.0.fingerprint.as_ref()
    }
}

fn check(name: &str) -> Result<(), NameError> {
    if name.is_empty() || name.len() > MAX_NAME {
        return Err(NameError::Length);
    }
    let marks = |it: char| !it.is_control() && it != '~' && !misleads(it);
    if name.chars().all(marks) {
        Ok(())
    } else {
        Err(NameError::Character)
    }
}

/// The ends of lines and paragraphs, what turns the direction of text (Unicode's Bidi_Control), and the
/// mark of the byte order.
fn misleads(character: char) -> bool {
    matches!(character,
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// Why a name is none of a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// It is empty, or longer than [`MAX_NAME`] bytes.
    #[error("the name of a user has 1 to {MAX_NAME} bytes")]
    Length,
    /// A character in it cannot be printed, or is a `~`.
    #[error("the name of a user has characters that can be printed, and no ~")]
    Character,
}
