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
    /// What is to be sent as soon as the channels are open.
    unsent: Option<String>,
}

impl Publishing {
    /// The session is lost: what was put is published on the next, and what was added may be taken,
    /// or not.
    pub fn lose(&mut self) {
        self.again = None;
        self.adding.clear();
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
    /// Both channels of a session are open.
    pub fn begin_publishing(&mut self) {
        self.publishing.publisher.begin_session();
        let mut adding = std::mem::take(&mut self.publishing.adding);
        for (number, it) in &mut adding {
            if let Some(message) = it.unsent.take() {
                self.say_of_adding(*number, &message);
            }
        }
        self.publishing.adding.append(&mut adding);
    }

    fn say_of_adding(&mut self, number: u64, message: &str) {
        if let Some([control, _]) = &self.channels
            && control.send_text(message).is_err()
        {
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
            let State {
                publishing,
                channels: Some([_, values]),
                is_open: [true, true],
                ..
            } = state
            else {
                return;
            };
            if let Some(message) = publishing.publisher.poll(now) {
                // Where it is not sent, a later one tells the same.
                let _ = values.send_binary(&message);
            }
            let due = publishing.publisher.poll_timeout();
            publishing.again = due.map(|at| {
                let wait = at.saturating_duration_since(now).as_secs_f64() * 1e3;
                after(wait, move || self.publish())
            });
        });
    }

    /// Takes in which publications have come.
    pub fn acknowledged(self, message: &[u8]) {
        self.with(|state| {
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
            let number = state.next;
            state.next += 1;
            let message = json::write([
                ("type", "publish".into()),
                ("id", (number as f64).into()),
                ("topic", topic.into()),
                ("key", key.into()),
                ("value", value.into()),
            ]);
            let (sender, answer) = oneshot::channel();
            let is_open = state.is_open == [true; 2];
            let adding = Adding {
                answer: sender,
                unsent: (!is_open).then(|| message.clone()),
            };
            state.publishing.is_used = true;
            state.publishing.adding.insert(number, adding);
            if is_open {
                state.say_of_adding(number, &message);
            }
            Ok(answer)
        });
        self.open_first();
        added.unwrap_or(Err(AddError::NotOpen))
    }
}
