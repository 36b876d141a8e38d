//! How messages and announcements are taken from the engine.

use std::time::Instant;

use bytes::Bytes;
use rtc_sctp::{Chunks, PayloadProtocolIdentifier};

use super::channel::Role;
use super::event::{Event, Kind, Message};
use super::{Sctp, dcep};

/// Messages and bytes that are read before their channel is known. The rest stays in the engine.
const MAX_EARLY: usize = 16;
const MAX_EARLY_BYTES: usize = 65_536;

impl Sctp {
    pub(super) fn became_readable(&mut self, now: Instant, id: u16) {
        match self.streams.get(id) {
            Some(stream) if stream.role == Role::Stray => self.greet(now, id),
            Some(stream) if stream.discard => self.drain(id),
            Some(_) => self.tell_readable(id),
            None => {}
        }
    }

    pub(super) fn tell_readable(&mut self, id: u16) {
        if let Some(stream) = self.streams.get_mut(id) {
            let was = std::mem::replace(&mut stream.readable, true);
            if !was && !std::mem::replace(&mut stream.tell_readable, true) {
                self.tell.push_back(id);
            }
        }
    }

    pub(super) fn tell_released(&mut self, id: u16) {
        if let Some(stream) = self.streams.get_mut(id)
            && stream.role == Role::Channel
            && !std::mem::replace(&mut stream.tell_released, true)
        {
            self.tell.push_back(id);
        }
    }

    /// Throws away what can be read on a stream.
    pub(super) fn drain(&mut self, id: u16) {
        self.early.retain(|(early, _)| *early != id);
        if let Some(live) = &mut self.live {
            while live.read(id).is_some() {}
        }
        if let Some(stream) = self.streams.get_mut(id) {
            stream.readable = false;
        }
    }

    /// Looks for the announcement of a channel on a stream that has none. A message that is none
    /// is kept for a channel that is negotiated later.
    pub(super) fn greet(&mut self, now: Instant, id: u16) {
        while let Some(live) = &mut self.live {
            let bytes: usize = self.early.iter().map(|(_, early)| early.data.len()).sum();
            if self.early.len() >= MAX_EARLY || bytes >= MAX_EARLY_BYTES {
                return;
            }
            let Some(chunks) = live.read(id) else {
                return;
            };
            if chunks.ppi != PayloadProtocolIdentifier::Dcep {
                if let Some(message) = self.message(id, &chunks) {
                    self.early.push((id, message));
                }
                continue;
            }
            match chunks.to_payload(dcep::MAX_OPEN) {
                Ok(data) if data.first() != Some(&dcep::OPEN) => self.stats.unknown_messages += 1,
                Ok(data) => return self.announced(now, id, &data),
                Err(_) => return self.refuse(id),
            }
        }
    }

    pub(super) fn announced(&mut self, now: Instant, id: u16, open: &[u8]) {
        let init = dcep::read_open(id, open, self.config.limits.max_label_bytes)
            .filter(|_| self.streams.has_room());
        let (Some(init), Some(live)) = (init, &mut self.live) else {
            return self.refuse(id);
        };
        self.streams.put(id, Role::Channel);
        let ack = Bytes::from_static(dcep::ACK);
        // RFC 8832 section 6: the answer is ordered and reliable, whatever the channel is.
        live.link
            .write(now, id, PayloadProtocolIdentifier::Dcep, &ack);
        live.set_reliability(id, init.reliability);
        self.events.push_back(Event::Opened(init));
        self.tell_readable(id);
    }

    /// Closes a channel that the caller has not heard of.
    pub(super) fn refuse(&mut self, id: u16) {
        self.stats.refused_channels += 1;
        self.streams.put(id, Role::Refused).discard = true;
        self.drain(id);
        self.begin_close(id);
    }

    /// The next message of a channel in the engine.
    pub(super) fn read_message(&mut self, id: u16) -> Option<Message> {
        loop {
            let chunks = self.live.as_mut()?.read(id)?;
            if let Some(message) = self.message(id, &chunks) {
                return Some(message);
            }
        }
    }

    /// Makes a message of its chunks; `None` if it is to be dropped.
    pub(super) fn message(&mut self, id: u16, chunks: &Chunks) -> Option<Message> {
        let kind = match chunks.ppi {
            PayloadProtocolIdentifier::String | PayloadProtocolIdentifier::StringEmpty => {
                Kind::Text
            }
            PayloadProtocolIdentifier::Binary | PayloadProtocolIdentifier::BinaryEmpty => {
                Kind::Binary
            }
            _ => {
                self.stats.unknown_messages += 1;
                return None;
            }
        };
        let empty = matches!(
            chunks.ppi,
            PayloadProtocolIdentifier::StringEmpty | PayloadProtocolIdentifier::BinaryEmpty
        );
        if empty {
            let data = Bytes::new();
            return Some(Message { kind, data });
        }
        match chunks.to_payload(self.config.limits.max_message_bytes as usize) {
            Ok(data) => Some(Message {
                kind,
                data: data.freeze(),
            }),
            Err(_) => {
                self.stats.too_large += 1;
                self.events.push_back(Event::TooLarge(id));
                None
            }
        }
    }
}
