//! What a run is to do.

use super::words::sum;
use crate::browser::{Runner, page, rendered};
use crate::trial::{Pair, Settings};
use leptos::prelude::*;
use tickwire_link::{Link, LinkState};

/// The numbers that are typed, in their order.
const NUMBERS: [&str; 4] = ["trial-size", "trial-rate", "trial-seconds", "trial-limit"];

/// What is typed; what is wrong with it is said where it stands.
fn read(is_used: bool) -> Option<Settings> {
    let [way, again] = ["trial-way", "trial-again"].map(page::typed);
    let ordered = page::is_checked("trial-ordered");
    let read = Settings::read(&NUMBERS.map(page::typed), &way, &again, ordered);
    let right = <[String; 4]>::default();
    page::correct(&NUMBERS, read.as_ref().err().unwrap_or(&right), is_used);
    read.ok()
}

/// The form. Its one button starts a run, and stops it. Its fields never change, and are read where
/// they stand.
#[component]
pub fn Form(link: Link, runner: Runner, ready: Signal<bool>) -> impl IntoView {
    let is_bare = Signal::derive(move || !ready.get());
    let is_running = runner.is_running;
    let is_connected =
        Signal::derive(move || link.state.with(|state| *state == LinkState::Connected));
    let is_off = Signal::derive(move || !is_connected.get() && !is_running.get());
    let will_send = RwSignal::new(sum(&Settings::default()));
    // Markup, as all that changes in the panel: with one kind of signal the page is smaller.
    let said = Signal::derive(move || {
        if is_off.get() {
            "A run needs the connection: start it first.".into()
        } else {
            will_send.get()
        }
    });
    let button = Signal::derive(move || {
        String::from(if is_running.get() {
            r#"<span class="stop">Stop run</span>"#
        } else {
            "Start run"
        })
    });
    let on_input = move |_| will_send.set(read(false).as_ref().map(sum).unwrap_or_default());
    let on_submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        if is_running.get_untracked() {
            runner.stop.run(());
        } else if let Some(settings) = read(true) {
            let kept = page::typed("trial-kept");
            let kept = Pair::NAMES.into_iter().position(|name| name == kept);
            runner.start.run((settings, kept));
        }
    };
    view! {
        <form class="trial-form" novalidate on:submit=on_submit on:input=on_input>
            <fieldset
                class="trial-fields"
                aria-label="What a run does"
                disabled=is_bare
                inner_html=rendered(include_str!("fields.html"))
            ></fieldset>
            <div class="trial-go">
                <button type="submit" disabled=is_off inner_html=button></button>
                <p class="trial-sum" inner_html=said></p>
            </div>
        </form>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fields_are_those_that_are_read_and_begin_with_the_defaults() {
        let fields = include_str!("fields.html");
        let typed = NUMBERS.map(|id| {
            let error = format!(r#"<p id="{id}-error"></p>"#);
            assert!(fields.contains(&error), "{id}");
            let field = fields
                .split(&format!(r#"<input id="{id}""#))
                .nth(1)
                .unwrap();
            let value = field.split(r#" value=""#).nth(1).unwrap();
            value.split('"').next().unwrap().to_owned()
        });
        for id in ["trial-way", "trial-again", "trial-ordered", "trial-kept"] {
            assert!(fields.contains(&format!(r#" id="{id}""#)), "{id}");
        }
        let settings = Settings::read(&typed, "connection", "always", true);
        assert_eq!(settings, Ok(Settings::default()));
    }
}
