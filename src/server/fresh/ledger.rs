//! What a channel has outstanding, as far as the bytes tell that SCTP says it has.

use super::window::{Sent, Window, cost};
use std::collections::VecDeque;
use std::time::Instant;

/// So many messages released at once are not acknowledged by one packet, as a rule: SCTP has
/// given them up (RFC 9260 section 6.3.3, RFC 3758 section 3.5).
const MANY: usize = 3;

/// What a channel has outstanding, in the order in which it left.
#[derive(Debug, Default)]
pub struct Ledger {
    sent: VecDeque<Sent>,
    /// What is taken for lost. SCTP keeps it until it has given it up, which on a channel
    /// without retransmissions can take a second; until then it does not count as on its way.
    lost: VecDeque<Sent>,
    bytes: usize,
}

impl Ledger {
    /// Bytes that have left and are neither acknowledged nor given up.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Enters a message that leaves.
    pub fn send(&mut self, now: Instant, bytes: usize, window: &mut Window) {
        self.sent.push_back(window.send(now, bytes));
        self.bytes += bytes;
    }

    /// Enters what is outstanding now; true where something was acknowledged.
    pub fn outstanding(&mut self, now: Instant, bytes: usize, window: &mut Window) -> bool {
        let newest = self.settle(now, bytes, window);
        if let Some(newest) = newest {
            window.acknowledged(now, newest);
        }
        self.write_off(now, window);
        newest.is_some()
    }

    /// Leaves the window without all that is entered: the channel has closed.
    pub fn forget(&mut self, window: &mut Window) {
        for sent in self.sent.drain(..) {
            window.release(sent);
        }
        *self = Self::default();
    }

    /// Takes what has been on its way for too long for lost, so that the rest of the window can
    /// be used: up to half of it, since it may be the path that has grown slow.
    fn write_off(&mut self, now: Instant, window: &mut Window) {
        while let Some(&oldest) = self.sent.front()
            && window.is_overdue(now, oldest)
            && (self.lost.len() + 1) * cost(oldest.bytes) <= window.size() / 2
        {
            self.sent.pop_front();
            self.lost.push_back(oldest);
            window.release(oldest);
        }
    }

    /// Takes out what was released, so that no more than `bytes` are left, and returns the
    /// newest message that was acknowledged.
    ///
    /// Which messages were released is not known, only how many bytes. They are taken for the
    /// oldest, as long as those can have been heard of: none can much sooner than the shortest
    /// round trip. What is released sooner was given up.
    fn settle(&mut self, now: Instant, bytes: usize, window: &mut Window) -> Option<Sent> {
        let mut newest = None;
        for count in 0.. {
            let is_alone = count < MANY && self.lost.is_empty();
            let is_heard = |sent: &Sent| is_alone || window.can_be_heard(now, *sent);
            let is_heard = self.sent.front().is_some_and(is_heard);
            let is_lost = !is_heard && !self.lost.is_empty();
            let queue = if is_lost {
                &mut self.lost
            } else {
                &mut self.sent
            };
            let Some(&released) = queue.front() else {
                break;
            };
            if self.bytes < bytes + released.bytes.max(1) {
                break;
            }
            queue.pop_front();
            self.bytes -= released.bytes;
            if !is_lost {
                window.release(released);
            }
            if is_heard {
                newest = Some(released);
            }
        }
        newest
    }
}
