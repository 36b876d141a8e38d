//! Does what the machine says, and tells it what happens: the one writer of a link's signals.

use super::channel::{Channel, Message, Opened, Role};
use super::clock;
use super::connection::{Connection, Happening};
use super::negotiation::Restart;
use super::session::Session;
use super::timer;
use super::{negotiation, stats};
use crate::machine::{self, Action, Event, Moment};
use crate::report::candidates;
use crate::steps::Steps;
use crate::{
    ChannelReport, Failure, Interruption, Link, LinkEvent, LinkEventKind, LinkOptions, LinkState,
    Milestone, Outcome, Path, Step, StepReport,
};
use gloo_timers::callback::Timeout;
use leptos::prelude::*;
use leptos::task::spawn_local;
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Duration;
use tickwire_wire::feed;
use tickwire_wire::signaling::{Change, ChannelInit};
use web_sys::RtcPeerConnectionState;

/// How often what is shown of a link is brought up to date while somebody looks, in milliseconds.
const LOOK: f64 = 1_000.0;
/// How long it may take, in milliseconds, until all channels of a session that has ended say so.
/// The browser tells of one after the other.
const SETTLE: f64 = 100.0;

/// A link. Copies are the same.
#[derive(Clone, Copy)]
pub struct Driver {
    options: StoredValue<LinkOptions, LocalStorage>,
    pub(super) state: RwSignal<LinkState>,
    reports: RwSignal<Vec<StepReport>>,
    path: RwSignal<Option<Path>>,
    round_trip: RwSignal<Option<Duration>>,
    channels: RwSignal<Vec<ChannelReport>>,
    advertised: RwSignal<Vec<String>>,
    looking: RwSignal<u32>,
    polling: StoredValue<Option<Timeout>, LocalStorage>,
    steps: StoredValue<Steps>,
    loaded: f64,
    pub(super) current: StoredValue<Option<Session>, LocalStorage>,
    /// How many sessions there were: numbers them, so that what is late for one is known.
    sessions: StoredValue<u32>,
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
    pub fn link(self) -> Link {
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
            looking: self.looking,
        }
    }

    /// Takes in what has happened. What happens while that is dealt with waits for its turn.
    pub fn on(self, event: Event) {
        self.take_in(None, event);
    }

    /// The same, of one session: nothing, where another has taken its place.
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
            if session.is_none_or(|number| self.is_current(number)) {
                self.deal_with(&event);
            }
        }
        self.is_busy.try_set_value(false);
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
        };
        let (after, actions) = machine::next(&before, event, moment);
        if before.step().is_some() && after.step().is_none() {
            self.end_steps(event, &after);
        }
        let is_changed = before != after;
        if is_changed {
            self.state.try_set(after.clone());
        }
        for action in actions {
            match action {
                Action::Open => self.open(),
                Action::Restart => self.restart(),
                Action::Close => self.close(*event == Event::Lost(Failure::Ended)),
            }
        }
        self.wait_for_deadline(&after, *event == Event::Time);
        if is_changed {
            if after == LinkState::Connected {
                self.ask_for_channels();
                self.look_once();
            }
            self.tell(LinkEventKind::State(after));
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

    /// Opens a session in place of what there is.
    fn open(self) {
        self.close(false);
        let number = self.sessions.try_get_value().unwrap_or_default() + 1;
        self.sessions.try_set_value(number);
        let now = clock::now();
        let steps = Steps::begin(clock::origin(), self.loaded, now);
        self.reports.try_set(steps.reports());
        self.steps.try_set_value(steps);
        self.advertised.try_set(Vec::new());
        let connection = match Connection::open(move |happening| self.happened(number, happening)) {
            Ok(connection) => Rc::new(connection),
            Err(cause) => return self.on(Event::Lost(Failure::NoWebRtc(cause))),
        };
        let mut session = Session::new(number, connection.clone());
        let begun = self.begin_channels(&mut session);
        self.current.try_set_value(Some(session));
        let channels = match begun {
            Ok(channels) => channels,
            Err(failure) => return self.on(Event::Lost(failure)),
        };
        let peer = connection.peer();
        drop(connection);
        let server = self
            .options
            .try_with_value(|options| options.server.clone())
            .unwrap_or_default();
        spawn_local(async move {
            let negotiated = async {
                let sdp = negotiation::make_offer(&peer).await?;
                self.reached(number, Milestone::OfferSent);
                let offer = Change::offer(sdp, channels);
                let answer = negotiation::open_session(&server, offer).await?;
                let url = negotiation::session_url(&server, &answer.id);
                if !self.is_current(number) {
                    // Stopped meanwhile: nobody else knows of this session.
                    negotiation::end_session(&url).await;
                    return Ok(());
                }
                self.with_session(|session| session.url = Some(url));
                self.reached(number, Milestone::AnswerReceived);
                self.advertised.try_set(candidates(&answer.sdp));
                negotiation::accept(&peer, &answer.sdp).await
            };
            self.on_session(
                number,
                match negotiated.await {
                    Ok(()) => Event::Reached(Step::Checking),
                    Err(failure) => Event::Lost(failure),
                },
            );
        });
    }

    /// Creates the channels that a session begins with, and returns them for the offer.
    fn begin_channels(self, session: &mut Session) -> Result<Vec<ChannelInit>, Failure> {
        let connection = session.connection.clone();
        let mut channels = self
            .options
            .try_with_value(|options| options.channels.clone())
            .unwrap_or_default();
        let add = |init: &ChannelInit, role| {
            let added = connection.add(init.clone(), role);
            added.map_err(|cause| Failure::BadChannel {
                label: init.label.clone(),
                cause,
            })
        };
        for init in &channels {
            add(init, Role::Page(init.label.as_str().into()))?;
        }
        if let Some(id) = session.free_id() {
            let pulse = feed::pulse_channel(id);
            add(&pulse, Role::Pulse)?;
            channels.push(pulse);
        }
        let opened = self.opened_channels().into_iter();
        let begun = opened.filter_map(|opened| opened.begin_on(session));
        for (opened, channel) in self.without_refused(begun.collect()) {
            channels.push(channel.init.clone());
            opened.channel.replace(Some(channel));
        }
        Ok(channels)
    }

    /// Closes the session that there is.
    fn close(self, is_ended: bool) {
        let Some(mut session) = self.current.try_update_value(Option::take).flatten() else {
            return;
        };
        if is_ended {
            // There is none to end on the server.
            session.url = None;
        }
        session.end();
        self.path.try_set(None);
        self.round_trip.try_set(None);
        self.channels.try_set(Vec::new());
        for opened in self.opened_channels() {
            opened.lose();
        }
    }

    /// Restarts ICE on the session that there is.
    fn restart(self) {
        let begun = self.with_session(|session| {
            session.again = None;
            let signal = session.begin_restart()?;
            Some((
                session.number,
                session.connection.peer(),
                session.url.clone()?,
                signal,
            ))
        });
        let Some((number, peer, url, signal)) = begun.flatten() else {
            return;
        };
        spawn_local(async move {
            let restarted = async {
                let restart = Restart::make(&peer).await?;
                let offer = Change::offer(restart.sdp(), Vec::new());
                let answer = negotiation::change_session(&url, offer, &signal).await?;
                match answer {
                    // Another restart has begun, with another offer.
                    _ if signal.aborted() => Ok(()),
                    Some(answer) => restart.accept(&peer, &answer.sdp).await,
                    None => Ok(()),
                }
            };
            let failure = match restarted.await {
                Err(failure) if !signal.aborted() => failure,
                _ => return,
            };
            match failure {
                Failure::Unreachable | Failure::NoAnswer => self.restart_again(number),
                failure if negotiation::is_gone(&failure) => {
                    self.on_session(number, Event::Lost(Failure::Ended));
                }
                // This session cannot be saved; another can be had all the same.
                Failure::Refused(_) | Failure::NoWebRtc(_) => {
                    self.on_session(number, Event::Lost(Failure::Silent));
                }
                failure => self.on_session(number, Event::Lost(failure)),
            }
        });
    }

    /// The server could not be asked: perhaps it can soon, while there is time.
    fn restart_again(self, number: u32) {
        /// In milliseconds.
        const WAIT: f64 = 500.0;
        let again = move || {
            let is_waited_for = self.state.try_with_untracked(|state| {
                matches!(
                    state,
                    LinkState::Interrupted(Interruption::Restarting { .. })
                )
            });
            if is_waited_for == Some(true) && self.is_current(number) {
                self.restart();
            }
        };
        if self.is_current(number) {
            self.with_session(|session| session.again = Some(timer::after(WAIT, again)));
        }
    }

    fn happened(self, number: u32, happening: Happening) {
        if !self.is_current(number) {
            return;
        }
        match happening {
            Happening::Message(channel, message) => self.received(number, &channel, message),
            Happening::Opened(channel) => {
                if let Role::Opened(opened) = &channel.role
                    && let Some(opened) = opened.upgrade()
                {
                    opened.opened(&channel);
                }
                self.look_whether_open(number);
            }
            Happening::Closed(channel) => {
                if self.with_session(|session| session.connection.is_closed()) == Some(true) {
                    return self.on_session(number, Event::Lost(Failure::Ended));
                }
                self.with_session(|session| {
                    session.keep_closed(channel, || {
                        timer::after(SETTLE, move || self.settle(number))
                    });
                });
                self.show_channels();
            }
            Happening::PairWorks => {
                self.reached(number, Milestone::PairsChecked);
                self.on_session(number, Event::Reached(Step::Securing));
            }
            Happening::State(state) => self.state_changed(number, state),
        }
    }

    /// Some channels have closed, and not all: the server has closed them, one by one.
    fn settle(self, number: u32) {
        if !self.is_current(number) {
            return;
        }
        let settled = self.with_session(Session::settled);
        for channel in settled.iter().flat_map(|(closed, _)| closed) {
            self.channel_closed(channel);
        }
        self.look_whether_open(number);
    }

    fn look_whether_open(self, number: u32) {
        if self.with_session(|session| session.connection.is_open()) == Some(true) {
            self.reached(number, Milestone::ChannelsOpen);
            self.on_session(number, Event::Opened);
        }
        self.show_channels();
    }

    fn state_changed(self, number: u32, state: RtcPeerConnectionState) {
        match state {
            RtcPeerConnectionState::Connected => {
                self.reached(number, Milestone::Secured);
                self.on_session(number, Event::Reached(Step::Opening));
                self.hear(number, false);
            }
            RtcPeerConnectionState::Disconnected => self.on_session(number, Event::Doubt),
            RtcPeerConnectionState::Failed => {
                let has_pair = self.with_session(|session| session.connection.has_pair());
                let was_open = self.state.try_with_untracked(LinkState::has_session);
                let event = match (has_pair, was_open) {
                    (Some(true), _) => Event::Lost(Failure::Dtls),
                    (_, Some(true)) => Event::NoWay,
                    _ => Event::Lost(Failure::NoPath),
                };
                self.on_session(number, event);
            }
            _ => {}
        }
    }

    fn received(self, number: u32, channel: &Rc<Channel>, message: Message) {
        self.hear(number, matches!(channel.role, Role::Pulse));
        match &channel.role {
            Role::Pulse => {}
            Role::Page(label) => self.tell(match message {
                Message::Text(text) => LinkEventKind::Received(label.clone(), text),
                Message::Binary(bytes) => {
                    LinkEventKind::ReceivedBinary(label.clone(), bytes.byte_length())
                }
            }),
            Role::Opened(opened) => {
                if let Some(opened) = opened.upgrade() {
                    opened.received(channel, message);
                }
            }
        }
    }

    /// The server is heard.
    fn hear(self, number: u32, is_pulse: bool) {
        let now = clock::now();
        let look = self.with_session(|session| {
            if is_pulse {
                session.silence.pulse(now)
            } else {
                session.silence.hear(now)
            }
        });
        if let Some(Some(at)) = look {
            self.listen_until(number, at);
        }
        let is_missed = self
            .state
            .try_with_untracked(|state| matches!(state, LinkState::Interrupted(_)));
        if is_missed == Some(true) {
            self.on_session(number, Event::Heard);
        }
    }

    fn listen_until(self, number: u32, at: f64) {
        let listen = move || {
            if !self.is_current(number) {
                return;
            }
            let now = clock::now();
            match self.with_session(|session| session.silence.look(now)) {
                Some(Some(at)) => self.listen_until(number, at),
                _ => self.on_session(number, Event::Silent),
            }
        };
        let timer = timer::after(at - clock::now(), listen);
        // The one before is dropped when nothing is borrowed: it may be what is running.
        drop(self.with_session(|session| session.look.replace(timer)));
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

    /// The try has come as far as this.
    fn reached(self, number: u32, milestone: Milestone) {
        if self.is_current(number) {
            let now = clock::now();
            self.change_steps(|steps| steps.reach(milestone, now));
        }
    }

    fn end_steps(self, event: &Event, after: &LinkState) {
        let now = clock::now();
        let outcome = match (event, after.failure()) {
            (Event::Lost(_) | Event::Time, Some(failure)) => Outcome::Failed(failure.clone()),
            _ => Outcome::Stopped,
        };
        self.change_steps(|steps| steps.end(now, outcome));
    }

    fn change_steps(self, change: impl FnOnce(&mut Steps)) {
        let reports = self.steps.try_update_value(|steps| {
            change(steps);
            steps.reports()
        });
        if let Some(reports) = reports
            && self.reports.try_with_untracked(|shown| *shown != reports) == Some(true)
        {
            self.reports.try_set(reports);
        }
    }

    /// Brings up to date what is shown, and again in a second.
    fn poll(self) {
        self.look_once();
        let again = timer::after(LOOK, move || self.poll());
        drop(
            self.polling
                .try_update_value(|polling| polling.replace(again)),
        );
    }

    fn look_once(self) {
        self.show_channels();
        let peer = self.with_session(|session| (session.number, session.connection.peer()));
        let Some((number, peer)) = peer else { return };
        spawn_local(async move {
            if let Some((path, round_trip)) = stats::path(&peer).await
                && self.is_current(number)
            {
                self.path.try_set(Some(path));
                self.round_trip.try_set(round_trip);
            }
        });
    }

    pub(super) fn show_channels(self) {
        let reports = self.with_session(|session| {
            let channels = session.connection.channels();
            channels.iter().map(|channel| channel.report()).collect()
        });
        self.channels.try_set(reports.unwrap_or_default());
    }

    pub(super) fn is_current(self, number: u32) -> bool {
        self.with_session(|session| session.number == number) == Some(true)
    }

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
