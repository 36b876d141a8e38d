//! What NATS says of a message beside it: where it is in its stream, and in what a consumer is sent.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// What the subject says to which a delivery could be acknowledged (ADR-15 of NATS).
pub struct Delivery {
    /// Counted in the consumer.
    pub number: u64,
    /// In the stream.
    pub sequence: u64,
    /// When it was put, in nanoseconds since 1970 by the clock of NATS.
    pub at: u64,
    pub pending: u64,
}

impl Delivery {
    pub fn read(subject: &str) -> Option<Self> {
        let tokens: Vec<_> = subject.strip_prefix("$JS.ACK.")?.split('.').collect();
        // Where there are more than seven, the first two are about domain and account.
        let from = if tokens.len() > 7 { 2 } else { 0 };
        let number = |at: usize| tokens.get(from + at)?.parse().ok();
        Some(Self {
            sequence: number(3)?,
            number: number(4)?,
            at: number(5)?,
            pending: number(6)?,
        })
    }

    /// How long ago it was put, as far as both clocks agree.
    pub fn age(&self) -> Duration {
        let at = UNIX_EPOCH + Duration::from_nanos(self.at);
        SystemTime::now().duration_since(at).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deliveries_are_told_by_both_forms_of_the_subject() {
        for subject in [
            "$JS.ACK.stream.consumer.1.1764000000000005.7.1764000000000000000.3",
            "$JS.ACK._.hash.stream.consumer.1.1764000000000005.7.1764000000000000000.3",
            "$JS.ACK.domain.hash.stream.consumer.1.1764000000000005.7.1764000000000000000.3.token",
        ] {
            let it = Delivery::read(subject).unwrap();
            let read = (it.sequence, it.number, it.at, it.pending);
            let expected = (1_764_000_000_000_005, 7, 1_764_000_000_000_000_000, 3);
            assert_eq!(read, expected, "{subject}");
        }
        for subject in ["", "$JS.ACK.", "$JS.ACK.a.b.c.d.e.f.g", "_INBOX.1"] {
            assert!(Delivery::read(subject).is_none(), "{subject}");
        }
    }
}
