//! Runs a trial over a link.

use super::now;
use super::runner::Runner;
use super::use_drawing;
use crate::trial::{Again, Pair, Run, Settings, Turn, Way};
use gloo_timers::callback::Timeout;
use leptos::prelude::*;
use std::time::Duration;
use tickwire_link::{ChannelEvent, ChannelOptions, Link, LinkChannel, Path, json};
use tickwire_wire::feed::{COUNTED, Counted, ECHO};

/// What asks the server for its count. It answers any text.
const QUESTION: &str = "count";
/// How often a run that goes on is drawn at most, in milliseconds: nobody reads faster.
const DRAW_EVERY: f64 = 100.0;
/// The same for a reader who prefers that little moves.
const DRAW_CALMLY: f64 = 1_000.0;

/// Runs over `link`, one at a time. `draw` is called with the runs and the time when there is
/// something new to show of them.
pub fn use_runner(link: Link, draw: impl Fn(&Pair, f64) + 'static) -> Runner {
    let state = StoredValue::new_local(State::default());
    let ask_for_frame = use_drawing(move |frame| {
        let every = if frame.is_calm {
            DRAW_CALMLY
        } else {
            DRAW_EVERY
        };
        let wait = state.try_update_value(|state| {
            let newest = state.pair.newest();
            let goes_on = newest.is_some_and(|(run, _)| !run.is_over());
            let left = state.drawn + every - frame.now;
            if goes_on && left > 0.0 {
                return Some(left);
            }
            state.drawn = frame.now;
            draw(&state.pair, frame.now);
            goes_on.then_some(every)
        });
        Some(Duration::from_millis(wait??.ceil() as u64))
    });
    let driver = Driver {
        link,
        is_running: RwSignal::new(false),
        state,
        ask_for_frame,
    };
    Runner {
        is_running: driver.is_running.into(),
        start: Callback::new(move |(settings, kept)| driver.start(settings, kept)),
        stop: Callback::new(move |()| driver.stop()),
    }
}

#[derive(Clone, Copy)]
struct Driver {
    link: Link,
    is_running: RwSignal<bool>,
    state: StoredValue<State, LocalStorage>,
    ask_for_frame: Callback<()>,
}

/// The runs, and what the newest is driven with while it goes on.
#[derive(Default)]
struct State {
    pair: Pair,
    /// When they were drawn, in milliseconds.
    drawn: f64,
    /// Dropping it closes it.
    channel: Option<LinkChannel>,
    /// The bytes of each message, one after the other.
    message: Vec<u8>,
    next: Option<Timeout>,
}

impl Driver {
    fn start(self, settings: Settings, kept: Option<usize>) {
        if self.is_running.get_untracked() {
            return;
        }
        let protocol = match settings.way {
            Way::WebSocket => Path::WEBSOCKET.into(),
            Way::Connection => self
                .link
                .path
                .with_untracked(|path| path.as_ref().map(|path| path.protocol.clone()))
                .unwrap_or_default(),
        };
        let number = self.with(|state| {
            state.message = vec![0; settings.size as usize];
            state.pair.begin(settings, kept, now());
            state.pair.newest_mut()?.protocol = protocol;
            Some(state.pair.number)
        });
        let on_event = move |event| self.handle(event, number);
        let opened = match settings.way {
            Way::Connection => self.link.open(options(&settings), on_event),
            Way::WebSocket => self.link.open_by_websocket(options(&settings), on_event),
        };
        match opened {
            Ok(channel) => {
                self.with(|state| state.channel.replace(channel));
                self.is_running.set(true);
                self.turn();
            }
            Err(cause) => {
                self.with_run(|run| run.fail(cause.to_string()));
                self.tell();
            }
        }
    }

    fn stop(self) {
        self.with_run(|run| run.stop(now()));
        self.turn();
    }

    /// Something happened on the channel of the run of this number.
    fn handle(self, event: ChannelEvent, number: Option<u32>) {
        let now = now();
        let is_open = matches!(event, ChannelEvent::Opened);
        self.with_run(|run| {
            if Some(run.number) != number {
                return;
            }
            match event {
                ChannelEvent::Opened => run.opened(now),
                ChannelEvent::Binary(message) => run.returned(&message, now),
                ChannelEvent::Text(text) => {
                    run.told(json::parse(&text).and_then(|fields| Counted::read(&fields)));
                }
                ChannelEvent::Lost => run.fail("the connection was lost".into()),
                ChannelEvent::Closed(reason) => {
                    run.fail(reason.unwrap_or_else(|| "the server closed its channel".into()));
                }
            }
        });
        // What follows from it is done in a turn of its own: it is not for a channel's own
        // callback to send on it, or to drop it.
        if is_open {
            self.plan(0.0);
        }
        self.tell();
    }

    /// Does what is due, a bounded piece of work, and plans what comes next.
    fn turn(self) {
        let now = now();
        let wait = self.with(|state| {
            let channel = state.channel.as_ref()?;
            let run = state.pair.newest_mut()?;
            match run.turn(channel.buffered_amount(), now) {
                Turn::Send(due) => send(channel, run, &mut state.message, due),
                // A question that does not leave is like one that is lost: there are more.
                Turn::Ask => drop(channel.send_text(QUESTION)),
                Turn::Wait => {}
                Turn::Close => return None,
            }
            Some(run.wait(now))
        });
        match wait {
            Some(wait) => self.plan(wait),
            None => {
                let channel = self.with(|state| state.channel.take());
                self.is_running.try_set(false);
                drop(channel);
            }
        }
        self.tell();
    }

    /// The next turn comes in so many milliseconds, in place of what was planned before.
    fn plan(self, wait: f64) {
        let next = Timeout::new(wait.ceil() as u32, move || self.turn());
        self.with(|state| state.next.replace(next));
    }

    fn with_run(self, work: impl FnOnce(&mut Run)) {
        self.with(|state| state.pair.newest_mut().map(work));
    }

    fn with<T>(self, work: impl FnOnce(&mut State) -> Option<T>) -> Option<T> {
        self.state.try_update_value(work).flatten()
    }

    fn tell(self) {
        self.ask_for_frame.try_run(());
    }
}

/// Sends so many messages, as far as there is room for them.
fn send(channel: &LinkChannel, run: &mut Run, bytes: &mut [u8], due: u32) {
    for rest in (0..due).rev() {
        let now = now();
        let Some(message) = run.message(channel.buffered_amount(), rest, now) else {
            return;
        };
        message.write(bytes);
        match channel.send_binary(bytes) {
            Ok(()) => run.tally.sent(now),
            Err(_) => run.tally.not_sent += 1,
        }
    }
}

/// The channel of a run.
fn options(settings: &Settings) -> ChannelOptions {
    let mut options = ChannelOptions::reliable(ECHO).with_protocol(COUNTED);
    options.ordered = settings.ordered;
    match settings.again {
        Again::Always => {}
        Again::Times(times) => options.max_retransmits = Some(times),
        Again::For(time) => options.max_packet_life_time = Some(time),
    }
    options
}
