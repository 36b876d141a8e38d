//! Brings the newest value of every key to its readers, over a path that loses, reorders and repeats.
//!
//! What is promised, and tried to be broken by a test against a model of such a path:
//!
//! 1. **Order.** A reader never sees a value of a key that is older than one that it has seen.
//! 2. **Arrival.** When a key stops changing, its newest value comes to every reader that has a path:
//!    what was lost is sent again, and of a key that has changed meanwhile, the newer value instead.
//! 3. **Each by itself.** Where a topic's policy is that no value takes another's place, each comes once:
//!    within a time or not at all, or all of them in order.
//! 4. **Bounds.** A value is there once for all readers; a reader costs a few bytes a key, and a slow
//!    one as much as a fast one.
//!
//! There is no socket, no task and no clock here: `now` is an input, packets are bytes.
//!
//! | type | |
//! |---|---|
//! | [`Topic`] | keys and their values, with a [`Policy`] |
//! | [`Sender`] | one reader's subscriptions, where the values are: makes packets, takes acknowledgements |
//! | [`Receiver`] | the same where they are read: takes packets, makes acknowledgements |
//! | [`Publisher`], [`Published`] | what a client publishes, and where that is taken |
//!
//! A topic is saved by whoever pulls what has changed, [`Topic::saved_since`], and restored from that,
//! [`Topic::restore`].
//!
//! What travels is in [`tickwire_wire::values`]. Losses are found as QUIC finds them (RFC 9002): three
//! newer packets have come, or nothing has for too long. Packets leave as fast as the path is found to
//! carry them, as BBR has it: by what it delivers, and how long the way takes.
//!
//! ```
//! use std::time::Instant;
//! use tickwire_values::{Receiver, Sender, Topic, Wanted};
//!
//! let now = Instant::now();
//! let prices = Topic::latest(10_000);
//! prices.put(now, "EURUSD", "1.0934")?;
//!
//! let mut sender = Sender::new(now, 16, 100_000);
//! sender.subscribe(1, prices, Wanted::default())?;
//! let packet = sender.poll(now).expect("a snapshot");
//!
//! let mut receiver = Receiver::new();
//! receiver.subscribe(1);
//! let updates = receiver.handle(now, &packet)?;
//! assert_eq!(updates[0].value.as_deref(), Some(&b"1.0934"[..]));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod pace;
mod published;
mod publisher;
mod receiver;
mod recovery;
mod sender;
mod subscription;
mod tally;
mod topic;

pub use published::Published;
pub use publisher::{PublishError, Publisher};
pub use receiver::{Receiver, Update};
pub use sender::{AcknowledgeError, PACKET_BYTES, Sender, SubscribeError};
pub use subscription::{ToSay, Wanted};
pub use tally::{AGES, Tally};
pub use topic::{
    About, Change, Limits, Policy, PutError, Row, Saved, Snapshot, Topic, Value, Watcher, WeakTopic,
};

#[cfg(test)]
mod tests;
