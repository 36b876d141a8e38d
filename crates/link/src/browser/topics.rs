//! Topics over the channels `control` and `values`.

mod publishing;
mod reading;
mod said;

use super::driver::Driver;
use super::json;
use super::opened::Handle;
use crate::merge::Merge;
use crate::topics::OnTopicEvent;
use crate::{ChannelEvent, ChannelOptions, TopicEvent, TopicOptions, Topics};
use gloo_timers::callback::Timeout;
use leptos::prelude::*;
use leptos::task::spawn_local;
use publishing::Publishing;
use reading::Reading;
use std::rc::Rc;
use tickwire_wire::control::{CONTROL, PROTOCOL, VALUES};
use tickwire_wire::values::ACKNOWLEDGEMENT;

/// Topics over the link that this drives.
pub fn of(driver: Driver) -> Topics {
    let (refused, stale) = (RwSignal::new(None), RwSignal::new(None));
    let reader = Reader(StoredValue::new_local(State {
        driver,
        channels: None,
        opening: None,
        readings: Vec::new(),
        subscriptions: Vec::new(),
        next: 1,
        renewing: None,
        settling: None,
        publishing: Publishing::default(),
        refused,
        stale,
    }));
    if driver.has_tokens() {
        // What the server says of them comes on one of the channels.
        reader.open();
    }
    Topics {
        refused: refused.into(),
        stale: stale.into(),
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
    options: TopicOptions,
    on_event: OnTopicEvent,
    /// Of a log, up to where it has come: the epoch and the position.
    position: Option<(f64, u64)>,
    merge: Merge,
}

struct State {
    driver: Driver,
    /// `control` and `values`, which are there while something is subscribed to, and always where the
    /// page publishes or has tokens.
    channels: Option<[Handle; 2]>,
    /// The session in which one of them is open, and which.
    opening: Option<(u32, usize)>,
    /// What is read in each session in which both are: in the present one, and after it in the one that is being left.
    readings: Vec<Reading>,
    subscriptions: Vec<Subscribed>,
    next: u64,
    /// Asks the page for a token once more.
    renewing: Option<Timeout>,
    /// Leaves the session in whose place another has come, since all is there in that.
    settling: Option<Timeout>,
    publishing: Publishing,
    /// Why something that was put is not taken.
    refused: RwSignal<Option<String>>,
    /// Since when what is read may be old.
    stale: RwSignal<Option<f64>>,
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
            let id = state.number();
            state.subscriptions.push(Subscribed {
                id,
                options,
                on_event,
                position: None,
                merge: Merge::default(),
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

    fn channels(self, driver: Driver) -> Option<[Handle; 2]> {
        let options = [
            ChannelOptions::reliable(CONTROL).with_protocol(PROTOCOL),
            ChannelOptions::newest_only(VALUES).with_protocol(PROTOCOL),
        ];
        let open = |index: usize, options| {
            let on_event = Rc::new(move |session, event| self.on(index, session, event));
            let opened = driver.follow_channel(options, on_event);
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
            for index in 0..state.readings.len() {
                state.rest(index, id);
            }
            state.subscriptions.retain(|it| it.id != id);
            state.close_unused()
        });
        // Closing them tells of it.
        drop(closed);
        self.look();
    }

    fn on(self, index: usize, session: u32, event: ChannelEvent) {
        match event {
            ChannelEvent::Opened => {
                self.with(|state| {
                    if state.opened(index, session) {
                        state.begin();
                        state.begin_publishing();
                    }
                });
                self.publish();
                self.look();
            }
            ChannelEvent::Text(text) => {
                self.said(session, &text);
                self.look();
            }
            ChannelEvent::Binary(message) if index == 0 => self.entry(session, &message),
            ChannelEvent::Binary(message) if message.first() == Some(&ACKNOWLEDGEMENT) => {
                self.acknowledged(session, &message);
            }
            ChannelEvent::Binary(message) => self.packet(session, &message),
            ChannelEvent::Lost => self.lost(session),
            ChannelEvent::Closed(reason) => {
                let reason = reason.unwrap_or_else(|| "the server has closed the channel".into());
                self.refuse_all(&reason);
            }
        }
    }

    fn tell(self, id: u64, event: TopicEvent) {
        let on_event = self.with(|state| {
            let it = state.subscriptions.iter().find(|it| it.id == id)?;
            Some(it.on_event.clone())
        });
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
    /// A number that was not used before.
    fn number(&mut self) -> u64 {
        let number = self.next;
        self.next += 1;
        number
    }

    /// Gives back the channels where nothing is done on them.
    fn close_unused(&mut self) -> Option<[Handle; 2]> {
        let is_used =
            !self.subscriptions.is_empty() || self.publishing.is_used || self.driver.has_tokens();
        if is_used { None } else { self.close() }
    }

    /// Gives back the channels, to be dropped where nothing is borrowed.
    fn close(&mut self) -> Option<[Handle; 2]> {
        self.opening = None;
        self.readings.clear();
        self.renewing = None;
        self.settling = None;
        self.publishing.lose(None);
        self.channels.take()
    }
}
