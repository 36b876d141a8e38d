//! `RTCPeerConnection` with data channels that both sides create by themselves.

use super::channel::{Channel, Message};
use super::listener::Listener;
use crate::signaling::ChannelInit;
use std::rc::Rc;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{
    Event, MessageEvent, RtcDataChannelState, RtcPeerConnection, RtcPeerConnectionState,
};

/// Something that happened on a connection.
pub enum Happening {
    /// No channel is still to be opened, and one or more are open. It may come more than once.
    Opened,
    /// A message arrived on the channel of this label.
    Message(Rc<str>, Message),
    /// The server closed the channel of this label; others are open.
    ChannelClosed(Rc<str>),
    /// Nothing has come from the server for some seconds.
    Silent,
    /// The server is heard (again).
    Heard,
    /// The server closed the last channel.
    Closed,
    /// ICE or DTLS failed.
    Lost,
}

/// A peer connection and its channels. Dropping it closes them all; nothing is reported after
/// that.
pub struct Connection {
    peer: RtcPeerConnection,
    channels: Rc<[Channel]>,
    listeners: Vec<Listener>,
}

impl Connection {
    /// A connection that is ready to offer. `report` is told what happens on it.
    ///
    /// # Errors
    /// What the browser says where it does not allow WebRTC.
    pub fn open(
        channels: &[ChannelInit],
        report: impl Fn(Happening) + 'static,
    ) -> Result<Self, String> {
        let peer = RtcPeerConnection::new().map_err(describe)?;
        let channels: Rc<[Channel]> = channels
            .iter()
            .map(|init| Channel::create(&peer, init))
            .collect();
        let report: Rc<dyn Fn(Happening)> = Rc::new(report);
        let mut listeners: Vec<_> = channels
            .iter()
            .flat_map(|channel| listen(channel, &channels, &report))
            .collect();
        listeners.push(Listener::new(&peer, "connectionstatechange", {
            let peer = peer.clone();
            move |_: Event| match peer.connection_state() {
                RtcPeerConnectionState::Connected => report(Happening::Heard),
                RtcPeerConnectionState::Disconnected => report(Happening::Silent),
                RtcPeerConnectionState::Failed => report(Happening::Lost),
                _ => {}
            }
        }));
        Ok(Self {
            peer,
            channels,
            listeners,
        })
    }

    /// The peer connection, for the negotiation.
    pub fn peer(&self) -> RtcPeerConnection {
        self.peer.clone()
    }

    /// Hands text to the channel of this label; `false` where it is not open or does not take it.
    pub fn send(&self, label: &str, text: &str) -> bool {
        self.channels
            .iter()
            .any(|channel| *channel.label == *label && channel.send(text))
    }

    /// From here on nothing is reported.
    pub fn silence(&mut self) {
        self.listeners.clear();
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.silence();
        for channel in self.channels.iter() {
            channel.raw.close();
        }
        self.peer.close();
    }
}

/// Reports what happens on one of the channels.
fn listen(channel: &Channel, all: &Rc<[Channel]>, report: &Rc<dyn Fn(Happening)>) -> [Listener; 3] {
    let label = channel.label.clone();
    let message = Listener::new(&channel.raw, "message", {
        let report = report.clone();
        move |event: MessageEvent| {
            report(Happening::Message(
                label.clone(),
                Message::read(&event.data()),
            ));
        }
    });
    let opened = Listener::new(&channel.raw, "open", {
        let (all, report) = (all.clone(), report.clone());
        move |_: Event| report_open(&all, &*report)
    });
    let closed = Listener::new(&channel.raw, "close", {
        let (all, report, label) = (all.clone(), report.clone(), channel.label.clone());
        move |_: Event| {
            let is_closed = |channel: &Channel| channel.state() == RtcDataChannelState::Closed;
            if all.iter().all(is_closed) {
                report(Happening::Closed);
            } else {
                report(Happening::ChannelClosed(label.clone()));
                report_open(&all, &*report);
            }
        }
    });
    [message, opened, closed]
}

/// A channel that closes early must not keep the others from counting as open.
fn report_open(all: &[Channel], report: &dyn Fn(Happening)) {
    let is_in = |state| move |channel: &Channel| channel.state() == state;
    if all.iter().any(is_in(RtcDataChannelState::Open))
        && !all.iter().any(is_in(RtcDataChannelState::Connecting))
    {
        report(Happening::Opened);
    }
}

/// What a JavaScript error says.
pub fn describe(error: JsValue) -> String {
    error
        .dyn_ref::<js_sys::Error>()
        .map_or_else(|| format!("{error:?}"), |error| error.message().into())
}
