//! The two runs in numbers, as markup. No text in it is anybody's but the page's own.

use super::words::{ROWS, cell, phase};
use crate::app::markup::add;
use crate::app::text::UNKNOWN;
use crate::trial::Pair;

/// What is in the table as of `now`: a column a run.
pub fn table(pair: &Pair, now: f64) -> String {
    let mut markup = String::from(
        r#"<caption class="for-screen-readers">The two runs in numbers</caption><thead><tr><th scope="col">Run</th>"#,
    );
    for (index, name) in Pair::NAMES.into_iter().enumerate() {
        let phase = pair.runs[index].as_ref().map_or("", phase);
        add(
            &mut markup,
            format_args!(
                r#"<th scope="col" class="run-{index}"><b>{name}</b> <span class="phase">{phase}</span></th>"#
            ),
        );
    }
    markup += "</tr></thead><tbody>";
    for (row, name) in ROWS.into_iter().enumerate() {
        add(
            &mut markup,
            format_args!(r#"<tr><th scope="row">{name}</th>"#),
        );
        for run in &pair.runs {
            markup += "<td>";
            match run {
                Some(run) => cell(&mut markup, row, run, now),
                None => markup += UNKNOWN,
            }
            markup += "</td>";
        }
        markup += "</tr>";
    }
    markup + "</tbody>"
}
