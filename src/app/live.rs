//! Prices that change, each with its age: brought as the newest values of a topic, or each in order
//! over a reliable channel, to compare.

mod prices;

use super::feeds::Feeds;
use super::reading::Reading;
use super::text::time_of_day;
use crate::prices::{PRICES, Price, SYMBOLS, index, symbol};
use leptos::prelude::*;
use prices::AgeTexts;
pub use prices::{PriceTexts, Prices};
use tickwire_link::{
    ChannelEvent, ChannelOptions, LinkState, TopicEvent, TopicOptions, json, use_topics,
};
use tickwire_wire::{Fields, feed};

/// How prices are brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Topic,
    Channel,
}

const WAYS: [(Way, &str, &str); 2] = [
    (Way::Topic, "topic", "as a topic"),
    (Way::Channel, "channel", "each, in order"),
];

const WHAT: &str = "How old each value is, from 10 ms to 100 s. Amber: it was older than 100 ms when it came. Compare on a network that loses packets.";

/// The panel of live values.
#[component]
pub fn Live(feeds: Feeds) -> impl IntoView {
    let link = feeds.link;
    let is_running = Memo::new(move |_| link.state.with(LinkState::has_session));
    let way = RwSignal::new(Way::Topic);
    let take = move |key: &str, price: Option<Price>, is_snapshot: bool| {
        if let (Some(symbol), Some(price)) = (index(key), price) {
            feeds.take_price(symbol, price, is_snapshot);
        }
    };
    let topics = use_topics(link);
    // What is subscribed to ends where the choice changes.
    Effect::new(move |_| {
        feeds.forget_prices();
        match way.get() {
            Way::Topic => {
                let subscription = topics.subscribe(TopicOptions::new(PRICES), move |event| {
                    if let TopicEvent::Value(update) = event {
                        let value = update.value.and_then(|value| String::from_utf8(value).ok());
                        let fields = value.and_then(|value| json::parse(&value));
                        let price = fields.and_then(|fields| Price::read(&fields));
                        take(&update.key, price, update.is_snapshot);
                    }
                });
                StoredValue::new_local(subscription);
            }
            Way::Channel => {
                let options = ChannelOptions::reliable(PRICES).with_protocol(feed::PROTOCOL);
                let channel = link.open(options, move |event| {
                    if let ChannelEvent::Text(text) = event
                        && let Some(fields) = json::parse(&text)
                        && let Some(key) = fields.text("symbol")
                    {
                        take(&key, Price::read(&fields), false);
                    }
                });
                StoredValue::new_local(channel);
            }
        }
    });
    let choose = move |event| {
        let chosen = event_target_value(&event);
        if let Some((chosen, ..)) = WAYS.iter().find(|(_, value, _)| *value == chosen) {
            way.set(*chosen);
        }
    };
    let text = move |part: fn(&AgeTexts) -> &String| {
        Memo::new(move |_| feeds.prices.with(|texts| part(&texts.ages).clone()))
    };
    let what = move || match topics.stale.get() {
        None => WHAT.to_owned(),
        Some(since) => format!(
            "What keeps the topics of several servers cannot be reached since {} UTC: values may be old. It is tried again.",
            time_of_day(since)
        ),
    };
    view! {
        <section class="panel feed live" aria-labelledby="live-title">
            <div class="feed-head">
                <h2 id="live-title">"Live values"</h2>
                <div class="choice">
                    <label for="way">"Brought"</label>
                    <select
                        id="way"
                        name="way"
                        autocomplete="off"
                        disabled=move || !is_running.get()
                        on:change=choose
                    >
                        {WAYS
                            .map(|(_, value, name)| view! { <option value=value>{name}</option> })
                            .into_iter()
                            .collect_view()}
                    </select>
                </div>
            </div>
            <p class="what" aria-live="polite">
                {what}
            </p>
            <ul class="prices">
                {(0..SYMBOLS).map(|symbol| view! { <PriceRow symbol prices=feeds.prices /> }).collect_view()}
            </ul>
            <dl class="readings tiles">
                <Reading name="Age when it came, half" value=text(|texts| &texts.median) />
                <Reading name="95 of 100" value=text(|texts| &texts.most) />
                <Reading name="Longest, of 10 s" value=text(|texts| &texts.longest) />
            </dl>
        </section>
    }
}

/// A symbol, its price, and how old that is.
#[component]
fn PriceRow(symbol: usize, prices: Signal<PriceTexts>) -> impl IntoView {
    let row = Memo::new(move |_| prices.with(|texts| texts.rows[symbol].clone()));
    let width = Memo::new(move |_| row.with(|row| row.share));
    view! {
        <li class:late=move || row.with(|row| row.is_late)>
            <span class="symbol">{self::symbol(symbol)}</span>
            <span class="price">{move || row.with(|row| row.price.clone())}</span>
            <svg class="bar" aria-hidden="true" viewBox="0 0 100 1" preserveAspectRatio="none">
                <rect width="100" height="1" />
                <rect class="age" width=width height="1" />
            </svg>
            <span class="age">{move || row.with(|row| row.age.clone())}</span>
        </li>
    }
}
