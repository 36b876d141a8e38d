//! A number and its name.

use leptos::prelude::*;

/// One row of a `<dl>`: the value has its place before it is known, so that nothing moves.
#[component]
pub fn Reading(name: &'static str, value: Memo<String>) -> impl IntoView {
    view! {
        <div>
            <dt>{name}</dt>
            <dd>{value}</dd>
        </div>
    }
}
