//! A connection to the server as a page sees it: signals to show, callbacks to call.

use crate::Topics;
use crate::channel::{ChannelEvent, ChannelOptions, LinkChannel, OpenError};
use crate::{ChannelReport, LinkState, Path, StepReport};
use leptos::prelude::*;
use std::pin::Pin;
use std::rc::Rc;
use std::time::Duration;
use tickwire_wire::signaling::ChannelInit;

/// What a link is made with. The default is a link without channels of its own that comes back
/// by itself; channels can be opened on it all the same.
#[derive(Clone)]
pub struct LinkOptions {
    /// The channels that each session begins with. Their ids are each used once.
    pub channels: Vec<ChannelInit>,
    /// Where the server's router is: what comes before `/sdp`. Empty for the root of where the page
    /// came from; `.` for the folder that the page is in, or a path such as `/live`.
    pub server: String,
    /// Gives the token that the server asks for, if the page has one: it goes with each request as
    /// `Authorization: Bearer`. It is asked for each session, again where the server does not take
    /// it, and again before it ends.
    pub token: Option<TokenSource>,
    /// Is called for each message and each change of state, in order.
    pub on_event: Rc<dyn Fn(LinkEvent)>,
    /// Whether a new session is opened where one that was connected is lost. Without it the link
    /// ends in [`LinkState::Failed`] then. An ICE restart is tried in any case.
    pub reconnect: bool,
}

/// What gives a token, or none.
pub type TokenSource = Rc<dyn Fn() -> Pin<Box<dyn Future<Output = Option<String>>>>>;

impl LinkOptions {
    /// With these channels.
    pub fn channels(self, channels: Vec<ChannelInit>) -> Self {
        Self { channels, ..self }
    }

    /// With a server elsewhere than at the root.
    pub fn server(self, server: impl Into<String>) -> Self {
        Self {
            server: server.into(),
            ..self
        }
    }

    /// With what gives the token that the server asks for.
    pub fn token<F>(self, token: impl Fn() -> F + 'static) -> Self
    where
        F: Future<Output = Option<String>> + 'static,
    {
        Self {
            token: Some(Rc::new(move || Box::pin(token()))),
            ..self
        }
    }

    /// With what is called for each event.
    pub fn on_event(self, on_event: impl Fn(LinkEvent) + 'static) -> Self {
        Self {
            on_event: Rc::new(on_event),
            ..self
        }
    }

    /// With or without new sessions in place of lost ones.
    pub fn reconnect(self, reconnect: bool) -> Self {
        Self { reconnect, ..self }
    }
}

impl Default for LinkOptions {
    fn default() -> Self {
        Self {
            channels: Vec::new(),
            server: String::new(),
            token: None,
            on_event: Rc::new(|_| {}),
            reconnect: true,
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

/// What a [`LinkEvent`] tells. A channel is one of [`LinkOptions::channels`], and is named by its
/// label; those that [`Link::open`] opened tell their own events.
#[derive(Clone, Debug, PartialEq)]
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
    /// The steps of the newest try to open a session.
    pub steps: Signal<Vec<StepReport>>,
    /// The way that data takes: as of the moment in which the session opened, and each second
    /// while somebody looks ([`Link::look`]). `None` without a session.
    pub path: Signal<Option<Path>>,
    /// How long a check along that way and its answer took, likewise.
    pub round_trip: Signal<Option<Duration>>,
    /// The channels of the present session, and what has gone through them: brought up to date
    /// when one opens or closes, and each second while somebody looks.
    pub channels: Signal<Vec<ChannelReport>>,
    /// The addresses at which the server says that it can be reached (its candidates), `ip:port`,
    /// of the newest answer.
    pub advertised: Signal<Vec<String>>,
    pub(crate) start: Callback<()>,
    pub(crate) stop: Callback<()>,
    pub(crate) send: Callback<(&'static str, String), bool>,
    pub(crate) open: Callback<(ChannelOptions, OnChannelEvent), Result<LinkChannel, OpenError>>,
    pub(crate) open_by_websocket: Callback<(ChannelOptions, OnChannelEvent), Option<LinkChannel>>,
    pub(crate) looking: RwSignal<u32>,
    pub(crate) topics: Topics,
}

/// What is told of a channel that was opened on a link.
pub(crate) type OnChannelEvent = Rc<dyn Fn(ChannelEvent)>;

impl Link {
    /// Opens a connection; nothing if one is open or under way.
    pub fn start(&self) {
        self.start.run(());
    }

    /// Ends the connection, on the server too, or whatever is done to get it back. It stays
    /// ended until [`Link::start`].
    pub fn stop(&self) {
        self.stop.run(());
    }

    /// Sends a text message on the channel of this label, one of [`LinkOptions::channels`].
    /// `false` if it is not open or the browser refuses the message (its buffer is full, or the
    /// text is larger than the server takes).
    pub fn send(&self, channel: &'static str, text: String) -> bool {
        self.send.run((channel, text))
    }

    /// Opens one more channel, on the present session, if there is one, and on each that follows
    /// it, until what this returns is dropped. `on_event` is told when it is open, and what
    /// arrives; not before this has returned.
    ///
    /// # Errors
    /// Where there is no link, or too many channels are open. What the server has against the
    /// channel is told as [`ChannelEvent::Closed`].
    pub fn open(
        &self,
        options: ChannelOptions,
        on_event: impl Fn(ChannelEvent) + 'static,
    ) -> Result<LinkChannel, OpenError> {
        self.open
            .try_run((options, Rc::new(on_event)))
            .unwrap_or(Err(OpenError::NoLink))
    }

    /// Opens a channel on a WebSocket of its own, whatever way the link takes: to compare ways. It is reliable and
    /// in order, does not come back, and is a session more on the server until what this returns is dropped.
    ///
    /// # Errors
    /// Where there is no link. What the server or the network has against it is told as
    /// [`ChannelEvent::Closed`].
    pub fn open_by_websocket(
        &self,
        options: ChannelOptions,
        on_event: impl Fn(ChannelEvent) + 'static,
    ) -> Result<LinkChannel, OpenError> {
        let opened = self.open_by_websocket.try_run((options, Rc::new(on_event)));
        opened.flatten().ok_or(OpenError::NoLink)
    }

    /// Keeps `path`, `round_trip` and `channels` up to date for as long as the reactive owner
    /// that calls this lives: a component, or an effect until it runs again. It costs one
    /// `getStats` a second, however many look.
    pub fn look(&self) {
        let looking = self.looking;
        looking.try_update(|count| *count += 1);
        on_cleanup(move || {
            looking.try_update(|count| *count = count.saturating_sub(1));
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;
    use std::task::{Context, Poll, Waker};

    #[test]
    fn a_token_is_asked_for_anew_each_time() {
        let asked = Rc::new(Cell::new(0));
        let options = LinkOptions::default().token({
            let asked = asked.clone();
            move || {
                asked.set(asked.get() + 1);
                let token = format!("{}", asked.get());
                async move { Some(token) }
            }
        });
        let source = options.clone().token.unwrap();
        for wanted in ["1", "2"] {
            let token = source()
                .as_mut()
                .poll(&mut Context::from_waker(Waker::noop()));
            assert_eq!(token, Poll::Ready(Some(wanted.to_owned())));
        }
        assert!(LinkOptions::default().token.is_none());
    }
}
