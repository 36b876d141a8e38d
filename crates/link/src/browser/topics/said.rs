//! What the server says on `control`.

use super::{Reader, json};
use crate::browser::clock;
use crate::browser::driver::Driver;
use crate::browser::timer::after;
use crate::machine::Event;
use crate::{AddError, TopicEvent};
use leptos::prelude::Set;
use leptos::task::spawn_local;
use tickwire_wire::Fields;
use tickwire_wire::values::LogEntry;

/// How long to wait where the page has no token yet, in milliseconds: at least, and so much more at
/// most, since many pages may have been told at once.
const TOKEN_WAIT: [f64; 2] = [1_000.0, 4_000.0];

impl Reader {
    /// Takes in what the server says on `control`.
    pub fn said(self, session: u32, text: &str) {
        let Some(said) = json::parse(text) else {
            return;
        };
        let id = said.number("id").map(|id| id as u64);
        let message = || said.text("message").unwrap_or_default();
        let kind = said.text("type").unwrap_or_default();
        let answer = match &*kind {
            "published" => Some(Ok(())),
            "refused" => Some(Err(AddError::Refused(message()))),
            _ => None,
        };
        if let (Some(id), Some(answer)) = (id, answer)
            && self.with(|state| state.publishing.answered(id, answer)) == Some(true)
        {
            return;
        }
        let known = self.with(|state| {
            let is_present = state.is_present(session);
            Some((is_present, state.subscription(session, id?)?.id))
        });
        match (&*kind, id, known.flatten()) {
            ("go-away", ..) => {
                let driver = self.with(|state| {
                    for it in &mut state.subscriptions {
                        it.merge.watch();
                    }
                    state.driver
                });
                if let Some(driver) = driver {
                    driver.on_session(session, Event::GoAway);
                }
            }
            ("renew-token", ..) => {
                let within = said.number("within").unwrap_or_default();
                self.renew(session, clock::now() + within);
            }
            // A session says so anew, where it is so.
            ("hello" | "stale", ..) => {
                let since = said
                    .number("since")
                    .map(|since| js_sys::Date::now() - since);
                let stale = self.with(|state| state.is_present(session).then_some(state.stale));
                stale.flatten().and_then(|stale| stale.try_set(since));
            }
            ("refused", None, _) => {
                let refused = self.with(|state| state.refused);
                refused.and_then(|refused| refused.try_set(Some(message())));
            }
            // The new session says what becomes of it. A log is its alone, from where it was.
            ("log", _, Some((false, id))) => {
                self.with(|state| state.rest(1, id));
            }
            ("log", _, Some((true, id))) => {
                let epoch = said.number("epoch").unwrap_or_default();
                let position = said.number("position").unwrap_or_default() as u64;
                self.with(|state| {
                    if let Some(it) = state.subscriptions.iter_mut().find(|it| it.id == id) {
                        it.position = Some((epoch, position));
                    }
                });
            }
            ("complete", _, Some((true, id))) => self.complete(id),
            ("refused", _, Some((true, id))) => {
                self.tell(id, TopicEvent::Refused(message()));
                self.unsubscribe(id);
            }
            _ => {}
        }
    }

    /// Says a new token, while there is time: it ends at `until`.
    fn renew(self, session: u32, until: f64) {
        let driver = self.with(|state| {
            state.renewing = None;
            state.driver
        });
        let is_it = |it: &Driver| it.has_tokens() && it.is_current(session);
        let Some(driver) = driver.filter(is_it) else {
            return;
        };
        spawn_local(async move {
            let token = driver.new_token().await;
            if !driver.is_current(session) {
                return;
            }
            // The one that ends is as none.
            let is_old = driver.with_session(|session| session.token == token) == Some(true);
            let Some(token) = token.filter(|_| !is_old) else {
                let [least, more] = TOKEN_WAIT;
                let wait = least + more * js_sys::Math::random();
                if clock::now() + wait < until {
                    let again = after(wait, move || self.renew(session, until));
                    self.with(|state| state.renewing = Some(again));
                }
                return;
            };
            driver.with_session(|session| session.token = Some(token.clone()));
            self.with(|state| {
                state.say(
                    session,
                    [("type", "token".into()), ("token", (&token).into())],
                );
            });
        });
    }

    /// Takes in an entry of a log.
    pub fn entry(self, session: u32, message: &[u8]) {
        let Ok(entry) = LogEntry::read(message) else {
            return;
        };
        let id = self.with(|state| {
            let it = state.subscription(session, entry.subscription)?;
            if let Some((_, position)) = &mut it.position {
                *position = entry.position;
            }
            Some(it.id)
        });
        if let Some(id) = id.flatten() {
            self.tell(id, TopicEvent::Value(entry.into()));
        }
    }
}
