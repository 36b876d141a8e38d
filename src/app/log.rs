//! The log: the last lines of what happened on the link.

use super::markup::escape;
use super::set_if_changed;
use crate::browser::time_of_day;
use leptos::ev::KeyboardEvent;
use leptos::html;
use leptos::prelude::*;
use std::collections::VecDeque;

/// How many lines are kept; the oldest go first.
const CAPACITY: usize = 500;
/// Who scrolls down to within this many CSS pixels of the end, about three lines, means the end.
const NEAR_END: i32 = 64;

/// Where a line of the log came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    Time,
    Echo,
    Server,
    You,
    Link,
}

impl Source {
    /// Its class, its arrow, what that says in a word, and its name.
    fn words(self) -> (&'static str, &'static str, &'static str, &'static str) {
        match self {
            Self::Time => ("line time", "←", "received", "time"),
            Self::Echo => ("line echo", "←", "received", "echo"),
            Self::Server => ("line server", "←", "received", "server"),
            Self::You => ("line you", "→", "sent", "you"),
            Self::Link => ("line link", "·", "link", "link"),
        }
    }
}

/// The lines of the log. Copies are the same log.
///
/// A line is added to the document once, as markup: what has been said does not change, and a list
/// that is compared from end to end with each line would cost more the longer it is.
#[derive(Clone, Copy)]
pub struct Lines {
    /// Where they stand.
    roll: NodeRef<html::Div>,
    /// The markup of those that are not shown yet; no more of them than the log keeps.
    new: StoredValue<VecDeque<String>>,
    /// The newest answer of the server to what was sent: the echoes, not the clock.
    answer: StoredValue<String>,
    announced: RwSignal<String>,
    is_empty: RwSignal<bool>,
}

impl Lines {
    /// An empty log.
    pub fn new() -> Self {
        Self {
            roll: NodeRef::new(),
            new: StoredValue::new(VecDeque::new()),
            answer: StoredValue::new(String::new()),
            announced: RwSignal::new(String::new()),
            is_empty: RwSignal::new(true),
        }
    }

    /// Adds the newest line, as of `at` by the device's clock. Nothing once the page is gone.
    pub fn add(&self, at: f64, source: Source, text: String) {
        let (class, arrow, direction, name) = source.words();
        let line = format!(
            r#"<p class="{class}"><time>{}</time><span class="arrow" role="img" aria-label="{direction}">{arrow}</span><span class="source">{name}</span><span class="text" dir="auto">{}</span></p>"#,
            time_of_day(at),
            escape(&text)
        );
        self.new.try_update_value(|new| {
            if new.len() == CAPACITY {
                new.pop_front();
            }
            new.push_back(line);
        });
        if matches!(source, Source::Echo | Source::Server) {
            self.answer.try_set_value(text);
        }
    }

    /// Whether there is something that is not shown yet.
    pub fn has_new(&self) -> bool {
        self.new
            .try_with_value(|new| !new.is_empty())
            .unwrap_or(false)
    }

    /// Shows what was added. The oldest go first where there are more than the log keeps.
    pub fn show(&self) {
        let Some(roll) = self.roll.get_untracked() else {
            return;
        };
        let new = self.new.try_update_value(std::mem::take);
        let new: String = new.into_iter().flatten().collect();
        if new.is_empty() {
            return;
        }
        // It fails for markup that is none, in documents of XML.
        let _ = roll.insert_adjacent_html("beforeend", &new);
        self.keep(&roll, CAPACITY);
        self.is_empty.set(false);
        set_if_changed(self.announced, self.answer.get_value());
    }

    fn clear(&self) {
        self.new.update_value(VecDeque::clear);
        if let Some(roll) = self.roll.get_untracked() {
            self.keep(&roll, 0);
        }
        self.is_empty.set(true);
    }

    /// Keeps this many lines, the newest. Before them stands what is said where there is none.
    fn keep(&self, roll: &leptos::web_sys::Element, count: usize) {
        for _ in count + 1..roll.child_element_count() as usize {
            if let Some(oldest) = roll.children().item(1) {
                oldest.remove();
            }
        }
    }
}

/// The log itself. It follows the newest line unless its reader has scrolled up: the style sheet
/// does that, by counting the scroll position from the end, where it is 0.
#[component]
pub fn Log(lines: Lines) -> impl IntoView {
    let list = NodeRef::<html::Div>::new();
    let is_empty = lines.is_empty;
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
                <div class="roll" node_ref=lines.roll>
                    <p class="empty" hidden=move || !is_empty.get()>
                        "Nothing yet. Start the connection, and each second the server says what time it is."
                    </p>
                </div>
            </div>
        </section>
    }
}

/// Says each answer of the server aloud: the echoes, not the clock.
#[component]
pub fn Announcement(lines: Lines) -> impl IntoView {
    view! { <p class="for-screen-readers" aria-live="polite">{lines.announced}</p> }
}
