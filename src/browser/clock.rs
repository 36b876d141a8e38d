//! What the page asks of the device's clock beside the time.

pub use tickwire_link::clock::now;

/// How often [`resolution`] reads the clock at most: some milliseconds' worth.
const READS: u32 = 20_000;
/// The coarsest that a browser makes its clock, in milliseconds: Firefox, told to resist
/// fingerprinting.
const COARSEST: f64 = 100.0;

/// The smallest step of [`now`], in milliseconds: read until it makes two (RFC 5905 section 7.3,
/// on precision). The first may be a part of one.
pub fn resolution() -> f64 {
    let mut before = now();
    let mut steps = 0;
    for _ in 0..READS {
        let read = now();
        if read > before {
            steps += 1;
            if steps == 2 {
                return read - before;
            }
            before = read;
        }
    }
    COARSEST
}

/// The local time of day at `at`, [`now`] or before: `HH:MM:SS.mmm`.
pub fn time_of_day(at: f64) -> String {
    let at = js_sys::Date::new(&at.into());
    format!(
        "{:02}:{:02}:{:02}.{:03}",
        at.get_hours(),
        at.get_minutes(),
        at.get_seconds(),
        at.get_milliseconds()
    )
}
