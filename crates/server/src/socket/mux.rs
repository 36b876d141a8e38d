//! The channels of a WebSocket: a state machine without I/O.

mod incoming;

use super::bulk::Bulk;
use bytes::Bytes;
use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};
use tickwire_peer::sctp::{ChannelInit, Kind, Message, Reliability};
use tickwire_wire::control::{CONTROL, PROTOCOL, VALUES};
use tickwire_wire::socket::{CONTROL_ID, Frame, VALUES_ID};

/// What a message takes beside its bytes.
const MESSAGE: usize = 64;
/// How many messages may be on their way, and how many wait to leave before a client that does not take them
/// is closed: a channel has room for fewer, unless they are empty.
const MOST_MESSAGES: usize = 4_096;

/// What a client may make the server hold.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// How many channels.
    pub channels: usize,
    /// Bytes that wait to be taken, of all channels.
    pub unread: usize,
    /// Messages that have to be refused.
    pub refusals: usize,
    /// Whether there are topics, and their two channels.
    pub has_topics: bool,
}

/// What comes of the client.
#[derive(Debug)]
pub enum Incoming<'a> {
    Text(&'a str),
    Binary(&'a [u8]),
}

/// What goes to the client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outgoing {
    Text(Bytes),
    Binary(Bytes),
}

/// What a channel's holder is to be told.
#[derive(Debug, PartialEq, Eq)]
pub enum Effect {
    Opened(ChannelInit),
    Readable(u16),
    /// So much is still outstanding.
    Released(u16, usize),
    /// Nothing more can be sent.
    Closed(u16),
    /// Both sides have closed it.
    Forgotten(u16),
}

/// A channel.
#[derive(Debug, Default)]
struct Side {
    inbox: VecDeque<Message>,
    /// Since when a message waits, or when the last was taken.
    unread_since: Option<Instant>,
    outstanding: usize,
    /// Whether the client has closed it.
    is_closed: bool,
}

/// Something that is to leave.
#[derive(Debug)]
struct Waiting {
    id: u16,
    bytes: usize,
    message: Outgoing,
}

/// Something that has left, and is not received yet.
#[derive(Debug)]
struct Sent {
    id: u16,
    bytes: usize,
    left: Instant,
}

/// All channels of a WebSocket.
#[derive(Debug)]
pub struct Mux {
    limits: Limits,
    channels: BTreeMap<u16, Side>,
    highest: u16,
    /// What has an order of its own, and leaves first.
    values: VecDeque<Bytes>,
    values_bytes: usize,
    waiting: VecDeque<Waiting>,
    on_its_way: VecDeque<Sent>,
    on_its_way_bytes: usize,
    bulk: Bulk,
    /// How many messages the client has received, beside values.
    received: u64,
    unread: usize,
    refusals: usize,
}

impl Mux {
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            channels: BTreeMap::new(),
            highest: VALUES_ID,
            values: VecDeque::new(),
            values_bytes: 0,
            waiting: VecDeque::new(),
            on_its_way: VecDeque::new(),
            on_its_way_bytes: 0,
            bulk: Bulk::new(),
            received: 0,
            unread: 0,
            refusals: 0,
        }
    }

    /// Opens the channels of topics, if there are any.
    pub fn begin(&mut self) -> Vec<Effect> {
        if !self.limits.has_topics {
            return Vec::new();
        }
        let own = [(CONTROL_ID, CONTROL), (VALUES_ID, VALUES)];
        let opened = own.map(|(id, label)| self.open(id, label, PROTOCOL));
        opened.into()
    }

    fn open(&mut self, id: u16, label: &str, protocol: &str) -> Effect {
        self.channels.insert(id, Side::default());
        Effect::Opened(ChannelInit {
            id,
            label: label.to_owned(),
            protocol: protocol.to_owned(),
            reliability: Reliability::default(),
        })
    }

    fn push(&mut self, id: u16, message: Outgoing, bytes: usize) {
        self.waiting.push_back(Waiting { id, bytes, message });
    }

    /// Whether more may be read.
    pub fn has_room(&self) -> bool {
        self.unread < self.limits.unread
    }

    /// The next message of a channel.
    pub fn recv(&mut self, now: Instant, id: u16) -> Option<Message> {
        let side = self.channels.get_mut(&id)?;
        let message = side.inbox.pop_front()?;
        side.unread_since = (!side.inbox.is_empty()).then_some(now);
        self.unread -= message.data.len() + MESSAGE;
        Some(message)
    }

    /// For how long a message has waited while none was taken.
    pub fn unread_for(&self, now: Instant, id: u16) -> Option<Duration> {
        let since = self.channels.get(&id)?.unread_since?;
        Some(now.saturating_duration_since(since))
    }

    /// Whether nothing can be sent any more.
    pub fn is_closed(&self, id: u16) -> bool {
        self.channels.get(&id).is_none_or(|side| side.is_closed)
    }

    /// What a channel has outstanding, in bytes; an empty message counts 1.
    pub fn outstanding(&self, id: u16) -> usize {
        self.channels.get(&id).map_or(0, |side| side.outstanding)
    }

    /// Sends a message, where not more than `limit` bytes are outstanding then, or nothing is. False where there is no
    /// room for it, and none where the channel is closed.
    pub fn send(&mut self, id: u16, kind: Kind, data: &Bytes, limit: usize) -> Option<bool> {
        let side = self.channels.get_mut(&id).filter(|side| !side.is_closed)?;
        if side.outstanding > 0 && side.outstanding + data.len() > limit {
            return Some(false);
        }
        let bytes = data.len().max(1);
        side.outstanding += bytes;
        let message = match (id, kind) {
            (CONTROL_ID, Kind::Text) => Outgoing::Text(data.clone()),
            (CONTROL_ID | VALUES_ID, _) => Outgoing::Binary(data.clone()),
            (id, Kind::Text) => {
                let text = str::from_utf8(data).unwrap_or_default();
                Outgoing::Binary(Frame::Text(id, text).write().into())
            }
            (id, Kind::Binary) => Outgoing::Binary(Frame::Binary(id, data).write().into()),
        };
        self.push(id, message, bytes);
        Some(true)
    }

    /// Sends one of `values`, before all else, where not more than `limit` bytes of them wait.
    pub fn send_values(&mut self, data: &Bytes, limit: usize) -> Option<bool> {
        self.channels
            .get(&VALUES_ID)
            .filter(|side| !side.is_closed)?;
        if self.values_bytes > 0 && self.values_bytes + data.len() > limit {
            return Some(false);
        }
        self.values_bytes += data.len();
        self.values.push_back(data.clone());
        Some(true)
    }

    /// Closes a channel after what was sent before. What comes on it from now on is thrown away.
    pub fn close(&mut self, id: u16) -> Vec<Effect> {
        let Some(side) = self.channels.remove(&id) else {
            return Vec::new();
        };
        let unread = side.inbox.iter().map(|it| it.data.len() + MESSAGE);
        self.unread -= unread.sum::<usize>();
        self.push(id, Outgoing::Binary(Frame::Close(id).write().into()), 0);
        vec![Effect::Forgotten(id)]
    }

    /// The next that is to be sent.
    pub fn next(&mut self, now: Instant) -> Option<Outgoing> {
        if let Some(values) = self.values.pop_front() {
            self.values_bytes -= values.len();
            return Some(Outgoing::Binary(values));
        }
        let bytes = self.waiting.front()?.bytes;
        let has_room = self.bulk.has_room(self.on_its_way_bytes, bytes);
        if !has_room || self.on_its_way.len() >= MOST_MESSAGES {
            return None;
        }
        let Waiting { id, bytes, message } = self.waiting.pop_front()?;
        self.on_its_way_bytes += bytes;
        let left = now;
        self.on_its_way.push_back(Sent { id, bytes, left });
        Some(message)
    }
}

#[cfg(test)]
mod tests;
