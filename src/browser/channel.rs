//! One `RTCDataChannel`.

use crate::signaling::ChannelInit;
use std::rc::Rc;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{
    RtcDataChannel, RtcDataChannelInit, RtcDataChannelState, RtcDataChannelType, RtcPeerConnection,
};

/// A channel and the label that names it.
pub struct Channel {
    pub label: Rc<str>,
    pub raw: RtcDataChannel,
}

impl Channel {
    /// Creates this side's half of the channel that `init` describes to the server.
    pub fn create(peer: &RtcPeerConnection, init: &ChannelInit) -> Self {
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
        let raw = peer.create_data_channel_with_data_channel_dict(&init.label, &options);
        raw.set_binary_type(RtcDataChannelType::Arraybuffer);
        Self {
            label: init.label.as_str().into(),
            raw,
        }
    }

    pub fn state(&self) -> RtcDataChannelState {
        self.raw.ready_state()
    }

    /// Hands text to the channel; `false` where it is not open or does not take it.
    pub fn send(&self, text: &str) -> bool {
        self.state() == RtcDataChannelState::Open && self.raw.send_with_str(text).is_ok()
    }
}

/// A message that arrived.
pub enum Message {
    Text(String),
    /// Binary, of this many bytes.
    Binary(u32),
}

impl Message {
    /// Reads the data of a `MessageEvent`.
    pub fn read(data: &JsValue) -> Self {
        match data.as_string() {
            Some(text) => Self::Text(text),
            None => Self::Binary(
                data.dyn_ref::<js_sys::ArrayBuffer>()
                    .map(js_sys::ArrayBuffer::byte_length)
                    .unwrap_or(0),
            ),
        }
    }
}
