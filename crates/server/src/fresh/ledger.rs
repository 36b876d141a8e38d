//! What a channel has outstanding, as far as the bytes tell that SCTP says it has.

use super::window::{Sent, Window};
use std::collections::VecDeque;
use std::time::Instant;

/// What a channel has outstanding, in the order in which it left.
#[derive(Debug, Default)]
pub struct Ledger {
    sent: VecDeque<Sent>,
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

    /// Enters what is outstanding now; true where something has been released. Which messages
    /// those are is not known, so they are taken for the oldest.
    pub fn outstanding(&mut self, now: Instant, bytes: usize, window: &mut Window) -> bool {
        let mut cost = 0;
        let mut released: Option<(Sent, Sent)> = None;
        while let Some(&oldest) = self.sent.front()
            && self.bytes >= bytes + oldest.bytes
        {
            self.sent.pop_front();
            self.bytes -= oldest.bytes;
            window.release(oldest);
            cost += oldest.cost;
            released = Some((released.map_or(oldest, |(first, _)| first), oldest));
        }
        if let Some((oldest, newest)) = released {
            window.released(now, oldest, newest, cost);
        }
        released.is_some()
    }

    /// Enters what is outstanding now that the oldest were given up, by a path that may be gone
    /// where the client `is_silent`.
    pub fn given_up(&mut self, bytes: usize, is_silent: bool, window: &mut Window) {
        while let Some(&oldest) = self.sent.front()
            && self.bytes >= bytes + oldest.bytes
        {
            self.sent.pop_front();
            self.bytes -= oldest.bytes;
            if is_silent {
                window.lose(oldest);
            } else {
                window.release(oldest);
            }
        }
    }

    /// Leaves the window without all that is entered: the channel has closed.
    pub fn forget(&mut self, window: &mut Window) {
        for sent in self.sent.drain(..) {
            window.release(sent);
        }
        self.bytes = 0;
    }
}
