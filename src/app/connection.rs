//! The panel that says how the link came about, which way it takes, and why there is none.

mod channels;
mod copy;
mod steps;

use super::diagnosis::{self, Cause, Fold, Row, Standing, failure, family, kind, rows};
use super::reading::Reading;
use super::text::{self, UNKNOWN};
use crate::browser::{Vantage, page};
use channels::Channels;
use copy::CopyReport;
use leptos::html;
use leptos::prelude::*;
use leptos::task::spawn_local;
use std::time::Duration;
use steps::Steps;
use tickwire_link::{Failure, Link, LinkState, Path};

/// The panel, folded while all is well. `ready` turns true once the page is hydrated.
#[component]
pub fn Connection(link: Link, ready: Signal<bool>) -> impl IntoView {
    let details = NodeRef::<html::Details>::new();
    let fold = RwSignal::new(Fold::default());
    let is_open = Memo::new(move |_| fold.with(|fold| fold.is_open));
    let vantage = RwSignal::new(Vantage::default());
    let cause = use_cause(link, vantage);
    fold_by_itself(link, cause, fold);
    Effect::new(move |_| {
        if is_open.get() {
            link.look();
        }
    });

    let rows = Memo::new(move |_| link.steps.with(|steps| rows(steps, ready.get())));
    let on_toggle = move |_| {
        if let Some(details) = details.get_untracked() {
            fold.update(|fold| *fold = fold.turned(details.open()));
        }
    };
    let on_read = move || fold.update(|fold| *fold = fold.read());
    let digest = move || {
        let way = link.path.with(|path| path.as_ref().map(way));
        let failed = || rows.with(|rows| failed_step(rows));
        way.or_else(|| failed().map(|step| [step, "failed"].join(": ")))
    };

    view! {
        <details
            class="connection"
            node_ref=details
            open=is_open
            on:toggle=on_toggle
            on:pointerenter=move |_| on_read()
            on:focusin=move |_| on_read()
        >
            <summary>
                <h2>"Connection"</h2>
                <span class="digest">{digest}</span>
            </summary>
            <div class="connection-body">
                <Advice cause />
                <Steps rows />
                <section class="way">
                    <h3>"Path in use"</h3>
                    <Way path=link.path round_trip=link.round_trip />
                    <p class="why">{move || link.path.with(|path| path.as_ref().and_then(why))}</p>
                    <Channels channels=link.channels />
                </section>
                <CopyReport link vantage ready />
            </div>
        </details>
    }
}

/// The likely cause, from when a try has failed until another succeeds. Where the page is, and
/// whether the server answers or UDP can be sent, is looked up with each try that fails.
fn use_cause(link: Link, vantage: RwSignal<Vantage>) -> Memo<Option<Cause>> {
    let failed = Memo::new(move |_| {
        link.state
            .with(|state| failure(state).map(|(attempt, failure)| (attempt, failure.clone())))
    });
    Effect::new(move |_| {
        vantage.update(|known| {
            *known = Vantage {
                is_answered: known.is_answered,
                is_without_udp: known.is_without_udp,
                ..page::vantage()
            }
        });
        match failed.get() {
            Some((_, Failure::Unreachable)) => spawn_local(async move {
                let is_answered = page::is_answered().await;
                vantage.try_update(|vantage| vantage.is_answered = is_answered);
            }),
            Some((_, Failure::NoPath)) => spawn_local(async move {
                let is_without_udp = !page::can_send_udp().await;
                vantage.try_update(|vantage| vantage.is_without_udp = is_without_udp);
            }),
            _ => {}
        }
    });
    Memo::new(move |_| {
        let (_, failure) = failed.get()?;
        vantage.with(|vantage| {
            link.advertised
                .with(|advertised| Cause::of(&failure, vantage, advertised))
        })
    })
}

/// Opens the panel when something fails, and folds it when all is well.
fn fold_by_itself(link: Link, cause: Memo<Option<Cause>>, fold: RwSignal<Fold>) {
    let is_connected = Memo::new(move |_| link.state.with(LinkState::is_connected));
    Effect::new(move |_| {
        if cause.with(Option::is_some) {
            fold.update(|fold| *fold = fold.failed());
        } else if is_connected.get() {
            fold.update(|fold| *fold = fold.well());
        }
    });
}

/// The step at which it ended.
fn failed_step(rows: &[Row]) -> Option<&'static str> {
    rows.iter()
        .find(|row| row.standing == Standing::Failed)
        .map(|row| row.name)
}

/// The way in a few words.
fn way(path: &Path) -> String {
    if path.is_by_socket() {
        return protocol(path);
    }
    [
        family(path.family),
        &protocol(path),
        if path.is_relayed() {
            "relayed"
        } else {
            "direct"
        },
    ]
    .join(" · ")
}

fn protocol(path: &Path) -> String {
    text::protocol(&path.protocol)
}

/// Why it is no better one.
fn why(path: &Path) -> Option<&'static str> {
    if path.is_by_socket() {
        Some(
            "Neither UDP nor TCP gets through to the server's port, so values come by WebSocket, the way of the page itself. They are as new, and later where packets are lost. As soon as a better way gets through it is taken.",
        )
    } else if path.is_relayed() {
        Some(
            "Nothing gets through between this device and the server itself: values take a way around, by a TURN server. On a network that lets UDP or TCP through to the server they are sooner here.",
        )
    } else if path.protocol.eq_ignore_ascii_case("tcp") {
        Some(
            "UDP does not get through to the server, so values come by TCP. They are as new, and later where packets are lost. On a network that lets UDP through the next connection takes it.",
        )
    } else {
        None
    }
}

/// What is likely, and what to do about it.
#[component]
fn Advice(cause: Memo<Option<Cause>>) -> impl IntoView {
    move || {
        cause.get().map(|cause| {
            view! {
                <div class="advice">
                    <p>{cause.what()}</p>
                    <dl>
                        <dt>"You"</dt>
                        <dd>{cause.user()}</dd>
                        <dt>"Who runs the server"</dt>
                        <dd>{cause.operator()}</dd>
                    </dl>
                </div>
            }
        })
    }
}

/// The way that data takes.
#[component]
fn Way(path: Signal<Option<Path>>, round_trip: Signal<Option<Duration>>) -> impl IntoView {
    let text = move |part: fn(&Path) -> String| {
        Memo::new(move |_| path.with(|path| path.as_ref().map_or_else(|| UNKNOWN.into(), part)))
    };
    view! {
        <dl class="readings tiles">
            <Reading name="Address family" value=text(|path| family(path.family).into()) />
            <Reading name="Protocol" value=text(protocol) />
            <Reading name="Round trip" value=Memo::new(move |_| diagnosis::round_trip(round_trip.get())) />
            <Reading name="This device" value=text(|path| kind(path.local).into()) />
            <Reading name="Server" value=text(|path| kind(path.remote).into()) />
            <Reading
                name="Relayed"
                value=text(|path| if path.is_relayed() { "yes" } else { "no" }.into())
            />
        </dl>
    }
}
