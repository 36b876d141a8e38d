//! Offers as clients, bridges and test suites write them.

use super::checks::{check, levels, media, value};
use super::*;

/// What an offer gets.
enum Right {
    /// An answer with these ports other than 0, and with this group.
    Answer(&'static [bool], Option<&'static str>),
    /// A refusal with this text in it.
    Refusal(fn(&OfferError) -> bool, &'static str),
}

const ONE: Right = Right::Answer(&[true], Some("BUNDLE 0"));

macro_rules! offers {
    ($($name:literal => $right:expr),* $(,)?) => {
        [$(($name, include_str!(concat!("../../../tests/offers/", $name, ".sdp")), $right)),*]
    };
}

/// Each offer with what is right.
fn offers() -> [(&'static str, &'static str, Right); 32] {
    use OfferError as E;
    use Right::{Answer, Refusal};
    let lite: fn(&E) -> bool = |error| matches!(error, E::IceLite);
    let lite_words = "waits for the client's connectivity checks";
    offers! {
        "01-chromium-mdns-and-srflx" => ONE,
        "02-chromium-152-sctp-init" => ONE,
        "04-firefox-58-sctpmap" => Answer(&[true], Some("BUNDLE sdparta_0")),
        "05-firefox-63-new-syntax" => ONE,
        "07-firefox-rejected-audio-before-data" => Answer(&[false, true], Some("BUNDLE 1")),
        "08-safari-17-ios-mdns-only" => ONE,
        "10-libdatachannel-0.17-bundle-only" => ONE,
        "11-node-datachannel-ice2" => ONE,
        "13-pion-v4-full-candidates" => ONE,
        "14-sipsorcery-8" => ONE,
        "16-gstreamer-webrtcbin-video-and-bundle-only-data" =>
            Refusal(|error| matches!(error, E::MediaOffered { .. }), "without \"video\""),
        "17-kvs-c-sdk" => ONE,
        "19-libpeer-ice-lite" => Refusal(lite, lite_words),
        "20-node-webrtc-test-no-group" => Answer(&[true], None),
        "22-no-mid-no-group-short-password" => Refusal(
            |error| matches!(error, E::BadIceCredentials { .. }),
            "ice-pwd has 12 characters. Expected 22 to 256 ",
        ),
        "23-rawrtc-zero-max-message-size" => Answer(&[true], Some("BUNDLE rawrtc-sctp-dc")),
        "25-mediasoup-like-ice-lite-sha512" => Refusal(lite, lite_words),
        "26-rfc8864-dcmap-sha1-uppercase" => Refusal(
            |error| matches!(error, E::UnusableFingerprint { .. }),
            "sha-512, found \"SHA-1\" only",
        ),
        "28-str0m-0.24" => Answer(&[true], Some("BUNDLE RnU")),
        "29-chrome-audio-video-data" => Answer(&[false, false, true], Some("BUNDLE 2")),
        "31-ipv6-only" => ONE,
        "32-tcp-candidates-only" => ONE,
        "34-byte-order-mark" => ONE,
        "35-lf-only-and-trailing-spaces" => ONE,
        "37-tcp-proto-with-udp-candidates" => ONE,
        "38-sctp-port-5001" => ONE,
        "40-negative-session-id-mixed-line-ends" => ONE,
        "41-link-local-and-private-candidates" => ONE,
        "43-setup-active-else-plain" => ONE,
        "44-application-port-0" => Refusal(
            |error| matches!(error, E::DataChannelRejected { line: 5 }),
            "switched off (port 0 in line 5)",
        ),
        "46-group-ls-before-bundle" => ONE,
        "47-fingerprints-sha512-first" => ONE,
    }
}

/// The texts alone.
pub(super) fn texts() -> Vec<&'static str> {
    offers().iter().map(|(_, text, _)| *text).collect()
}

fn named(name: &str) -> Offer {
    let offers = offers();
    let (_, text, _) = offers
        .iter()
        .find(|offer| offer.0.starts_with(name))
        .unwrap();
    read(text)
}

#[test]
fn every_offer_from_the_wild_gets_what_is_right() {
    for (name, text, right) in offers() {
        match (Offer::read(text), right) {
            (Ok(offer), Right::Answer(live, group)) => {
                let answer = answer(&offer);
                check(text, &answer);
                let ports: Vec<&str> = media(&answer).iter().map(|words| words[1]).collect();
                let expected: Vec<&str> = live
                    .iter()
                    .map(|live| if *live { "8080" } else { "0" })
                    .collect();
                assert_eq!(ports, expected, "{name}");
                assert_eq!(value(&answer, "group"), group, "{name}");
                assert_eq!(
                    offer.fingerprints()[0].hash() == Hash::Sha512,
                    name.starts_with("47")
                );
            }
            (Err(error), Right::Refusal(is, words)) => {
                assert!(is(&error), "{name}: {error:?}");
                assert!(error.to_string().contains(words), "{name}: {error}");
            }
            (read, _) => panic!("{name}: {read:?}"),
        }
    }
}

#[test]
fn what_clients_say_of_themselves_is_kept() {
    assert_eq!(named("01").ufrag(), "sR0b");
    assert_eq!(named("01").password(), "Lm0BeIjK/kiFjp2SjyOZutwA");
    assert_eq!(named("10").ufrag(), "npQj");
    assert_eq!(named("35").ufrag(), "apHm");
    assert_eq!(named("35").password(), "y27jHdLtmxWNpnkshR2xxG3/");
    assert_eq!(named("17").max_message_size(), Some(65_536));
    assert_eq!(named("23").max_message_size(), None);
    assert_eq!(named("05").max_message_size(), Some(1_073_741_823));
    assert_eq!(named("38").sctp_port(), 5_001);
    assert_eq!(named("38").own_sctp_port(5_000), 5_000);
    assert_eq!(named("04").sctp_port(), 5_000);
    assert_eq!(named("43").role(), Role::Server);
    let hashes: Vec<Hash> = named("47")
        .fingerprints()
        .iter()
        .map(Fingerprint::hash)
        .collect();
    assert_eq!(hashes, [Hash::Sha512, Hash::Sha256]);
    assert!(
        named("05").fingerprints()[0]
            .to_string()
            .starts_with("sha-256 84:ED:97:69:")
    );
}

#[test]
fn rejected_sections_keep_their_words_and_their_mids() {
    let answer = answer(&named("29"));
    let levels = levels(&answer);
    assert_eq!(
        levels[1..3],
        [
            "m=audio 0 UDP/TLS/RTP/SAVPF 111 0\r\nc=IN IP4 0.0.0.0\r\na=mid:0\r\na=inactive\r\n",
            "m=video 0 UDP/TLS/RTP/SAVPF 96\r\nc=IN IP4 0.0.0.0\r\na=mid:1\r\na=inactive\r\n",
        ]
    );
}

#[test]
fn an_answer_is_whole() {
    assert_eq!(
        answer(&named("37")),
        "v=0\r\no=- 1234567890 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0\r\n\
        a=ice-lite\r\nm=application 8080 TCP/DTLS/SCTP webrtc-datachannel\r\n\
        c=IN IP4 192.0.2.1\r\na=mid:0\r\n\
        a=candidate:1 1 udp 2130706431 192.0.2.1 8080 typ host\r\n\
        a=candidate:2 1 udp 2130706175 2001:db8::1 8080 typ host\r\n\
        a=end-of-candidates\r\na=ice-ufrag:Serv\r\na=ice-pwd:aServersPasswordOf25Chars\r\n\
        a=fingerprint:sha-256 AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:\
        AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB\r\n\
        a=setup:passive\r\na=sctp-port:5000\r\na=max-message-size:65548\r\n"
    );
}

#[test]
fn an_address_of_ipv6_comes_first_where_it_is_best_and_none_is_no_error() {
    let offer = named("31");
    let sixth = answer_at(&offer, &["[2001:db8::1]:4001"]);
    assert!(sixth.contains("\r\nm=application 4001 "), "{sixth}");
    assert!(sixth.contains("\r\nc=IN IP6 2001:db8::1\r\n"), "{sixth}");
    let nowhere = answer_at(&offer, &[]);
    assert!(nowhere.contains("\r\nm=application 9 "), "{nowhere}");
    assert!(nowhere.contains("\r\nc=IN IP4 0.0.0.0\r\n"), "{nowhere}");
    assert!(!nowhere.contains("a=candidate"), "{nowhere}");
}
