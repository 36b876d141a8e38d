//! The built-in feeds over one link: what arrives is collected, and shown once a frame.

mod questions;

use super::live::{PriceTexts, Prices};
use super::log::{Lines, Source};
use super::readings::{ClockTexts, MachineTexts, Readings};
use super::set_if_changed;
use crate::browser::{Frame, resolution, use_drawing, use_token};
use crate::estimate::Exchange;
use crate::prices::Price;
use leptos::prelude::*;
use questions::Questions;
use std::future::ready;
use std::time::Duration;
use tickwire_link::{
    Link, LinkEvent, LinkEventKind, LinkOptions, LinkState, Step, clock, json,
    use_link_with_options,
};
use tickwire_wire::feed::{self, FromClock, FromData, Sample};
use tickwire_wire::signaling::ChannelInit;

/// A tenth of a second, in milliseconds.
const TENTH: f64 = 100.0;

/// What `use_feeds` gives the page. Copies are the same feeds.
#[derive(Clone, Copy)]
pub struct Feeds {
    /// The connection.
    pub link: Link,
    /// What to say of the server's clock.
    pub clock: Signal<ClockTexts>,
    /// What to say of the server's load.
    pub machine: Signal<MachineTexts>,
    /// What the page asks the clock, and at which interval it wants the time.
    pub questions: Questions,
    /// What to say of the prices.
    pub prices: Signal<PriceTexts>,
    shown: Shown,
}

impl Feeds {
    /// Takes in a price that comes now; one that was there before it was asked for, likewise.
    pub fn take_price(&self, symbol: usize, price: Price, is_snapshot: bool) {
        let now = clock::now();
        let time = self
            .shown
            .readings
            .try_with_value(|readings| readings.server_time(now));
        let time = time.flatten().unwrap_or(now);
        self.shown
            .prices
            .try_update_value(|prices| prices.take(symbol, price, is_snapshot, time));
    }

    /// Forgets the prices, since they come another way.
    pub fn forget_prices(&self) {
        self.shown.prices.try_set_value(Prices::default());
    }
}

/// The server's clock, echo and load over one link; what happens on it goes into `lines`.
pub fn use_feeds(lines: Lines) -> Feeds {
    let shown = Shown {
        lines,
        readings: StoredValue::new(Readings::new(0.0)),
        has_session: StoredValue::new(false),
        is_moving: StoredValue::new(false),
        said: StoredValue::new(String::new()),
        clock: RwSignal::new(ClockTexts::default()),
        machine: RwSignal::new(MachineTexts::default()),
        prices: StoredValue::new(Prices::default()),
        price_texts: RwSignal::new(PriceTexts::default()),
        tenth: StoredValue::new(0.0),
    };
    let ask_for_frame = use_drawing(move |frame| shown.draw(frame));
    let interval = RwSignal::new(feed::DEFAULT_INTERVAL);
    let token = use_token();
    let options = LinkOptions::default()
        .channels(channels())
        .server(".")
        .token(move || ready(token.try_get_value().flatten()));
    let link = use_link_with_options(options.on_event(move |event| {
        shown.take(event, interval);
        // Numbers have their own pace.
        if lines.has_new() {
            ask_for_frame.try_run(());
        }
    }));
    Feeds {
        link,
        clock: shown.clock.into(),
        machine: shown.machine.into(),
        questions: Questions::new(link, shown.readings, interval),
        prices: shown.price_texts.into(),
        shown,
    }
}

/// The channels of each connection. Of a clock and a load only the newest is worth anything:
/// what is lost there is not sent again, and nothing waits for it.
fn channels() -> Vec<ChannelInit> {
    let channel = |id, label: &str| ChannelInit {
        label: label.into(),
        id,
        ordered: true,
        max_retransmits: None,
        max_packet_life_time: None,
        protocol: feed::PROTOCOL.into(),
        negotiated: true,
    };
    let newest_only = |id, label| ChannelInit {
        ordered: false,
        max_retransmits: Some(0),
        ..channel(id, label)
    };
    vec![
        newest_only(0, feed::CLOCK),
        channel(1, feed::ECHO),
        newest_only(2, feed::MACHINE),
    ]
}

/// What is collected, and the signals that show it: written only where the text changes.
#[derive(Clone, Copy)]
struct Shown {
    lines: Lines,
    readings: StoredValue<Readings>,
    has_session: StoredValue<bool>,
    is_moving: StoredValue<bool>,
    /// What the log says of the link: not all that changes can be seen.
    said: StoredValue<String>,
    clock: RwSignal<ClockTexts>,
    machine: RwSignal<MachineTexts>,
    prices: StoredValue<Prices>,
    price_texts: RwSignal<PriceTexts>,
    /// The tenth of a second that is shown, counted by the server's clock where it is known.
    tenth: StoredValue<f64>,
}

impl Shown {
    /// Collects what happened.
    fn take(self, event: LinkEvent, interval: RwSignal<u32>) {
        let at = event.at;
        match event.kind {
            LinkEventKind::Received(channel, text) => match &*channel {
                feed::CLOCK => self.take_clock(at, text, interval),
                feed::MACHINE => self.take_machine(at, text),
                _ => self.take_echo(at, text),
            },
            LinkEventKind::ReceivedBinary(_, bytes) => {
                self.lines.add(at, Source::Server, format!("{bytes} bytes"));
            }
            // What the page asks the clock is its own affair.
            LinkEventKind::Sent(feed::ECHO, text) => self.lines.add(at, Source::You, text),
            LinkEventKind::Sent(..) => {}
            LinkEventKind::Closed(channel) => {
                self.lines
                    .add(at, Source::Link, format!("The server closed “{channel}”."));
                match &*channel {
                    feed::CLOCK => self.read(Readings::forget_clock),
                    feed::MACHINE => self.read(Readings::forget_machine),
                    _ => {}
                }
            }
            LinkEventKind::State(state) => {
                let is_moving = matches!(state, LinkState::Moving { .. });
                let was_moving = self.is_moving.try_get_value() == Some(true);
                self.is_moving.try_set_value(is_moving);
                // What it has moved to may be another server, with another clock.
                if state.step() == Some(Step::Signalling) || (was_moving && !is_moving) {
                    self.readings.try_set_value(Readings::new(resolution()));
                }
                self.has_session.try_set_value(state.has_session());
                self.say(at, &state);
            }
        }
    }

    fn take_clock(self, at: f64, text: String, chosen: RwSignal<u32>) {
        match json::parse(&text).and_then(|fields| FromClock::read(&fields)) {
            Some(FromClock::Time { time }) => {
                let is_for_log = self
                    .readings
                    .try_update_value(|readings| readings.tick(time, at));
                if is_for_log == Some(true) {
                    let time = super::text::date_and_time(time);
                    self.lines
                        .add(at, Source::Time, FromData::Time(&time).to_string());
                }
            }
            Some(FromClock::Interval { interval }) => {
                self.read(|readings| readings.interval = interval);
            }
            Some(FromClock::Exchange { t1, t2, t3 }) => {
                self.read(|readings| readings.exchange(Exchange { t1, t2, t3, t4: at }));
            }
            Some(FromClock::Refused { reason }) => {
                self.lines
                    .add(at, Source::Server, FromData::Refused(&reason).to_string());
                // The clock keeps its interval, and the page no longer asks for another.
                self.read(|readings| {
                    chosen.try_set(readings.interval);
                });
            }
            None => self.lines.add(at, Source::Server, text),
        }
    }

    fn take_machine(self, at: f64, text: String) {
        match json::parse(&text).and_then(|fields| Sample::read(&fields)) {
            Some(sample) => self.read(|readings| readings.sample(sample)),
            None => self.lines.add(at, Source::Server, text),
        }
    }

    fn take_echo(self, at: f64, text: String) {
        if let Some(FromData::Refused(_)) = FromData::parse(&text) {
            self.lines.add(at, Source::Server, text);
        } else {
            self.lines
                .add(at, Source::Echo, FromData::Echo(&text).to_string());
        }
    }

    fn say(self, at: f64, state: &LinkState) {
        let (label, reason) = (state.label(), state.reason());
        let words = match &*reason {
            "" => label.to_owned(),
            _ if label.ends_with('…') => [label, &reason].join(" "),
            _ => [label, &reason].join(": "),
        };
        if self.said.try_with_value(|said| *said == words) == Some(false) {
            self.said.try_set_value(words.clone());
            self.lines.add(at, Source::Link, words);
        }
    }

    fn read(self, change: impl FnOnce(&mut Readings)) {
        self.readings.try_update_value(change);
    }

    /// Shows what is new: lines at once, numbers with each tenth of a second that the server's
    /// clock begins, since nobody reads faster. Returns when the next begins, if the clock runs.
    fn draw(self, frame: Frame) -> Option<Duration> {
        self.lines.show();
        if !self.has_session.get_value() {
            set_if_changed(self.clock, ClockTexts::default());
            set_if_changed(self.machine, MachineTexts::default());
            set_if_changed(self.price_texts, PriceTexts::default());
            self.prices.set_value(Prices::default());
            return None;
        }
        self.readings.with_value(|readings| {
            let now = readings.server_time(frame.now).unwrap_or(frame.now);
            let (before, tenth) = (self.tenth.get_value(), (now / TENTH).floor());
            if tenth != before {
                self.tenth.set_value(tenth);
                set_if_changed(self.clock, readings.clock(frame.now));
                let is_new_second = (tenth / 10.0).floor() != (before / 10.0).floor();
                if !frame.is_calm || is_new_second {
                    set_if_changed(self.machine, readings.machine());
                    let texts = self.prices.try_update_value(|prices| prices.texts(now));
                    set_if_changed(self.price_texts, texts.unwrap_or_default());
                }
            }
            let left = (tenth + 1.0) * TENTH - now;
            Some(Duration::from_millis(left.ceil() as u64))
        })
    }
}
