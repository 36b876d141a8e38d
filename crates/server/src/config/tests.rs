use super::*;

#[test]
fn the_defaults_are_within_their_bounds() {
    assert_eq!(Config::default().check(), Ok(()));
}

#[test]
fn what_is_out_of_its_bounds_is_refused_by_its_name_and_with_what_is_allowed() {
    type Change = fn(&mut Config);
    let cases: [(Change, &str); 7] = [
        (
            |it| it.session.max = 0,
            "session.max: expected a whole number from 1 to 100000, found 0",
        ),
        (
            |it| it.channel.stall_timeout = Duration::ZERO,
            "channel.stall_timeout: expected a time from 1s to 10min, found 0ns",
        ),
        (
            |it| it.channel.message_bytes = 1 << 20,
            "channel.message_bytes: expected a whole number from 1024 to 262144, found 1048576",
        ),
        (
            |it| it.port.listen = Vec::new(),
            "port.listen: expected at least one address, such as [\"0.0.0.0\", \"::\"]",
        ),
        (
            |it| {
                let ip = Ipv4Addr::UNSPECIFIED.into();
                it.port.advertise = vec![Advertised { ip, port: None }];
            },
            "port.advertise: expected an address that browsers can reach, found 0.0.0.0",
        ),
        (
            |it| it.turn.urls = vec!["turn:turn.example.com".into()],
            "turn: expected both urls and secret, or neither",
        ),
        (
            |it| it.turn.urls = vec!["turn:a>; rel=\"next\"".into()],
            r#"turn: expected an address such as "turn:turn.example.com:3478?transport=udp", found "turn:a>; rel=\"next\"""#,
        ),
    ];
    for (change, expected) in cases {
        let mut config = Config::default();
        change(&mut config);
        assert_eq!(config.check().unwrap_err().to_string(), expected);
    }
}
