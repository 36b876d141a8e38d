//! `tickwire token`: what it makes is taken by a server of the same configuration.

use super::check::run;
use std::path::Path;
use std::time::SystemTime;
use tickwire_auth::{Keys, Options, Verifier};

const SECRET: &str = "0123456789abcdef0123456789abcdef";

fn made(arguments: &[&str], text: &str) -> String {
    let output = run(&[&["token"], arguments].concat(), text);
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{told}");
    String::from_utf8(output.stdout)
        .unwrap()
        .trim_end()
        .to_owned()
}

#[test]
fn a_token_is_made_with_the_secret_of_the_configuration() {
    let file = format!("[auth]\nsecret = \"{SECRET}\"\naudience = \"tickwire\"");
    let token = made(
        &[
            "--sub",
            "alice",
            "--subscribe",
            "prices/* news",
            "--publish",
            "rooms/**",
            "--for",
            "1h",
            "--sessions",
            "2",
        ],
        &file,
    );
    let options = Options {
        audience: Some("tickwire".into()),
        ..Options::default()
    };
    let verifier = Verifier::new(Keys::hmac(SECRET.as_bytes()).unwrap(), options);
    let alice = verifier.verify(&token, SystemTime::now()).unwrap();
    assert_eq!((alice.name(), alice.max_sessions()), ("alice", Some(2)));
    assert!(alice.may_subscribe("prices/EUR") && alice.may_subscribe("news"));
    assert!(alice.may_publish("rooms/7/chat") && !alice.may_open("clock"));
}

#[test]
fn a_token_is_made_with_a_private_key() {
    let keys = Path::new(env!("CARGO_MANIFEST_DIR")).join("crates/auth/tests/keys");
    let private = keys.join("ed25519.pem");
    let token = made(
        &[
            "--sub",
            "bob",
            "--for",
            "1h",
            "--key",
            private.to_str().unwrap(),
        ],
        "",
    );
    let public = std::fs::read_to_string(keys.join("ed25519.public.pem")).unwrap();
    let verifier = Verifier::new(Keys::pem(&public).unwrap(), Options::default());
    let bob = verifier.verify(&token, SystemTime::now()).unwrap();
    assert_eq!(bob.name(), "bob");
}

#[test]
fn what_is_wrong_with_the_arguments_is_told_and_no_secret_is() {
    let file = format!("[auth]\nsecret = \"{SECRET}\"");
    for (arguments, file, expected) in [
        (&["--sub", "alice"][..], &*file, "Expected --sub and --for"),
        (&["--sub", "alice", "--for", "soon"], &file, "--for"),
        (&["--sub", "a~b", "--for", "1h"], &file, "no ~"),
        (
            &["--sub", "alice", "--for", "1h", "--subscribe", "a*"],
            &file,
            "--subscribe",
        ),
        (
            &["--sub", "alice", "--for", "1h"],
            "",
            "Expected a secret in [auth]",
        ),
        (&["--sub"], &file, "expected a value"),
        (&["--sup", "alice"], &file, "--sup is not known"),
    ] {
        let output = run(&[&["token"], arguments].concat(), file);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
        let told = String::from_utf8(output.stderr).unwrap();
        assert!(told.contains(expected) && !told.contains(SECRET), "{told}");
    }
    let printed = run(&["check"], &file).stdout;
    let printed = String::from_utf8(printed).unwrap();
    assert!(printed.contains("secret = \"(hidden)\""), "{printed}");
    let short = run(&["check"], "[auth]\nsecret = \"hunter2\"").stderr;
    let short = String::from_utf8(short).unwrap();
    assert!(
        short.contains("32 characters") && !short.contains("\"hunter2\" "),
        "{short}"
    );
    let missing = run(&["check"], "[auth]\nkey-files = [\"none.pem\"]").stderr;
    let missing = String::from_utf8(missing).unwrap();
    assert!(missing.contains("none.pem cannot be read"), "{missing}");
}
