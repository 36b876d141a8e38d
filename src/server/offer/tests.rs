use super::*;

const OFFER_SDP: &str = include_str!("../../../tests/fixtures/chromium-offer.sdp");

fn code(kind: &str, sdp: &str) -> Code {
    Offer::read(kind, sdp).unwrap_err().code
}

fn without(start: &str) -> String {
    OFFER_SDP
        .split_inclusive("\r\n")
        .filter(|line| !line.starts_with(start))
        .collect()
}

#[test]
fn a_browsers_offer_is_read() {
    let offer = Offer::read("offer", OFFER_SDP).unwrap();
    assert_eq!(offer.into_description().sdp, OFFER_SDP);
}

#[test]
fn candidates_are_left_out() {
    let line = "a=candidate:1 1 udp 2122260223 192.0.2.1 5000 typ host\r\n";
    let offer = Offer::read(
        "offer",
        &format!("{OFFER_SDP}{}", line.repeat(MAX_CANDIDATES)),
    )
    .unwrap();
    assert_eq!(offer.into_description().sdp, OFFER_SDP);
    assert_eq!(
        code(
            "offer",
            &format!("{OFFER_SDP}{}", line.repeat(MAX_CANDIDATES + 1))
        ),
        Code::TooManyCandidates
    );
}

#[test]
fn what_is_missing_is_named() {
    assert_eq!(code("answer", OFFER_SDP), Code::NotAnOffer);
    assert_eq!(code("offer", ""), Code::BadSdp);
    assert_eq!(code("offer", "hello"), Code::BadSdp);
    let session_alone = OFFER_SDP.split("m=").next().unwrap();
    assert_eq!(code("offer", session_alone), Code::NoDataChannel);
    assert_eq!(
        code("offer", &without("a=fingerprint")),
        Code::NoFingerprint
    );
    assert_eq!(
        code("offer", &without("a=ice-ufrag")),
        Code::NoIceCredentials
    );
    assert_eq!(code("offer", &without("a=ice-pwd")), Code::NoIceCredentials);
    let empty = OFFER_SDP.replace("a=ice-ufrag:7sFv", "a=ice-ufrag:");
    assert_eq!(code("offer", &empty), Code::NoIceCredentials);
    let video = format!("{OFFER_SDP}m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:1\r\n");
    assert_eq!(code("offer", &video), Code::MediaOffered);
    let twice =
        format!("{OFFER_SDP}m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:1\r\n");
    assert_eq!(code("offer", &twice), Code::NoDataChannel);
}

#[test]
fn what_is_shown_of_bad_input_is_short_and_printable() {
    let message = Offer::read(&"\u{7}\n".repeat(10_000), "")
        .unwrap_err()
        .message;
    assert!(
        message.len() < 400 && !message.contains(char::is_control),
        "{message:?}"
    );
}
