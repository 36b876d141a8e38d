//! Topics that are read, and published, over a link.

use crate::Link;
use futures_channel::oneshot;
use leptos::prelude::*;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use tickwire_values::{PublishError, Update as TopicUpdate};

/// Which topic, and what of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TopicOptions {
    /// Its name.
    pub topic: String,
    /// These keys alone; all without it.
    pub keys: Option<Vec<String>>,
    /// How many values of a key a second at most; each change without it.
    pub max_rate: Option<f64>,
}

impl TopicOptions {
    /// All of this topic.
    pub fn new(topic: impl Into<String>) -> Self {
        Self {
            topic: topic.into(),
            ..Self::default()
        }
    }

    /// Of these keys alone.
    pub fn keys(self, keys: impl IntoIterator<Item = impl Into<String>>) -> Self {
        let keys = keys.into_iter().map(Into::into).collect();
        Self {
            keys: Some(keys),
            ..self
        }
    }

    /// At most so many values of a key a second.
    pub fn max_rate(self, rate: f64) -> Self {
        Self {
            max_rate: Some(rate),
            ..self
        }
    }
}

/// What happens to a subscription.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TopicEvent {
    /// A key has another value, or none any more.
    Value(TopicUpdate),
    /// All that was there has come: after each time that the link has come back or moved, too. What was
    /// removed meanwhile has been told before.
    Complete,
    /// The link is lost, and the subscription comes back with it.
    Lost,
    /// The server does not serve it (why). Nothing follows.
    Refused(String),
}

/// What is told of a subscription.
pub(crate) type OnTopicEvent = Rc<dyn Fn(TopicEvent)>;

/// What [`use_topics`] gives a component: of one link always the same.
#[derive(Clone, Copy)]
pub struct Topics {
    /// Why the server has not taken something that was put, the last time that it has not: for people.
    pub refused: Signal<Option<String>>,
    /// Since when what is read may be old, in milliseconds since 1970-01-01T00:00:00Z: several servers have
    /// the same topics, and what keeps those cannot be reached. `None` while it can.
    pub stale: Signal<Option<f64>>,
    pub(crate) subscribe: Callback<(TopicOptions, OnTopicEvent), u64>,
    pub(crate) unsubscribe: Callback<u64>,
    pub(crate) put: Callback<Put, Result<(), PublishError>>,
    pub(crate) add: Callback<[String; 3], Result<Answer, AddError>>,
}

/// A topic, a key, and its value, if it has one from now on.
pub(crate) type Put = (String, String, Option<Vec<u8>>);

/// What the server will have said of a value that was added.
pub(crate) type Answer = oneshot::Receiver<Result<(), AddError>>;

/// Why a value that was added is not known to be taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddError {
    /// There is no session now, or no link.
    #[error("the link is not open")]
    NotOpen,
    /// As many values wait for their answers as may.
    #[error("too many values wait for the server's answers")]
    Full,
    /// The browser does not take it: its buffer is full, or it is larger than the server takes.
    #[error("the browser does not take the message")]
    NotSent,
    /// The server does not take it: what it says.
    #[error("{0}")]
    Refused(String),
    /// The link was lost before the server has answered: it may have taken it, or not.
    #[error("the link was lost before the server has answered")]
    Lost,
}

/// A subscription. It ends when this is dropped, and when the component that called
/// [`use_link`](crate::use_link) goes. It comes back with the link.
pub struct TopicSubscription {
    topics: Topics,
    id: u64,
}

impl Topics {
    /// Subscribes, on the present session, if there is one, and on each that follows it, until what
    /// this returns is dropped. `on_event` is told what comes; not before this has returned.
    pub fn subscribe(
        &self,
        options: TopicOptions,
        on_event: impl Fn(TopicEvent) + 'static,
    ) -> TopicSubscription {
        let id = self.subscribe.try_run((options, Rc::new(on_event)));
        TopicSubscription {
            topics: *self,
            id: id.unwrap_or_default(),
        }
    }

    /// The newest value of each key of a topic, by key, for as long as the reactive owner that calls
    /// this lives: a component, or an effect until it runs again. What was there stays while the link
    /// is lost.
    pub fn values(&self, options: TopicOptions) -> Signal<BTreeMap<Arc<str>, Vec<u8>>> {
        let values = RwSignal::new(BTreeMap::new());
        let subscription = self.subscribe(options, move |event| {
            if let TopicEvent::Value(TopicUpdate { key, value, .. }) = event {
                values.try_update(|values| match value {
                    Some(value) => drop(values.insert(key, value)),
                    None => drop(values.remove(&key)),
                });
            }
        });
        // It ends with its owner.
        StoredValue::new_local(subscription);
        values.into()
    }

    /// Puts a key's value into a topic of the newest values, where the server lets clients do so. The
    /// newest comes to the server whatever is lost, over other sessions too; what it does not take
    /// is told in [`Topics::refused`]. Nothing where the component that made the link is gone, or the
    /// page is being rendered by the server.
    ///
    /// # Errors
    /// Where something is too long, or a thousand other keys wait.
    pub fn put(
        &self,
        topic: &str,
        key: &str,
        value: impl Into<Vec<u8>>,
    ) -> Result<(), PublishError> {
        let put = (topic.into(), key.into(), Some(value.into()));
        self.put.try_run(put).unwrap_or(Ok(()))
    }

    /// Removes a key from a topic of the newest values, likewise.
    ///
    /// # Errors
    /// As [`Topics::put`].
    pub fn remove(&self, topic: &str, key: &str) -> Result<(), PublishError> {
        let put = (topic.into(), key.into(), None);
        self.put.try_run(put).unwrap_or(Ok(()))
    }

    /// Adds text to a log, or another topic. It is sent once, when this is called, or else as soon as
    /// the channels are open; the future completes when the server has answered.
    ///
    /// # Errors
    /// Where the server does not take it, or is not known to.
    pub fn add(
        &self,
        topic: &str,
        key: &str,
        value: &str,
    ) -> impl Future<Output = Result<(), AddError>> + use<> {
        let added = self.add.try_run([topic, key, value].map(str::to_owned));
        async move {
            let answer = added.unwrap_or(Err(AddError::NotOpen))?;
            answer.await.unwrap_or(Err(AddError::Lost))
        }
    }
}

impl Drop for TopicSubscription {
    fn drop(&mut self) {
        self.topics.unsubscribe.try_run(self.id);
    }
}

/// Topics over a link, on two channels that are opened with the first subscription, or the first value
/// that is published.
pub fn use_topics(link: Link) -> Topics {
    link.topics
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    fn poll(future: impl Future<Output = Result<(), AddError>>) -> Poll<Result<(), AddError>> {
        pin!(future).poll(&mut Context::from_waker(Waker::noop()))
    }

    #[test]
    fn what_is_added_without_a_link_is_not_taken() {
        let owner = Owner::new();
        let topics = owner.with(|| use_topics(crate::use_link()));
        assert_eq!(topics.put("prices", "EURUSD", "1.0934"), Ok(()));
        assert_eq!(topics.remove("prices", "EURUSD"), Ok(()));
        let added = poll(topics.add("chat", "alice", "hello"));
        assert_eq!(added, Poll::Ready(Err(AddError::NotOpen)));
        drop(owner);
        let added = poll(topics.add("chat", "alice", "hello"));
        assert_eq!(added, Poll::Ready(Err(AddError::NotOpen)));
    }
}
