//! Topics over the channels `control` and `values`.

mod publishing;

use super::clock;
use super::driver::Driver;
use super::json;
use super::timer::after;
use crate::topics::OnTopicEvent;
use crate::{
    AddError, ChannelEvent, ChannelOptions, LinkChannel, TopicEvent, TopicOptions, Topics,
};
use gloo_timers::callback::Timeout;
use leptos::prelude::*;
use leptos::task::spawn_local;
use publishing::Publishing;
use std::rc::Rc;
use tickwire_values::Receiver;
use tickwire_wire::Fields;
use tickwire_wire::control::{CONTROL, PROTOCOL, VALUES};
use tickwire_wire::values::{ACKNOWLEDGEMENT, LogEntry};
use wasm_bindgen::JsValue;
use web_time::Instant;

/// How long to wait where the page has no token yet, in milliseconds: at least, and so much more at
/// most, since many pages may have been told at once.
const TOKEN_WAIT: [f64; 2] = [1_000.0, 4_000.0];

/// Topics over the link that this drives.
pub fn of(driver: Driver) -> Topics {
    let reader = Reader(StoredValue::new_local(State {
        driver,
        channels: None,
        is_open: [false; 2],
        receiver: Receiver::new(),
        subscriptions: Vec::new(),
        next: 1,
        acknowledging: None,
        renewing: None,
        publishing: Publishing::default(),
        refused: RwSignal::new(None),
    }));
    let refused = reader.with(|state| state.refused.into());
    if driver.has_tokens() {
        // What the server says of them comes on one of the channels.
        reader.open();
    }
    Topics {
        refused: refused.unwrap_or_else(|| Signal::stored(None)),
        put: Callback::new(move |put| reader.put(put)),
        add: Callback::new(move |added| reader.add(added)),
        subscribe: Callback::new(move |(options, on_event)| reader.subscribe(options, on_event)),
        unsubscribe: Callback::new(move |id| reader.unsubscribe(id)),
    }
}

/// A subscription, on whichever session.
struct Subscribed {
    /// The page's number of it.
    id: u64,
    /// The session's number of it, where it was begun there.
    on_session: Option<u64>,
    options: TopicOptions,
    on_event: OnTopicEvent,
    /// Of a log, up to where it has come: the epoch and the position.
    position: Option<(f64, u64)>,
}

struct State {
    driver: Driver,
    /// `control` and `values`, which are there while something is subscribed to, and always where the
    /// page publishes or has tokens.
    channels: Option<[LinkChannel; 2]>,
    is_open: [bool; 2],
    receiver: Receiver,
    subscriptions: Vec<Subscribed>,
    next: u64,
    acknowledging: Option<Timeout>,
    /// Asks the page for a token once more.
    renewing: Option<Timeout>,
    publishing: Publishing,
    /// Why something that was put is not taken.
    refused: RwSignal<Option<String>>,
}

/// Tells come after the state is free again, so that who is told may subscribe.
#[derive(Clone, Copy)]
struct Reader(StoredValue<State, LocalStorage>);

impl Reader {
    fn with<T>(self, act: impl FnOnce(&mut State) -> T) -> Option<T> {
        self.0.try_update_value(act)
    }

    fn subscribe(self, options: TopicOptions, on_event: OnTopicEvent) -> u64 {
        let id = self.with(|state| {
            let id = state.next;
            state.next += 1;
            state.subscriptions.push(Subscribed {
                id,
                on_session: None,
                options,
                on_event,
                position: None,
            });
            id
        });
        if !self.open_first() {
            self.with(State::begin);
        }
        id.unwrap_or(0)
    }

    /// Opens the channels where they are not there. Returns whether they were not.
    fn open_first(self) -> bool {
        let is_first = self.with(|state| state.channels.is_none()) == Some(true);
        if is_first {
            self.open();
        }
        is_first
    }

    fn open(self) {
        let driver = self.with(|state| state.driver);
        let channels = driver.and_then(|driver| self.channels(driver));
        self.with(|state| state.channels = channels);
    }

    fn channels(self, driver: Driver) -> Option<[LinkChannel; 2]> {
        let options = [
            ChannelOptions::reliable(CONTROL).with_protocol(PROTOCOL),
            ChannelOptions::newest_only(VALUES).with_protocol(PROTOCOL),
        ];
        let open = |index: usize, options| {
            let on_event = Rc::new(move |event| self.on(index, event));
            let opened = driver.open_channel(options, on_event);
            let failed = |cause: crate::OpenError| {
                // Not before the subscription has returned.
                let cause = cause.to_string();
                spawn_local(async move { self.refuse_all(&cause) });
            };
            opened.map_err(failed).ok()
        };
        let [control, values] = options;
        Some([open(0, control)?, open(1, values)?])
    }

    fn unsubscribe(self, id: u64) {
        let closed = self.with(|state| {
            let at = state.subscriptions.iter().position(|it| it.id == id)?;
            if let Some(number) = state.subscriptions.remove(at).on_session {
                state.receiver.unsubscribe(number);
                state.say([
                    ("type", "unsubscribe".into()),
                    ("id", (number as f64).into()),
                ]);
            }
            state.close_unused()
        });
        // Closing them tells of it.
        drop(closed);
    }

    fn on(self, index: usize, event: ChannelEvent) {
        match event {
            ChannelEvent::Opened => {
                self.with(|state| {
                    state.is_open[index] = true;
                    state.begin();
                    if state.is_open == [true; 2] {
                        state.begin_publishing();
                    }
                });
                self.publish();
            }
            ChannelEvent::Text(text) => self.said(&text),
            ChannelEvent::Binary(message) if index == 0 => self.entry(&message),
            ChannelEvent::Binary(message) if message.first() == Some(&ACKNOWLEDGEMENT) => {
                self.acknowledged(&message);
            }
            ChannelEvent::Binary(message) => self.packet(&message),
            ChannelEvent::Lost => {
                let was_open = self.with(|state| {
                    let was_open = state.is_open == [true; 2];
                    state.lose();
                    was_open
                });
                if was_open == Some(true) {
                    self.tell_all(&TopicEvent::Lost);
                }
            }
            ChannelEvent::Closed(reason) => {
                let reason = reason.unwrap_or_else(|| "the server has closed the channel".into());
                self.refuse_all(&reason);
            }
        }
    }

    /// Takes in what the server says on `control`.
    fn said(self, text: &str) {
        let Some(said) = json::parse(text) else {
            return;
        };
        let number = said.number("id").unwrap_or_default() as u64;
        match said.text("type").as_deref() {
            Some("complete") => self.tell(number, TopicEvent::Complete),
            Some("log") => {
                let epoch = said.number("epoch").unwrap_or_default();
                let position = said.number("position").unwrap_or_default() as u64;
                self.with(|state| {
                    if let Some(it) = state.of_session(number) {
                        it.position = Some((epoch, position));
                    }
                });
            }
            Some("published") => {
                self.with(|state| state.publishing.answered(number, Ok(())));
            }
            Some("refused") => {
                let message = said.text("message").unwrap_or_default();
                let is_answer = self.with(|state| {
                    let cause = AddError::Refused(message.clone());
                    state.publishing.answered(number, Err(cause))
                });
                if is_answer == Some(true) {
                    return;
                }
                if said.number("id").is_none() {
                    let refused = self.with(|state| state.refused);
                    refused.and_then(|refused| refused.try_set(Some(message)));
                    return;
                }
                self.tell(number, TopicEvent::Refused(message));
                let closed = self.with(|state| {
                    let all = &mut state.subscriptions;
                    all.retain(|it| it.on_session != Some(number));
                    state.close_unused()
                });
                drop(closed);
            }
            Some("renew-token") => {
                let within = said.number("within").unwrap_or_default();
                self.renew(clock::now() + within);
            }
            _ => {}
        }
    }

    /// Says a new token, while there is time: it ends at `until`.
    fn renew(self, until: f64) {
        let driver = self.with(|state| {
            state.renewing = None;
            state.driver
        });
        let session = driver.filter(|driver| driver.has_tokens()).and_then(|it| {
            let number = it.with_session(|session| session.number)?;
            Some((it, number))
        });
        let Some((driver, number)) = session else {
            return;
        };
        spawn_local(async move {
            let token = driver.new_token().await;
            if !driver.is_current(number) {
                return;
            }
            // The one that ends is as none.
            let is_old = driver.with_session(|session| session.token == token) == Some(true);
            let Some(token) = token.filter(|_| !is_old) else {
                let [least, more] = TOKEN_WAIT;
                let wait = least + more * js_sys::Math::random();
                if clock::now() + wait < until {
                    let again = after(wait, move || self.renew(until));
                    self.with(|state| state.renewing = Some(again));
                }
                return;
            };
            driver.with_session(|session| session.token = Some(token.clone()));
            self.with(|state| {
                state.say([("type", "token".into()), ("token", (&token).into())]);
            });
        });
    }

    /// Takes in an entry of a log.
    fn entry(self, message: &[u8]) {
        let Ok(entry) = LogEntry::read(message) else {
            return;
        };
        self.with(|state| {
            let of = state.of_session(entry.subscription);
            if let Some((_, position)) = of.and_then(|it| it.position.as_mut()) {
                *position = entry.position;
            }
        });
        self.tell(entry.subscription, TopicEvent::Value(entry.into()));
    }

    fn packet(self, message: &[u8]) {
        let updates = self.with(|state| {
            // What cannot be read is of a server that is not one of ours.
            let updates = state.receiver.handle(Instant::now(), message);
            self.acknowledge(state);
            updates.unwrap_or_default()
        });
        for update in updates.into_iter().flatten() {
            self.tell(update.subscription, TopicEvent::Value(update));
        }
    }

    /// Sends the acknowledgement that is due, or sees to it that it will be.
    fn acknowledge(self, state: &mut State) {
        let now = Instant::now();
        if let Some(message) = state.receiver.poll_acknowledgement(now) {
            if let Some([_, values]) = &state.channels {
                // Where it is not sent, a later one says the same.
                let _ = values.send_binary(&message);
            }
            state.acknowledging = None;
        }
        let timeout = state.receiver.poll_timeout();
        if let Some(at) = timeout.filter(|_| state.acknowledging.is_none()) {
            let wait = at.saturating_duration_since(now).as_secs_f64() * 1e3;
            state.acknowledging = Some(after(wait, move || {
                self.with(|state| {
                    state.acknowledging = None;
                    self.acknowledge(state);
                });
            }));
        }
    }

    fn tell(self, number: u64, event: TopicEvent) {
        let on_event = self.with(|state| Some(state.of_session(number)?.on_event.clone()));
        if let Some(on_event) = on_event.flatten() {
            on_event(event);
        }
    }

    fn tell_all(self, event: &TopicEvent) {
        let all = self.with(|state| {
            let told = state.subscriptions.iter().map(|it| it.on_event.clone());
            told.collect::<Vec<_>>()
        });
        for on_event in all.into_iter().flatten() {
            on_event(event.clone());
        }
    }

    fn refuse_all(self, reason: &str) {
        self.tell_all(&TopicEvent::Refused(reason.to_owned()));
        let closed = self.with(|state| {
            state.subscriptions.clear();
            state.publishing.refuse(reason);
            state.close()
        });
        drop(closed);
    }
}

impl State {
    /// Begins what is not begun, where both channels are open.
    fn begin(&mut self) {
        if self.is_open != [true; 2] {
            return;
        }
        let mut asked = Vec::new();
        for it in &mut self.subscriptions {
            if it.on_session.is_some() {
                continue;
            }
            let number = self.next;
            self.next += 1;
            it.on_session = Some(number);
            self.receiver.subscribe(number);
            let mut fields = vec![
                ("type", JsValue::from("subscribe")),
                ("id", (number as f64).into()),
                ("topic", it.options.topic.as_str().into()),
            ];
            let keys = it.options.keys.as_ref();
            fields.extend(keys.map(|keys| {
                let keys = keys.iter().map(|key| key.as_str().into());
                ("keys", json::list(keys))
            }));
            fields.extend(it.options.max_rate.map(|rate| ("maxRate", rate.into())));
            fields.extend(it.position.map(|(epoch, position)| {
                let after = js_sys::Object::new();
                json::set(&after, "epoch", &epoch.into());
                json::set(&after, "position", &(position as f64).into());
                ("after", after.into())
            }));
            asked.push(fields);
        }
        for fields in asked {
            self.say(fields);
        }
    }

    fn say(&self, fields: impl IntoIterator<Item = (&'static str, JsValue)>) {
        if let Some([control, _]) = &self.channels {
            // A session that is lost meanwhile begins with all of it.
            let _ = control.send_text(&json::write(fields));
        }
    }

    /// The session is lost: what is known of it holds no longer.
    fn lose(&mut self) {
        self.is_open = [false; 2];
        self.receiver = Receiver::new();
        self.acknowledging = None;
        self.renewing = None;
        self.publishing.lose();
        for it in &mut self.subscriptions {
            it.on_session = None;
        }
    }

    /// Gives back the channels where nothing is done on them.
    fn close_unused(&mut self) -> Option<[LinkChannel; 2]> {
        let is_used =
            !self.subscriptions.is_empty() || self.publishing.is_used || self.driver.has_tokens();
        if is_used { None } else { self.close() }
    }

    /// Gives back the channels, to be dropped where nothing is borrowed.
    fn close(&mut self) -> Option<[LinkChannel; 2]> {
        self.lose();
        self.channels.take()
    }

    fn of_session(&mut self, number: u64) -> Option<&mut Subscribed> {
        let mut all = self.subscriptions.iter_mut();
        all.find(|it| it.on_session == Some(number))
    }
}
