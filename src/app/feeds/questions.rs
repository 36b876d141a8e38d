//! What the page asks the clock: for exchanges of timestamps, and for its interval.

use crate::app::readings::Readings;
use gloo_timers::callback::Timeout;
use leptos::prelude::*;
use tickwire_link::clock::now;
use tickwire_link::{Link, LinkState, Reason};
use tickwire_wire::feed::{self, ToClock};

/// So many exchanges come one after the other when the link opens, so that the first numbers are
/// good ones.
const BURST: u32 = 4;
/// What is between them, in milliseconds.
const BURST_INTERVAL: u32 = 50;
/// How often an exchange follows after that, in milliseconds.
const INTERVAL: u32 = 2_000;

/// Asks for as long as the link is connected. Copies are the same questions.
#[derive(Clone, Copy)]
pub struct Questions {
    /// The interval that the reader has chosen, in milliseconds.
    pub interval: Signal<u32>,
    chosen: RwSignal<u32>,
    link: Link,
    readings: StoredValue<Readings>,
    next: StoredValue<Option<Timeout>, LocalStorage>,
}

impl Questions {
    /// Nothing is asked until `link` is connected. `chosen` is the interval to ask for, in
    /// milliseconds.
    pub fn new(link: Link, readings: StoredValue<Readings>, chosen: RwSignal<u32>) -> Self {
        let questions = Self {
            interval: chosen.into(),
            chosen,
            link,
            readings,
            next: StoredValue::new_local(None),
        };
        // Each session is asked anew.
        let session = Memo::new(move |_| link.state.with(session));
        Effect::new(move |_| {
            if session.get().is_some() {
                questions.ask(1);
                on_cleanup(move || questions.plan(None));
            }
        });
        questions
    }

    /// Asks for the time at this interval, in milliseconds.
    pub fn choose(self, interval: u32) {
        self.chosen.set(interval);
        self.ask_for_interval();
    }

    /// Asks for the `number`th exchange, and once more for an interval that the server has not
    /// confirmed: what is said on this channel may be lost. Then plans the next.
    fn ask(self, number: u32) {
        self.say(ToClock::Exchange { t1: now() });
        self.ask_for_interval();
        let wait = if number < BURST {
            BURST_INTERVAL
        } else {
            INTERVAL
        };
        let next = Timeout::new(wait, move || self.ask(number.saturating_add(1)));
        self.plan(Some(next));
    }

    fn ask_for_interval(self) {
        let chosen = self.chosen.get_untracked();
        if self.readings.with_value(|readings| readings.interval) != chosen {
            self.say(ToClock::Interval {
                interval: f64::from(chosen),
            });
        }
    }

    fn say(self, message: ToClock) {
        self.link.send(feed::CLOCK, message.json());
    }

    fn plan(self, next: Option<Timeout>) {
        let replace = |planned: &mut Option<Timeout>| std::mem::replace(planned, next);
        // The one before is dropped when nothing is borrowed: it may be what is running.
        let _before = self.next.try_update_value(replace);
    }
}

/// Something that is another where the session is; none where there is none to ask.
fn session(state: &LinkState) -> Option<Option<Reason>> {
    match state {
        LinkState::Connected => Some(None),
        LinkState::Moving {
            reason: Reason::Better,
            ..
        } => Some(Some(Reason::Better)),
        _ => None,
    }
}
