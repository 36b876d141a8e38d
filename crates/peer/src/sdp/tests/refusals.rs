//! Each refusal, with what it says.

use super::*;

fn says(sdp: &str, words: &str) -> OfferError {
    let error = refused(sdp);
    let message = error.to_string();
    assert!(message.contains(words), "{message}");
    assert!(!message.contains(char::is_control), "{message:?}");
    assert!(message.len() < 500, "{message}");
    error
}

fn without(start: &str) -> String {
    let lines = CHROMIUM.split_inclusive('\n');
    lines.filter(|line| !line.starts_with(start)).collect()
}

#[test]
fn what_is_no_description_is_refused_with_the_line() {
    says("", "Line 1 of the session description: expected v=0");
    says("\u{feff}", "Line 1 ");
    says("hello\r\n", "found \"hello\"");
    says("\u{feff}\u{feff}v=0\r\n", "found \"\\u{feff}v=0\"");
    says("v=1\r\n", "found \"v=1\"");
    for (line, expected) in [
        ("hello", "expected a letter, ="),
        ("=5", "expected a letter, ="),
        ("aa=5", "expected a letter, ="),
        ("é=5", "expected a letter, ="),
        ("m=application", "expected a media line"),
        ("m=application 9 UDP/DTLS/SCTP", "expected a media line"),
        ("m=application x UDP/DTLS/SCTP 1", "expected a media line"),
        ("m=application +9 UDP/DTLS/SCTP 1", "expected a media line"),
        (
            "m=application 65536 UDP/DTLS/SCTP 1",
            "expected a media line",
        ),
        ("m=appli\u{1}cation 9 UDP 1", "expected a media line"),
        ("m=audio 9 ÜDP 1", "expected a media line"),
    ] {
        let sdp = edited(CHROMIUM, "t=0 0\r\n", &format!("\r\n{line}\r\nt=0 0\r\n"));
        let error = says(&sdp, expected);
        assert!(
            matches!(error, OfferError::BadSdp { line: 5, .. }),
            "{error:?}"
        );
    }
    let long = format!("{CHROMIUM}m=audio 9 RTP/AVP {}\r\n", "9".repeat(129));
    says(&long, "expected a media line");
}

#[test]
fn what_is_shown_of_an_offer_is_short_and_printable() {
    let error = says(
        &"\u{7}\u{202e}\"<é".repeat(1_000),
        "found \"\\u{7}\\u{202e}\\\"<é",
    );
    assert!(error.to_string().ends_with("…\"."), "{error}");
}

#[test]
fn values_that_cannot_be_meant_are_refused_with_the_line() {
    for (from, to, expected) in [
        ("sctp-port:5000", "sctp-port:0", "1 to 65535"),
        ("sctp-port:5000", "sctp-port:65536", "1 to 65535"),
        ("sctp-port:5000", "sctp-port:", "1 to 65535"),
        ("size:262144", "size:-1", "number of bytes"),
        ("size:262144", "size:", "number of bytes"),
        ("a=mid:0", "a=mid:", "a=mid with 1 to 128"),
        ("a=mid:0", "a=mid:0 1", "a=mid with 1 to 128"),
        ("a=mid:0", "a=mid:0\u{0}", "a=mid with 1 to 128"),
        ("a=mid:0", "a=mid:ä", "a=mid with 1 to 128"),
        ("sha-256 70:", "sha-256 ", "a fingerprint, such as"),
        ("sha-256 70:", "sha-256 7G:", "a fingerprint, such as"),
        ("sha-256 70:", "sha-256", "a fingerprint, such as"),
        ("sha-256 70:", "sha-384 70:", "a fingerprint, such as"),
    ] {
        let error = says(&edited(CHROMIUM, from, to), expected);
        assert!(matches!(error, OfferError::BadSdp { .. }), "{error:?}");
    }
}

#[test]
fn an_offer_without_data_channels_is_told_so() {
    let alone = CHROMIUM.split("m=").next().unwrap();
    says(alone, "found no section at all. Create a data channel");
    let audio = format!("{alone}m=audio 9 UDP/TLS/RTP/SAVPF 111\r\n");
    says(&audio, "found \"m=audio 9 UDP/TLS/RTP/SAVPF\"");
    for other in [
        "UDP/BFCP *",
        "UDP/DTLS/SCTP t38",
        "UDP/DTLS/SCTP 0",
        "UDP/DTLS/SCTP 65536",
    ] {
        let other = edited(CHROMIUM, "UDP/DTLS/SCTP webrtc-datachannel", other);
        assert!(matches!(refused(&other), OfferError::NoDataChannel { .. }));
    }
}

#[test]
fn a_data_channel_on_the_transport_of_audio_names_the_audio() {
    let alone = "a=group:BUNDLE a 0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:a\r\n\
        a=ice-ufrag:EAxP\r\na=ice-pwd:wDI2KfI9bZFGrAq7d3hCNB95\r\n";
    let (before, after) = CHROMIUM.split_once("m=").unwrap();
    let before = before.replace("a=group:BUNDLE 0\r\n", "");
    let bare = format!(
        "{before}{alone}m={}",
        without("a=ice-").split_once("m=").unwrap().1
    );
    says(&bare, "of a section of the kind \"audio\"");
    let bundle_only = edited(&bare, "application 9", "application 0");
    says(
        &edited(&bundle_only, "a=mid:0", "a=bundle-only\r\na=mid:0"),
        "without \"audio\"",
    );
    // Switched off, and bundled by no word of its own.
    says(&bundle_only, "port 0 in line");
    // With a transport of its own it goes on alone.
    read(&format!("{before}{alone}m={after}"));
}

#[test]
fn missing_credentials_are_named() {
    says(&without("a=ice-ufrag"), "found no a=ice-ufrag");
    says(&without("a=ice-pwd"), "found no a=ice-pwd");
    let empty = edited(CHROMIUM, "a=ice-ufrag:SJ1Y", "a=ice-ufrag: ");
    assert_eq!(
        refused(&empty),
        OfferError::NoIceCredentials {
            missing: "ice-ufrag"
        }
    );
}

#[test]
fn credentials_of_a_wrong_length_are_counted() {
    let ufrag = |ufrag: &str| edited(CHROMIUM, "SJ1Y", ufrag);
    says(
        &ufrag("SJ1"),
        "ice-ufrag has 3 characters. Expected 4 to 256 ",
    );
    says(&ufrag(&"u".repeat(257)), "ice-ufrag has 257 characters. ");
    read(&ufrag(&"u".repeat(256)));
    let password = |password: &str| edited(CHROMIUM, "Qpxc5i9at7P5hiuU8XKl64Yf", password);
    says(
        &password(&"p".repeat(21)),
        "ice-pwd has 21 characters. Expected 22 to 256 ",
    );
    says(&password(&"p".repeat(257)), "ice-pwd has 257 characters. ");
    read(&password(&"p".repeat(22)));
}

#[test]
fn credentials_may_have_odd_characters_but_none_that_breaks_a_check() {
    let ufrag = |ufrag: &str| edited(CHROMIUM, "SJ1Y", ufrag);
    assert_eq!(read(&ufrag("a-b_c=#")).ufrag(), "a-b_c=#");
    for bad in ["ab:cd", "ab cd", "ab\u{0}cd", "abcé"] {
        says(&ufrag(bad), "one of which is not allowed");
    }
}

#[test]
fn fingerprints_that_cannot_be_checked_are_named() {
    assert_eq!(
        refused(&without("a=fingerprint")),
        OfferError::NoFingerprint
    );
    let old = edited(CHROMIUM, "sha-256 70:", "md5 70:");
    says(&old, "sha-256, sha-384 or sha-512, found \"md5\" only");
}

#[test]
fn roles_that_no_offer_can_name_are_refused() {
    for setup in ["holdconn", "server", ""] {
        let setup = edited(CHROMIUM, "setup:actpass", &format!("setup:{setup}"));
        let error = says(&setup, "a=setup:actpass, active or passive");
        assert!(matches!(error, OfferError::BadSetup { .. }), "{error:?}");
    }
}

#[test]
fn an_ice_lite_client_is_told_that_nobody_would_check() {
    for lite in [
        edited(CHROMIUM, "t=0 0\r\n", "t=0 0\r\na=ice-lite\r\n"),
        edited(CHROMIUM, "a=mid:0\r\n", "a=mid:0\r\na=ice-lite\r\n"),
    ] {
        assert_eq!(refused(&lite), OfferError::IceLite);
    }
}

#[test]
fn what_exceeds_a_bound_is_refused_and_what_reaches_it_is_not() {
    let more = |line: &str, count: usize| format!("{CHROMIUM}{}", line.repeat(count));
    let candidate = "a=candidate:1 1 udp 2122260223 192.0.2.1 5000 typ host\r\n";
    read(&more(candidate, 100));
    says(&more(candidate, 101), "at most 100 candidates, found 101");
    let fingerprint = "a=fingerprint:sha-1 00\r\n";
    read(&more(fingerprint, 15));
    says(&more(fingerprint, 16), "at most 16 fingerprints, found 17");
    let audio = "m=audio 9 RTP/AVP 0\r\n";
    read(&more(audio, 63));
    says(&more(audio, 64), "at most 64 media sections");
    let left = 65_536 - CHROMIUM.len();
    read(&more("\n", left));
    says(&more("\n", left + 1), "at most 65536 bytes, found 65537");
}
