//! How channels close (RFC 8831 section 6.7).

use std::time::Instant;

use bytes::Bytes;

use super::Sctp;
use super::channel::{Ours, Role};
use super::event::Event;
use super::reset::Resets;
use super::wire;

impl Sctp {
    pub(super) fn reconfigured(&mut self, now: Instant, value: &Bytes) {
        let ids = self.streams.ids();
        let Some(live) = &mut self.live else {
            return;
        };
        let outcome = live.resets.read(value, &ids);
        live.curious = true;
        for reply in outcome.replies {
            self.out
                .push_back(live.link.packet(wire::RE_CONFIG, &reply));
        }
        for id in outcome.done {
            let Some(stream) = self.streams.get_mut(id) else {
                continue;
            };
            stream.ours = Ours::Reset;
            if stream.theirs_reset.is_some() {
                self.finish(now, id);
            }
        }
    }

    pub(super) fn begin_close(&mut self, id: u16) {
        if let (Some(stream), Some(live)) = (self.streams.get_mut(id), &mut self.live)
            && stream.ours == Ours::Open
        {
            stream.ours = Ours::Draining;
            live.closing.push(id);
            live.beside.close(id);
        }
    }

    /// The browser has reset its direction of a stream; `last_tsn` is the last that belongs to it.
    pub(super) fn their_reset(&mut self, now: Instant, id: u16, last_tsn: u32) {
        let Some(stream) = self.streams.get_mut(id) else {
            return;
        };
        if stream.role == Role::Stray {
            return self.finish(now, id);
        }
        stream.theirs_reset = Some(last_tsn);
        match stream.ours {
            Ours::Open => {
                self.events.push_back(Event::Closing(id));
                self.begin_close(id);
            }
            Ours::Reset => self.finish(now, id),
            Ours::Draining | Ours::Asked => {}
        }
    }

    /// Asks to reset the streams that are done: all that was sent is out, and all is received.
    pub(super) fn ask_resets(&mut self, now: Instant) {
        let Some(live) = self.live.as_mut().filter(|live| live.resets.can_ask()) else {
            return;
        };
        let mut ids = Vec::new();
        live.closing.retain(|&id| {
            let done = live.link.buffered(id) == 0 && ids.len() < Resets::most();
            match self.streams.get_mut(id) {
                Some(stream) if done && !stream.readable => {
                    stream.ours = Ours::Asked;
                    ids.push(id);
                    false
                }
                Some(_) => true,
                None => false,
            }
        });
        if !ids.is_empty() {
            let value = live.resets.ask(now, live.beside.sent, &ids);
            self.out
                .push_back(live.link.packet(wire::RE_CONFIG, &value));
        }
    }

    /// Frees a stream's id.
    pub(super) fn finish(&mut self, now: Instant, id: u16) {
        self.drain(id);
        if let Some(live) = &mut self.live {
            live.link.remove(now, id, live.intake.acknowledged);
            live.intake.dropped(id);
            live.resets.forget(id);
            live.closing.retain(|closing| *closing != id);
        }
        let stream = self.streams.remove(id);
        if stream.is_some_and(|stream| stream.role == Role::Channel) {
            self.events.push_back(Event::Closed(id));
        }
    }
}
