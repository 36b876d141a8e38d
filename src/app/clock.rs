//! The server's clock: the time, what is known of it, and how often it is sent.

use super::feeds::Feeds;
use super::reading::Reading;
use super::readings::ClockTexts;
use leptos::prelude::*;
use tickwire_link::LinkState;

/// The intervals to choose from, in milliseconds, and what they are called.
const INTERVALS: [(u32, &str); 4] = [
    (10, "every 10 ms"),
    (100, "every 100 ms"),
    (1_000, "every second"),
    (10_000, "every 10 s"),
];

/// The panel of the clock. The time runs while the link is connected, and only then.
#[component]
pub fn Clock(feeds: Feeds) -> impl IntoView {
    let Feeds {
        link,
        clock,
        questions,
        ..
    } = feeds;
    let is_running = Memo::new(move |_| link.state.with(LinkState::has_session));
    let text = move |part: fn(&ClockTexts) -> &String| {
        Memo::new(move |_| clock.with(|texts| part(texts).clone()))
    };
    let choose = move |event| {
        if let Ok(interval) = event_target_value(&event).parse() {
            questions.choose(interval);
        }
    };
    view! {
        <section class="panel feed clock" aria-labelledby="clock-title">
            <div class="feed-head">
                <h2 id="clock-title">"Server clock"</h2>
                <div class="choice">
                    <label for="interval">"Sent"</label>
                    <select
                        id="interval"
                        name="interval"
                        autocomplete="off"
                        disabled=move || !is_running.get()
                        prop:value=move || questions.interval.get().to_string()
                        on:change=choose
                    >
                        {INTERVALS
                            .map(|(interval, name)| {
                                let is_default = interval == tickwire_wire::feed::DEFAULT_INTERVAL;
                                view! { <option value=interval selected=is_default>{name}</option> }
                            })
                            .into_iter()
                            .collect_view()}
                    </select>
                </div>
            </div>
            <p class="time-of-day">
                <span class="digits">{text(|texts| &texts.time)}</span>
                <span class="zone">
                    {move || if is_running.get() { "UTC, by the server" } else { "Stopped: not connected" }}
                </span>
            </p>
            <dl class="readings tiles">
                <Reading name="Ahead of this device" value=text(|texts| &texts.difference) />
                <Reading name="Round trip" value=text(|texts| &texts.round_trip) />
                <Reading name="Jitter" value=text(|texts| &texts.jitter) />
                <Reading name="Age of the newest" value=text(|texts| &texts.age) />
            </dl>
            <details class="terms">
                <summary>"What these numbers mean"</summary>
                <dl>
                    <dt>"Ahead of this device"</dt>
                    <dd>
                        "How far the server’s clock is ahead of this device’s (+) or behind it (−). It is wrong by no more than what follows ±."
                    </dd>
                    <dt>"Round trip"</dt>
                    <dd>"How long a message to the server and its answer take: the quickest of the last eight."</dd>
                    <dt>"Jitter"</dt>
                    <dd>"By how much the delay changes from one tick to the next, on average."</dd>
                    <dt>"Age of the newest"</dt>
                    <dd>"How long ago the newest tick left the server."</dd>
                </dl>
            </details>
        </section>
    }
}
