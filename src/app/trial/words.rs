//! What the page says of a run. Each function writes at the end of a text.

use crate::app::markup::add;
use crate::app::text::{UNKNOWN, bytes, duration, fixed, protocol};
use crate::trial::{Again, End, Grouped, Pair, Phase, Run, Settings, milliseconds};

/// What the rows of the table are called, in their order.
pub const ROWS: [&str; 15] = [
    "Way",
    "Delivery",
    "Load",
    "Sent",
    "Received by the server",
    "Returned",
    "Lost",
    "Out of order",
    "Duplicates",
    "Not sent",
    "Round trip p50",
    "Round trip p95",
    "Round trip p99",
    "Throughput out, back",
    "Queued at most",
];

/// What stands in one of the [`ROWS`] of a run, as of `now`.
pub fn cell(text: &mut String, row: usize, run: &Run, now: f64) {
    let tally = &run.tally;
    let Settings {
        size,
        rate,
        seconds,
        ..
    } = run.settings;
    let count = match row {
        0 => return *text += &protocol(&run.protocol),
        1 => return delivery(text, &run.settings),
        2 => {
            let (size, rate) = (Grouped(size), Grouped(rate));
            return add(text, format_args!("{size} B, {rate} a second, {seconds} s"));
        }
        3 => Some(tally.sent),
        4 => run.counted.map(|counted| counted.received),
        5 => Some(tally.returned),
        6 => return lost(text, run),
        7 => Some(tally.out_of_order),
        8 => Some(tally.duplicates),
        9 => Some(tally.not_sent),
        10..13 => {
            let percent = [50, 95, 99][row - 10];
            match tally.round_trips.percentile(percent) {
                Some(time) => *text += &time_in_words(time),
                None => *text += UNKNOWN,
            }
            return;
        }
        13 => {
            let [out, back] = run.throughput(now).map(bit_rate);
            return add(text, format_args!("{out}, {back}"));
        }
        _ => {
            *text += &bytes(tally.most_queued.into());
            return;
        }
    };
    match count {
        Some(count) => add(text, format_args!("{}", Grouped(count))),
        None => *text += UNKNOWN,
    }
}

/// How a channel delivers: `In order, sent again until it arrives`.
pub fn delivery(text: &mut String, settings: &Settings) {
    *text += if settings.ordered {
        "In order, "
    } else {
        "Any order, "
    };
    match settings.again {
        Again::Always => *text += "sent again until it arrives",
        Again::Times(0) => *text += "never sent again",
        Again::Times(1) => *text += "sent again once",
        Again::Times(times) => {
            let times = Grouped(times.into());
            add(text, format_args!("sent again up to {times} times"));
        }
        Again::For(time) => {
            let time = Grouped(time.into());
            add(text, format_args!("sent again for {time} ms"));
        }
    }
}

/// What a run will send in all: `500 messages, 50.0 kB each way`.
pub fn sum(settings: &Settings) -> String {
    let messages = settings.messages();
    let plural = if messages == 1 { "" } else { "s" };
    let bytes = bytes(settings.bytes().into());
    format!("{} message{plural}, {bytes} each way", Grouped(messages))
}

/// `7 (1 %): 5 out, 2 back`, as far as it is known which way they were lost.
fn lost(text: &mut String, run: &Run) {
    let (sent, missing) = (run.tally.sent, run.tally.missing());
    if !run.is_settled() {
        *text += UNKNOWN;
        return;
    }
    add(text, format_args!("{}", Grouped(missing)));
    if missing == 0 {
        return;
    }
    // Less than one in two hundred is not none.
    let (less, share) = match (missing * 100 + sent / 2) / sent {
        0 => ("less than ", 1),
        share => ("", share),
    };
    add(text, format_args!(" ({less}{share} %)"));
    if let Some(counted) = run.counted {
        let out = sent.saturating_sub(counted.received);
        let (out, back) = (Grouped(out), Grouped(missing.saturating_sub(out)));
        add(text, format_args!(": {out} out, {back} back"));
    }
}

/// Where a run is, in a word or two.
pub fn phase(run: &Run) -> &'static str {
    match &run.phase {
        Phase::Opening => "opening",
        Phase::Sending => "sending",
        Phase::Awaiting => "waiting for the rest",
        Phase::Asking(..) => "asking the server",
        Phase::Over(End::Complete) => "finished",
        Phase::Over(End::Stopped) => "stopped",
        Phase::Over(End::Abandoned) => "ended early",
        Phase::Over(End::Failed(_)) => "failed",
    }
}

/// What is said aloud of the newest run, and stands above the table: what it sends, and once it is
/// over what came of it.
pub fn news(pair: &Pair) -> String {
    let Some((run, name)) = pair.newest() else {
        return String::new();
    };
    let how = phase(run);
    match &run.phase {
        Phase::Over(End::Failed(reason)) => {
            let reason = reason.strip_suffix('.').unwrap_or(reason);
            format!("Run {name} {how}: {reason}.")
        }
        Phase::Over(_) => {
            let (sent, returned) = (Grouped(run.tally.sent), Grouped(run.tally.returned));
            format!("Run {name} {how}: of {sent} sent {returned} came back.")
        }
        _ => format!("Run {name} sends {}.", sum(&run.settings)),
    }
}

/// What both runs have to say, or that there is none.
pub fn of_both(text: &mut String, pair: &Pair, words: fn(&mut String, &Run)) {
    let before = text.len();
    for (run, name) in pair.runs.iter().zip(Pair::NAMES) {
        if let Some(run) = run {
            add(text, format_args!("Run {name}: "));
            words(text, run);
            *text += ". ";
        }
    }
    if text.len() == before {
        *text += "No run yet.";
    }
}

/// The histogram of a run.
pub fn distribution(text: &mut String, run: &Run) {
    let times = &run.tally.round_trips;
    if times.total() == 0 {
        *text += NONE_BACK;
        return;
    }
    add(
        text,
        format_args!("round trips of {} messages", Grouped(times.total())),
    );
    for (words, percent) in [
        (", from ", 0),
        (" to ", 100),
        (", half within ", 50),
        (", 95 % within ", 95),
    ] {
        *text += words;
        *text += &time_in_words(times.percentile(percent).unwrap_or_default());
    }
}

/// The round trips of a run over its time.
pub fn course(text: &mut String, run: &Run) {
    let slices = &run.tally.timeline.slices;
    let (mut slowest, mut when, mut lossy) = (None, 0, 0);
    for (index, slice) in slices.iter().enumerate() {
        if slice.slowest > slowest {
            (slowest, when) = (slice.slowest, index);
        }
        if slice.missing() > 0 {
            lossy += 1;
        }
    }
    let Some(slowest) = slowest else {
        *text += NONE_BACK;
        return;
    };
    let second = when as f64 * run.settings.span() / 1e3 / slices.len() as f64;
    let (slowest, second) = (time_in_words(slowest), fixed(1, second, "s"));
    add(
        text,
        format_args!("the slowest took {slowest}, sent {second} after the start"),
    );
    if run.is_settled() {
        let all = slices.len();
        add(
            text,
            format_args!("; messages were lost in {lossy} of {all} moments"),
        );
    }
}

/// The queue of a run over its time.
pub fn queue(text: &mut String, run: &Run) {
    let most = bytes(run.tally.most_queued.into());
    add(text, format_args!("at most {most} waited in this browser"));
}

const NONE_BACK: &str = "none came back";

/// A time in parts of a millisecond.
fn time_in_words(parts: u32) -> String {
    duration(milliseconds(parts))
}

/// `80.0 kbit/s`, of bytes a second.
fn bit_rate(bytes_a_second: f64) -> String {
    let kilobits = bytes_a_second * 8.0 / 1e3;
    if kilobits < 999.95 {
        fixed(1, kilobits, "kbit/s")
    } else {
        fixed(1, kilobits / 1e3, "Mbit/s")
    }
}

#[cfg(test)]
mod tests;
