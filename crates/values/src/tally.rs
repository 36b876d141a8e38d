//! What is counted of a reader's values.

use std::time::Duration;

/// The ages up to which arrived values are counted, in milliseconds; those beyond the last are counted too.
pub const AGES: [u64; 12] = [5, 10, 25, 50, 75, 100, 150, 250, 500, 1_000, 2_500, 10_000];

/// What was counted since it was last taken.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Packets that were sent.
    pub packets: u64,
    /// Those that are taken for lost.
    pub packets_lost: u64,
    /// Values that were sent, each as often as it was, removals included.
    pub values: u64,
    /// Those that were acknowledged.
    pub values_arrived: u64,
    /// Changes that a newer one of the same key took the place of while they waited to be sent.
    pub values_superseded: u64,
    /// How old values were at the reader, by [`AGES`]: what was there when it subscribed is not among them.
    pub ages: [u64; AGES.len() + 1],
    /// Their sum, in milliseconds.
    pub ages_sum: u64,
}

/// An age that is not counted.
pub(crate) const UNCOUNTED: u32 = u32::MAX;

impl Tally {
    /// A value arrived that was so many milliseconds old when it was sent, after this way.
    pub(crate) fn arrived(&mut self, sent_age: u32, way: Duration) {
        self.values_arrived += 1;
        if sent_age == UNCOUNTED {
            return;
        }
        let way = u64::try_from(way.as_millis()).unwrap_or(u64::MAX);
        let age = u64::from(sent_age).saturating_add(way);
        let beyond = AGES.iter().position(|most| age <= *most);
        self.ages[beyond.unwrap_or(AGES.len())] += 1;
        self.ages_sum = self.ages_sum.saturating_add(age);
    }
}
