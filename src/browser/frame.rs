//! What a drawing goes by, on both halves: the server's never draws.

/// A frame that the browser is about to show.
#[derive(Clone, Copy, Debug)]
pub struct Frame {
    /// The time by the device's clock, in milliseconds since 1970-01-01T00:00:00Z.
    pub now: f64,
    /// Whether the reader prefers that little moves.
    pub is_calm: bool,
}
