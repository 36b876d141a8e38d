use proptest::prelude::*;
use tickwire_auth::{MAX_PATTERN, MAX_PATTERNS, PatternError, Patterns};

fn one(pattern: &str) -> Result<Patterns, PatternError> {
    Patterns::parse(&[pattern])
}

fn read(json: &str) -> Result<Patterns, String> {
    serde_json::from_str(json).map_err(|cause| cause.to_string())
}

#[test]
fn all_is_everything_and_none_is_nothing() {
    for name in ["", "prices", "rooms/7", "a//b", "/", "*"] {
        assert!(Patterns::all().allows(name) && one("**").unwrap().allows(name));
        assert!(!Patterns::none().allows(name));
    }
    assert!(Patterns::none().is_empty() && Patterns::parse::<&str>(&[]).unwrap().is_empty());
}

#[test]
fn a_star_is_one_part_and_two_are_all_that_follow() {
    let patterns = Patterns::parse(&["rooms/*/cursors", "files/**", "prices"]).unwrap();
    for name in [
        "rooms/7/cursors",
        "rooms/*/cursors",
        "files/a",
        "files/a/b",
        "prices",
    ] {
        assert!(patterns.allows(name), "{name}");
    }
    for name in [
        "rooms/cursors",
        "rooms/7/8/cursors",
        "rooms/7/cursors/",
        "files",
        "Prices",
        "price",
        "prices/a",
    ] {
        assert!(!patterns.allows(name), "{name}");
    }
}

#[test]
fn what_means_nothing_is_an_error() {
    for pattern in ["a*", "*a", "rooms/7*/x", "***", "a/**b"] {
        assert!(
            matches!(one(pattern), Err(PatternError::Mixed(_))),
            "{pattern}"
        );
    }
    for pattern in ["**/a", "a/**/b", "**/**"] {
        assert!(
            matches!(one(pattern), Err(PatternError::NotLast(_))),
            "{pattern}"
        );
    }
    assert_eq!(one(""), Err(PatternError::Empty));
    assert!(one(&"a".repeat(MAX_PATTERN)).is_ok());
    assert_eq!(
        one(&"a".repeat(MAX_PATTERN + 1)),
        Err(PatternError::TooLong)
    );
    assert!(Patterns::parse(&["a"; MAX_PATTERNS]).is_ok());
    assert_eq!(
        Patterns::parse(&["a"; MAX_PATTERNS + 1]),
        Err(PatternError::TooMany)
    );
    assert_eq!(
        one("a*").unwrap_err().to_string(),
        r#"the pattern "a*" has a * beside other characters: a part is * for any one part, ** for all that follow, or has no *"#
    );
}

#[test]
fn a_list_or_one_string_is_read_and_a_list_is_written() {
    let patterns = Patterns::parse(&["a/*", "b"]).unwrap();
    assert_eq!(read(r#"["a/*","b"]"#), Ok(patterns.clone()));
    assert_eq!(read(r#"" a/*  b ""#), Ok(patterns.clone()));
    assert_eq!(serde_json::to_string(&patterns).unwrap(), r#"["a/*","b"]"#);
    assert_eq!(read("[]"), Ok(Patterns::none()));
    assert_eq!(read(r#""""#), Ok(Patterns::none()));
    for wrong in ["7", "null", "[7]", r#"["a*"]"#, r#""a**""#, r#"[""]"#, "{}"] {
        assert!(read(wrong).is_err(), "{wrong}");
    }
    assert!(
        read(&format!("{:?}", vec!["a"; MAX_PATTERNS + 1]))
            .unwrap_err()
            .contains("more than 64")
    );
    assert!(
        read(r#"["a*"]"#)
            .unwrap_err()
            .contains("beside other characters")
    );
}

/// As the rule is said, and slow.
fn fits(pattern: &[&str], name: &[&str]) -> bool {
    match (pattern, name) {
        ([], []) => true,
        (["**"], [_, ..]) => true,
        (["*", pattern @ ..], [_, name @ ..]) => fits(pattern, name),
        ([a, pattern @ ..], [b, name @ ..]) => a == b && fits(pattern, name),
        _ => false,
    }
}

proptest! {
    #[test]
    fn it_fits_as_the_model_does(
        pattern in "(a|b|\\*|)(/(a|b|\\*|)){0,3}(/\\*\\*)?",
        name in "(a|b|)(/(a|b|)){0,4}",
    ) {
        prop_assume!(!pattern.is_empty());
        let (parts, of_name): (Vec<_>, Vec<_>) = (pattern.split('/').collect(), name.split('/').collect());
        prop_assert_eq!(one(&pattern).unwrap().allows(&name), fits(&parts, &of_name));
    }

    #[test]
    fn nothing_makes_it_panic(pattern in ".*", name in ".*") {
        if let Ok(patterns) = one(&pattern) {
            patterns.allows(&name);
        }
        let _ = read(&pattern);
    }
}
