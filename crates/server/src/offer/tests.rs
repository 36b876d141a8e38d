use super::*;

const OFFER_SDP: &str = include_str!("../../tests/fixtures/chromium-offer.sdp");

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
    let video = "m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:1\r\n";
    let alone = format!("{session_alone}{video}");
    assert_eq!(code("offer", &alone), Code::NoDataChannel);
}

#[test]
fn what_cannot_connect_is_refused_by_name() {
    let changed = |from: &str, to: &str| {
        let changed = OFFER_SDP.replace(from, to);
        assert_ne!(changed, OFFER_SDP);
        code("offer", &changed)
    };
    assert_eq!(
        changed("ice-ufrag:7sFv", "ice-ufrag:7s"),
        Code::BadIceCredentials
    );
    assert_eq!(changed("sha-256", "sha-1"), Code::UnusableFingerprint);
    assert_eq!(changed("setup:actpass", "setup:holdconn"), Code::BadSetup);
    assert_eq!(
        changed("t=0 0\r\n", "t=0 0\r\na=ice-lite\r\n"),
        Code::IceLite
    );
    assert_eq!(
        changed("m=application 9", "m=application 0"),
        Code::NoDataChannel
    );
    let line = "a=candidate:1 1 tcp 1518280447 192.0.2.1 9 typ host tcptype active\r\n";
    let many = format!("{OFFER_SDP}{}", line.repeat(101));
    assert_eq!(code("offer", &many), Code::TooManyCandidates);
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

#[test]
fn channels_that_cannot_be_created_are_refused_in_words() {
    let refusal = |channels: serde_json::Value| {
        let channels = serde_json::from_value(channels).unwrap();
        let offer = Offer::read("offer", OFFER_SDP).unwrap();
        let refused = offer.with_channels(channels, 3).unwrap_err();
        assert_eq!(refused.code, Code::BadChannel);
        refused.message
    };
    let channel = |id: u32| serde_json::json!({"label": "clock", "id": id});
    assert_eq!(
        refusal(serde_json::json!([
            channel(0),
            channel(1),
            channel(2),
            channel(3)
        ])),
        "Expected at most 3 channels, found 4."
    );
    assert_eq!(
        refusal(serde_json::json!([channel(7), channel(7)])),
        "Channel with the id 7: expected each id once."
    );
    assert_eq!(
        refusal(serde_json::json!([channel(65_535)])),
        "Channel with the id 65535: expected an id from 0 to 65534."
    );
    let with = |key: &str, value: serde_json::Value| {
        let mut channel = serde_json::json!({"label": "clock", "id": 0, "maxRetransmits": 0});
        channel[key] = value;
        refusal(serde_json::json!([channel]))
    };
    assert!(with("maxPacketLifeTime", 100.into()).contains("not both"));
    assert!(with("negotiated", false.into()).contains("negotiated: true"));
    assert!(with("label", "x".repeat(65_536).into()).contains("at most 65535 bytes"));
    assert!(with("protocol", "x".repeat(65_536).into()).contains("at most 65535 bytes"));
}

#[test]
fn channels_are_read_as_a_browser_writes_them() {
    let init = r#"{"label":"clock","id":2,"negotiated":true,"ordered":false,"maxRetransmits":0}"#;
    let channel: ChannelInit = serde_json::from_str(init).unwrap();
    let offer = Offer::read("offer", OFFER_SDP).unwrap();
    let (_, channels) = offer.with_channels(vec![channel], 1).unwrap().into_parts();
    assert!(!channels[0].ordered);
    assert_eq!(channels[0].max_retransmits, Some(0));
    let least: ChannelInit = serde_json::from_str(r#"{"label":"","id":0}"#).unwrap();
    assert!(least.ordered && least.negotiated && least.max_retransmits.is_none());
    for wrong in [
        r#"{"label":"clock"}"#,
        r#"{"id":0}"#,
        r#"{"label":"clock","id":-1}"#,
        r#"{"label":"clock","id":0,"maxRetransmit":0}"#,
    ] {
        assert!(
            serde_json::from_str::<ChannelInit>(wrong).is_err(),
            "{wrong}"
        );
    }
}
