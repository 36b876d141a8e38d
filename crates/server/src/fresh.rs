//! Freshness: values are kept here, where a newer one can take an older one's place, until the
//! network takes them, and not in SCTP's queue, from which nothing can be taken back.
//!
//! A channel that is turned into a sink puts its values into an outbox ([`ByKey`], [`InTime`]);
//! the session's [`Gate`] lets one at a time out of it, each channel in its turn, while little of
//! what was sent before is outstanding. How much that may be, and how fast it may leave, follows
//! what is found out of the path ([`window`]).

mod gate;
mod ledger;
mod outbox;
mod window;

pub use gate::Gate;
pub use ledger::Ledger;
pub use outbox::{ByKey, Counts, InTime, Outbox};
