//! A WebSocket that carries all channels of a session: `tickwire_wire::socket` says how.

use super::channel::Message;
use super::timer;
use gloo_events::EventListener;
use gloo_timers::callback::Timeout;
use js_sys::{ArrayBuffer, Uint8Array};
use leptos::prelude::window;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use tickwire_wire::control::{CONTROL, PROTOCOL, VALUES};
use tickwire_wire::socket::{CONTROL_ID, Frame, HELD, SOCKET_PATH, VALUES_ID};
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{BinaryType, Event, MessageEvent, WebSocket};

/// What has come on it.
pub enum Came {
    /// On the channel of this number.
    Message(u16, Message),
    /// The server has closed that channel.
    Closed(u16),
    /// Something of another version.
    Nothing,
}

/// The WebSocket, once there is one.
pub struct Socket {
    raw: RefCell<Option<WebSocket>>,
    listeners: RefCell<Vec<EventListener>>,
    /// The number that a channel was given last.
    last_id: Cell<u16>,
    /// Whether the server has let the client in.
    is_open: Cell<bool>,
    /// How many messages have come that are not of `values`, of how many of them it was said, and what says it of
    /// the last.
    received: Cell<u64>,
    said: Cell<u64>,
    saying: RefCell<Option<Timeout>>,
}

impl Socket {
    pub fn new() -> Self {
        Self {
            raw: RefCell::default(),
            listeners: RefCell::default(),
            last_id: Cell::new(VALUES_ID),
            is_open: Cell::new(false),
            received: Cell::new(0),
            said: Cell::new(0),
            saying: RefCell::default(),
        }
    }

    /// Connects to the server whose router is here, and tells of each event: that it is connected, what has
    /// come, and that it is over.
    ///
    /// # Errors
    /// Where the browser does not.
    pub fn connect(
        &self,
        server: &str,
        on_open: impl FnMut(&Event) + 'static,
        on_message: impl Fn(JsValue) + 'static,
        on_close: impl FnMut(&Event) + 'static,
    ) -> Result<(), JsValue> {
        let base = window().location().href()?;
        let url = web_sys::Url::new_with_base(&format!("{server}/{SOCKET_PATH}"), &base)?;
        url.set_protocol(&url.protocol().replace("http", "ws"));
        let raw = WebSocket::new_with_str(&url.href(), PROTOCOL)?;
        raw.set_binary_type(BinaryType::Arraybuffer);
        let message = move |event: &Event| {
            on_message(event.unchecked_ref::<MessageEvent>().data());
        };
        self.listeners.replace(vec![
            EventListener::new(&raw, "open", on_open),
            EventListener::new(&raw, "message", message),
            EventListener::new(&raw, "close", on_close),
        ]);
        self.raw.replace(Some(raw));
        Ok(())
    }

    /// The number of a channel of this label. Those of topics are the server's to open.
    pub fn id_for(&self, label: &str) -> u16 {
        match label {
            CONTROL => CONTROL_ID,
            VALUES => VALUES_ID,
            _ => {
                self.last_id.update(|last| last.saturating_add(1));
                self.last_id.get()
            }
        }
    }

    /// Asks for a channel, where that is the client's to do.
    pub fn ask_for(&self, id: u16, label: &str, protocol: &str) {
        if id > VALUES_ID {
            self.send(&Frame::Open {
                id,
                label,
                protocol,
            });
        }
    }

    pub fn is_open(&self) -> bool {
        self.is_open.get()
    }

    /// The server has let the client in.
    pub fn opened(&self) {
        self.is_open.set(true);
    }

    /// Hands a frame over; what finds it closed is lost.
    pub fn send(&self, frame: &Frame<'_>) {
        let _ = self.send_bytes(&frame.write());
    }

    pub fn send_bytes(&self, bytes: &[u8]) -> Result<(), JsValue> {
        self.with(|raw| raw.send_with_u8_array(bytes))
    }

    pub fn send_text(&self, text: &str) -> Result<(), JsValue> {
        self.with(|raw| raw.send_with_str(text))
    }

    fn with(&self, send: impl FnOnce(&WebSocket) -> Result<(), JsValue>) -> Result<(), JsValue> {
        match &*self.raw.borrow() {
            Some(raw) if raw.ready_state() == WebSocket::OPEN => send(raw),
            _ => Err(JsValue::NULL),
        }
    }

    pub fn buffered_amount(&self) -> u32 {
        let raw = self.raw.borrow();
        raw.as_ref().map_or(0, WebSocket::buffered_amount)
    }

    /// Reads what has come, and says so where the server waits for that.
    pub fn read(self: &Rc<Self>, data: &JsValue) -> Came {
        if let Some(text) = data.as_string() {
            self.count();
            return Came::Message(CONTROL_ID, Message::Text(text));
        }
        let Some(buffer) = data.dyn_ref::<ArrayBuffer>() else {
            return Came::Nothing;
        };
        let bytes = Uint8Array::new(buffer).to_vec();
        if Frame::is_of_values(&bytes) {
            return Came::Message(VALUES_ID, Message::Binary(buffer.clone()));
        }
        self.count();
        match Frame::read(&bytes) {
            Ok(Frame::LogEntry(_)) => Came::Message(CONTROL_ID, Message::Binary(buffer.clone())),
            Ok(Frame::Text(id, text)) => Came::Message(id, Message::Text(text.to_owned())),
            Ok(Frame::Binary(id, bytes)) => {
                Came::Message(id, Message::Binary(Uint8Array::from(bytes).buffer()))
            }
            Ok(Frame::Close(id)) => Came::Closed(id),
            _ => Came::Nothing,
        }
    }

    fn count(self: &Rc<Self>) {
        self.received.set(self.received.get() + 1);
        if self.received.get() > self.said.get() + 1 {
            return self.confirm();
        }
        let socket = Rc::downgrade(self);
        let confirm = move || {
            if let Some(socket) = socket.upgrade() {
                socket.confirm();
            }
        };
        let saying = timer::after(HELD.as_secs_f64() * 1e3, confirm);
        drop(self.saying.replace(Some(saying)));
    }

    /// Says what has come, unless that is said.
    fn confirm(&self) {
        if self.said.replace(self.received.get()) < self.received.get() {
            self.send(&Frame::Received(self.received.get()));
        }
    }

    /// From here on nothing is heard.
    pub fn silence(&self) {
        self.listeners.take();
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.silence();
        let Some(raw) = self.raw.take() else { return };
        // It fails for codes and reasons alone, and has none.
        let close = move |raw: &WebSocket| drop(raw.close());
        if raw.ready_state() == WebSocket::CONNECTING {
            // Browsers tell people of one that is closed before it is open.
            let later = raw.clone();
            let on_open = Closure::once_into_js(move || close(&later));
            raw.set_onopen(Some(on_open.unchecked_ref()));
        } else {
            close(&raw);
        }
    }
}
