//! INIT of our own.
//!
//! RFC 8841 section 9.3 has both ends send one. Whoever is DTLS client does at once, browsers do
//! either way, and our own would only cross theirs. So we wait for theirs, and call where it does
//! not come: some clients that are DTLS server wait too.

use std::time::Instant;

use bytes::Bytes;

use super::Sctp;
use super::drive::Live;
use super::link::{Begun, INIT_TAG, INIT_TSN, Link};
use super::wire::{self, u32_at};

/// How far a call is, while the association has not begun.
#[derive(Default)]
pub(super) enum Call {
    /// There is none.
    #[default]
    No,
    /// It is to be made then.
    At(Instant),
    /// INIT was sent.
    Made(Box<Link>),
}

impl Sctp {
    /// Has INIT sent at `at`, if the browser's has not come by then.
    pub fn call_at(&mut self, at: Instant) {
        if self.live.is_none() && !self.over {
            self.call = Call::At(at);
        }
    }

    pub(super) fn call_timeout(&mut self, now: Instant) {
        match &mut self.call {
            Call::At(at) if *at <= now => {
                self.call = Call::No;
                if let Some((link, init)) = Link::call(&self.config, now) {
                    self.out.push_back(init);
                    self.call = Call::Made(Box::new(link));
                }
            }
            Call::Made(link) => {
                link.handle_timeout(now);
                self.out.extend(link.gather(now));
            }
            Call::At(_) | Call::No => {}
        }
    }

    /// When a call is to be made, or made again.
    pub(super) fn call_due(&self) -> Option<Instant> {
        match &self.call {
            Call::No => None,
            Call::At(at) => Some(*at),
            Call::Made(link) => link.poll_timeout(),
        }
    }

    /// Takes a packet that may be the answer to our INIT.
    pub(super) fn called(&mut self, now: Instant, packet: &Bytes) {
        let Call::Made(link) = &mut self.call else {
            return;
        };
        let is_ours = wire::Header::read(packet) == Some(link.from_peer);
        let Some(answer) = wire::plain_init_ack(packet).filter(|_| is_ours) else {
            return;
        };
        let (Some(tag), Some(their_tsn)) = (u32_at(&answer, INIT_TAG), u32_at(&answer, INIT_TSN))
        else {
            return;
        };
        link.to_peer.tag = tag;
        let takes_forward_tsn = wire::takes_forward_tsn(&answer);
        link.deliver(now, answer);
        let Call::Made(link) = std::mem::take(&mut self.call) else {
            return;
        };
        let begun = Begun {
            our_tsn: link.first_tsn(),
            link: *link,
            init_ack: None,
            their_tsn,
            takes_forward_tsn,
        };
        self.live = Some(Box::new(Live::new(begun, tag, self.config.limits)));
    }
}
