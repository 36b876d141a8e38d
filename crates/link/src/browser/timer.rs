//! When to be called, for times that are fractions.

use gloo_timers::callback::Timeout;

/// The longest wait, in milliseconds: browsers count it in 31 bits.
const LONGEST: f64 = i32::MAX as f64;

/// Calls `then` after so many milliseconds, at once where they are not more than 0, unless what
/// this returns is dropped before. A wait of more than 24 days ends early.
pub fn after(milliseconds: f64, then: impl FnOnce() + 'static) -> Timeout {
    Timeout::new(milliseconds.ceil().clamp(0.0, LONGEST) as u32, then)
}
