//! A connection to the server as signals and callbacks, for any component.
//!
//! ```ignore
//! let link = use_link(channels, |event| log!("{event:?}"));
//! view! { <button on:click=move |_| link.start()>{move || link.state.with(LinkState::label)}</button> }
//! ```
//!
//! What the link creates (connection, channels, listeners, timer) it removes when it stops, and
//! when the component that called [`use_link`] goes.

mod channel;
pub mod clock;
mod connection;
mod drawing;
mod frame;
mod listener;
mod negotiation;

use crate::link::{Link, LinkEvent, LinkEventKind, LinkState};
use crate::signaling::ChannelInit;
use channel::Message;
use connection::{Connection, Happening};
pub use drawing::use_drawing;
pub use frame::Frame;
use leptos::prelude::*;
use leptos::task::spawn_local;
use listener::Listener;
use std::rc::Rc;
use std::time::Duration;

/// How long opening may take, from the click. ICE gives up later than people do.
const OPEN_TIMEOUT: Duration = Duration::from_secs(15);

/// A link to the server that served the page, [`LinkState::Idle`] at first. Each connection has
/// these channels. `on_event` is called for each message and each change of state, in order.
pub fn use_link(channels: Vec<ChannelInit>, on_event: impl Fn(LinkEvent) + 'static) -> Link {
    let driver = Driver {
        channels: StoredValue::new(channels),
        state: RwSignal::new(LinkState::Idle),
        current: StoredValue::new_local(None),
        attempts: StoredValue::new(0),
        on_event: StoredValue::new_local(Rc::new(on_event)),
    };
    // A page that is left closes its session at once: ICE would take half a minute to notice.
    // The listener lives as long as the component that owns it.
    StoredValue::new_local(Listener::on_window("pagehide", move |_| driver.stop()));
    on_cleanup(move || driver.stop());
    Link {
        state: driver.state.into(),
        start: Callback::new(move |()| driver.start()),
        stop: Callback::new(move |()| driver.stop()),
        send: Callback::new(move |(channel, text)| driver.send(channel, text)),
    }
}

type OnEvent = Rc<dyn Fn(LinkEvent)>;

/// The one writer of the link's state.
#[derive(Clone, Copy)]
struct Driver {
    channels: StoredValue<Vec<ChannelInit>>,
    state: RwSignal<LinkState>,
    current: StoredValue<Option<Attempt>, LocalStorage>,
    /// How many attempts there were: numbers them, so that a late answer to an old one is known.
    attempts: StoredValue<u32>,
    on_event: StoredValue<OnEvent, LocalStorage>,
}

/// A connection, from the click until it ends. Dropping it removes all that it made here.
struct Attempt {
    number: u32,
    connection: Connection,
    /// The session's id on the server, once it has answered.
    session: Option<String>,
    open_timer: Option<TimeoutHandle>,
}

impl Attempt {
    fn stop_timer(&mut self) {
        if let Some(timer) = self.open_timer.take() {
            timer.clear();
        }
    }

    /// Ends the session on the server too. The connection is closed after the server has done
    /// so: otherwise the server sees it close first, and knows of no session to end.
    fn end_session(mut self) {
        self.connection.silence();
        if let Some(session) = self.session.take() {
            let ended = negotiation::end_session(&session);
            spawn_local(async move {
                ended.await;
                drop(self);
            });
        }
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        self.stop_timer();
    }
}

impl Driver {
    fn start(self) {
        if self.state.with_untracked(LinkState::is_active) {
            return;
        }
        self.change(LinkState::Connecting);
        let number = self.attempts.get_value() + 1;
        self.attempts.set_value(number);
        let channels = self.channels.get_value();
        let opened = Connection::open(&channels, move |happening| self.handle(number, happening));
        let connection = match opened {
            Ok(connection) => connection,
            Err(cause) => {
                return self.change(LinkState::Failed(format!(
                    "This browser did not make a WebRTC connection ({cause}). A setting or an extension may block it."
                )));
            }
        };
        let peer = connection.peer();
        let open_timer = set_timeout_with_handle(move || self.give_up(number), OPEN_TIMEOUT);
        self.current.set_value(Some(Attempt {
            number,
            connection,
            session: None,
            open_timer: open_timer.ok(),
        }));
        spawn_local(async move {
            let answered = negotiation::offer(&peer, channels).await;
            let answer = match answered {
                Ok(answer) => answer,
                Err(cause) => return self.end(number, LinkState::Failed(cause.to_string())),
            };
            if !self.is_current(number) {
                // Stopped meanwhile: nobody else knows of this session.
                return negotiation::end_session(&answer.id).await;
            }
            self.with_attempt(|attempt| attempt.session = Some(answer.id));
            if let Err(cause) = negotiation::accept(&peer, &answer.sdp).await {
                self.end(number, LinkState::Failed(cause.to_string()));
            }
        });
    }

    fn stop(self) {
        if self
            .state
            .try_with_untracked(LinkState::is_active)
            .unwrap_or(false)
        {
            self.end_session();
            self.change(LinkState::Idle);
        }
    }

    fn send(self, channel: &'static str, text: String) -> bool {
        let sent = self
            .current
            .try_with_value(|current| {
                current
                    .as_ref()
                    .is_some_and(|attempt| attempt.connection.send(channel, &text))
            })
            .unwrap_or(false);
        if sent {
            self.tell(LinkEventKind::Sent(channel, text));
        }
        sent
    }

    fn handle(self, number: u32, happening: Happening) {
        if !self.is_current(number) {
            return;
        }
        let was_open = self
            .state
            .with_untracked(|state| matches!(state, LinkState::Connected | LinkState::Interrupted));
        match happening {
            Happening::Opened if !was_open => {
                self.with_attempt(Attempt::stop_timer);
                self.change(LinkState::Connected);
            }
            Happening::Message(channel, message) => self.tell(match message {
                Message::Text(text) => LinkEventKind::Received(channel, text),
                Message::Binary(bytes) => LinkEventKind::ReceivedBinary(channel, bytes),
            }),
            Happening::ChannelClosed(channel) => self.tell(LinkEventKind::Closed(channel)),
            Happening::Silent if was_open => self.change(LinkState::Interrupted),
            Happening::Heard if was_open => self.change(LinkState::Connected),
            Happening::Opened | Happening::Silent | Happening::Heard => {}
            Happening::Closed => {
                // The server has ended the session: there is none to end.
                self.with_attempt(|attempt| attempt.session = None);
                self.end(number, LinkState::Disconnected(CLOSED.into()));
            }
            Happening::Lost if was_open => self.end(number, LinkState::Disconnected(LOST.into())),
            Happening::Lost => self.end(number, LinkState::Failed(NO_PATH.into())),
        }
    }

    /// Opening took too long: says how far it came.
    fn give_up(self, number: u32) {
        let mut reason = NO_ANSWER;
        self.with_attempt(|attempt| {
            if attempt.session.is_some() {
                reason = NO_PATH;
            }
        });
        self.end(number, LinkState::Failed(reason.into()));
    }

    /// Ends this attempt, unless another has taken its place.
    fn end(self, number: u32, state: LinkState) {
        if self.is_current(number) {
            self.end_session();
            self.change(state);
        }
    }

    fn end_session(self) {
        if let Some(attempt) = self.current.try_update_value(Option::take).flatten() {
            attempt.end_session();
        }
    }

    fn is_current(self, number: u32) -> bool {
        self.current
            .try_with_value(|current| {
                current
                    .as_ref()
                    .is_some_and(|attempt| attempt.number == number)
            })
            .unwrap_or(false)
    }

    fn with_attempt(self, change: impl FnOnce(&mut Attempt)) {
        self.current
            .try_update_value(|current| current.as_mut().map(change));
    }

    fn change(self, state: LinkState) {
        if self
            .state
            .try_get_untracked()
            .is_some_and(|before| before != state)
        {
            self.state.try_set(state.clone());
            self.tell(LinkEventKind::State(state));
        }
    }

    fn tell(self, kind: LinkEventKind) {
        let on_event = self.on_event.try_with_value(Rc::clone);
        if let Some(on_event) = on_event {
            on_event(LinkEvent {
                at: clock::now(),
                kind,
            });
        }
    }
}

const CLOSED: &str = "The server ended the connection. Start it again when you like.";
const LOST: &str = "The server stopped answering. Check the network, then start again.";
const NO_ANSWER: &str = "The server did not answer in time. It may be busy; try again soon.";
const NO_PATH: &str = "The page reached the server, but data did not. UDP between here and the server may be blocked.";
