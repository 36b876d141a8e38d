//! What arrives, made into numbers: how far two clocks are apart, how evenly messages come, how
//! old the newest is. No I/O, and no clock: every time is an input, in milliseconds. Times that
//! are called the device's are all read from one clock, the server's from another.

mod exchange;
mod series;
mod ticks;

pub use exchange::{Added, Estimate, Exchange, Exchanges};
pub use series::Series;
pub use ticks::{Jitter, Newest};
