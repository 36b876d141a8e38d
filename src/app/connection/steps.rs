//! The steps of a try, hung on a wire.

use crate::app::diagnosis::Row;
use crate::app::markup::escape;
use leptos::prelude::*;

/// Each step with how it stands, when it was under way and how long it took.
#[component]
pub fn Steps(rows: Memo<[Row; 6]>) -> impl IntoView {
    let steps = Signal::derive(move || rows.with(|rows| rows.iter().map(step).collect::<String>()));
    view! {
        <section>
            <h3>"Steps"</h3>
            <ol class="steps" inner_html=steps></ol>
        </section>
    }
}

// The times say in numbers what the bars do.
fn step(row: &Row) -> String {
    let (left, width) = row.bar.unwrap_or_default();
    let (word, sign) = (row.standing.word(), row.standing.sign());
    let (name, took) = (escape(row.name), escape(&row.took));
    format!(
        r#"<li data-standing="{word}"><span class="mark" aria-hidden="true">{sign}</span><span class="name">{name}<span class="for-screen-readers">, {word}</span></span><svg class="bar" aria-hidden="true" viewBox="0 0 1000 1" preserveAspectRatio="none"><rect x="{left}" width="{width}" height="1"></rect></svg><span class="took">{took}</span></li>"#
    )
}
