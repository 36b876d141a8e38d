//! The message to send.

use crate::link::{Link, LinkState};
use crate::wire::ECHO;
use leptos::html;
use leptos::prelude::*;

/// A form with one input: Enter sends, and the input keeps the focus.
#[component]
pub fn Composer(link: Link) -> impl IntoView {
    let input = NodeRef::<html::Input>::new();
    let is_disabled = Memo::new(move |_| link.state.with(|state| *state != LinkState::Connected));
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        let Some(input) = input.get_untracked() else {
            return;
        };
        let text = input.value();
        if !text.is_empty() && link.send(ECHO, text) {
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
                    disabled=is_disabled
                />
                <button type="submit" disabled=is_disabled>"Send"</button>
            </div>
        </form>
    }
}
