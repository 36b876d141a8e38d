//! What the client sends.

use super::{Effect, Incoming, MESSAGE, MOST_MESSAGES, Mux, Outgoing, Sent};
use crate::socket::End;
use bytes::Bytes;
use std::time::Instant;
use tickwire_peer::sctp::{Kind, Message};
use tickwire_wire::control::{Refusal, ToReader};
use tickwire_wire::socket::{CONTROL_ID, Frame, VALUES_ID};

impl Mux {
    /// Takes a message of the client.
    ///
    /// # Errors
    /// Where too many had to be refused.
    pub fn take(&mut self, now: Instant, message: Incoming<'_>) -> Result<Vec<Effect>, End> {
        let taken = match message {
            Incoming::Text(text) => self.enter(now, CONTROL_ID, Kind::Text, text.as_bytes()),
            Incoming::Binary(bytes) => self.take_frame(now, bytes),
        };
        if self.waiting.len() > 2 * MOST_MESSAGES {
            return Err(End::Failed("the client takes nothing".into()));
        }
        taken.or_else(|cause| {
            self.refusals += 1;
            if self.refusals > self.limits.refusals {
                return Err(End::Failed(format!(
                    "{} messages had to be refused",
                    self.refusals
                )));
            }
            self.refuse(cause);
            Ok(Vec::new())
        })
    }

    fn take_frame(&mut self, now: Instant, message: &[u8]) -> Result<Vec<Effect>, String> {
        match Frame::read(message).map_err(|cause| format!("Passed over: {cause}."))? {
            Frame::Values(bytes) => self.enter(now, VALUES_ID, Kind::Binary, bytes),
            Frame::LogEntry(_) => Err("Passed over: entries of logs come from the server.".into()),
            Frame::Text(id, text) => self.enter(now, id, Kind::Text, text.as_bytes()),
            Frame::Binary(id, bytes) => self.enter(now, id, Kind::Binary, bytes),
            Frame::Open {
                id,
                label,
                protocol,
            } => {
                if id <= self.highest {
                    let least = u32::from(self.highest) + 1;
                    return Err(format!(
                        "Channel {id} is not opened: expected a number from {least} to {}.",
                        u16::MAX
                    ));
                }
                self.highest = id;
                let most = self.limits.channels;
                if self.channels.len() >= most {
                    self.push(id, Outgoing::Binary(Frame::Close(id).write().into()), 0);
                    return Err(format!(
                        "Channel {id} is not opened: expected at most {most} at a time."
                    ));
                }
                Ok(vec![self.open(id, label, protocol)])
            }
            Frame::Close(id) => Ok(match self.channels.get_mut(&id) {
                Some(side) if !side.is_closed => {
                    side.is_closed = true;
                    vec![Effect::Closed(id)]
                }
                _ => Vec::new(),
            }),
            Frame::Received(count) => self.receive(now, count),
        }
    }

    /// What comes on a channel that the server has closed is thrown away: it was on its way.
    fn enter(
        &mut self,
        now: Instant,
        id: u16,
        kind: Kind,
        bytes: &[u8],
    ) -> Result<Vec<Effect>, String> {
        let Some(side) = self.channels.get_mut(&id) else {
            return match id {
                CONTROL_ID | VALUES_ID if !self.limits.has_topics => {
                    Err("This server offers no topics.".into())
                }
                id if id > self.highest => Err(format!("Channel {id} is not open.")),
                _ => Ok(Vec::new()),
            };
        };
        if side.is_closed {
            return Err(format!("Channel {id} is closed."));
        }
        side.inbox.push_back(Message {
            kind,
            // What it is a part of is a buffer of the connection.
            data: Bytes::copy_from_slice(bytes),
        });
        side.unread_since.get_or_insert(now);
        self.unread += bytes.len() + MESSAGE;
        Ok(vec![Effect::Readable(id)])
    }

    fn receive(&mut self, now: Instant, count: u64) -> Result<Vec<Effect>, String> {
        let most = self.received + self.on_its_way.len() as u64;
        if count > most {
            return Err(format!(
                "Passed over: {count} messages cannot have been received of {most}."
            ));
        }
        let mut effects = Vec::new();
        while self.received < count
            && let Some(Sent { id, bytes, left }) = self.on_its_way.pop_front()
        {
            self.received += 1;
            self.on_its_way_bytes -= bytes;
            self.bulk.received(now, left, bytes);
            if let Some(side) = self.channels.get_mut(&id) {
                side.outstanding = side.outstanding.saturating_sub(bytes);
                effects.push(Effect::Released(id, side.outstanding));
            }
        }
        Ok(effects)
    }

    fn refuse(&mut self, message: String) {
        let (id, code) = (None, Refusal::BadMessage);
        let refused = ToReader::Refused { id, code, message }.json();
        self.push(CONTROL_ID, Outgoing::Text(refused.into()), 0);
    }
}
