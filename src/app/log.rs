//! The log: the last lines of what happened on the link.

use crate::browser::clock::time_of_day;
use leptos::ev::KeyboardEvent;
use leptos::html;
use leptos::prelude::*;
use std::collections::VecDeque;
use std::sync::Arc;

/// How many lines are kept; the oldest go first.
const CAPACITY: usize = 500;
/// Who scrolls down to within this many CSS pixels of the end, about three lines, means the end.
const NEAR_END: i32 = 64;

/// One line of the log.
struct Line {
    /// Grows by one each line.
    number: u64,
    at: String,
    source: Source,
    text: String,
}

/// Where a line of the log came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    Time,
    Echo,
    Server,
    You,
    Link,
}

/// The lines of the log. Copies are the same log.
#[derive(Clone, Copy)]
pub struct Lines {
    kept: RwSignal<VecDeque<Arc<Line>>>,
    /// What is not shown yet; no more of it than the log keeps.
    new: StoredValue<VecDeque<Arc<Line>>>,
    next: StoredValue<u64>,
}

impl Lines {
    /// An empty log.
    pub fn new() -> Self {
        Self {
            kept: RwSignal::new(VecDeque::new()),
            new: StoredValue::new(VecDeque::new()),
            next: StoredValue::new(0),
        }
    }

    /// Adds the newest line, as of `at` by the device's clock. Nothing once the page is gone.
    pub fn add(&self, at: f64, source: Source, text: String) {
        let number = self.next.try_get_value().unwrap_or_default();
        self.next.try_set_value(number + 1);
        let line = Arc::new(Line {
            number,
            at: time_of_day(at),
            source,
            text,
        });
        self.new.try_update_value(|new| push(new, line));
    }

    /// Whether there is something that is not shown yet.
    pub fn has_new(&self) -> bool {
        self.new
            .try_with_value(|new| !new.is_empty())
            .unwrap_or(false)
    }

    /// Shows what was added.
    pub fn show(&self) {
        let new = self
            .new
            .try_update_value(std::mem::take)
            .unwrap_or_default();
        if !new.is_empty() {
            self.kept
                .update(|kept| new.into_iter().for_each(|line| push(kept, line)));
        }
    }

    fn clear(&self) {
        self.new.update_value(VecDeque::clear);
        self.kept.update(VecDeque::clear);
    }
}

fn push(lines: &mut VecDeque<Arc<Line>>, line: Arc<Line>) {
    if lines.len() == CAPACITY {
        lines.pop_front();
    }
    lines.push_back(line);
}

/// The log itself. It follows the newest line unless its reader has scrolled up: the style sheet
/// does that, by counting the scroll position from the end, where it is 0.
#[component]
pub fn Log(lines: Lines) -> impl IntoView {
    let list = NodeRef::<html::Div>::new();
    let is_empty = Memo::new(move |_| lines.kept.with(VecDeque::is_empty));
    // A line that arrives while the reader scrolls to the end would leave them one line short of
    // it, and the log would not follow.
    let before = StoredValue::new(0);
    let on_scrollend = move |_| {
        if let Some(list) = list.get_untracked() {
            let position = list.scroll_top();
            if position > before.get_value() && -position < NEAR_END {
                list.set_scroll_top(0);
            }
            before.set_value(list.scroll_top());
        }
    };

    // Browsers scroll to the end smoothly, and a line that arrives meanwhile ends that on the way.
    let on_keydown = move |event: KeyboardEvent| {
        if let (Some(list), "End") = (list.get_untracked(), &*event.key()) {
            event.prevent_default();
            list.set_scroll_top(0);
        }
    };

    view! {
        <section class="log" aria-labelledby="log-title">
            <div class="log-head">
                <h2 id="log-title">"Log"</h2>
                <button type="button" class="quiet" disabled=is_empty on:click=move |_| lines.clear()>
                    "Clear"
                </button>
            </div>
            // Silent: a line each second would leave a screen reader no pause. What the reader
            // asked for is announced apart.
            <div
                class="lines"
                role="log"
                aria-labelledby="log-title"
                aria-live="off"
                tabindex="0"
                node_ref=list
                on:scrollend=on_scrollend
                on:keydown=on_keydown
            >
                <div class="roll">
                    <p class="empty" hidden=move || !is_empty.get()>
                        "Nothing yet. Start the connection, and each second the server says what time it is."
                    </p>
                    <For each=move || lines.kept.get() key=|line| line.number let:line>
                        <LogLine line />
                    </For>
                </div>
            </div>
        </section>
    }
}

#[component]
fn LogLine(line: Arc<Line>) -> impl IntoView {
    let (class, arrow, direction, name) = match line.source {
        Source::Time => ("line time", "←", "received", "time"),
        Source::Echo => ("line echo", "←", "received", "echo"),
        Source::Server => ("line server", "←", "received", "server"),
        Source::You => ("line you", "→", "sent", "you"),
        Source::Link => ("line link", "·", "link", "link"),
    };
    view! {
        <p class=class>
            <time>{line.at.clone()}</time>
            <span class="arrow" role="img" aria-label=direction>{arrow}</span>
            <span class="source">{name}</span>
            <span class="text" dir="auto">{line.text.clone()}</span>
        </p>
    }
}

/// Says each answer of the server aloud: the echoes, not the clock.
#[component]
pub fn Announcement(lines: Lines) -> impl IntoView {
    let answer = Memo::new(move |_| {
        lines.kept.with(|kept| {
            kept.iter()
                .rev()
                .find(|line| matches!(line.source, Source::Echo | Source::Server))
                .map(|line| line.text.clone())
                .unwrap_or_default()
        })
    });
    view! { <p class="for-screen-readers" aria-live="polite">{answer}</p> }
}
