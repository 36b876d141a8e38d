//! `RTCPeerConnection` with data channels that both sides create by themselves.

use super::channel::{Channel, Message, Role};
use gloo_events::EventListener;
use std::cell::RefCell;
use std::rc::Rc;
use tickwire_wire::signaling::ChannelInit;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{
    Event, MessageEvent, RtcDataChannelState, RtcIceConnectionState, RtcPeerConnection,
    RtcPeerConnectionState,
};

/// Something that happened on a connection.
pub enum Happening {
    /// This channel opened.
    Opened(Rc<Channel>),
    /// A message arrived on this channel.
    Message(Rc<Channel>, Message),
    /// The server closed this channel.
    Closed(Rc<Channel>),
    /// ICE has a pair that works (again).
    PairWorks,
    /// The state of the connection as a whole, ICE and DTLS, changed.
    State(RtcPeerConnectionState),
}

/// A peer connection and its channels. Dropping it closes them all; nothing is reported after
/// that.
pub struct Connection {
    peer: RtcPeerConnection,
    channels: RefCell<Vec<Rc<Channel>>>,
    listeners: RefCell<Vec<EventListener>>,
    report: Rc<dyn Fn(Happening)>,
}

impl Connection {
    /// A connection without channels. `report` is told what happens on it.
    ///
    /// # Errors
    /// What the browser says where it does not allow WebRTC.
    pub fn open(report: impl Fn(Happening) + 'static) -> Result<Self, String> {
        let peer = RtcPeerConnection::new().map_err(describe)?;
        let report: Rc<dyn Fn(Happening)> = Rc::new(report);
        let state = EventListener::new(&peer, "connectionstatechange", {
            let (peer, report) = (peer.clone(), report.clone());
            move |_: &Event| report(Happening::State(peer.connection_state()))
        });
        let ice = EventListener::new(&peer, "iceconnectionstatechange", {
            let (peer, report) = (peer.clone(), report.clone());
            move |_: &Event| {
                if has_pair(&peer) {
                    report(Happening::PairWorks);
                }
            }
        });
        Ok(Self {
            peer,
            channels: RefCell::default(),
            listeners: RefCell::new(vec![state, ice]),
            report,
        })
    }

    /// The peer connection, for the negotiation.
    pub fn peer(&self) -> RtcPeerConnection {
        self.peer.clone()
    }

    /// Creates this side's half of one more channel.
    ///
    /// # Errors
    /// As [`Channel::create`].
    pub fn add(&self, init: ChannelInit, role: Role) -> Result<Rc<Channel>, String> {
        let channel = Rc::new(Channel::create(&self.peer, init, role)?);
        let tell = |happening: fn(Rc<Channel>) -> Happening| {
            let (channel, report) = (Rc::downgrade(&channel), self.report.clone());
            move |_: &Event| {
                if let Some(channel) = channel.upgrade() {
                    report(happening(channel));
                }
            }
        };
        channel.listen("open", tell(Happening::Opened));
        channel.listen("close", tell(Happening::Closed));
        channel.listen("message", {
            let (channel, report) = (Rc::downgrade(&channel), self.report.clone());
            move |event: &Event| {
                if let Some(channel) = channel.upgrade() {
                    let event: &MessageEvent = event.unchecked_ref();
                    let message = channel.receive(&event.data());
                    report(Happening::Message(channel, message));
                }
            }
        });
        self.channels.borrow_mut().push(channel.clone());
        Ok(channel)
    }

    /// Takes a channel off, which closes it once nobody else has it.
    pub fn remove(&self, channel: &Rc<Channel>) {
        channel.silence();
        self.channels
            .borrow_mut()
            .retain(|other| !Rc::ptr_eq(other, channel));
    }

    /// The channels that are not removed, closed ones among them.
    pub fn channels(&self) -> Vec<Rc<Channel>> {
        self.channels.borrow().clone()
    }

    /// Whether no channel is still to be opened, and one or more are open: one that closes early
    /// must not keep the others from counting.
    pub fn is_open(&self) -> bool {
        let channels = self.channels.borrow();
        let is_in = |state| move |channel: &Rc<Channel>| channel.state() == state;
        channels.iter().any(is_in(RtcDataChannelState::Open))
            && !channels.iter().any(is_in(RtcDataChannelState::Connecting))
    }

    /// Whether the server has closed all channels.
    pub fn is_closed(&self) -> bool {
        let closed = RtcDataChannelState::Closed;
        self.channels
            .borrow()
            .iter()
            .all(|channel| channel.state() == closed)
    }

    /// Whether ICE has a pair that works.
    pub fn has_pair(&self) -> bool {
        has_pair(&self.peer)
    }

    /// From here on nothing is reported.
    pub fn silence(&self) {
        self.listeners.take();
        for channel in self.channels.borrow().iter() {
            channel.silence();
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.silence();
        self.channels.take();
        self.peer.close();
    }
}

fn has_pair(peer: &RtcPeerConnection) -> bool {
    matches!(
        peer.ice_connection_state(),
        RtcIceConnectionState::Connected | RtcIceConnectionState::Completed
    )
}

/// What a JavaScript error says.
pub fn describe(error: JsValue) -> String {
    error
        .dyn_ref::<js_sys::Error>()
        .map_or_else(|| format!("{error:?}"), |error| error.message().into())
}
