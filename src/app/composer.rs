//! The message to send.

use leptos::html;
use leptos::prelude::*;
use tickwire_link::{Link, LinkState};
use tickwire_wire::feed::ECHO;

/// A form with one input: Enter sends, and the input keeps the focus. What was typed stays while
/// the link comes back, and one can go on typing.
#[component]
pub fn Composer(link: Link) -> impl IntoView {
    let input = NodeRef::<html::Input>::new();
    let is_connected = Memo::new(move |_| link.state.with(LinkState::is_connected));
    let can_type = Memo::new(move |_| {
        link.state
            .with(|state| state.has_session() || matches!(state, LinkState::Reconnecting { .. }))
    });
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        let Some(input) = input.get_untracked() else {
            return;
        };
        let text = input.value();
        // A session that is not heard may be lost, and what is sent on it then with it.
        if is_connected.get_untracked() && !text.is_empty() && link.send(ECHO, text) {
            input.set_value("");
        }
        let _ = input.focus();
    };
    view! {
        <form class="composer" on:submit=submit>
            <label for="message">"Message"</label>
            <div class="field">
                <input
                    id="message"
                    type="text"
                    name="message"
                    autocomplete="off"
                    dir="auto"
                    enterkeyhint="send"
                    placeholder="Say something; the server answers"
                    node_ref=input
                    disabled=move || !can_type.get()
                />
                <button type="submit" disabled=move || !is_connected.get()>"Send"</button>
            </div>
        </form>
    }
}
