//! One `RTCDataChannel`, and who on the page it is for.

use super::connection::describe;
use super::halves::Opened;
use crate::{ChannelReport, NotSent, Tally};
use gloo_events::EventListener;
use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};
use tickwire_wire::signaling::ChannelInit;
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

/// A channel of a connection. Dropping it closes it.
pub struct Channel {
    pub init: ChannelInit,
    pub role: Role,
    raw: RtcDataChannel,
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
        Ok(Self {
            init,
            role,
            raw,
            sent: Cell::default(),
            received: Cell::default(),
            listeners: RefCell::default(),
        })
    }

    /// Calls `handler` for each `event` of the channel until it is dropped.
    pub fn listen(&self, event: &'static str, handler: impl FnMut(&Event) + 'static) {
        let listener = EventListener::new(&self.raw, event, handler);
        self.listeners.borrow_mut().push(listener);
    }

    /// From here on nothing of the channel is heard.
    pub fn silence(&self) {
        self.listeners.take();
    }

    pub fn state(&self) -> RtcDataChannelState {
        self.raw.ready_state()
    }

    pub fn is_open(&self) -> bool {
        self.state() == RtcDataChannelState::Open
    }

    /// Hands text to the channel.
    pub fn send_text(&self, text: &str) -> Result<(), NotSent> {
        self.send(text.len(), || self.raw.send_with_str(text))
    }

    /// Hands bytes to the channel.
    pub fn send_binary(&self, bytes: &[u8]) -> Result<(), NotSent> {
        self.send(bytes.len(), || self.raw.send_with_u8_array(bytes))
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
        self.raw.buffered_amount()
    }

    /// Counts a message that has arrived, and reads it.
    pub fn receive(&self, data: &JsValue) -> Message {
        let message = match data.as_string() {
            Some(text) => Message::Text(text),
            None => Message::Binary(buffer(data)),
        };
        count(&self.received, message.len());
        message
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
        self.raw.close();
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

impl Message {
    /// How many bytes it has.
    fn len(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Binary(bytes) => bytes.byte_length() as usize,
        }
    }
}
