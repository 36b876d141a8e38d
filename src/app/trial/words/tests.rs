use super::*;
use crate::trial::{Message, Way};
use tickwire_link::Path;
use tickwire_wire::feed::Counted;

const SETTINGS: Settings = Settings {
    size: 16,
    rate: 10,
    seconds: 1,
    way: Way::Connection,
    ordered: false,
    again: Again::Times(0),
};

/// A run of ten, of which the first eight came back after 20 ms, of nine that arrived.
fn run() -> Run {
    let mut run = Run::new(1, SETTINGS, 0.0);
    run.opened(0.0);
    for number in 0..10 {
        let now = f64::from(number) * 100.0;
        run.turn(0, now);
        let message = run.message(0, 0, now).expect("there is room");
        run.tally.sent(now);
        if number < 8 {
            let mut bytes = [0; Message::HEADER];
            message.write(&mut bytes);
            run.returned(&bytes, now + 20.0);
        }
    }
    run.tally.queued(1_500, 900.0);
    run
}

fn over() -> Run {
    let mut run = run();
    run.turn(0, 1_000.0);
    run.turn(0, 9_000.0);
    run.told(Some(Counted {
        received: 9,
        bytes: 144,
    }));
    run.turn(0, 9_050.0);
    run
}

fn pair(run: Run) -> Pair {
    let mut pair = Pair::default();
    pair.begin(run.settings, None, 0.0);
    *pair.newest_mut().expect("it has begun") = run;
    pair
}

fn cells(run: &Run, now: f64) -> Vec<String> {
    (0..ROWS.len())
        .map(|row| {
            let mut text = String::new();
            cell(&mut text, row, run, now);
            text
        })
        .collect()
}

fn said(run: Run, words: fn(&mut String, &Run)) -> String {
    let mut text = String::new();
    of_both(&mut text, &pair(run), words);
    text
}

#[test]
fn a_run_in_a_table() {
    assert_eq!(
        cells(&over(), 20_000.0),
        [
            UNKNOWN,
            "Any order, never sent again",
            "16 B, 10 a second, 1 s",
            "10",
            "9",
            "8",
            "2 (20 %): 1 out, 1 back",
            "0",
            "0",
            "0",
            "20.0 ms",
            "20.0 ms",
            "20.0 ms",
            "1.3 kbit/s, 1.0 kbit/s",
            "1.5 kB",
        ]
    );
}

#[test]
fn what_is_not_known_yet_is_not_said() {
    let cells = cells(&run(), 900.0);
    assert_eq!((&*cells[4], &*cells[6]), (UNKNOWN, UNKNOWN));
    let fresh = self::cells(&Run::new(1, SETTINGS, 0.0), 0.0);
    assert_eq!((&*fresh[5], &*fresh[10]), ("0", UNKNOWN));
    let mut silent = over();
    silent.counted = None;
    silent.protocol = Path::WEBSOCKET.into();
    assert_eq!(self::cells(&silent, 0.0)[0], "WebSocket");
    assert_eq!(self::cells(&silent, 0.0)[6], "2 (20 %)");
}

#[test]
fn charts_in_words() {
    assert_eq!(
        said(over(), distribution),
        "Run A: round trips of 8 messages, from 20.0 ms to 20.0 ms, half within 20.0 ms, 95 % within 20.0 ms. "
    );
    assert_eq!(
        said(over(), course),
        "Run A: the slowest took 20.0 ms, sent 0.0 s after the start; messages were lost in 2 of 120 moments. "
    );
    assert_eq!(
        said(over(), queue),
        "Run A: at most 1.5 kB waited in this browser. "
    );
    for words in [distribution, course] {
        let fresh = Run::new(1, SETTINGS, 0.0);
        assert_eq!(said(fresh, words), "Run A: none came back. ");
    }
    let mut text = String::new();
    of_both(&mut text, &Pair::default(), queue);
    assert_eq!(text, "No run yet.");
}

#[test]
fn news_of_the_newest() {
    assert_eq!(news(&Pair::default()), "");
    assert_eq!(
        news(&pair(run())),
        "Run A sends 10 messages, 160 B each way."
    );
    assert_eq!(
        news(&pair(over())),
        "Run A finished: of 10 sent 8 came back."
    );
    let mut failed = run();
    failed.fail("Gone.".into());
    assert_eq!(news(&pair(failed)), "Run A failed: Gone.");
}

#[test]
fn deliveries() {
    let said = |ordered, again| {
        let mut text = String::new();
        let settings = Settings {
            ordered,
            again,
            ..SETTINGS
        };
        delivery(&mut text, &settings);
        text
    };
    assert_eq!(
        said(true, Again::Always),
        "In order, sent again until it arrives"
    );
    assert_eq!(said(false, Again::Times(1)), "Any order, sent again once");
    assert_eq!(
        said(true, Again::Times(1_000)),
        "In order, sent again up to 1,000 times"
    );
    assert_eq!(
        said(true, Again::For(250)),
        "In order, sent again for 250 ms"
    );
}

#[test]
fn rates_and_sums() {
    assert_eq!(bit_rate(0.0), "0.0 kbit/s");
    assert_eq!(bit_rate(10_000.0), "80.0 kbit/s");
    assert_eq!(bit_rate(124_999.0), "1.0 Mbit/s");
    assert_eq!(sum(&Settings::default()), "500 messages, 50.0 kB each way");
    let one = Settings {
        rate: 1,
        ..SETTINGS
    };
    assert_eq!(sum(&one), "1 message, 16 B each way");
}
