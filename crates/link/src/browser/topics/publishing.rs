//! What the page publishes.

use super::{Reader, State, json};
use crate::browser::timer::after;
use crate::topics::{Answer, Put};
use crate::{AddError, LinkState};
use futures_channel::oneshot;
use gloo_timers::callback::Timeout;
use leptos::prelude::*;
use std::collections::BTreeMap;
use tickwire_values::{PublishError, Publisher};
use web_time::Instant;

/// How many values may wait for their answers.
const MAX_ADDING: usize = 1_000;

/// What is published, on whichever session.
#[derive(Default)]
pub struct Publishing {
    publisher: Publisher,
    /// Publishes again what is not acknowledged.
    again: Option<Timeout>,
    /// By its number.
    adding: BTreeMap<u64, Adding>,
    /// Whether the page publishes at all: then the channels stay.
    pub is_used: bool,
}

/// A value whose answer is waited for.
struct Adding {
    answer: oneshot::Sender<Result<(), AddError>>,
    /// In which session it was sent; if in none, it is as soon as the channels are open.
    sent: Result<u32, String>,
}

impl Publishing {
    /// A session is lost, or all are: what was put is published on the next, and what was added may be
    /// taken, or not.
    pub fn lose(&mut self, session: Option<u32>) {
        if session.is_none() {
            self.again = None;
        }
        let is_there = |it: &Adding| session.is_some_and(|lost| it.sent != Ok(lost));
        self.adding.retain(|_, it| is_there(it));
    }

    /// Whether an answer is waited for in this session.
    pub fn waits_for(&self, session: u32) -> bool {
        self.adding.values().any(|it| it.sent == Ok(session))
    }

    /// The server does not serve the channels.
    pub fn refuse(&mut self, reason: &str) {
        for (_, adding) in std::mem::take(&mut self.adding) {
            let _ = adding
                .answer
                .send(Err(AddError::Refused(reason.to_owned())));
        }
    }

    /// The server has answered to what has this number. Returns whether something has.
    pub fn answered(&mut self, number: u64, answer: Result<(), AddError>) -> bool {
        let Some(adding) = self.adding.remove(&number) else {
            return false;
        };
        // Who has asked may have gone.
        let _ = adding.answer.send(answer);
        true
    }
}

impl State {
    /// Both channels of the present session are open.
    pub fn begin_publishing(&mut self) {
        self.publishing.publisher.begin_session();
        self.send_added();
    }

    /// Sends in the present session what was added and not sent.
    fn send_added(&mut self) {
        let Some(session) = self.present() else {
            return;
        };
        let Some([control, _]) = &self.channels else {
            return;
        };
        let mut not_sent = Vec::new();
        for (number, it) in &mut self.publishing.adding {
            let Err(message) = &it.sent else {
                continue;
            };
            let sent = control.on(session).and_then(|it| it.send_text(message));
            it.sent = Ok(session);
            if sent.is_err() {
                not_sent.push(*number);
            }
        }
        for number in not_sent {
            self.publishing.answered(number, Err(AddError::NotSent));
        }
    }
}

impl Reader {
    pub fn put(self, (topic, key, value): Put) -> Result<(), PublishError> {
        let put = self.with(|state| {
            state.publishing.is_used = true;
            state.publishing.publisher.put(&topic, &key, value)
        });
        self.open_first();
        self.publish();
        put.unwrap_or(Ok(()))
    }

    /// Publishes what is due, and sees to it that it is published again if it must be.
    pub fn publish(self) {
        self.with(|state| {
            let now = Instant::now();
            let Some(session) = state.present() else {
                return;
            };
            let Some([_, values]) = &state.channels else {
                return;
            };
            let publishing = &mut state.publishing;
            if let Some(message) = publishing.publisher.poll(now) {
                // Where it is not sent, a later one tells the same.
                let _ = values.on(session).and_then(|it| it.send_binary(&message));
            }
            let due = publishing.publisher.poll_timeout();
            publishing.again = due.map(|at| {
                let wait = at.saturating_duration_since(now).as_secs_f64() * 1e3;
                after(wait, move || self.publish())
            });
        });
    }

    /// Takes in which publications have come.
    pub fn acknowledged(self, session: u32, message: &[u8]) {
        self.with(|state| {
            // Of the session that is being left it says nothing: all is published again.
            if !state.is_present(session) {
                return None;
            }
            // What cannot be read is of a server that is not one of ours.
            let publisher = &mut state.publishing.publisher;
            publisher.acknowledge(Instant::now(), message).ok()
        });
        self.publish();
    }

    pub fn add(self, [topic, key, value]: [String; 3]) -> Result<Answer, AddError> {
        let added = self.with(|state| {
            let has_session = state
                .driver
                .state
                .try_with_untracked(LinkState::has_session);
            if has_session != Some(true) {
                return Err(AddError::NotOpen);
            }
            if state.publishing.adding.len() >= MAX_ADDING {
                return Err(AddError::Full);
            }
            let number = state.number();
            let message = json::write([
                ("type", "publish".into()),
                ("id", (number as f64).into()),
                ("topic", topic.into()),
                ("key", key.into()),
                ("value", value.into()),
            ]);
            let (sender, answer) = oneshot::channel();
            let adding = Adding {
                answer: sender,
                sent: Err(message),
            };
            state.publishing.is_used = true;
            state.publishing.adding.insert(number, adding);
            state.send_added();
            Ok(answer)
        });
        self.open_first();
        added.unwrap_or(Err(AddError::NotOpen))
    }
}
