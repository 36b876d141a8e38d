//! What a run found, as a table or as JSON.

use crate::args::Args;
use crate::cost::Cost;
use crate::figures::{Figures, percentile};
use serde_json::{Map, Value, json};
use std::fmt;
use std::time::Duration;

type Costs = (Option<Cost>, Option<Cost>);

/// The costs of the server and of this tool at the turns of a run.
#[derive(Debug, Default)]
pub struct Moments {
    pub before: Costs,
    pub opened: Costs,
    pub opening: Duration,
    pub hold_start: Costs,
    pub hold_end: Costs,
    /// How many values were put meanwhile by those who put what is taken.
    pub taken: u64,
    pub echo_start: Costs,
    pub echo_end: Costs,
    pub closed: Costs,
}

/// A heading, and rows of a name, a unit and a figure.
type Section = (&'static str, Vec<(&'static str, &'static str, Option<f64>)>);

pub struct Report {
    args: Args,
    sections: Vec<Section>,
    first_failure: Option<String>,
    is_sound: bool,
}

impl Report {
    pub fn new(args: Args, moments: Moments, mut figures: Figures) -> Self {
        let open = figures.opened.len() as f64;
        let hold = args.hold.as_secs_f64();
        let echo = args.echo.as_secs_f64();
        figures.opened.sort_unstable();
        figures.lateness.sort_unstable();
        figures.round_trips.sort_unstable();
        figures.oldest.sort_unstable();
        let ms = |times: &[Duration], percent| {
            percentile(times, percent).map(|time| time.as_secs_f64() * 1e3)
        };
        // Another machine's clock is not ours: what came soonest is taken to have come at once.
        let is_here = ["http://127.", "http://localhost", "http://[::1]"]
            .iter()
            .any(|here| args.url.starts_with(here));
        let base = if is_here {
            0
        } else {
            figures.lateness.first().copied().unwrap_or(0)
        };
        let late =
            |percent| percentile(&figures.lateness, percent).map(|late| f64::from(late - base));
        let server = |costs: &Costs, figure: fn(&Cost) -> f64| costs.0.as_ref().map(figure);
        let spent = |from: &Costs, to: &Costs| Some(to.0?.cpu - from.0?.cpu);
        let own = |from: &Costs, to: &Costs| Some(to.1?.cpu - from.1?.cpu);
        let memory = |costs: &Costs| server(costs, |cost| cost.memory);
        let files = |costs: &Costs| server(costs, |cost| cost.files as f64);
        let a_peer = |total: Option<f64>| total.map(|total| total / open);
        let grown = memory(&moments.hold_start)
            .zip(memory(&moments.before))
            .map(|(up, before)| (up - before) * 1024.0);

        let mut sections: Vec<Section> = vec![
            (
                "Opening",
                vec![
                    ("peers open", "", Some(open)),
                    ("peers failed", "", Some(figures.failed as f64)),
                    (
                        "opened a second",
                        "",
                        Some(open / moments.opening.as_secs_f64()),
                    ),
                    ("time to open, p50", "ms", ms(&figures.opened, 50.0)),
                    ("time to open, p95", "ms", ms(&figures.opened, 95.0)),
                    ("time to open, p99", "ms", ms(&figures.opened, 99.0)),
                    ("time to open, longest", "ms", ms(&figures.opened, 100.0)),
                    (
                        "server's processor, an opening",
                        "ms",
                        a_peer(spent(&moments.before, &moments.opened)).map(|s| s * 1e3),
                    ),
                    ("server's memory before", "MiB", memory(&moments.before)),
                    (
                        "server's memory with peers",
                        "MiB",
                        memory(&moments.hold_start),
                    ),
                    ("server's memory, a peer", "KiB", a_peer(grown)),
                    ("server's open files before", "", files(&moments.before)),
                    (
                        "server's open files with peers",
                        "",
                        files(&moments.hold_start),
                    ),
                    (
                        "server's threads",
                        "",
                        server(&moments.hold_start, |cost| cost.threads as f64),
                    ),
                ],
            ),
            (
                "Holding: what is pushed",
                vec![
                    (
                        "messages a peer and second",
                        "",
                        Some(figures.pushed as f64 / open / hold),
                    ),
                    ("peers that missed one", "", Some(figures.missed as f64)),
                    ("peers lost", "", Some(figures.lost as f64)),
                    ("lateness, p50", "ms", late(50.0)),
                    ("lateness, p99", "ms", late(99.0)),
                    ("lateness, longest", "ms", late(100.0)),
                    (
                        "server's processor, a peer and second",
                        "ms",
                        a_peer(spent(&moments.hold_start, &moments.hold_end))
                            .map(|s| s * 1e3 / hold),
                    ),
                    (
                        "this tool's processor",
                        "%",
                        own(&moments.hold_start, &moments.hold_end).map(|s| s * 100.0 / hold),
                    ),
                ],
            ),
        ];
        if args.topic.is_some() {
            let rows = &mut sections[1].1;
            let a_value = spent(&moments.hold_start, &moments.hold_end)
                .filter(|_| figures.pushed > 0)
                .map(|s| s * 1e6 / figures.pushed as f64);
            rows.push(("server's processor, a value", "us", a_value));
        }
        if args.drain_to.is_some() {
            let oldest = |percent| percentile(&figures.oldest, percent).map(f64::from);
            sections.push((
                "Moving: how old the newest value became at most, at each client",
                vec![
                    ("clients that moved", "", Some(figures.moved as f64)),
                    ("p50", "ms", oldest(50.0)),
                    ("p99", "ms", oldest(99.0)),
                    ("longest", "ms", oldest(100.0)),
                ],
            ));
        }
        if args.producers > 0 {
            let rate = moments.taken as f64 / hold;
            let row = ("values offered and taken a second", "", Some(rate));
            sections[1].1.push(row);
        }
        if args.flood {
            let rate = figures.flooded as f64 / hold;
            sections[1]
                .1
                .push(("flood: 1 KiB echoes a second", "", Some(rate)));
        }
        if !args.echo.is_zero() {
            let echoes = figures.round_trips.len() as f64;
            sections.push((
                "Echoing",
                vec![
                    ("echoes a second", "", Some(echoes / echo)),
                    ("round trip, p50", "ms", ms(&figures.round_trips, 50.0)),
                    ("round trip, p99", "ms", ms(&figures.round_trips, 99.0)),
                    (
                        "server's processor, an echo",
                        "us",
                        spent(&moments.echo_start, &moments.echo_end)
                            .filter(|_| echoes > 0.0)
                            .map(|s| s * 1e6 / echoes),
                    ),
                    ("server's memory", "MiB", memory(&moments.echo_end)),
                    (
                        "this tool's processor",
                        "%",
                        own(&moments.echo_start, &moments.echo_end).map(|s| s * 100.0 / echo),
                    ),
                ],
            ));
        }
        sections.push((
            "Closed",
            vec![
                ("server's memory", "MiB", memory(&moments.closed)),
                ("server's open files", "", files(&moments.closed)),
            ],
        ));
        Self {
            is_sound: figures.failed == 0 && figures.lost == 0 && figures.missed == 0,
            first_failure: figures.first_failure,
            sections,
            args,
        }
    }

    /// Whether each peer opened, stayed, and missed nothing.
    pub fn is_sound(&self) -> bool {
        self.is_sound
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.args.json {
            let mut all = Map::new();
            for (heading, rows) in &self.sections {
                let rows: Map<String, Value> = rows
                    .iter()
                    .map(|(name, unit, figure)| {
                        let key = if unit.is_empty() {
                            (*name).into()
                        } else {
                            format!("{name}, {unit}")
                        };
                        (key, json!(figure))
                    })
                    .collect();
                all.insert((*heading).into(), rows.into());
            }
            all.insert("first failure".into(), json!(self.first_failure));
            return write!(f, "{}", Value::Object(all));
        }
        write!(f, "{} peers at {}", self.args.peers, self.args.url)?;
        for (heading, rows) in &self.sections {
            write!(f, "\n\n{heading}")?;
            for (name, unit, figure) in rows {
                let figure = match figure {
                    Some(figure) if figure.fract() == 0.0 => format!("{figure:.0}"),
                    Some(figure) if figure.abs() < 10.0 => format!("{figure:.3}"),
                    Some(figure) => format!("{figure:.1}"),
                    None => "-".into(),
                };
                write!(f, "\n  {name:<40}{figure:>12} {unit}")?;
            }
        }
        if let Some(cause) = &self.first_failure {
            write!(f, "\n\nThe first failure: {cause}")?;
        }
        Ok(())
    }
}
