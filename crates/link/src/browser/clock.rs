//! The device's clock, as the browser lets it be read.

use leptos::prelude::window;

/// Milliseconds since 1970-01-01T00:00:00Z, with a fraction. While the page is open it never
/// goes back, and nobody sets it.
pub fn now() -> f64 {
    window()
        .performance()
        .map_or_else(js_sys::Date::now, |performance| {
            performance.time_origin() + performance.now()
        })
}

/// When the page was asked for, by the same clock.
pub(crate) fn origin() -> f64 {
    window()
        .performance()
        .map_or_else(now, |performance| performance.time_origin())
}
