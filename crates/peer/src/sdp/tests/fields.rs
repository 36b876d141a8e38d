//! What is understood of an offer, beyond what the offers from the wild have.

use super::checks::{check, media, value};
use super::*;

const FIRST: &str = "70:22:2E:3B:4F:B0:7A:5E:77:C2:05:3D:B4:5F:C6:94:C2:80:10:BA:46:44:B9:C3:97:E5:F2:7E:1C:21:2A:30";

#[test]
fn a_passive_client_gets_an_active_server_at_either_level() {
    let passive = edited(CHROMIUM, "a=setup:actpass", "a=setup:passive");
    assert_eq!(read(&passive).role(), Role::Client);
    assert_eq!(value(&answer(&read(&passive)), "setup"), Some("active"));
    check(&passive, &answer(&read(&passive)));
    let session = edited(CHROMIUM, "a=setup:actpass\r\n", "");
    let session = edited(&session, "t=0 0\r\n", "t=0 0\r\na=setup:PASSIVE\r\n");
    assert_eq!(read(&session).role(), Role::Client);
    let both = edited(CHROMIUM, "t=0 0\r\n", "t=0 0\r\na=setup:passive\r\n");
    assert_eq!(read(&both).role(), Role::Server);
}

#[test]
fn a_client_that_names_no_role_is_active() {
    let absent = edited(CHROMIUM, "a=setup:actpass\r\n", "");
    assert_eq!(read(&absent).role(), Role::Server);
    check(&absent, &answer(&read(&absent)));
}

#[test]
fn a_hash_that_is_unknown_is_skipped_beside_one_that_is_known() {
    let line = format!("a=fingerprint:sha-256 {FIRST}\r\n");
    let same = FIRST.to_lowercase();
    let several = format!("a=fingerprint:md5 00:11\r\n{line}a=fingerprint:SHA-256  {same}\r\n");
    let offer = read(&edited(CHROMIUM, &line, &several));
    let [fingerprint] = offer.fingerprints() else {
        panic!("{offer:?}")
    };
    assert_eq!(fingerprint.to_string(), format!("sha-256 {FIRST}"));
}

#[test]
fn fingerprints_of_the_section_go_before_those_of_the_session() {
    let other = FIRST.replace("70:", "71:");
    let session = format!("t=0 0\r\na=fingerprint:sha-256 {other}\r\n");
    let offer = read(&edited(CHROMIUM, "t=0 0\r\n", &session));
    assert_eq!(offer.fingerprints().len(), 1);
    assert!(offer.fingerprints()[0].to_string().contains(FIRST));
}

#[test]
fn the_old_syntax_keeps_its_port_on_both_sides() {
    for proto in ["DTLS/SCTP", "UDP/DTLS/SCTP", "TCP/DTLS/SCTP"] {
        let old = edited(FIREFOX_58, "DTLS/SCTP 5000", &format!("{proto} 5002"));
        let old = edited(&old, "sctpmap:5000", "sctpmap:5002");
        let offer = read(&old);
        assert_eq!(
            (offer.sctp_port(), offer.own_sctp_port(5_000)),
            (5_002, 5_002)
        );
        let answer = answer(&offer);
        check(&old, &answer);
        assert_eq!(media(&answer)[0][2..], [proto, "5002"]);
        assert_eq!(
            value(&answer, "sctpmap"),
            Some("5002 webrtc-datachannel 65535")
        );
        assert_eq!(value(&answer, "sctp-port"), None);
    }
    let mapped_to_other = edited(FIREFOX_58, " webrtc-datachannel 256", " t38 1");
    assert!(matches!(
        refused(&mapped_to_other),
        OfferError::NoDataChannel { .. }
    ));
}

#[test]
fn a_port_or_size_that_is_not_given_has_its_default() {
    let bare = edited(CHROMIUM, "a=sctp-port:5000\r\n", "");
    let bare = edited(&bare, "a=max-message-size:262144\r\n", "");
    let offer = read(&bare);
    assert_eq!(offer.sctp_port(), 5_000);
    assert_eq!(offer.max_message_size(), Some(65_536));
    let huge = edited(CHROMIUM, "size:262144", "size:99999999999999999999999");
    assert_eq!(read(&huge).max_message_size(), Some(u64::MAX));
}

#[test]
fn the_first_data_section_that_is_switched_on_is_taken() {
    let section = "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:second\r\n";
    let second = format!("{CHROMIUM}{section}");
    let both = answer(&read(&second));
    check(&second, &both);
    assert_eq!(media(&both)[1][1], "0");
    let off = format!(
        "v=0\r\nm=application 0 UDP/DTLS/SCTP webrtc-datachannel\r\n{}",
        {
            let start = CHROMIUM.find("m=").unwrap();
            &CHROMIUM[start..]
        }
    );
    let answered = answer(&read(&off));
    check(&off, &answered);
    assert_eq!(media(&answered)[0][1], "0");
    assert_eq!(media(&answered)[1][1], "8080");
}

#[test]
fn a_group_without_the_section_is_not_answered() {
    for group in [
        "a=group:BUNDLE 1",
        "a=group:LS 0",
        "a=group:BUNDLE",
        "a=group",
    ] {
        let other = edited(CHROMIUM, "a=group:BUNDLE 0", group);
        let answer = answer(&read(&other));
        check(&other, &answer);
        assert_eq!(value(&answer, "group"), None, "{group}");
    }
    let second = edited(CHROMIUM, "a=group:", "a=group:BUNDLE 7 8\r\na=group:");
    assert_eq!(value(&answer(&read(&second)), "group"), Some("BUNDLE 0"));
    let nameless = edited(CHROMIUM, "a=mid:0\r\n", "");
    let nameless = answer(&read(&nameless));
    assert_eq!(
        (value(&nameless, "group"), value(&nameless, "mid")),
        (None, None)
    );
}

#[test]
fn tcp_is_all_there_is_when_no_more_candidates_follow() {
    let tcp = "a=candidate:1 1 TCP 1518280447 192.0.2.32 9 typ host tcptype active\r\n";
    let with = |more: &str| edited(CHROMIUM, "a=mid:0\r\n", &format!("a=mid:0\r\n{tcp}{more}"));
    assert!(!read(&with("")).is_tcp_only());
    let done = with("a=end-of-candidates\r\n");
    assert!(read(&done).is_tcp_only());
    let whole = edited(&with(""), "a=ice-options:trickle\r\n", "");
    assert!(read(&whole).is_tcp_only());
    let options = edited(&with(""), "ice-options:trickle", "ice-options:ice2,trickle");
    assert!(!read(&options).is_tcp_only());
    for more in [
        "a=candidate:2 1 udp 1 0f.local 5 typ host\r\na=end-of-candidates\r\n",
        "a=candidate:what\r\na=end-of-candidates\r\n",
    ] {
        assert!(!read(&with(more)).is_tcp_only());
    }
}

#[test]
fn a_server_that_checks_does_not_say_ice_lite() {
    let offer = read(CHROMIUM);
    let fingerprint = Fingerprint::new(Hash::Sha256, &[1; 32]).unwrap();
    let answer = offer.answer(&Local {
        ufrag: "Serv",
        password: "aServersPasswordOf25Chars",
        fingerprint: &fingerprint,
        sctp_port: 5_001,
        max_message_size: 1,
        candidates: &[],
        session_id: u64::MAX,
        version: u64::MAX,
        tcp: &[],
        ice_lite: false,
    });
    assert!(!answer.contains("ice-lite"), "{answer}");
    assert_eq!(value(&answer, "sctp-port"), Some("5001"));
    // It is a description that can be read.
    let own = read(&answer);
    assert_eq!((own.ufrag(), own.sctp_port()), ("Serv", 5_001));
    assert_eq!(own.fingerprints(), [fingerprint]);
}

#[test]
fn nothing_printed_for_a_log_has_the_password() {
    let offer = read(CHROMIUM);
    assert!(!format!("{offer:?}").contains(offer.password()));
}
