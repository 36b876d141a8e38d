//! The status, and the one button.

use super::set_if_changed;
use super::text::fixed;
use gloo_timers::callback::Timeout;
use leptos::prelude::*;
use std::time::Duration;
use tickwire_link::clock::now;
use tickwire_link::{Link, LinkState};

/// What the link is doing, and the button that starts and stops it. `ready` turns true once the
/// page is hydrated.
#[component]
pub fn Status(link: Link, ready: Signal<bool>) -> impl IntoView {
    let state = link.state;
    let is_active = Memo::new(move |_| state.with(LinkState::is_active));
    let label = Memo::new(move |_| state.with(LinkState::label));
    let reason = Memo::new(move |_| state.with(LinkState::reason));
    let toggle = move |_| {
        if is_active.get_untracked() {
            link.stop()
        } else {
            link.start()
        }
    };
    let next_try = use_next_try(state);
    view! {
        <div class="status-bar">
            <div class="status-text">
                <p class="status" role="status" data-state=move || state.with(key)>
                    <span class="lamp" aria-hidden="true"></span>
                    <span class="state">{label}</span>
                    <span class="reason">{reason}</span>
                </p>
                // Beside the status: nobody wants to have each second read out.
                <p class="next-try">{next_try}</p>
            </div>
            <button
                type="button"
                class="toggle"
                class:active=is_active
                disabled=move || !ready.get()
                on:click=toggle
            >
                // Both in one place, so that the button keeps its size and its text does not move.
                <span class="label" class:shown=move || !is_active.get()>"Start Connection"</span>
                <span class="label" class:shown=is_active>"Stop"</span>
            </button>
        </div>
    }
}

/// What there is to say of the next try, with the seconds counted down.
fn use_next_try(state: Signal<LinkState>) -> Signal<String> {
    let text = RwSignal::new(String::new());
    let timer = StoredValue::new_local(None);
    Effect::new(move |_| {
        state.track();
        count_down(state, text, timer);
    });
    text.into()
}

fn count_down(
    state: Signal<LinkState>,
    text: RwSignal<String>,
    timer: StoredValue<Option<Timeout>, LocalStorage>,
) {
    let (words, again) = state.with_untracked(|state| words(state, now()));
    set_if_changed(text, words);
    let next = again.map(|again| {
        let milliseconds = again.as_secs_f64() * 1e3;
        Timeout::new(milliseconds.ceil() as u32, move || {
            count_down(state, text, timer)
        })
    });
    // The one before is dropped when nothing is borrowed: it may be what is running.
    let _before = timer.try_update_value(|timer| std::mem::replace(timer, next));
}

/// What to say at this time, and for how long that is true.
fn words(state: &LinkState, now: f64) -> (String, Option<Duration>) {
    let LinkState::Reconnecting { attempt, .. } = state else {
        return (String::new(), None);
    };
    let left = match state.next_try() {
        None => return (format!("Try {attempt} is under way."), None),
        Some(at) if at.is_infinite() => return (String::new(), None),
        Some(at) => ((at - now) / 1e3).max(0.0),
    };
    let seconds = left.ceil();
    let rest = left - (seconds - 1.0).max(0.0);
    let again = (seconds > 0.0).then(|| Duration::from_secs_f64(rest.max(0.05)));
    (
        format!("Try {attempt} in {}.", fixed(0, seconds, "s")),
        again,
    )
}

/// What the style sheet goes by.
fn key(state: &LinkState) -> &'static str {
    match state {
        LinkState::Idle => "idle",
        LinkState::Connecting(_) => "connecting",
        LinkState::Connected | LinkState::Moving { .. } => "connected",
        LinkState::Interrupted(_) => "interrupted",
        LinkState::Reconnecting { .. } => "reconnecting",
        LinkState::Failed(_) => "failed",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tickwire_link::{Attempt, Beside, Failure, Step, Try};

    fn reconnecting(attempted: Try) -> LinkState {
        LinkState::Reconnecting {
            attempt: 4,
            attempted,
            cause: Failure::Unreachable,
        }
    }

    #[test]
    fn the_seconds_are_counted_down_and_each_word_is_true_until_the_next() {
        let waiting = reconnecting(Try::Waiting {
            until: 10_000.0,
            not_before: 0.0,
        });
        assert_eq!(
            words(&waiting, 7_700.0),
            ("Try 4 in 3 s.".into(), Some(Duration::from_millis(300)))
        );
        assert_eq!(words(&waiting, 8_000.0).0, "Try 4 in 2 s.");
        assert_eq!(words(&waiting, 10_000.0), ("Try 4 in 0 s.".into(), None));
        assert_eq!(words(&waiting, 11_000.0), ("Try 4 in 0 s.".into(), None));
    }

    #[test]
    fn there_is_nothing_to_count_where_nothing_is_waited_for() {
        let opening = reconnecting(Try::Opening(Attempt {
            step: Step::Checking,
            until: 10_000.0,
            beside: Beside::Over,
        }));
        assert_eq!(words(&opening, 0.0), ("Try 4 is under way.".into(), None));
        let away = reconnecting(Try::Waiting {
            until: f64::INFINITY,
            not_before: 0.0,
        });
        assert_eq!(words(&away, 0.0), (String::new(), None));
        assert_eq!(words(&LinkState::Connected, 0.0), (String::new(), None));
    }
}
