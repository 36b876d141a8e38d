//! What is read in one session, and in two while the link moves.

use super::{Reader, State, Subscribed, json};
use crate::TopicEvent;
use crate::browser::timer::after;
use crate::merge::Origin;
use gloo_timers::callback::Timeout;
use std::collections::{BTreeMap, BTreeSet};
use tickwire_values::Receiver;
use wasm_bindgen::JsValue;
use web_time::Instant;

/// How long what is on its way may come in a session that has nothing to bring any more, in
/// milliseconds.
const MOVE_REST: f64 = 500.0;

/// What is read in a session.
pub struct Reading {
    /// The session's number.
    pub session: u32,
    receiver: Receiver,
    /// The page's numbers of subscriptions, by the session's.
    begun: BTreeMap<u64, u64>,
    /// The subscriptions, by the page's numbers, in which not all that is there has come.
    incomplete: BTreeSet<u64>,
    acknowledging: Option<Timeout>,
}

impl State {
    /// One of the channels is open in this session. Returns whether both are: then it is the present
    /// one.
    pub fn opened(&mut self, index: usize, session: u32) -> bool {
        if !matches!(self.opening, Some((opening, other)) if opening == session && other != index) {
            self.opening = Some((session, index));
            return false;
        }
        self.opening = None;
        self.settling = None;
        let reading = Reading {
            session,
            receiver: Receiver::new(),
            begun: BTreeMap::new(),
            incomplete: BTreeSet::new(),
            acknowledging: None,
        };
        self.readings.insert(0, reading);
        true
    }

    /// The session that there is, or that takes another's place.
    pub fn present(&self) -> Option<u32> {
        self.readings.first().map(|it| it.session)
    }

    pub fn is_present(&self, session: u32) -> bool {
        self.present() == Some(session)
    }

    /// The subscription that has this number in this session.
    pub fn subscription(&mut self, session: u32, number: u64) -> Option<&mut Subscribed> {
        let reading = self.readings.iter().find(|it| it.session == session)?;
        let id = reading.begun.get(&number)?;
        self.subscriptions.iter_mut().find(|it| it.id == *id)
    }

    /// Begins in the present session what is not begun there.
    pub fn begin(&mut self) {
        let Some(session) = self.present() else {
            return;
        };
        let is_move = self.readings.len() > 1;
        let mut asked = Vec::new();
        let mut logs = Vec::new();
        for it in &mut self.subscriptions {
            let present = &mut self.readings[0];
            if present.begun.values().any(|id| *id == it.id) {
                continue;
            }
            let number = self.next;
            self.next += 1;
            present.begun.insert(number, it.id);
            present.incomplete.insert(it.id);
            present.receiver.subscribe(number);
            it.merge.restart(is_move);
            if is_move && it.position.is_some() {
                logs.push(it.id);
            }
            asked.push(it.ask(number));
        }
        // All of a log that follows comes from the new session.
        for id in logs {
            self.rest(1, id);
        }
        for fields in asked {
            self.say(session, fields);
        }
    }

    /// Nothing more of this subscription in one of the sessions.
    pub fn rest(&mut self, index: usize, id: u64) {
        let Some(reading) = self.readings.get_mut(index) else {
            return;
        };
        reading.incomplete.remove(&id);
        let number = reading.begun.iter().find(|(_, it)| **it == id);
        let Some(number) = number.map(|(number, _)| *number) else {
            return;
        };
        reading.begun.remove(&number);
        reading.receiver.unsubscribe(number);
        let session = reading.session;
        self.say(
            session,
            [
                ("type", "unsubscribe".into()),
                ("id", (number as f64).into()),
            ],
        );
    }

    pub fn say(&self, session: u32, fields: impl IntoIterator<Item = (&'static str, JsValue)>) {
        if let Some([control, _]) = &self.channels
            && let Ok(control) = control.on(session)
        {
            // A session that is lost meanwhile is followed by one that begins with all of it.
            let _ = control.send_text(&json::write(fields));
        }
    }
}

impl Subscribed {
    /// What to say to have it brought.
    fn ask(&self, number: u64) -> Vec<(&'static str, JsValue)> {
        let mut fields = vec![
            ("type", JsValue::from("subscribe")),
            ("id", (number as f64).into()),
            ("topic", self.options.topic.as_str().into()),
        ];
        let keys = self.options.keys.as_ref();
        fields.extend(keys.map(|keys| {
            let keys = keys.iter().map(|key| key.as_str().into());
            ("keys", json::list(keys))
        }));
        fields.extend(self.options.max_rate.map(|rate| ("maxRate", rate.into())));
        fields.extend(self.position.map(|(epoch, position)| {
            let after = js_sys::Object::new();
            json::set(&after, "epoch", &epoch.into());
            json::set(&after, "position", &(position as f64).into());
            ("after", after.into())
        }));
        fields
    }
}

impl Reader {
    pub fn packet(self, session: u32, message: &[u8]) {
        let told = self.with(|state| {
            let from = match state.readings.len() {
                0 | 1 => Origin::Only,
                _ if state.is_present(session) => Origin::New,
                _ => Origin::Old,
            };
            let reading = state.readings.iter_mut().find(|it| it.session == session);
            // What cannot be read is of a server that is not one of ours.
            let updates = reading.map(|it| it.receiver.handle(Instant::now(), message).ok());
            self.acknowledge(state, session);
            let merged = updates
                .flatten()
                .into_iter()
                .flatten()
                .filter_map(|update| {
                    let it = state.subscription(session, update.subscription)?;
                    Some((it.id, it.merge.take(update, from)?))
                });
            merged.collect::<Vec<_>>()
        });
        for (id, update) in told.into_iter().flatten() {
            self.tell(id, TopicEvent::Value(update));
        }
    }

    /// Sends the acknowledgement that is due, or sees to it that it will be.
    fn acknowledge(self, state: &mut State, session: u32) {
        let now = Instant::now();
        let State {
            readings, channels, ..
        } = state;
        let Some(reading) = readings.iter_mut().find(|it| it.session == session) else {
            return;
        };
        if let Some(message) = reading.receiver.poll_acknowledgement(now) {
            if let Some([_, values]) = channels
                && let Ok(values) = values.on(session)
            {
                // Where it is not sent, a later one says the same.
                let _ = values.send_binary(&message);
            }
            reading.acknowledging = None;
        }
        let timeout = reading.receiver.poll_timeout();
        if let Some(at) = timeout.filter(|_| reading.acknowledging.is_none()) {
            let wait = at.saturating_duration_since(now).as_secs_f64() * 1e3;
            reading.acknowledging = Some(after(wait, move || {
                self.with(|state| {
                    let mut all = state.readings.iter_mut();
                    if let Some(reading) = all.find(|it| it.session == session) {
                        reading.acknowledging = None;
                    }
                    self.acknowledge(state, session);
                });
            }));
        }
    }

    /// All that was there has come in the present session.
    pub fn complete(self, id: u64) {
        self.with(|state| {
            if let Some(present) = state.readings.first_mut() {
                present.incomplete.remove(&id);
            }
        });
        self.settle(id);
        self.tell(id, TopicEvent::Complete);
    }

    /// Tells what is known of a subscription once there is one session, and all has come in it.
    fn settle(self, id: u64) {
        let told = self.with(|state| {
            let [only] = &state.readings[..] else {
                return Vec::new();
            };
            let is_complete = !only.incomplete.contains(&id);
            match state.subscriptions.iter_mut().find(|it| it.id == id) {
                Some(it) if is_complete => it.merge.settle(),
                Some(it) => {
                    it.merge.alone();
                    Vec::new()
                }
                None => Vec::new(),
            }
        });
        for update in told.into_iter().flatten() {
            self.tell(id, TopicEvent::Value(update));
        }
    }

    /// Looks whether all is there in the session that takes another's place: then that is left, but
    /// what is on its way in it may still come.
    pub fn look(self) {
        self.with(|state| {
            let [present, old] = &state.readings[..] else {
                return;
            };
            let (is_there, old) = (present.incomplete.is_empty(), old.session);
            if is_there && !state.publishing.waits_for(old) && state.settling.is_none() {
                let driver = state.driver;
                state.settling = Some(after(MOVE_REST, move || driver.leave(old)));
            }
        });
    }

    /// A session is over.
    pub fn lost(self, session: u32) {
        let left = self.with(|state| {
            state.opening.take_if(|(opening, _)| *opening == session);
            let at = state.readings.iter().position(|it| it.session == session)?;
            state.readings.remove(at);
            if at == 0 {
                state.renewing = None;
            }
            state.settling = None;
            state.publishing.lose(Some(session));
            let ids = state.subscriptions.iter().map(|it| it.id);
            Some((state.readings.is_empty(), ids.collect::<Vec<_>>()))
        });
        match left.flatten() {
            Some((true, _)) => self.tell_all(&TopicEvent::Lost),
            Some((false, ids)) => ids.into_iter().for_each(|id| self.settle(id)),
            None => {}
        }
    }
}
