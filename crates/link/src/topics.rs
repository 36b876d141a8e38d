//! Topics that are read over a link.

use crate::Link;
use leptos::prelude::*;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use tickwire_values::Update as TopicUpdate;

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
    /// All that was there has come: after each time that the link has come back, too.
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
    pub(crate) subscribe: Callback<(TopicOptions, OnTopicEvent), u64>,
    pub(crate) unsubscribe: Callback<u64>,
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
}

impl Drop for TopicSubscription {
    fn drop(&mut self) {
        self.topics.unsubscribe.try_run(self.id);
    }
}

/// Topics over a link, on two channels that are opened with the first subscription.
pub fn use_topics(link: Link) -> Topics {
    link.topics
}
