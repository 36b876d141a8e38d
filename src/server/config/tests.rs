use super::*;
use std::net::Ipv6Addr;
use std::time::Duration;
use tickwire_server::{PutError, Topics};

const CHECKED_IN: &str = include_str!("../../../Leptos.toml");
const MANIFEST: &str = include_str!("../../../Cargo.toml");

fn read(text: &str, variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
    let variables = variables
        .iter()
        .map(|&(name, value)| (name.to_owned(), value.to_owned()));
    Config::from_parts(text, variables)
}

fn refusal(text: &str, variables: &[(&str, &str)]) -> String {
    read(text, variables).unwrap_err().to_string()
}

#[test]
fn the_checked_in_file_states_the_defaults() {
    let stated = read(CHECKED_IN, &[]).unwrap();
    let defaults = read("", &[]).unwrap();
    assert_eq!(format!("{stated:?}"), format!("{defaults:?}"));
}

#[test]
fn the_checked_in_file_agrees_with_the_manifest() {
    let table = |text: &str| -> Table { toml::from_str(text).unwrap() };
    let manifest = &table(MANIFEST)["workspace"]["metadata"]["leptos"][0];
    let stated = &table(CHECKED_IN)["package"]["metadata"]["leptos"];
    for (key, value) in stated.as_table().unwrap() {
        assert_eq!(manifest.get(key), Some(value), "{key}");
    }
}

#[test]
fn the_checked_in_file_names_every_key() {
    let keys = |table: &str| {
        let document: Table = toml::from_str(CHECKED_IN).unwrap();
        document[table]
            .as_table()
            .unwrap()
            .keys()
            .cloned()
            .collect::<Vec<_>>()
    };
    for (table, wrong) in [
        ("session", "[session]\nx = 1"),
        ("channel", "[channel]\nx = 1"),
        ("port", "[port]\nx = 1"),
        ("site", "[site]\nx = 1"),
        ("api", "[api]\nx = 1"),
    ] {
        let refusal = refusal(wrong, &[]);
        for key in keys(table) {
            assert!(refusal.contains(&format!("`{key}`")), "{key} in {refusal}");
        }
        assert_eq!(
            refusal.matches('`').count() / 2,
            keys(table).len() + 1,
            "{refusal}"
        );
    }
}

#[test]
fn a_variable_overrides_one_key_and_leaves_the_rest() {
    let file = "[session]\nmax = 7\nopen-timeout = \"3s\"";
    let config = read(file, &[("TICKWIRE_SESSION_MAX", "9"), ("OTHER", "x")]).unwrap();
    assert_eq!(config.server.session.max, 9);
    assert_eq!(config.server.session.open_timeout, Duration::from_secs(3));
    assert_eq!(config.server.channel.max, 16);

    let variables = [
        ("TICKWIRE_PORT_LISTEN", r#"["127.0.0.1", "[::1]:7"]"#),
        ("TICKWIRE_SESSION_OPEN_TIMEOUT", "1m"),
    ];
    let config = read("", &variables).unwrap();
    let http = "0.0.0.0:8080".parse().unwrap();
    assert_eq!(
        config.server.port.listen_at(http),
        [
            SocketAddr::from(([127, 0, 0, 1], 8080)),
            SocketAddr::from((Ipv6Addr::LOCALHOST, 7))
        ]
    );
    assert_eq!(config.server.session.open_timeout, Duration::from_secs(60));
}

#[test]
fn what_cannot_be_is_refused_with_its_line_its_key_and_what_is_allowed() {
    let cases: [(&str, &[&str]); 10] = [
        (
            "[session]\nmaximum = 5",
            &["line 2", "maximum", "max", "open-timeout"],
        ),
        ("[sesion]\nmax = 5", &["line 1", "sesion", "session"]),
        ("[session]\nmax = \"5\"", &["line 2", "max", "string"]),
        (
            "[session]\n\nmax = 0",
            &["line 3", "max", "from 1 to 100000, found 0"],
        ),
        (
            "[session]\nopen-timeout = \"soon\"",
            &["line 2", "open-timeout", "such as \"15s\""],
        ),
        (
            "[session]\nopen-timeout = \"0s\"",
            &["line 2", "from \"1s\""],
        ),
        (
            "[port]\nadvertise = [\"example.org\"]",
            &["line 2", "advertise", "IP address", "example.org"],
        ),
        (
            "[port]\nadvertise = [\"::\"]",
            &["line 2", "browsers can reach", "::"],
        ),
        ("[port]\nlisten = []", &["line 2", "at least one address"]),
        (
            "[package.metadata.leptos]\nsite-adr = \"x\"",
            &["line 2", "site-adr", "site-addr"],
        ),
    ];
    for (text, expected) in cases {
        let refusal = refusal(text, &[]);
        for part in [&["Leptos.toml"], expected].concat() {
            assert!(refusal.contains(part), "no {part:?} in:\n{refusal}");
        }
    }
}

#[test]
fn a_variable_that_cannot_be_is_refused_by_its_name() {
    let cases: [(&str, &str, &str); 6] = [
        ("TICKWIRE_SESSION_MAX", "many", "invalid type"),
        ("TICKWIRE_SESSION_MAX", "-1", "from 1 to 100000"),
        ("TICKWIRE_SESSION_MAXX", "1", "open-timeout"),
        ("TICKWIRE_NOTHING_AT_ALL", "1", "session"),
        ("TICKWIRE_PORT", "1", "TICKWIRE_SESSION_MAX"),
        ("TICKWIRE_LOG_FILTER", "a=b=c", "such as \"info\""),
    ];
    for (name, value, expected) in cases {
        let refusal = refusal("", &[(name, value)]);
        assert!(
            refusal.contains(name) && refusal.contains(expected),
            "{refusal}"
        );
    }
}

#[test]
fn a_base_is_a_path_without_a_slash_at_its_end() {
    for base in ["", "/live", "/tools/tick-wire_2.0~a"] {
        let config = read("", &[("TICKWIRE_SITE_BASE", base)]).unwrap();
        assert_eq!(config.site.base, base);
    }
    for base in [
        "/", "live", "/live/", "//live", "/a b", "/{x}", "/../live", "/live?x", "/ü", "http://x",
    ] {
        let refusal = refusal("", &[("TICKWIRE_SITE_BASE", base)]);
        assert!(
            refusal.contains(r#"expected a path such as "/live""#),
            "{refusal}"
        );
    }
}

#[test]
fn topics_are_named_with_their_policies() {
    let text = r#"
        [[topic]]
        match = "gauges"

        [[topic]]
        match = "rooms/{room}/chat"
        policy = "log"
        keep = 100

        [[topic]]
        match = "strokes"
        policy = "deadline"
        within = "500ms"
    "#;
    let topics = read(text, &[]).unwrap().topics;
    let names: Vec<_> = topics.iter().map(|topic| &*topic.name).collect();
    assert_eq!(names, ["gauges", "rooms/{room}/chat", "strokes"]);
    let added = Topics::new();
    for topic in &topics {
        added.add(&topic.name, topic.policy).unwrap();
    }
    let policies: Vec<_> = added.list().iter().map(|it| it.policy).collect();
    assert_eq!(policies, ["latest", "log", "deadline"]);
    for (table, expected) in [
        ("", "missing field `match`"),
        (
            "match = \"a\"\npolicy = \"x\"",
            "expected one of `latest`, `deadline`, `log`",
        ),
        (
            "match = \"a\"\npolicy = \"log\"",
            "expected how many entries are kept",
        ),
        ("match = \"a\"\nkeep = 1", "keep is for another policy"),
        ("match = \"a\"\nmax-keys = 0", "from 1 to 10000000, found 0"),
        (
            "match = \"a\"\npolicy = \"deadline\"\nwithin = \"1h\"",
            "from \"10ms\" to \"1m\"",
        ),
        (
            "match = \"a\"\nwithin = \"1s\"",
            "within is for another policy",
        ),
        ("match = \"a\"\nx = 1", "unknown field `x`"),
    ] {
        let refusal = refusal(&format!("[[topic]]\n{table}"), &[]);
        assert!(refusal.contains(expected), "{refusal}");
        assert!(refusal.contains("line "), "{refusal}");
    }
}

#[test]
fn what_a_table_of_a_topic_bounds_is_bounded() {
    let text = r#"
        [[topic]]
        match = "prices/{market}"
        max-keys = 2
        max-rate = 10
        max-age = "5s"
        value-bytes = 3
    "#;
    let topics = Topics::new();
    for topic in read(text, &[]).unwrap().topics {
        topics.add(&topic.name, topic.policy).unwrap();
    }
    let topic = topics.get("prices/london").unwrap();
    topic.put("a", "123").unwrap();
    assert_eq!(topic.put("a", "1234"), Err(PutError::ValueTooLong(3)));
    topic.put("b", "1").unwrap();
    assert_eq!(topic.put("c", "1"), Err(PutError::Full));
}

#[test]
fn what_is_shown_is_read_as_the_same() {
    let text = r#"
        [session]
        max = 7
        silence-timeout = "1m 5s"
        [port]
        advertise = ["203.0.113.7:4000", "2001:db8::1"]
        [[topic]]
        match = "prices/{market}"
        max-rate = 10.5
        max-age = "5s"
    "#;
    let shown = read(text, &[]).unwrap().to_string();
    let again = read(&shown, &[]).unwrap();
    assert_eq!(again.to_string(), shown);
    assert_eq!(again.server.session.max, 7);
    assert_eq!(again.topics.len(), 1);

    let turn = r#"
        [turn]
        urls = ["turn:turn.example.com"]
        secret = "that nobody is to see"
    "#;
    let shown = read(turn, &[]).unwrap().to_string();
    assert!(
        shown.contains("turn.example.com") && !shown.contains("nobody"),
        "{shown}"
    );

    let keys = "[api]\nkeys = [\"a-key-that-nobody-is-to-see\"]";
    let shown = read(keys, &[]).unwrap().to_string();
    assert!(
        shown.contains("(hidden)") && !shown.contains("nobody"),
        "{shown}"
    );
}

#[test]
fn a_key_that_is_too_short_is_refused_and_not_told() {
    let too_short = "each of 20 to 512 ASCII letters";
    for (text, variables, expected) in [
        ("[api]\nkeys = [\"hunter2\"]", &[][..], too_short),
        (
            "[api]\n\nkeys = \"hunter2\"",
            &[],
            "line 3: expected a sequence",
        ),
        ("[admin]\nkey = \"hunter2\"", &[], too_short),
        ("[auth]\nsecret = \"hunter2\"", &[], "32 characters"),
        ("", &[("TICKWIRE_API_KEYS", "[\"hunter2\"]")], too_short),
        (
            "",
            &[("TICKWIRE_API_KEYS", "hunter2")],
            "expected a sequence",
        ),
        ("", &[("TICKWIRE_AUTH_SECRET", "hunter2")], "32 characters"),
    ] {
        let refusal = refusal(text, variables);
        assert!(refusal.contains(expected), "{refusal}");
        assert!(!refusal.contains("hunter2"), "{refusal}");
    }
    let config = read("[api]\nkeys = [\"0123456789abcdefghij\"]", &[]).unwrap();
    assert!(!format!("{config:?}").contains("0123456789"));
}

#[test]
fn what_keeps_the_topics_of_several_servers_is_named_and_its_secrets_are_not_told() {
    assert!(!read("", &[]).unwrap().engine.is_on());
    let text = r#"
        [engine]
        nats = ["nats://user:hunter2@a.example.com:4222", "tls://b.example.com"]
        namespace = "live-1"
        token = "hunter2"
        replicas = 3
        [[topic]]
        match = "orders"
        durable = true
    "#;
    let config = read(text, &[]).unwrap();
    let shown = format!("{config} {config:?}");
    assert!(
        !shown.contains("hunter2") && shown.contains("a.example.com"),
        "{shown}"
    );
    let options = config.engine.options();
    assert_eq!((options.servers.len(), options.replicas), (2, 3));
    assert_eq!(options.token.as_deref(), Some("hunter2"));
    let variable = [("TICKWIRE_ENGINE_NATS", r#""nats://localhost:4222""#)];
    assert_eq!(
        read("", &variable).unwrap().engine.nats,
        ["nats://localhost:4222"]
    );
    for (text, expected) in [
        ("[engine]\nnats = 7", "expected a URL"),
        ("[engine]\nnats = \"http://hunter2\"", "expected URLs"),
        ("[engine]\nnamespace = \"a.b\"", "expected a namespace"),
        ("[engine]\nreplicas = 6", "from 1 to 5"),
        (
            "[engine]\nnats = \"nats://a\"\n[[topic]]\nmatch = \"chat\"\npersist = \"a\"",
            "[engine] keeps those of several",
        ),
    ] {
        let refusal = refusal(text, &[]);
        assert!(
            refusal.contains(expected) && !refusal.contains("hunter2"),
            "{refusal}"
        );
    }
}
