//! The steps of a try, hung on a wire.

use crate::app::diagnosis::Row;
use leptos::prelude::*;

/// Each step with how it stands, when it was under way and how long it took.
#[component]
pub fn Steps(rows: Memo<[Row; 6]>) -> impl IntoView {
    view! {
        <section>
            <h3>"Steps"</h3>
            <ol class="steps">{move || rows.get().map(step).into_iter().collect_view()}</ol>
        </section>
    }
}

fn step(row: Row) -> impl IntoView {
    let (left, width) = row.bar.unwrap_or_default();
    view! {
        <li data-standing=row.standing.word()>
            <span class="mark" aria-hidden="true">{row.standing.sign()}</span>
            <span class="name">
                {row.name} <span class="for-screen-readers">", " {row.standing.word()}</span>
            </span>
            // The times say the same in numbers.
            <svg class="bar" aria-hidden="true" viewBox="0 0 1000 1" preserveAspectRatio="none">
                <rect x=left width=width height="1" />
            </svg>
            <span class="took">{row.took}</span>
        </li>
    }
}
