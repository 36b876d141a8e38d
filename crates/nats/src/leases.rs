//! Values that go with their nodes.

use crate::headers::{Received, removal};
use crate::lock;
use crate::topic::NatsTopic;
use bytes::Bytes;
use std::collections::HashMap;
use std::time::Instant;

/// Which node a key's value is of, and its sequence: values of a node that is gone go too.
#[derive(Default)]
pub struct Leases(HashMap<String, (String, u64)>);

impl Leases {
    pub fn note(&mut self, received: &Received, sequence: u64) {
        match (&received.value, &received.node) {
            (Some(_), Some(node)) => {
                let of = (node.clone(), sequence);
                self.0.insert(received.key.clone(), of);
            }
            _ => drop(self.0.remove(&received.key)),
        }
    }

    /// Has the values of nodes removed that are gone. All nodes that see that do so, and NATS takes it once.
    pub async fn end(&self, topic: &NatsTopic) {
        let shared = &topic.shared;
        let gone: Vec<_> = {
            let alive = lock(&shared.alive);
            let now = Instant::now();
            let gone = self
                .0
                .iter()
                .filter(|(_, (node, _))| alive.is_gone(node, now));
            gone.map(|(key, (_, sequence))| (key.clone(), *sequence))
                .collect()
        };
        for (key, sequence) in gone {
            let subject = shared.namespace.value(&topic.spec.name, Some(&key));
            let headers = removal(&key, &subject, sequence);
            // It is looked again, until it is gone.
            let _ = shared
                .client
                .publish_with_headers(subject, headers, Bytes::new())
                .await;
        }
    }
}
