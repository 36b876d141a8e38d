//! Does what the machine says, and tells it what happens: the one writer of a link's signals.

use super::channel::Role;
use super::halves::Opened;
use super::session::Session;
use super::{clock, timer};
use crate::machine::{self, Action, Event, Moment};
use crate::steps::Steps;
use crate::{
    ChannelReport, Failure, Link, LinkEvent, LinkEventKind, LinkOptions, LinkState, Path,
    StepReport, Topics,
};
use gloo_timers::callback::Timeout;
use leptos::prelude::*;
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Duration;

/// A link. Copies are the same.
#[derive(Clone, Copy)]
pub struct Driver {
    pub(super) options: StoredValue<LinkOptions, LocalStorage>,
    pub(super) state: RwSignal<LinkState>,
    pub(super) reports: RwSignal<Vec<StepReport>>,
    pub(super) path: RwSignal<Option<Path>>,
    pub(super) round_trip: RwSignal<Option<Duration>>,
    pub(super) channels: RwSignal<Vec<ChannelReport>>,
    pub(super) advertised: RwSignal<Vec<String>>,
    looking: RwSignal<u32>,
    pub(super) polling: StoredValue<Option<Timeout>, LocalStorage>,
    pub(super) steps: StoredValue<Steps>,
    pub(super) loaded: f64,
    pub(super) current: StoredValue<Option<Session>, LocalStorage>,
    /// The session that is being opened beside the current one.
    pub(super) next: StoredValue<Option<Session>, LocalStorage>,
    /// The session in whose place the current one has come, until it is left, and when that is at
    /// the latest.
    pub(super) leaving: StoredValue<Option<Session>, LocalStorage>,
    pub(super) leave_by: StoredValue<Option<Timeout>, LocalStorage>,
    /// How many sessions there were: numbers them, so that what is late for one is known.
    pub(super) sessions: StoredValue<u32>,
    /// The channels that were opened on the link.
    pub(super) opened: StoredValue<Vec<Rc<Opened>>, LocalStorage>,
    /// What has happened and was not dealt with, each with its session's number.
    queue: StoredValue<VecDeque<(Option<u32>, Event)>>,
    is_busy: StoredValue<bool>,
    /// What tells the machine that its time has come, and when that is.
    deadline: StoredValue<Option<(f64, Timeout)>, LocalStorage>,
}

impl Driver {
    /// A link that is idle.
    pub fn new(options: LinkOptions) -> Self {
        let driver = Self {
            options: StoredValue::new_local(options),
            state: RwSignal::new(LinkState::Idle),
            reports: RwSignal::new(Vec::new()),
            path: RwSignal::new(None),
            round_trip: RwSignal::new(None),
            channels: RwSignal::new(Vec::new()),
            advertised: RwSignal::new(Vec::new()),
            looking: RwSignal::new(0),
            polling: StoredValue::new_local(None),
            steps: StoredValue::new(Steps::default()),
            loaded: clock::now(),
            current: StoredValue::new_local(None),
            next: StoredValue::new_local(None),
            leaving: StoredValue::new_local(None),
            leave_by: StoredValue::new_local(None),
            sessions: StoredValue::new(0),
            opened: StoredValue::new_local(Vec::new()),
            queue: StoredValue::new(VecDeque::new()),
            is_busy: StoredValue::new(false),
            deadline: StoredValue::new_local(None),
        };
        Effect::new(move |_| {
            let is_looked_at =
                driver.looking.get() > 0 && driver.state.with(LinkState::has_session);
            driver.polling.set_value(None);
            if is_looked_at {
                driver.poll();
            }
        });
        driver
    }

    /// What a component gets of it.
    pub fn link(self, topics: Topics) -> Link {
        Link {
            state: self.state.into(),
            steps: self.reports.into(),
            path: self.path.into(),
            round_trip: self.round_trip.into(),
            channels: self.channels.into(),
            advertised: self.advertised.into(),
            start: Callback::new(move |()| self.on(Event::Start)),
            stop: Callback::new(move |()| self.on(Event::Stop)),
            send: Callback::new(move |(channel, text)| self.send(channel, text)),
            open: Callback::new(move |(options, on_event)| self.open_channel(options, on_event)),
            open_by_websocket: Callback::new(move |(options, on_event)| {
                self.open_alone(options, on_event)
            }),
            looking: self.looking,
            topics,
        }
    }

    /// Takes in what has happened. What happens while that is dealt with waits for its turn.
    pub fn on(self, event: Event) {
        self.take_in(None, event);
    }

    /// The same, of one session: nothing, where it is left, or another has taken its place.
    pub(super) fn on_session(self, number: u32, event: Event) {
        self.take_in(Some(number), event);
    }

    fn take_in(self, session: Option<u32>, event: Event) {
        self.queue
            .try_update_value(|queue| queue.push_back((session, event)));
        if self.is_busy.try_get_value() != Some(false) {
            return;
        }
        self.is_busy.try_set_value(true);
        while let Some(Some((session, event))) = self.queue.try_update_value(VecDeque::pop_front) {
            let event = match session {
                Some(number) => self.to_the_link(number, event),
                None => Some(event),
            };
            if let Some(event) = event {
                self.deal_with(&event);
            }
        }
        self.is_busy.try_set_value(false);
    }

    /// What something that has happened to a session is for the link.
    fn to_the_link(self, number: u32, event: Event) -> Option<Event> {
        if self.is_current(number) {
            return Some(event);
        }
        if self.is_next(number) {
            return match event {
                Event::Reached(step) => Some(Event::NextReached(step)),
                Event::Opened => Some(Event::NextOpened),
                Event::Lost(failure) => Some(Event::NextLost(failure)),
                _ => None,
            };
        }
        if matches!(event, Event::Lost(_) | Event::NoWay | Event::Silent) {
            self.leave(number);
        }
        None
    }

    fn deal_with(self, event: &Event) {
        let Some(before) = self.state.try_get_untracked() else {
            return;
        };
        let reconnect = self.options.try_with_value(|options| options.reconnect);
        let moment = Moment {
            now: clock::now(),
            random: js_sys::Math::random(),
            reconnect: reconnect.unwrap_or(false),
            prefers_socket: self.remembers_socket(),
            is_by_socket: self.is_by_socket(),
        };
        let (after, actions) = machine::next(&before, event, moment);
        if before.step().is_some() && after.step().is_none() {
            self.end_steps(event, &after);
        }
        let is_changed = before != after;
        if is_changed {
            self.state.try_set(after.clone());
        }
        let is_moved = actions.contains(&Action::Move);
        for action in actions {
            match action {
                Action::Open => self.open(),
                Action::OpenNext => self.open_next(self.is_by_socket()),
                Action::OpenBetter => self.open_next(false),
                Action::OpenSocket => self.open_next(true),
                Action::Swap => self.swap(),
                Action::CloseNext => self.close_next(),
                Action::Move => self.move_over(),
                Action::Replace => self.replace(event),
                Action::Restart => self.restart(),
                Action::Close => self.close(*event == Event::Lost(Failure::Ended)),
            }
        }
        self.wait_for_deadline(&after, *event == Event::Time);
        if is_changed {
            let is_connected = after == LinkState::Connected
                || after.has_session() && (is_moved || !before.has_session());
            if is_connected {
                self.remember_way();
                self.ask_for_channels();
                self.look_once();
            }
            self.tell(LinkEventKind::State(after));
            if is_connected {
                self.release();
            }
        }
    }

    fn wait_for_deadline(self, state: &LinkState, is_over: bool) {
        let wanted = machine::deadline(state);
        let armed = self
            .deadline
            .try_with_value(|armed| armed.as_ref().map(|(at, _)| *at));
        // A timer may be early, by as much as the browser makes its clock coarse.
        if is_over || armed != Some(wanted) {
            let armed = wanted.map(|at| {
                let wait = at - clock::now();
                (at, timer::after(wait, move || self.on(Event::Time)))
            });
            self.deadline.try_set_value(armed);
        }
    }

    fn send(self, label: &'static str, text: String) -> bool {
        let channel = self.with_session(|session| {
            let channels = session.connection.channels();
            channels
                .into_iter()
                .find(|channel| matches!(&channel.role, Role::Page(page) if **page == *label))
        });
        let is_sent = channel
            .flatten()
            .is_some_and(|channel| channel.send_text(&text).is_ok());
        if is_sent {
            self.tell(LinkEventKind::Sent(label, text));
        }
        is_sent
    }

    /// Whether the current session is by WebSocket.
    pub(super) fn is_by_socket(self) -> bool {
        self.with_session(|session| session.connection.is_by_socket()) == Some(true)
    }

    pub(super) fn is_current(self, number: u32) -> bool {
        self.with_session(|session| session.number == number) == Some(true)
    }

    pub(super) fn is_next(self, number: u32) -> bool {
        let is_it = |next: &Option<Session>| next.as_ref().is_some_and(|it| it.number == number);
        self.next.try_with_value(is_it) == Some(true)
    }

    /// Whether the session of this number is there: the current one, the next, or one that is being
    /// left.
    pub(super) fn has_session(self, number: u32) -> bool {
        self.with_session_of(number, |_| ()).is_some()
    }

    /// The session of this number, if it is there.
    pub(super) fn with_session_of<T>(
        self,
        number: u32,
        look: impl FnOnce(&mut Session) -> T,
    ) -> Option<T> {
        let mut look = Some(look);
        let mut look_in = |session: &mut Option<Session>| {
            let session = session.as_mut().filter(|it| it.number == number)?;
            look.take().map(|look| look(session))
        };
        [self.current, self.next, self.leaving]
            .into_iter()
            .find_map(|place| place.try_update_value(&mut look_in).flatten())
    }

    /// The current session.
    pub(super) fn with_session<T>(self, look: impl FnOnce(&mut Session) -> T) -> Option<T> {
        self.current
            .try_update_value(|current| current.as_mut().map(look))
            .flatten()
    }

    pub(super) fn tell(self, kind: LinkEventKind) {
        let on_event = self
            .options
            .try_with_value(|options| options.on_event.clone());
        if let Some(on_event) = on_event {
            on_event(LinkEvent {
                at: clock::now(),
                kind,
            });
        }
    }
}
