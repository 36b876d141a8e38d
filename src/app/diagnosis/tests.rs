use super::*;
use std::time::Duration;
use tickwire_link::{
    Attempt, Beside, CandidateKind, ChannelOptions, ChannelReport, Family, Milestone, Outcome,
    Path, Step, StepReport, Tally, Try,
};
use tickwire_wire::signaling::SignalingError;

fn page(host: &str) -> Vantage {
    Vantage {
        host: host.into(),
        browser: "Mozilla/5.0 (X11; Linux x86_64) Chrome/156.0.0.0".into(),
        ..Vantage::default()
    }
}

fn named(places: &[&str]) -> Vec<String> {
    places.iter().map(|place| (*place).into()).collect()
}

fn no_path(host: &str, places: &[&str]) -> Cause {
    Cause::of(&Failure::NoPath, &page(host), &named(places)).unwrap()
}

#[test]
fn an_answer_without_addresses() {
    assert_eq!(no_path("tickwire.example", &[]), Cause::NoAddress);
}

#[test]
fn loopback_reaches_nobody_else() {
    for host in [
        "tickwire.example",
        "192.168.1.4",
        "203.0.113.7",
        "[fd00::4]",
    ] {
        let places = ["127.0.0.1:8080", "[::1]:8080"];
        assert_eq!(no_path(host, &places), Cause::LoopbackOnly, "{host}");
    }
}

#[test]
fn inner_addresses_do_not_reach_who_comes_from_outside() {
    for host in ["tickwire.example", "203.0.113.7", "[2001:db8::7]"] {
        let places = ["172.17.0.2:8080", "[fd00::2]:8080", "127.0.0.1:8080"];
        assert_eq!(no_path(host, &places), Cause::InnerOnly, "{host}");
    }
    // From a name within the network they do.
    let within = no_path("tickwire.lan", &["192.168.1.4:8080"]);
    assert_eq!(within, Cause::UdpBlocked(Some(8_080)));
}

#[test]
fn another_address_than_the_pages() {
    for (host, place) in [
        ("localhost", "192.0.2.1:8080"),
        ("127.0.0.1", "192.0.2.1:8080"),
        ("192.168.1.4", "172.17.0.2:8080"),
        ("203.0.113.7", "203.0.113.8:8080"),
        ("[2001:db8::7]", "[2001:db8::8]:8080"),
    ] {
        assert_eq!(no_path(host, &[place]), Cause::OtherAddress, "{host}");
    }
}

#[test]
fn where_the_addresses_are_right_it_is_the_port() {
    for (host, place) in [
        ("localhost", "127.0.0.1:9"),
        ("localhost", "[::1]:9"),
        ("[::1]", "[::1]:9"),
        ("192.168.1.4", "192.168.1.4:9"),
        ("tickwire.example", "203.0.113.7:9"),
    ] {
        assert_eq!(
            no_path(host, &[place]),
            Cause::UdpBlocked(Some(9)),
            "{host}"
        );
    }
    let several = no_path("localhost", &["127.0.0.1:9", "192.0.2.1:10"]);
    assert_eq!(several, Cause::UdpBlocked(None));
    assert_eq!(no_path("", &["garbage"]), Cause::UdpBlocked(None));
}

#[test]
fn a_browser_without_udp_reaches_no_address() {
    let without = Vantage {
        is_without_udp: true,
        ..page("localhost")
    };
    for places in [&[][..], &["127.0.0.1:9"], &["192.0.2.1:8080"]] {
        let cause = Cause::of(&Failure::NoPath, &without, &named(places));
        assert_eq!(cause, Some(Cause::NoUdp));
    }
}

#[test]
fn an_offer_without_an_answer() {
    let cause = |change: fn(&mut Vantage)| {
        let mut vantage = page("tickwire.example");
        change(&mut vantage);
        Cause::of(&Failure::Unreachable, &vantage, &[]).unwrap()
    };
    assert_eq!(cause(|_| ()), Cause::NoServer);
    assert_eq!(cause(|vantage| vantage.is_offline = true), Cause::Offline);
    assert_eq!(cause(|vantage| vantage.is_https = true), Cause::NoServer);
    assert_eq!(cause(|vantage| vantage.is_answered = true), Cause::Stopped);
    let encrypted = cause(|vantage| (vantage.is_answered, vantage.is_https) = (true, true));
    assert_eq!(encrypted, Cause::MixedContent);
}

#[test]
fn other_failures_have_causes_of_their_own() {
    let error = |code| SignalingError::new(code, "192.0.2.9 says no");
    for (failure, cause) in [
        (Failure::NoWebRtc("blocked".into()), Cause::NoWebRtc),
        (
            Failure::BadChannel {
                label: "clock".into(),
                cause: "blocked".into(),
            },
            Cause::NoWebRtc,
        ),
        (Failure::NoAnswer, Cause::Slow),
        (Failure::NotTickwire { status: 502 }, Cause::Proxy(502)),
        (Failure::Refused(error(Code::BadSdp)), Cause::Refused),
        (
            Failure::Refused(error(Code::Unauthorized)),
            Cause::NotAllowed { is_known: false },
        ),
        (
            Failure::Refused(error(Code::Forbidden)),
            Cause::NotAllowed { is_known: true },
        ),
        (
            Failure::ServerFailed(error(Code::Internal)),
            Cause::ServerFailed,
        ),
        (
            Failure::ShuttingDown { retry_after: None },
            Cause::ShuttingDown,
        ),
        (Failure::BadAnswer("no".into()), Cause::BadAnswer),
        (Failure::Dtls, Cause::Handshake),
        (Failure::NoChannel, Cause::NoChannel),
        (Failure::Ended, Cause::Ended),
        (Failure::Silent, Cause::Lost),
    ] {
        assert_eq!(Cause::of(&failure, &page("localhost"), &[]), Some(cause));
    }
    assert_eq!(Cause::of(&Failure::Away, &page("localhost"), &[]), None);
}

#[test]
fn each_cause_says_three_things_in_a_sentence_each() {
    let causes = [
        Cause::NoWebRtc,
        Cause::Offline,
        Cause::NoServer,
        Cause::MixedContent,
        Cause::Stopped,
        Cause::Proxy(502),
        Cause::Proxy(200),
        Cause::Slow,
        Cause::Full,
        Cause::ShuttingDown,
        Cause::NotAllowed { is_known: false },
        Cause::NotAllowed { is_known: true },
        Cause::Refused,
        Cause::ServerFailed,
        Cause::BadAnswer,
        Cause::NoAddress,
        Cause::LoopbackOnly,
        Cause::InnerOnly,
        Cause::OtherAddress,
        Cause::NoUdp,
        Cause::UdpBlocked(None),
        Cause::UdpBlocked(Some(8_080)),
        Cause::Handshake,
        Cause::NoChannel,
        Cause::Lost,
        Cause::Ended,
    ];
    for cause in causes {
        for said in [cause.what(), cause.user().into(), cause.operator()] {
            assert!(said.ends_with('.'), "{said}");
            assert_eq!(said.matches(". ").count(), 0, "{said}");
            assert!(said.starts_with(char::is_uppercase), "{said}");
        }
    }
    assert!(Cause::Proxy(502).what().contains("502"));
    assert!(Cause::UdpBlocked(Some(8_080)).operator().contains("8080"));
    let [unknown, known] = [false, true].map(|is_known| Cause::NotAllowed { is_known });
    assert_ne!(unknown.what(), known.what());
    assert!(unknown.user().contains("#token="));
    assert!(unknown.operator().contains("tickwire token --sub"));
    assert_ne!(Cause::Proxy(502).operator(), Cause::Proxy(200).operator());
}

fn step(milestone: Milestone, began: f64, ended: Option<f64>, outcome: Outcome) -> StepReport {
    StepReport {
        milestone,
        began,
        ended,
        outcome,
    }
}

/// Loaded, answered, and no pair of candidates that works.
fn blocked() -> Vec<StepReport> {
    vec![
        step(Milestone::PageLoaded, 1_000.0, Some(1_412.0), Outcome::Done),
        step(Milestone::OfferSent, 5_000.0, Some(5_100.0), Outcome::Done),
        step(
            Milestone::AnswerReceived,
            5_100.0,
            Some(5_500.0),
            Outcome::Done,
        ),
        step(
            Milestone::PairsChecked,
            5_500.0,
            Some(6_000.0),
            Outcome::Failed(Failure::NoPath),
        ),
    ]
}

#[test]
fn each_step_has_a_row_whether_it_was_reached_or_not() {
    let rows = rows(&blocked(), true);
    let standings = rows.clone().map(|row| row.standing);
    assert_eq!(
        standings,
        [
            Standing::Done,
            Standing::Done,
            Standing::Done,
            Standing::Failed,
            Standing::Waiting,
            Standing::Waiting,
        ]
    );
    let took = rows.clone().map(|row| row.took);
    assert_eq!(took, ["412 ms", "100 ms", "400 ms", "500 ms", "–", "–"]);
    let bars = rows.map(|row| row.bar);
    assert_eq!(
        bars,
        [
            None,
            Some((0, 100)),
            Some((100, 400)),
            Some((500, 500)),
            None,
            None,
        ]
    );
}

#[test]
fn what_is_under_way_reaches_to_the_end_of_the_axis() {
    let mut steps = blocked();
    steps.pop();
    steps.push(step(
        Milestone::PairsChecked,
        5_500.0,
        None,
        Outcome::Pending,
    ));
    let row = rows(&steps, true)[3].clone();
    assert_eq!((row.standing, &*row.took), (Standing::Running, "–"));
    let (left, width) = row.bar.unwrap();
    assert!(left + width <= 1_000 && width > 0, "{left} {width}");
}

#[test]
fn before_the_first_try_the_page_is_loaded_or_not() {
    let standing = |is_loaded| rows(&[], is_loaded)[0].standing;
    assert_eq!(standing(false), Standing::Waiting);
    assert_eq!(standing(true), Standing::Done);
}

#[test]
fn garbage_has_bars_too() {
    for began in [f64::NAN, f64::INFINITY, -1e300] {
        let steps = [step(Milestone::OfferSent, began, Some(0.0), Outcome::Done)];
        let (left, width) = rows(&steps, true)[1].bar.unwrap();
        assert!(left + width <= 1_000, "{began}: {left} {width}");
    }
}

#[test]
fn a_failure_is_that_of_the_newest_try() {
    let failed = LinkState::Failed(Failure::Dtls);
    assert_eq!(failure(&failed), Some((1, &Failure::Dtls)));
    let reconnecting = |attempt, cause| LinkState::Reconnecting {
        attempt,
        attempted: Try::Opening(Attempt {
            step: Step::Checking,
            until: 0.0,
            beside: Beside::Over,
        }),
        cause,
    };
    // The session was lost, and nothing has failed since.
    assert_eq!(failure(&reconnecting(1, Failure::Silent)), None);
    let third = reconnecting(3, Failure::NoPath);
    assert_eq!(failure(&third), Some((2, &Failure::NoPath)));
    assert_eq!(failure(&LinkState::Connected), None);
}

fn with_report<T>(state: &LinkState, look: impl FnOnce(&Report) -> T) -> T {
    let path = Path {
        family: Family::V4,
        protocol: "udp".into(),
        local: CandidateKind::PeerReflexive,
        remote: CandidateKind::Host,
        local_address: Some(([192, 168, 1, 9].into(), 50_000)),
        remote_address: Some(([203, 0, 113, 7].into(), 8_080)),
    };
    let channel = ChannelReport {
        init: ChannelOptions::newest_only("clock").negotiated(0),
        is_open: true,
        sent: Tally {
            messages: 3,
            bytes: 120,
        },
        received: Tally {
            messages: 40,
            bytes: 1_234,
        },
        queued: 7,
    };
    look(&Report {
        at: 1_795_383_866_123.0,
        state,
        steps: &blocked(),
        path: Some(&path),
        round_trip: Some(Duration::from_micros(900)),
        channels: &[channel],
        advertised: &named(&["203.0.113.7:8080", "10.0.0.2:8080", "10.0.0.3:8080"]),
        vantage: &page("tickwire.example"),
    })
}

#[test]
fn a_report_says_what_the_panel_shows() {
    let state = LinkState::Failed(Failure::NoPath);
    let report = with_report(&state, |report| report.text(false));
    let expected = "\
Tickwire connection report
2026-11-22T21:44:26.123Z

State           Failed
Likely cause    The page reached the server, but data did not: UDP between here and the server is blocked, and there is no way by TCP.
User            Try another network, such as a phone’s hot spot, or go without the VPN.
Operator        Open UDP port 8080 in every firewall and security group, and map it as UDP in a container: a rule for TCP does not cover it, and is for networks that let no UDP through.

Page loaded             done, 412 ms
Offer sent              done, 100 ms
Answer received         done, 400 ms
Candidate pairs checked failed, 500 ms
DTLS handshake          waiting
Channels open           waiting

Path            IPv4, udp, this device peer-reflexive, server host, direct
Round trip      0.9 ms
clock           unordered, not sent again; sent 120 B in 3, received 1.2 kB in 40, 7 B queued

Server names    1 public, 2 inner
Page            http, from a name
Browser         Mozilla/5.0 (X11; Linux x86_64) Chrome/156.0.0.0
";
    assert_eq!(report, expected);
}

#[test]
fn a_report_has_addresses_only_where_they_are_wanted() {
    let said = "cannot parse a=candidate:1 1 udp 5 198.51.100.3 9 typ host";
    for failure in [
        Failure::BadAnswer(said.into()),
        Failure::NoWebRtc(said.into()),
        Failure::Refused(SignalingError::new(Code::BadSdp, said)),
    ] {
        let state = LinkState::Failed(failure);
        let addresses = [
            "198.51.100.3",
            "192.168.1.9",
            "203.0.113.7",
            "10.0.0.2",
            "10.0.0.3",
            "tickwire.example",
        ];
        let (without, with) = with_report(&state, |report| (report.text(false), report.text(true)));
        for address in addresses {
            assert!(!without.contains(address), "{without}");
            assert!(with.contains(address), "{with}");
        }
        assert_eq!(
            without
                .split_whitespace()
                .find(|word| word.parse::<std::net::IpAddr>().is_ok()),
            None
        );
    }
}
