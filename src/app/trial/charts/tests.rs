use super::*;
use crate::trial::{Message, Settings};

/// Runs of one message each, sent at once, that came back after so many milliseconds.
fn pair(runs: &[(Settings, f64)]) -> Pair {
    let mut pair = Pair::default();
    for (settings, round_trip) in runs {
        pair.begin(*settings, None, 0.0);
        let run = pair.newest_mut().expect("it has begun");
        run.opened(0.0);
        run.turn(3_000, 0.0);
        let message = run.message(0, 0, 0.0).expect("there is room");
        run.tally.sent(0.0);
        let mut bytes = vec![0; settings.size as usize];
        Message::write(message, &mut bytes);
        run.returned(&bytes, *round_trip);
    }
    pair
}

/// What is between tags, in its order.
fn labels(markup: &str) -> Vec<&str> {
    let parts = markup.split('>').filter_map(|part| part.split('<').next());
    parts.filter(|text| !text.is_empty()).collect()
}

/// The picture of this title.
fn part<'a>(markup: &'a str, title: &str) -> &'a str {
    let from = markup.split(title).nth(1).expect("it has a title");
    from.split("</figure>").next().expect("it ends")
}

const TITLES: [&str; 3] = ["How many", "The slowest", "What waited"];

#[test]
fn nothing_has_axes_and_says_so() {
    let markup = charts(&Pair::default());
    let [distribution, slowest, queue] = TITLES.map(|title| part(&markup, title));
    assert!(distribution.contains(r#"aria-label="No run yet.""#));
    assert_eq!(
        labels(distribution)[1..],
        [
            "Run A",
            "100 %",
            "50 %",
            "0 %",
            "Run B",
            "100 %",
            "50 %",
            "0 %",
            "0.125",
            "0.5",
            "2",
            "8",
            "32",
            "128",
            "milliseconds, on a logarithmic scale"
        ]
    );
    assert_eq!(
        labels(slowest)[1..],
        [
            "1 ms", "0.5 ms", "0 ms", "Lost, A", "Lost, B", "0 s", "2.5 s", "5 s"
        ]
    );
    assert_eq!(labels(queue)[1..4], ["1 kB", "0.5 kB", "0 kB"]);
    assert!(markup.contains("<b>Run A</b> not yet"));
}

#[test]
fn both_runs_share_the_axes() {
    let long = Settings {
        seconds: 8,
        ..Settings::default()
    };
    let markup = charts(&pair(&[(Settings::default(), 30.0), (long, 150.0)]));
    let [distribution, slowest, queue] = TITLES.map(|title| part(&markup, title));
    assert_eq!(labels(slowest)[1], "200 ms");
    assert_eq!(labels(slowest)[8], "8 s");
    assert_eq!(labels(queue)[1], "5 kB");
    // The same slice is nearer to the left on the longer axis.
    assert!(slowest.contains(r#"<path class="line run-0" d="M15,850h1"/>"#));
    assert!(slowest.contains(r#"<path class="line run-1" d="M25,250h1"/>"#));
    // From 16 ms, in which 30 ms has the last bin, to 256 ms; all are in one bin.
    assert!(distribution.contains(r#"<path class="bars run-0" d="M1125,1000v-1000h375V1000Z"/>"#));
    assert!(distribution.contains(r#"<path class="bars run-1" d="M4500,1000v-1000h375V1000Z"/>"#));
    assert!(distribution.contains(r#"<text y="1em" x="25%">32</text>"#));
}

#[test]
fn what_is_lost_is_marked_once_it_is_clear() {
    let mut pair = pair(&[(Settings::default(), 30.0)]);
    let run = pair.newest_mut().expect("it has begun");
    run.tally.sent(100.0);
    let marks = r#"<path class="marks run-0" d="M125,0V1000"/>"#;
    assert!(!charts(&pair).contains(marks));
    let run = pair.newest_mut().expect("it has begun");
    run.stop(200.0);
    run.turn(0, 9_000.0);
    assert!(charts(&pair).contains(marks), "{}", charts(&pair));
}

#[test]
fn an_axis_has_few_labels_whatever_it_shows() {
    for time in [0.0, 1.0, 900.0, 60_000.0, 1e9] {
        let markup = charts(&pair(&[
            (Settings::default(), 0.0),
            (Settings::default(), time),
        ]));
        let marks = labels(part(&markup, TITLES[0])).len() - 10;
        assert!(
            (3..=LABELS as usize + 1).contains(&marks),
            "{time}: {marks}"
        );
    }
}

#[test]
fn numbers_are_rounded_to_what_is_read_easily() {
    for (number, rounded) in [(0, 1), (1, 1), (3, 5), (6, 10), (201, 500), (9_999, 10_000)] {
        assert_eq!(round_up(number), rounded);
    }
    for (thousandths, text) in [
        (0, "0"),
        (2_500, "2.5"),
        (33_333, "33.333"),
        (10_020, "10.02"),
    ] {
        let mut markup = String::new();
        plain(&mut markup, thousandths);
        assert_eq!(markup, text);
    }
}
