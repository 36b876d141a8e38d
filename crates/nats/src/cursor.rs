//! Whether all that NATS has for a follower has come: the deliveries of a consumer are counted.
//!
//! No I/O.

/// Counts deliveries.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Cursor {
    /// That of the newest delivery.
    delivered: u64,
    /// Up to which sequence of the stream there was something when it began.
    until: u64,
    is_filled: bool,
}

/// Something that was delivered is missing.
#[derive(Debug, PartialEq, Eq)]
pub struct Gap;

impl Cursor {
    /// One for a consumer that has so many messages to deliver, of a stream with this as its newest.
    pub fn new(pending: u64, until: u64) -> Self {
        Self {
            delivered: 0,
            until,
            is_filled: pending == 0,
        }
    }

    /// A message has come. Returns whether all that was there is here by it.
    pub fn take(&mut self, delivery: u64, sequence: u64, pending: u64) -> Result<bool, Gap> {
        if delivery != self.delivered + 1 {
            return Err(Gap);
        }
        self.delivered = delivery;
        let is_last = pending == 0 || sequence >= self.until;
        Ok(is_last && !std::mem::replace(&mut self.is_filled, true))
    }

    /// NATS says which delivery was its newest.
    pub fn check(&self, delivered: u64) -> Result<(), Gap> {
        match delivered == self.delivered {
            true => Ok(()),
            false => Err(Gap),
        }
    }

    pub fn is_filled(&self) -> bool {
        self.is_filled
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_found_by_the_next_that_comes_or_by_a_heartbeat() {
        let mut cursor = Cursor::new(3, 100);
        assert!(!cursor.is_filled());
        assert_eq!(cursor.take(1, 40, 2), Ok(false));
        assert_eq!(cursor.check(1), Ok(()));
        assert_eq!(cursor.check(2), Err(Gap));
        assert_eq!(cursor.take(3, 60, 0), Err(Gap));
        assert_eq!(cursor.take(2, 50, 1), Ok(false));
        assert_eq!(cursor.take(3, 101, 5), Ok(true));
        assert_eq!(cursor.take(4, 102, 0), Ok(false));
        assert!(Cursor::new(0, 100).is_filled());
    }
}
