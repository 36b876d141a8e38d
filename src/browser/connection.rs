//! `RTCPeerConnection` with one data channel.

use super::listener::Listener;
use crate::wire::DATA;
use std::rc::Rc;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{
    Event, MessageEvent, RtcDataChannel, RtcDataChannelState, RtcDataChannelType,
    RtcPeerConnection, RtcPeerConnectionState,
};

/// Something that happened on a connection.
pub enum Happening {
    /// The channel is open.
    Opened,
    /// A text message arrived.
    Text(String),
    /// A binary message of this many bytes arrived.
    Binary(u32),
    /// Nothing has come from the server for some seconds.
    Silent,
    /// The server is heard (again).
    Heard,
    /// The other side closed the channel.
    Closed,
    /// ICE or DTLS failed.
    Lost,
}

/// A peer connection and its channel, reliable and ordered. Dropping it closes both; nothing is
/// reported after that.
pub struct Connection {
    peer: RtcPeerConnection,
    channel: RtcDataChannel,
    listeners: Vec<Listener>,
}

impl Connection {
    /// A connection that is ready to offer. `report` is told what happens on it.
    ///
    /// # Errors
    /// What the browser says where it does not allow WebRTC.
    pub fn open(report: impl Fn(Happening) + 'static) -> Result<Self, String> {
        let peer = RtcPeerConnection::new().map_err(describe)?;
        let channel = peer.create_data_channel(DATA);
        channel.set_binary_type(RtcDataChannelType::Arraybuffer);

        let report = Rc::new(report);
        let on = |target: &web_sys::EventTarget, event, happening: fn() -> Happening| {
            let report = report.clone();
            Listener::new(target, event, move |_: Event| report(happening()))
        };
        let opened = on(&channel, "open", || Happening::Opened);
        let closed = on(&channel, "close", || Happening::Closed);
        let message = Listener::new(&channel, "message", {
            let report = report.clone();
            move |event: MessageEvent| report(read(&event.data()))
        });
        let state = Listener::new(&peer, "connectionstatechange", {
            let peer = peer.clone();
            move |_: Event| match peer.connection_state() {
                RtcPeerConnectionState::Connected => report(Happening::Heard),
                RtcPeerConnectionState::Disconnected => report(Happening::Silent),
                RtcPeerConnectionState::Failed => report(Happening::Lost),
                _ => {}
            }
        });
        Ok(Self {
            peer,
            channel,
            listeners: vec![opened, closed, message, state],
        })
    }

    /// The peer connection, for the negotiation.
    pub fn peer(&self) -> RtcPeerConnection {
        self.peer.clone()
    }

    /// Hands text to the channel; `false` where it is not open or does not take it.
    pub fn send(&self, text: &str) -> bool {
        self.channel.ready_state() == RtcDataChannelState::Open
            && self.channel.send_with_str(text).is_ok()
    }

    /// From here on nothing is reported.
    pub fn silence(&mut self) {
        self.listeners.clear();
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.silence();
        self.channel.close();
        self.peer.close();
    }
}

fn read(data: &JsValue) -> Happening {
    match data.as_string() {
        Some(text) => Happening::Text(text),
        None => Happening::Binary(
            data.dyn_ref::<js_sys::ArrayBuffer>()
                .map(js_sys::ArrayBuffer::byte_length)
                .unwrap_or(0),
        ),
    }
}

/// What a JavaScript error says.
pub fn describe(error: JsValue) -> String {
    error
        .dyn_ref::<js_sys::Error>()
        .map_or_else(|| format!("{error:?}"), |error| error.message().into())
}
