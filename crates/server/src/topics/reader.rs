//! A reader in the server's own process: it has what a client has, by the same machines, and takes it
//! when it asks for it.

use super::Topic;
use crate::lock::lock;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Instant;
use tickwire_values::{Policy, Receiver, Sender, ToSay, Update, Wanted, Watcher};
use tickwire_wire::control::Position;
use tickwire_wire::values::LogEntry;
use tokio::sync::Notify;
use tokio::time::sleep_until;

/// The number of its only subscription.
const ID: u64 = 0;

/// What a reader is told.
#[derive(Debug)]
pub enum Told {
    /// A key has another value, or none any more; in a log, the next entry: its version is the position.
    Value(Update),
    /// What follows of the log is after this position, and entries before it are gone, or not.
    After(Position, bool),
    /// All that was there has been told.
    Complete,
}

/// A reader of one topic.
pub struct Reader {
    machine: Mutex<Machine>,
    changed: Arc<Changed>,
}

struct Machine {
    sender: Sender,
    receiver: Receiver,
    told: VecDeque<Told>,
}

#[derive(Default)]
struct Changed(Notify);

impl Watcher for Changed {
    fn changed(&self, _: Policy) {
        self.0.notify_one();
    }
}

impl Reader {
    /// Begins to read.
    pub fn new(topic: &Topic, wanted: Wanted) -> Self {
        let now = Instant::now();
        let mut sender = Sender::new(now, 1, usize::MAX);
        // It is the first, and has no rate.
        let begun = sender.subscribe(ID, topic.values().clone(), wanted);
        debug_assert!(begun.is_ok());
        let mut receiver = Receiver::new();
        receiver.subscribe(ID);
        let changed = Arc::new(Changed::default());
        let watcher: Arc<dyn Watcher> = changed.clone();
        topic.values().watch(&watcher);
        Self {
            machine: Mutex::new(Machine {
                sender,
                receiver,
                told: VecDeque::new(),
            }),
            changed,
        }
    }

    /// The next that there is to tell. Who asks rarely is told the newest of each key.
    pub async fn next(&self) -> Told {
        loop {
            let (told, timeout) = lock(&self.machine).next(Instant::now());
            if let Some(told) = told {
                return told;
            }
            let is_due = async {
                match timeout {
                    Some(at) => sleep_until(at.into()).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = is_due => {}
                () = self.changed.0.notified() => {}
            }
        }
    }
}

impl Machine {
    fn next(&mut self, now: Instant) -> (Option<Told>, Option<Instant>) {
        if self.told.is_empty() {
            self.sender.handle_timeout(now);
            self.fill(now);
        }
        (self.told.pop_front(), self.sender.poll_timeout())
    }

    /// Takes the next packet, or the next thing that is said beside packets.
    fn fill(&mut self, now: Instant) {
        if let Some(packet) = self.sender.poll(now) {
            // Both are of this process, and speak the same.
            let updates = self.receiver.handle(now, &packet).unwrap_or_default();
            self.told.extend(updates.into_iter().map(Told::Value));
            // It need not wait until it is due.
            let due = self.receiver.poll_timeout();
            if let Some(message) = due.and_then(|at| self.receiver.poll_acknowledgement(at)) {
                let _ = self.sender.acknowledge(now, &message);
            }
        }
        while self.told.is_empty()
            && let Some(said) = self.sender.poll_to_say(now)
        {
            self.told.extend(match said {
                ToSay::Complete { .. } => Some(Told::Complete),
                ToSay::After { at, is_gap, .. } => Some(Told::After(at, is_gap)),
                ToSay::Entry(message) => {
                    let entry = LogEntry::read(&message).ok();
                    entry.map(|entry| Told::Value(entry.into()))
                }
            });
        }
    }
}
