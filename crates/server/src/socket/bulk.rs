//! How much of what is not paced by itself may be on its way.
//!
//! TCP would take far more than the path carries, and each value would wait behind it. So no more is sent
//! than comes to the client within about two of the shortest round trips; it grows while it is what holds
//! messages back and they take no longer than that.

use std::time::{Duration, Instant};

/// How much may be at least, and at most, in bytes.
const LEAST: usize = 16 << 10;
const MOST: usize = 1 << 20;
/// What a round trip takes longer than the shortest without that there is a queue: the noise of timers.
const NOISE: Duration = Duration::from_millis(10);

/// A window for what is received in order.
#[derive(Debug)]
pub struct Bulk {
    size: usize,
    shortest: Option<Duration>,
    /// When it was made smaller, which shows only after a round trip.
    cut_at: Option<Instant>,
    /// Whether it has held something back since it was last looked at.
    is_limit: bool,
}

impl Bulk {
    pub fn new() -> Self {
        Self {
            size: LEAST,
            shortest: None,
            cut_at: None,
            is_limit: false,
        }
    }

    /// Whether so many bytes more may leave where so many are on their way. A message may always be the only one.
    pub fn has_room(&mut self, on_its_way: usize, bytes: usize) -> bool {
        let has_room = on_its_way == 0 || on_its_way + bytes <= self.size;
        self.is_limit |= !has_room;
        has_room
    }

    /// So many bytes have come to the client that left then.
    pub fn received(&mut self, now: Instant, left: Instant, bytes: usize) {
        let round_trip = now.duration_since(left);
        let shortest = self
            .shortest
            .map_or(round_trip, |before| before.min(round_trip));
        self.shortest = Some(shortest);
        if round_trip > 2 * shortest + NOISE {
            if self.cut_at.is_none_or(|cut_at| left >= cut_at) {
                self.size = (self.size / 2).max(LEAST);
                self.cut_at = Some(now);
            }
        } else if self.is_limit {
            // Twice as much a round trip until it was once too much, and then so much more.
            let more = match self.cut_at {
                None => bytes,
                Some(_) => bytes * LEAST / self.size,
            };
            self.size = (self.size + more).min(MOST);
        }
        self.is_limit = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sends what it may over a path of so many bytes a millisecond and this round trip, and returns how much was on
    /// its way in the end.
    fn fill(rate: usize, round_trip: u64) -> usize {
        let start = Instant::now();
        let ms = |at| start + Duration::from_millis(at);
        let mut bulk = Bulk::new();
        let mut path = std::collections::VecDeque::new();
        let (mut on_its_way, mut free_at, mut most) = (0, 0, 0);
        for now in 0..10_000 {
            while let Some(&(left, comes)) = path.front()
                && comes <= now
            {
                path.pop_front();
                on_its_way -= 1_000;
                bulk.received(ms(now), ms(left), 1_000);
            }
            while bulk.has_room(on_its_way, 1_000) {
                on_its_way += 1_000;
                free_at = free_at.max(now * rate as u64) + 1_000;
                path.push_back((now, free_at / rate as u64 + round_trip));
            }
            if now > 5_000 {
                most = most.max(on_its_way);
            }
        }
        most
    }

    #[test]
    fn a_wide_path_is_filled_and_a_narrow_one_keeps_a_short_queue() {
        // 10 MB/s over 100 ms carry 1 MB.
        assert!(fill(10_000, 100) > 500_000);
        assert!(fill(8, 50) <= LEAST);
        // 1 MB/s over 50 ms carry 50 kB; twice as much is a queue as long as the path.
        let most = fill(1_000, 50);
        assert!((50_000..200_000).contains(&most), "{most}");
    }
}
