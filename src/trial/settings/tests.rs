use super::*;
use proptest::prelude::*;

fn typed(size: &str, rate: &str, seconds: &str, limit: &str) -> [String; 4] {
    [size, rate, seconds, limit].map(str::to_owned)
}

fn reliable(size: &str, rate: &str, seconds: &str) -> Result<Settings, [String; 4]> {
    Settings::read(
        &typed(size, rate, seconds, "never"),
        "connection",
        "always",
        true,
    )
}

fn said(range: &str, found: &str) -> String {
    format!("Expected a whole number from {range}, found “{found}”.")
}

#[test]
fn what_is_written_is_read() {
    for (word, limit, again) in [
        ("always", "", Again::Always),
        ("times", "0", Again::Times(0)),
        ("times", "65535", Again::Times(u16::MAX)),
        ("for", "1", Again::For(1)),
    ] {
        let settings = Settings {
            size: 16,
            rate: 2_000,
            seconds: 15,
            way: Way::Connection,
            ordered: false,
            again,
        };
        let typed = typed("16", "2000", "15", limit);
        assert_eq!(
            Settings::read(&typed, "connection", word, false),
            Ok(settings)
        );
    }
    assert_eq!(reliable(" 16384 ", "1", "60").unwrap().size, 16_384);
}

#[test]
fn by_websocket_all_arrives_and_in_order() {
    let settings = Settings::read(&typed("100", "100", "5", "soon"), "websocket", "for", false);
    let way = Way::WebSocket;
    let expected = Settings {
        way,
        ..Settings::default()
    };
    assert_eq!(settings, Ok(expected));
}

#[test]
fn each_field_says_what_is_expected() {
    let wrong = Settings::read(
        &typed("15", "0", "a minute", "0"),
        "connection",
        "for",
        true,
    )
    .unwrap_err();
    assert_eq!(
        wrong,
        [
            said("16 to 16,384", "15"),
            said("1 to 2,000", "0"),
            said("1 to 60", "a minute"),
            said("1 to 65,535", "0"),
        ]
    );
    for found in ["", "-1", "1.5", "1e3", "99999999999"] {
        let wrong = reliable("100", found, "5").unwrap_err();
        assert_eq!(wrong, typed("", &said("1 to 2,000", found), "", ""));
    }
}

#[test]
fn a_run_is_limited_as_a_whole() {
    let longest = reliable("1000", "500", "60").unwrap();
    assert_eq!(longest.messages(), MAX_MESSAGES);
    assert_eq!(
        reliable("16", "1000", "31").unwrap_err()[SECONDS],
        "Expected at most 30,000 messages in a run: 1,000 a second for 31 s are 31,000."
    );
    assert_eq!(
        reliable("16384", "1000", "10").unwrap_err()[SIZE],
        "Expected at most 64,000,000 bytes in a run: 10,000 messages of 16,384 are 163,840,000."
    );
}

#[test]
fn numbers_are_grouped() {
    for (number, text) in [
        (0, "0"),
        (999, "999"),
        (1_000, "1,000"),
        (1_234_567, "1,234,567"),
    ] {
        assert_eq!(Grouped(number).to_string(), text);
    }
}

proptest! {
    #[test]
    fn whatever_is_typed_is_within_the_bounds_or_refused(
        size in "\\PC{0,6}", rate in "[0-9]{0,5}", seconds in "[0-9]{0,3}", limit in "[0-9]{0,6}",
    ) {
        match Settings::read(&typed(&size, &rate, &seconds, &limit), "connection", "times", false) {
            Ok(settings) => {
                prop_assert!(settings.size as usize >= Message::HEADER);
                prop_assert!((1..=MAX_MESSAGES).contains(&settings.messages()));
                prop_assert!(settings.bytes() <= MAX_BYTES);
            }
            Err(wrong) => prop_assert!(wrong.iter().any(|wrong| !wrong.is_empty())),
        }
    }
}
