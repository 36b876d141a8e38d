//! The two runs in pictures, as markup. Each is told in words too, and what tells the runs apart
//! in it is not colour alone: the one has full bars and whole lines, the other hollow bars and
//! dashes. No text in it is anybody's but the page's own.
//!
//! A plot is 6000 wide and 1000 high, whatever size it is shown in: as wide as divides by the
//! slices of a run. All places are whole numbers. Each function writes at the end of the markup.

use super::words;
use crate::app::markup::add;
use crate::app::text::protocol;
use crate::trial::{BINS, BINS_A_DOUBLING, FIRST_BIN, PARTS, Pair, Run, SLICES, Slice};

const WIDTH: u32 = 6_000;
const HEIGHT: u32 = 1_000;
/// So many labels fit below a plot on the narrowest page, beside the first.
const LABELS: u32 = 5;
/// How many seconds and how many doublings the axes have while there is no run.
const SECONDS: u32 = 5;
const DOUBLINGS: usize = 10;

/// The legend and the pictures.
pub fn charts(pair: &Pair) -> String {
    let mut markup = String::new();
    legend(&mut markup, pair);
    distribution(&mut markup, pair);

    let mut span = 0;
    for run in pair.runs.iter().flatten() {
        span = run.settings.seconds.max(span);
    }
    if span == 0 {
        span = SECONDS;
    }
    figure(
        &mut markup,
        "The slowest round trip, by when it was sent",
        pair,
        words::course,
    );
    course(&mut markup, pair, span, |slice| slice.slowest, PARTS, "ms");
    losses(&mut markup, pair, span);
    seconds(&mut markup, span);
    figure(
        &mut markup,
        "What waited in this browser",
        pair,
        words::queue,
    );
    course(&mut markup, pair, span, |slice| slice.queued, 1_000, "kB");
    seconds(&mut markup, span);
    markup
}

/// What each run looks like, its way, and how it delivers.
fn legend(markup: &mut String, pair: &Pair) {
    *markup += r#"<ul class="legend">"#;
    for (index, name) in Pair::NAMES.into_iter().enumerate() {
        add(
            markup,
            format_args!(
                r#"<li><svg class="key" viewBox="0 0 32 12" aria-hidden="true"><path class="line run-{index}" d="M0,6H32"/></svg><span><b>Run {name}</b> "#
            ),
        );
        match &pair.runs[index] {
            Some(run) => {
                *markup += &protocol(&run.protocol);
                *markup += " · ";
                words::delivery(markup, &run.settings);
            }
            None => *markup += "not yet",
        }
        *markup += "</span></li>";
    }
    *markup += "</ul>";
}

/// How many round trips took how long: a plot a run. Bins are of equal width in the picture too,
/// so that its axis is logarithmic from doubling to doubling.
fn distribution(markup: &mut String, pair: &Pair) {
    let mut bins = [[0; BINS]; 2];
    // The bins that are shown, and the share in per cent that is as high as a plot.
    let (mut first, mut end, mut share) = (BINS, 0, 0);
    for (bins, run) in bins.iter_mut().zip(&pair.runs) {
        let Some(run) = run else { continue };
        let times = &run.tally.round_trips;
        *bins = times.bins();
        for (index, &count) in bins.iter().enumerate() {
            if count > 0 {
                first = first.min(index);
                end = end.max(index + 1);
                share = share.max((count * 100).div_ceil(times.total()));
            }
        }
    }
    if end == 0 {
        (first, end, share) = (0, DOUBLINGS * BINS_A_DOUBLING, 100);
    }
    let from = first / BINS_A_DOUBLING;
    let doublings = (end.div_ceil(BINS_A_DOUBLING) - from).max(2);
    let width = WIDTH / (doublings * BINS_A_DOUBLING) as u32;
    let share = round_up(share);

    figure(
        markup,
        "How many round trips took how long",
        pair,
        words::distribution,
    );
    for (index, name) in Pair::NAMES.into_iter().enumerate() {
        add(
            markup,
            format_args!(r#"<b class="run-name">Run {name}</b>"#),
        );
        plot(markup, share, "%");
        path(markup, "bars", index);
        let total: u32 = bins[index].iter().sum();
        for (place, &count) in bins[index].iter().enumerate() {
            if count > 0 {
                let left = (place - from * BINS_A_DOUBLING) as u32 * width;
                // One of a thousand can be seen too.
                let height = (count * 100 / share * HEIGHT / total).clamp(10, HEIGHT);
                add(
                    markup,
                    format_args!("M{left},{HEIGHT}v-{height}h{width}V{HEIGHT}Z"),
                );
            }
        }
        *markup += END_OF_PLOT;
    }
    *markup += LABELS_BELOW;
    let doublings = doublings as u32;
    let mut doubling = 0;
    while doubling <= doublings {
        let time = FIRST_BIN << (from as u32 + doubling);
        label(markup, doubling * 100_000 / doublings, time, "");
        doubling += doublings.div_ceil(LABELS);
    }
    *markup += r#"<text x="50%" y="2.5em">milliseconds, on a logarithmic scale</text>"#;
    *markup += END_OF_FIGURE;
}

/// A plot of a number of each slice of both runs, over `span` seconds. `parts` of it are one
/// `unit`.
fn course(
    markup: &mut String,
    pair: &Pair,
    span: u32,
    of: fn(&Slice) -> Option<u32>,
    parts: u32,
    unit: &str,
) {
    let mut highest = 1;
    for run in pair.runs.iter().flatten() {
        for slice in run.tally.timeline.slices.iter() {
            highest = of(slice).unwrap_or(0).max(highest);
        }
    }
    let top = round_up(highest.div_ceil(parts));
    let full = u64::from(top) * u64::from(parts);
    plot(markup, top, unit);
    for (index, run) in pair.runs.iter().enumerate() {
        let Some(run) = run else { continue };
        path(markup, "line", index);
        let mut pen = 'M';
        for (index, slice) in run.tally.timeline.slices.iter().enumerate() {
            if let Some(number) = of(slice) {
                let height = u64::from(number) * u64::from(HEIGHT) / full;
                let (x, y) = (place(index, run, span), HEIGHT - height as u32);
                add(markup, format_args!("{pen}{x},{y}"));
                // A point with none beside it is seen as a dot.
                if pen == 'M' {
                    *markup += "h1";
                }
                pen = 'L';
            } else if slice.sent > 0 {
                // Nothing is known of what was sent there: the line is interrupted.
                pen = 'M';
            }
        }
        *markup += END_OF_PATH;
    }
    *markup += END_OF_SVG;
}

/// A row a run with a mark at each moment at which messages were sent that are lost.
fn losses(markup: &mut String, pair: &Pair, span: u32) {
    for (index, name) in Pair::NAMES.into_iter().enumerate() {
        add(
            markup,
            format_args!(r#"<span class="row">Lost, {name}</span>"#),
        );
        svg(markup, "losses");
        path(markup, "marks", index);
        if let Some(run) = &pair.runs[index]
            && run.is_settled()
        {
            for (index, slice) in run.tally.timeline.slices.iter().enumerate() {
                if slice.missing() > 0 {
                    let x = place(index, run, span);
                    add(markup, format_args!("M{x},0V{HEIGHT}"));
                }
            }
        }
        *markup += END_OF_PLOT;
    }
}

/// The axis of a run's time, and the end of its picture.
fn seconds(markup: &mut String, span: u32) {
    *markup += LABELS_BELOW;
    for percent in [0, 50, 100] {
        label(markup, percent * 1_000, span * percent * 10, " s");
    }
    *markup += END_OF_FIGURE;
}

/// The middle of a slice of a run's time, on an axis of so many seconds.
fn place(slice: usize, run: &Run, span: u32) -> u32 {
    (slice as u32 * 2 + 1) * (WIDTH / 2 / SLICES as u32) * run.settings.seconds / span
}

/// The beginning of a picture: plots follow, then the labels of their common axis. `words` say of
/// each run what is to be seen.
fn figure(markup: &mut String, title: &str, pair: &Pair, words: fn(&mut String, &Run)) {
    add(
        markup,
        format_args!(
            r#"<figure><figcaption>{title}</figcaption><div class="plot" role="img" aria-label=""#
        ),
    );
    words::of_both(markup, pair, words);
    *markup += r#"">"#;
}

const LABELS_BELOW: &str = r#"<svg class="labels" aria-hidden="true">"#;
const END_OF_FIGURE: &str = "</svg></div></figure>";

/// The beginning of a plot: the labels at its left, with `top` units at the top, and its grid.
fn plot(markup: &mut String, top: u32, unit: &str) {
    add(
        markup,
        format_args!(r#"<div class="values"><span>{top} {unit}</span><span>"#),
    );
    plain(markup, top * 500);
    add(
        markup,
        format_args!(" {unit}</span><span>0 {unit}</span></div>"),
    );
    svg(markup, "");
    *markup += r#"<path class="grid" d="M0,0H6000M0,500H6000M0,1000H6000"/>"#;
}

fn svg(markup: &mut String, class: &str) {
    add(
        markup,
        format_args!(
            r#"<svg class="{class}" viewBox="0 0 {WIDTH} {HEIGHT}" preserveAspectRatio="none" aria-hidden="true">"#
        ),
    );
}

/// The beginning of a path.
fn path(markup: &mut String, class: &str, run: usize) {
    add(
        markup,
        format_args!(r#"<path class="{class} run-{run}" d=""#),
    );
}

const END_OF_PATH: &str = r#""/>"#;
const END_OF_SVG: &str = "</svg>";
const END_OF_PLOT: &str = r#""/></svg>"#;

/// A label below a plot, at so many thousandths of a per cent of its width: a number of
/// thousandths with its unit.
fn label(markup: &mut String, at: u32, thousandths: u32, unit: &str) {
    *markup += r#"<text y="1em" x=""#;
    plain(markup, at);
    *markup += r#"%">"#;
    plain(markup, thousandths);
    *markup += unit;
    *markup += "</text>";
}

/// A number of thousandths as it is read easily: `2.5`.
fn plain(markup: &mut String, thousandths: u32) {
    let (whole, mut rest, mut digits) = (thousandths / 1_000, thousandths % 1_000, 3);
    add(markup, format_args!("{whole}"));
    if rest > 0 {
        while rest.is_multiple_of(10) {
            rest /= 10;
            digits -= 1;
        }
        add(markup, format_args!(".{rest:0digits$}"));
    }
}

/// The next number of the form 1, 2 or 5 and zeros.
fn round_up(number: u32) -> u32 {
    let mut power = 1;
    loop {
        for step in [power, 2 * power, 5 * power] {
            if step >= number {
                return step;
            }
        }
        power *= 10;
    }
}

#[cfg(test)]
mod tests;
