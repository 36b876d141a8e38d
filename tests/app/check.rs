//! `tickwire check`: whether a configuration can be used, without a start.

use std::process::{Command, Output};

/// Runs the program beside a `Leptos.toml` of this text.
pub fn run(arguments: &[&str], text: &str) -> Output {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("Leptos.toml"), text).unwrap();
    let mut program = Command::new(env!("CARGO_BIN_EXE_tickwire"));
    program.args(arguments).current_dir(&folder);
    program.output().unwrap()
}

#[test]
fn the_configuration_in_force_is_printed() {
    let output = run(&["check"], "[session]\nmax = 7");
    assert!(output.status.success());
    let printed = String::from_utf8(output.stdout).unwrap();
    assert!(printed.contains("[session]\nmax = 7\n"), "{printed}");
    assert!(printed.contains("silence-timeout = \"30s\""), "{printed}");
}

#[test]
fn what_cannot_be_used_is_told() {
    for (text, expected) in [
        ("[session]\nmax = 0", "from 1 to 100000, found 0"),
        ("[[topic]]\nmatch = \"prices\"", "there is one already"),
        (
            "[tls]\ncertificate = \"a.pem\"",
            "found a certificate without its key",
        ),
        (
            "[tls]\ncertificate = \"a.pem\"\nkey = \"b.pem\"",
            "a.pem cannot be read: No such file",
        ),
        (
            "[tls]\nacme = [\"*.example.com\"]",
            "expected names such as",
        ),
        (
            "[tls]\nacme = [\"example.com\"]\ncache = \"\"",
            "expected a folder",
        ),
    ] {
        let output = run(&["check"], text);
        assert_eq!(output.status.code(), Some(1));
        let told = String::from_utf8(output.stderr).unwrap();
        assert!(told.contains(expected), "{told}");
    }
    let output = run(&["chek"], "");
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8(output.stderr).unwrap().contains("Usage"));
}
