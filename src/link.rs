//! A connection to the server as a page sees it: signals to show, callbacks to call.

use leptos::prelude::*;
use std::rc::Rc;

/// Where a [`Link`] is in its life.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LinkState {
    /// Not started, or stopped by the user.
    Idle,
    /// The offer is under way, or ICE, DTLS and SCTP are.
    Connecting,
    /// All data channels are open, or were before the server closed some of them.
    Connected,
    /// The server has been silent for some seconds; the link resumes if it answers again.
    Interrupted,
    /// The link was open and has ended: why.
    Disconnected(String),
    /// The link never opened: why.
    Failed(String),
}

impl LinkState {
    /// Whether there is something to stop.
    pub fn is_active(&self) -> bool {
        matches!(self, Self::Connecting | Self::Connected | Self::Interrupted)
    }

    /// The state in a word or two.
    pub fn label(&self) -> &'static str {
        match self {
            Self::Idle => "Not connected",
            Self::Connecting => "Connecting…",
            Self::Connected => "Connected",
            Self::Interrupted | Self::Disconnected(_) => "Disconnected",
            Self::Failed(_) => "Failed",
        }
    }

    /// Why, where there is something to say.
    pub fn reason(&self) -> &str {
        match self {
            Self::Idle | Self::Connecting | Self::Connected => "",
            Self::Interrupted => "The server has not answered for some seconds. Waiting for it.",
            Self::Disconnected(reason) | Self::Failed(reason) => reason,
        }
    }
}

/// Something that happened on a link.
#[derive(Clone, Debug, PartialEq)]
pub struct LinkEvent {
    /// When, by the device's clock, in milliseconds since 1970-01-01T00:00:00Z with a fraction.
    pub at: f64,
    /// What happened.
    pub kind: LinkEventKind,
}

/// What a [`LinkEvent`] tells. A channel is named by its label.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LinkEventKind {
    /// A text message arrived on this channel.
    Received(Rc<str>, String),
    /// A binary message of this many bytes arrived on this channel.
    ReceivedBinary(Rc<str>, u32),
    /// A text message was handed to this channel.
    Sent(&'static str, String),
    /// The server closed this channel; others are open.
    Closed(Rc<str>),
    /// The link's state changed.
    State(LinkState),
}

/// What `use_link` gives a component. Copies are the same link.
#[derive(Clone, Copy)]
pub struct Link {
    /// Where the link is in its life.
    pub state: Signal<LinkState>,
    pub(crate) start: Callback<()>,
    pub(crate) stop: Callback<()>,
    pub(crate) send: Callback<(&'static str, String), bool>,
}

impl Link {
    /// Opens a connection; nothing if one is open or under way.
    pub fn start(&self) {
        self.start.run(());
    }

    /// Ends the connection, on the server too.
    pub fn stop(&self) {
        self.stop.run(());
    }

    /// Sends a text message on the channel of this label. `false` if it is not open or the
    /// browser refuses the message (its buffer is full, or the text is larger than the server
    /// takes).
    pub fn send(&self, channel: &'static str, text: String) -> bool {
        self.send.run((channel, text))
    }
}
