//! One channel, by `RTCDataChannel` or on a WebSocket, and who on the page it is for.

use super::connection::describe;
use super::halves::Opened;
use super::socket::Socket;
use crate::{ChannelEvent, ChannelReport, NotSent, Tally};
use gloo_events::EventListener;
use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};
use tickwire_wire::signaling::ChannelInit;
use tickwire_wire::socket::{CONTROL_ID, Frame, VALUES_ID};
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{
    Event, RtcDataChannel, RtcDataChannelInit, RtcDataChannelState, RtcDataChannelType,
    RtcPeerConnection,
};

#[wasm_bindgen]
extern "C" {
    /// An `RTCPeerConnection`, as it is where its exceptions are caught: web-sys lets this one's
    /// pass, through everything that is under way, and nothing is done after it.
    type Peer;

    #[wasm_bindgen(method, catch, js_name = createDataChannel)]
    fn create_data_channel(
        this: &Peer,
        label: &str,
        options: &RtcDataChannelInit,
    ) -> Result<RtcDataChannel, JsValue>;
}

/// Who a channel is for.
#[derive(Clone)]
pub enum Role {
    /// The page, from the start of each session: the label names it.
    Page(Rc<str>),
    /// The link itself, which listens whether the server is there.
    Pulse,
    /// Who has opened it on the link.
    Opened(Weak<Opened>),
}

/// What carries a channel.
enum Raw {
    Data(RtcDataChannel),
    /// The channel of this number, and whether the server has closed it.
    Socket(Rc<Socket>, u16, Cell<bool>),
}

/// A channel of a connection. Dropping it closes it.
pub struct Channel {
    pub init: ChannelInit,
    pub role: Role,
    raw: Raw,
    sent: Cell<Tally>,
    received: Cell<Tally>,
    listeners: RefCell<Vec<EventListener>>,
}

impl Channel {
    /// Creates this side's half of the channel that `init` describes to the server.
    ///
    /// # Errors
    /// What the browser says where it does not: the id is taken or larger than it knows, the label
    /// is too long, there are both a limit of retransmissions and a lifetime.
    pub fn create(peer: &RtcPeerConnection, init: ChannelInit, role: Role) -> Result<Self, String> {
        let peer: &Peer = peer.unchecked_ref();
        let raw = peer
            .create_data_channel(&init.label, &dictionary(&init))
            .map_err(describe)?;
        raw.set_binary_type(RtcDataChannelType::Arraybuffer);
        Ok(Self::new(init, role, Raw::Data(raw)))
    }

    /// The same on a WebSocket.
    pub fn on_socket(socket: &Rc<Socket>, init: ChannelInit, role: Role) -> Self {
        let id = socket.id_for(&init.label);
        let channel = Self::new(
            init,
            role,
            Raw::Socket(socket.clone(), id, Cell::new(false)),
        );
        if socket.is_open() {
            channel.ask();
        }
        channel
    }

    fn new(init: ChannelInit, role: Role, raw: Raw) -> Self {
        Self {
            init,
            role,
            raw,
            sent: Cell::default(),
            received: Cell::default(),
            listeners: RefCell::default(),
        }
    }

    /// Asks the server for it, on a WebSocket.
    pub fn ask(&self) {
        if let Raw::Socket(socket, id, _) = &self.raw {
            socket.ask_for(*id, &self.init.label, &self.init.protocol);
        }
    }

    /// Whether it is the one of this number on a WebSocket.
    pub fn is_of(&self, number: u16) -> bool {
        matches!(&self.raw, Raw::Socket(_, id, _) if *id == number)
    }

    /// The server has closed it, on a WebSocket.
    pub fn set_closed(&self) {
        if let Raw::Socket(_, _, is_closed) = &self.raw {
            is_closed.set(true);
        }
    }

    /// Calls `handler` for each `event` of a data channel until it is dropped.
    pub fn listen(&self, event: &'static str, handler: impl FnMut(&Event) + 'static) {
        if let Raw::Data(raw) = &self.raw {
            let listener = EventListener::new(raw, event, handler);
            self.listeners.borrow_mut().push(listener);
        }
    }

    /// From here on nothing of the channel is heard.
    pub fn silence(&self) {
        self.listeners.take();
    }

    pub fn state(&self) -> RtcDataChannelState {
        match &self.raw {
            Raw::Data(raw) => raw.ready_state(),
            Raw::Socket(_, _, is_closed) if is_closed.get() => RtcDataChannelState::Closed,
            Raw::Socket(socket, ..) if socket.is_open() => RtcDataChannelState::Open,
            Raw::Socket(..) => RtcDataChannelState::Connecting,
        }
    }

    pub fn is_open(&self) -> bool {
        self.state() == RtcDataChannelState::Open
    }

    /// Hands text to the channel.
    pub fn send_text(&self, text: &str) -> Result<(), NotSent> {
        self.send(text.len(), || match &self.raw {
            Raw::Data(raw) => raw.send_with_str(text),
            Raw::Socket(socket, CONTROL_ID, _) => socket.send_text(text),
            Raw::Socket(socket, id, _) => socket.send_bytes(&Frame::Text(*id, text).write()),
        })
    }

    /// Hands bytes to the channel.
    pub fn send_binary(&self, bytes: &[u8]) -> Result<(), NotSent> {
        self.send(bytes.len(), || match &self.raw {
            Raw::Data(raw) => raw.send_with_u8_array(bytes),
            Raw::Socket(socket, CONTROL_ID | VALUES_ID, _) => socket.send_bytes(bytes),
            Raw::Socket(socket, id, _) => socket.send_bytes(&Frame::Binary(*id, bytes).write()),
        })
    }

    fn send(
        &self,
        bytes: usize,
        send: impl FnOnce() -> Result<(), JsValue>,
    ) -> Result<(), NotSent> {
        if !self.is_open() {
            return Err(NotSent::NotOpen);
        }
        send().map_err(|_| NotSent::Refused)?;
        count(&self.sent, bytes);
        Ok(())
    }

    pub fn buffered_amount(&self) -> u32 {
        match &self.raw {
            Raw::Data(raw) => raw.buffered_amount(),
            Raw::Socket(socket, ..) => socket.buffered_amount(),
        }
    }

    /// Reads a message that has arrived, and counts it.
    pub fn receive(&self, data: &JsValue) -> Message {
        let message = match data.as_string() {
            Some(text) => Message::Text(text),
            None => Message::Binary(buffer(data)),
        };
        self.count(&message);
        message
    }

    /// A message has arrived.
    pub fn count(&self, message: &Message) {
        count(&self.received, message.len());
    }

    /// What there is to show of the channel.
    pub fn report(&self) -> ChannelReport {
        ChannelReport {
            init: self.init.clone(),
            is_open: self.is_open(),
            sent: self.sent.get(),
            received: self.received.get(),
            queued: self.buffered_amount(),
        }
    }
}

/// What a channel is created with, by the browser and, with its label, by the server.
pub fn dictionary(init: &ChannelInit) -> RtcDataChannelInit {
    let options = RtcDataChannelInit::new();
    options.set_negotiated(init.negotiated);
    options.set_id(init.id);
    options.set_ordered(init.ordered);
    options.set_protocol(&init.protocol);
    if let Some(times) = init.max_retransmits {
        options.set_max_retransmits(times);
    }
    if let Some(milliseconds) = init.max_packet_life_time {
        options.set_max_packet_life_time(milliseconds);
    }
    options
}

impl Drop for Channel {
    fn drop(&mut self) {
        self.silence();
        match &self.raw {
            Raw::Data(raw) => raw.close(),
            Raw::Socket(socket, id, is_closed) if !is_closed.get() => {
                socket.send(&Frame::Close(*id));
            }
            Raw::Socket(..) => {}
        }
    }
}

fn count(tally: &Cell<Tally>, bytes: usize) {
    let mut counted = tally.get();
    counted.add(bytes);
    tally.set(counted);
}

fn buffer(data: &JsValue) -> js_sys::ArrayBuffer {
    // Binary messages come as buffers: the channel was told so when it was made.
    let buffer = data.dyn_ref().cloned();
    buffer.unwrap_or_else(|| js_sys::ArrayBuffer::new(0))
}

/// A message that arrived.
pub enum Message {
    Text(String),
    Binary(js_sys::ArrayBuffer),
}

impl From<Message> for ChannelEvent {
    fn from(message: Message) -> Self {
        match message {
            Message::Text(text) => Self::Text(text),
            Message::Binary(bytes) => Self::Binary(js_sys::Uint8Array::new(&bytes).to_vec()),
        }
    }
}

impl Message {
    /// How many bytes it has.
    fn len(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Binary(bytes) => bytes.byte_length() as usize,
        }
    }
}
