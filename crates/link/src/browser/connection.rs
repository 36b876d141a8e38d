//! A connection and its channels: `RTCPeerConnection` with data channels that both sides create by
//! themselves, or a WebSocket.

use super::channel::{Channel, Message, Role};
use super::socket::{Came, Socket};
use super::{json, negotiation};
use crate::Failure;
use gloo_events::EventListener;
use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;
use tickwire_wire::Fields;
use tickwire_wire::control::ToServer;
use tickwire_wire::signaling::{ChannelInit, SignalingError};
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
    /// The WebSocket has ended.
    Lost(Failure),
}

/// What a connection is made of.
enum Way {
    Peer(RtcPeerConnection),
    Socket(Rc<Socket>),
}

/// A connection and its channels. Dropping it closes them all; nothing is reported after
/// that.
pub struct Connection {
    way: Way,
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
            way: Way::Peer(peer),
            channels: RefCell::default(),
            listeners: RefCell::new(vec![state, ice]),
            report,
        })
    }

    /// The same by a WebSocket, to be connected.
    pub fn by_socket(report: impl Fn(Happening) + 'static) -> Self {
        Self {
            way: Way::Socket(Rc::new(Socket::new())),
            channels: RefCell::default(),
            listeners: RefCell::default(),
            report: Rc::new(report),
        }
    }

    /// Connects by a WebSocket, and shows the server this token.
    pub fn connect(self: &Rc<Self>, server: &str, token: Option<String>) {
        let Way::Socket(socket) = &self.way else {
            return;
        };
        let weak = Rc::downgrade(self);
        let on_open = {
            let weak = weak.clone();
            move |_: &Event| {
                let Some(connection) = weak.upgrade() else {
                    return;
                };
                if let (Way::Socket(socket), Some(token)) = (&connection.way, token.clone()) {
                    let _ = socket.send_text(&ToServer::Token { token }.json());
                }
                for channel in connection.channels() {
                    channel.ask();
                }
            }
        };
        let on_message = {
            let weak = weak.clone();
            move |data| {
                if let Some(connection) = weak.upgrade() {
                    connection.came(&data);
                }
            }
        };
        let on_close = move |_: &Event| {
            if let Some(connection) = weak.upgrade() {
                let was_open = connection.is_by_open_socket();
                let failure = if was_open {
                    Failure::Ended
                } else {
                    Failure::NoPath
                };
                (connection.report)(Happening::Lost(failure));
            }
        };
        if socket
            .connect(server, on_open, on_message, on_close)
            .is_err()
        {
            (self.report)(Happening::Lost(Failure::NoPath));
        }
    }

    /// Something has come by WebSocket.
    fn came(&self, data: &JsValue) {
        let Way::Socket(socket) = &self.way else {
            return;
        };
        if !socket.is_open() {
            if let Some(failure) = denied(data) {
                return (self.report)(Happening::Lost(failure));
            }
            socket.opened();
            for channel in self.channels() {
                (self.report)(Happening::Opened(channel));
            }
        }
        let find = |id| self.channels().into_iter().find(|it| it.is_of(id));
        match socket.read(data) {
            Came::Message(id, message) => {
                if let Some(channel) = find(id) {
                    channel.count(&message);
                    (self.report)(Happening::Message(channel, message));
                }
            }
            Came::Closed(id) => {
                if let Some(channel) = find(id) {
                    channel.set_closed();
                    (self.report)(Happening::Closed(channel));
                }
            }
            Came::Nothing => {}
        }
    }

    pub fn is_by_socket(&self) -> bool {
        matches!(self.way, Way::Socket(_))
    }

    fn is_by_open_socket(&self) -> bool {
        matches!(&self.way, Way::Socket(socket) if socket.is_open())
    }

    /// The peer connection, for the negotiation; none by WebSocket.
    pub fn peer(&self) -> Option<RtcPeerConnection> {
        match &self.way {
            Way::Peer(peer) => Some(peer.clone()),
            Way::Socket(_) => None,
        }
    }

    /// Creates this side's half of one more channel.
    ///
    /// # Errors
    /// As [`Channel::create`].
    pub fn add(&self, init: ChannelInit, role: Role) -> Result<Rc<Channel>, String> {
        let channel = Rc::new(match &self.way {
            Way::Peer(peer) => Channel::create(peer, init, role)?,
            Way::Socket(socket) => Channel::on_socket(socket, init, role),
        });
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
        matches!(&self.way, Way::Peer(peer) if has_pair(peer))
    }

    /// From here on nothing is reported.
    pub fn silence(&self) {
        self.listeners.take();
        if let Way::Socket(socket) = &self.way {
            socket.silence();
        }
        for channel in self.channels.borrow().iter() {
            channel.silence();
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.silence();
        self.channels.take();
        if let Way::Peer(peer) = &self.way {
            peer.close();
        }
    }
}

fn has_pair(peer: &RtcPeerConnection) -> bool {
    matches!(
        peer.ice_connection_state(),
        RtcIceConnectionState::Connected | RtcIceConnectionState::Completed
    )
}

/// Why the server does not let the client in, where it says that.
fn denied(data: &JsValue) -> Option<Failure> {
    let fields = json::parse(&data.as_string()?)?;
    if fields.text("type")? != "denied" {
        return None;
    }
    let error = SignalingError::read(&fields)?;
    let retry_after = error.retry_after.map(|it| Duration::from_secs(it.into()));
    Some(negotiation::refusal(error, retry_after))
}

/// What a JavaScript error says.
pub fn describe(error: JsValue) -> String {
    error
        .dyn_ref::<js_sys::Error>()
        .map_or_else(|| format!("{error:?}"), |error| error.message().into())
}
