//! The channels, and what has gone through them.

use crate::app::diagnosis::reliability;
use crate::app::markup::escape;
use crate::app::text::{UNKNOWN, bytes};
use leptos::prelude::*;
use tickwire_link::ChannelReport;

/// A row a channel.
#[component]
pub fn Channels(channels: Signal<Vec<ChannelReport>>) -> impl IntoView {
    let rows = Signal::derive(move || {
        let rows: String = channels.with(|channels| channels.iter().map(row).collect());
        if rows.is_empty() {
            format!(r#"<tr><td colspan="4">{UNKNOWN}</td></tr>"#)
        } else {
            rows
        }
    });
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
            <tbody inner_html=rows></tbody>
        </table>
    }
}

fn row(channel: &ChannelReport) -> String {
    let number = |count| format!(r#"<td class="number">{}</td>"#, bytes(count));
    format!(
        r#"<tr><th scope="row">{}<span class="note">{}</span></th>{}{}{}</tr>"#,
        escape(&channel.init.label),
        reliability(&channel.init),
        number(channel.sent.bytes),
        number(channel.received.bytes),
        number(channel.queued.into()),
    )
}
