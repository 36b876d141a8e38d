//! What a run was like from one moment to the next, in constant memory.

/// In how many slices of equal length a run is looked at.
pub const SLICES: usize = 120;

/// A run's time, slice by slice: by when a message was sent, and when the queue was looked at.
#[derive(Clone, Debug)]
pub struct Timeline {
    /// The slices, the first one first.
    pub slices: Box<[Slice; SLICES]>,
    began: f64,
    span: f64,
}

/// What happened to the messages that were sent in one slice.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Slice {
    /// How many were sent.
    pub sent: u32,
    /// How many of these came back.
    pub returned: u32,
    /// The longest of their round trips, in parts of a millisecond; see
    /// [`PARTS`](super::PARTS).
    pub slowest: Option<u32>,
    /// The most bytes that waited in this browser.
    pub queued: Option<u32>,
}

impl Slice {
    /// How many did not come back, so far.
    pub fn missing(&self) -> u32 {
        self.sent.saturating_sub(self.returned)
    }
}

impl Timeline {
    /// A time line of `span` milliseconds from `began` on. What comes after its end is in the
    /// last slice, what comes before its beginning in the first.
    pub fn new(began: f64, span: f64) -> Self {
        Self {
            slices: Box::new([Slice::default(); SLICES]),
            began,
            span,
        }
    }

    /// The slice of a time.
    pub fn at(&mut self, time: f64) -> &mut Slice {
        // A cast of a float saturates, and what is no number becomes 0.
        let index = ((time - self.began) / self.span * SLICES as f64) as usize;
        &mut self.slices[index.min(SLICES - 1)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_numbers() {
        let mut line = Timeline::new(1_000.0, 1_200.0);
        for time in [1_000.0, 1_009.9, 1_010.0] {
            line.at(time).sent += 1;
        }
        line.at(1_009.9).returned += 1;
        assert_eq!(line.slices[0].missing(), 1);
        assert_eq!(line.slices[1].missing(), 1);
        assert_eq!(line.slices[2], Slice::default());
    }

    #[test]
    fn what_is_out_of_range_is_at_its_end() {
        let mut line = Timeline::new(1_000.0, 1_000.0);
        for at in [0.0, f64::NEG_INFINITY, f64::NAN] {
            line.at(at).sent += 1;
        }
        for at in [2_000.0, 1e12, f64::INFINITY] {
            line.at(at).sent += 1;
        }
        assert_eq!(line.slices[0].sent, 3);
        assert_eq!(line.slices[SLICES - 1].sent, 3);
        let mut none = Timeline::new(0.0, 0.0);
        none.at(0.0).sent += 1;
        assert_eq!(none.slices.iter().map(|slice| slice.sent).sum::<u32>(), 1);
    }
}
