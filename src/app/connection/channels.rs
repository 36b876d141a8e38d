//! The channels, and what has gone through them.

use crate::app::diagnosis::reliability;
use crate::app::text::{UNKNOWN, bytes};
use crate::link::ChannelReport;
use leptos::prelude::*;

/// A row a channel.
#[component]
pub fn Channels(channels: Signal<Vec<ChannelReport>>) -> impl IntoView {
    let channels = Memo::new(move |_| channels.get());
    view! {
        <table class="table">
            <caption>"Channels"</caption>
            <thead>
                <tr>
                    <th scope="col">"Label"</th>
                    <th scope="col" class="number">"Sent"</th>
                    <th scope="col" class="number">"Received"</th>
                    <th scope="col" class="number">"Queued"</th>
                </tr>
            </thead>
            <tbody>
                {move || {
                    let channels = channels.get();
                    if channels.is_empty() {
                        view! { <tr><td colspan="4">{UNKNOWN}</td></tr> }.into_any()
                    } else {
                        channels.into_iter().map(channel).collect_view().into_any()
                    }
                }}
            </tbody>
        </table>
    }
}

fn channel(channel: ChannelReport) -> impl IntoView {
    view! {
        <tr>
            <th scope="row">
                {channel.init.label.clone()}
                <span class="note">{reliability(&channel.init)}</span>
            </th>
            <td class="number">{bytes(channel.sent.bytes)}</td>
            <td class="number">{bytes(channel.received.bytes)}</td>
            <td class="number">{bytes(channel.queued.into())}</td>
        </tr>
    }
}
