//! A trial of the network: what messages of a size, sent at a rate over a channel of a chosen
//! reliability, come to. No I/O, and no clock: every time is an input, in milliseconds by one
//! clock that never goes back. Everything is as large as [`Settings`] allow and no larger.

mod histogram;
mod message;
mod pace;
mod pair;
mod run;
mod settings;
mod tally;
mod timeline;

pub use histogram::{BINS, BINS_A_DOUBLING, FIRST_BIN, Histogram, PARTS, milliseconds};
pub use message::Message;
pub use pair::Pair;
pub use run::{End, MAX_QUEUED, Phase, Run, Turn};
pub use settings::{Again, Grouped, MAX_BYTES, MAX_MESSAGES, Settings, Way};
pub use tally::Tally;
pub use timeline::{SLICES, Slice, Timeline};
