//! The statuses of signalling, and what becomes of bad input.

use crate::support::{self, OFFER_SDP};
use crate::{app, request, text};
use axum::body::Body;
use axum::http::{HeaderValue, Request, StatusCode, header};
use serde_json::{Value, json};
use tower::ServiceExt;

fn post(body: impl Into<Body>) -> Request<Body> {
    request("POST", "/sdp", "application/json", body)
}

pub fn offer(sdp: &str) -> String {
    json!({"type": "offer", "sdp": sdp}).to_string()
}

#[tokio::test]
async fn an_offer_is_answered_and_the_session_can_be_ended_once() {
    let (app, sessions) = app(&[]);
    let response = app.clone().oneshot(post(offer(OFFER_SDP))).await.unwrap();
    assert_eq!(response.status(), StatusCode::CREATED);
    assert_eq!(response.headers()[header::CONTENT_TYPE], "application/json");
    let location = response.headers()[header::LOCATION]
        .to_str()
        .unwrap()
        .to_owned();
    let answer: Value = serde_json::from_str(&text(response).await).unwrap();
    assert_eq!(answer["type"], "answer");
    let id = answer["id"].as_str().unwrap();
    assert_eq!(location, format!("sdp/{id}"));
    let location = format!("/{location}");
    assert_eq!(id.len(), 32, "128 bits: {id}");
    let sdp = answer["sdp"].as_str().unwrap();
    assert!(
        sdp.contains("127.0.0.1") && sdp.contains("webrtc-datachannel"),
        "{sdp}"
    );
    assert!(
        !sdp.lines()
            .any(|line| line.starts_with("a=candidate:") && line.contains(" 2 udp "))
    );
    assert_eq!(sessions.count(), 1);

    let end = || request("DELETE", &location, "text/plain", Body::empty());
    assert_eq!(
        app.clone().oneshot(end()).await.unwrap().status(),
        StatusCode::NO_CONTENT
    );
    let again = app.oneshot(end()).await.unwrap();
    assert_eq!(again.status(), StatusCode::NOT_FOUND);
    let error: Value = serde_json::from_str(&text(again).await).unwrap();
    assert_eq!(error["code"], "not-found");
    sessions.shut_down().await;
}

#[tokio::test]
async fn an_offer_that_is_sdp_by_itself_is_answered_in_kind() {
    let (app, sessions) = app(&[]);
    let whip = |body: String| request("POST", "/sdp", "application/sdp; charset=utf-8", body);
    let response = app.clone().oneshot(whip(OFFER_SDP.into())).await.unwrap();
    assert_eq!(response.status(), StatusCode::CREATED);
    let headers = response.headers().clone();
    assert_eq!(headers[header::CONTENT_TYPE], "application/sdp");
    let location = format!("/{}", headers[header::LOCATION].to_str().unwrap());
    assert!(headers.contains_key(header::ETAG));
    let answer = text(response).await;
    assert!(answer.starts_with("v=0\r\n") && answer.contains("webrtc-datachannel"));
    let end = request("DELETE", &location, "text/plain", Body::empty());
    let ended = app.clone().oneshot(end).await.unwrap();
    assert_eq!(ended.status(), StatusCode::NO_CONTENT);
    let bad = app.oneshot(whip("v=0\r\n".into())).await.unwrap();
    assert_eq!(bad.status(), StatusCode::BAD_REQUEST);
    let error: Value = serde_json::from_str(&text(bad).await).unwrap();
    assert_eq!(error["code"], "no-data-channel");
    sessions.shut_down().await;
}

#[tokio::test]
async fn the_server_function_opens_a_session_too_and_reads_no_more_than_an_offer() {
    let (app, sessions) = app(&[]);
    let call = |body: String| request("POST", "/api/connect", "application/json", body);
    let response = app.clone().oneshot(call(offer(OFFER_SDP))).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    let answer: Value = serde_json::from_str(&text(response).await).unwrap();
    assert_eq!(answer["type"], "answer");
    assert_eq!(sessions.count(), 1);
    let bad = app.clone().oneshot(call(offer(""))).await.unwrap();
    assert_eq!(bad.status(), StatusCode::BAD_REQUEST);
    let error: Value = serde_json::from_str(&text(bad).await).unwrap();
    assert_eq!(error["code"], "bad-sdp");
    let mut large = call(offer(&"a=x\r\n".repeat(20_000)));
    let length = HeaderValue::from_static("100000");
    large.headers_mut().insert(header::CONTENT_LENGTH, length);
    let refused = app.oneshot(large).await.unwrap();
    assert_eq!(refused.status(), StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(sessions.count(), 1);
    sessions.shut_down().await;
}

#[tokio::test]
async fn bad_input_gets_its_status_and_a_message_and_leaves_nothing_behind() {
    let (app, sessions) = app(&[]);
    let candidate = "a=candidate:1 1 udp 1 192.0.2.1 9 typ host\r\n";
    let without = |start: &str| -> String {
        OFFER_SDP
            .split_inclusive("\r\n")
            .filter(|line| !line.starts_with(start))
            .collect()
    };
    let lite = OFFER_SDP.replace("t=0 0\r\n", "t=0 0\r\na=ice-lite\r\n");
    let no_section = OFFER_SDP.split("m=").next().unwrap();
    let odd_fingerprint = without("a=fingerprint") + "a=fingerprint:sha-256 zz\r\n";
    let cases = [
        (post("hello"), 400, "bad-json"),
        (post(""), 400, "bad-json"),
        (post("{}"), 400, "bad-json"),
        (post("[1]"), 400, "bad-json"),
        (post(r#"{"type":"offer"}"#), 400, "bad-json"),
        (post(r#"{"type":5,"sdp":"v=0"}"#), 400, "bad-json"),
        (post(vec![0xff, 0xfe, 0x00]), 400, "bad-json"),
        (post("[".repeat(60_000)), 400, "bad-json"),
        (
            request("POST", "/sdp", "text/plain", offer(OFFER_SDP)),
            415,
            "unsupported-media-type",
        ),
        (
            request(
                "POST",
                "/sdp",
                "application/x-www-form-urlencoded",
                "type=offer",
            ),
            415,
            "unsupported-media-type",
        ),
        (post(offer(&"a=x\r\n".repeat(20_000))), 413, "too-large"),
        (
            post(offer(&format!("{OFFER_SDP}{}", candidate.repeat(10_000)))),
            413,
            "too-large",
        ),
        (
            post(offer(&format!("{OFFER_SDP}{}", candidate.repeat(1_000)))),
            400,
            "too-many-candidates",
        ),
        (
            post(offer(&format!(
                "{OFFER_SDP}{}",
                "a=candidate:\r\n".repeat(3_000)
            ))),
            400,
            "too-many-candidates",
        ),
        (
            post(json!({"type": "answer", "sdp": OFFER_SDP}).to_string()),
            400,
            "not-an-offer",
        ),
        (
            post(json!({"type": "rollback", "sdp": ""}).to_string()),
            400,
            "not-an-offer",
        ),
        (post(offer("")), 400, "bad-sdp"),
        (post(offer("v=0\r\nnonsense\r\n")), 400, "bad-sdp"),
        (post(offer(&odd_fingerprint)), 400, "bad-sdp"),
        (post(offer(no_section)), 400, "no-data-channel"),
        (
            post(offer(&without("a=fingerprint"))),
            400,
            "no-fingerprint",
        ),
        (
            post(offer(&without("a=ice-ufrag"))),
            400,
            "no-ice-credentials",
        ),
        (
            post(offer(&without("a=ice-pwd"))),
            400,
            "no-ice-credentials",
        ),
        (post(offer(&lite)), 400, "ice-lite"),
        (
            request("GET", "/sdp", "", Body::empty()),
            405,
            "method-not-allowed",
        ),
        (
            request("PUT", "/sdp", "application/json", offer(OFFER_SDP)),
            405,
            "method-not-allowed",
        ),
        (
            request("GET", "/sdp/0123", "", Body::empty()),
            405,
            "method-not-allowed",
        ),
        (
            request("POST", "/health", "", Body::empty()),
            405,
            "method-not-allowed",
        ),
        (
            request("DELETE", "/sdp/0123", "", Body::empty()),
            404,
            "not-found",
        ),
        (
            request("DELETE", "/sdp/%00%ff", "", Body::empty()),
            404,
            "not-found",
        ),
        (
            request("GET", "/nothing/here", "", Body::empty()),
            404,
            "not-found",
        ),
        (
            request("GET", "/../Cargo.toml", "", Body::empty()),
            404,
            "not-found",
        ),
    ];
    for (request, status, code) in cases {
        let what = format!("{} {} → {code}", request.method(), request.uri());
        let response = app.clone().oneshot(request).await.unwrap();
        assert_eq!(response.status(), status, "{what}");
        assert_eq!(
            response.headers()[header::CONTENT_TYPE],
            "application/json",
            "{what}"
        );
        let body = text(response).await;
        let error: Value = serde_json::from_str(&body).unwrap();
        assert_eq!(error["code"], code, "{what}: {body}");
        assert!(
            error["message"].as_str().unwrap().len() > 20,
            "{what}: {body}"
        );
        assert_eq!(sessions.count(), 0, "{what}");
    }
}

/// No offer, however mangled, takes more down than itself: each is answered or refused.
#[tokio::test]
async fn mangled_offers_are_refused_or_answered() {
    let (app, sessions) = app(&[]);
    let lines: Vec<&str> = OFFER_SDP.split_inclusive("\r\n").collect();
    let mut mangled: Vec<String> = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        for instead in [
            "",
            "a=\r\n",
            "\r\n",
            "a=ice-ufrag:\r\n",
            "m=application 0 x y\r\n",
            "=\r\n",
            &line.repeat(2),
        ] {
            let mut copy = lines.clone();
            copy[index] = instead;
            mangled.push(copy.concat());
        }
        if let Some((key, _)) = line.split_once(':') {
            for value in ["", "-1", "99999999999999999999", "\u{0}", "ß∂ƒ"] {
                let replaced = format!("{key}:{value}\r\n");
                let mut copy = lines.clone();
                copy[index] = &replaced;
                mangled.push(copy.concat());
            }
        }
        mangled.push(lines[..index].concat());
    }
    for sdp in mangled {
        let response = app.clone().oneshot(post(offer(&sdp))).await.unwrap();
        let status = response.status();
        let body = text(response).await;
        assert!(
            status == 201 || status == 400,
            "{status} {body} for:\n{sdp}"
        );
        if status == 201 {
            let answer: Value = serde_json::from_str(&body).unwrap();
            let path = format!("/sdp/{}", answer["id"].as_str().unwrap());
            let ended = app
                .clone()
                .oneshot(request("DELETE", &path, "", Body::empty()))
                .await
                .unwrap();
            assert_eq!(ended.status(), 204);
        }
    }
    sessions.shut_down().await;
    assert_eq!(sessions.count(), 0);
}

#[tokio::test]
async fn a_full_server_says_when_to_come_back_and_has_room_again() {
    let (app, sessions) = app(&[("TICKWIRE_LIMIT_PENDING", "1")]);
    let first = app.clone().oneshot(post(offer(OFFER_SDP))).await.unwrap();
    let location = first.headers()[header::LOCATION].to_str().unwrap();
    let location = format!("/{location}");

    let second = app.clone().oneshot(post(offer(OFFER_SDP))).await.unwrap();
    assert_eq!(second.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(
        second.headers()[header::RETRY_AFTER]
            .to_str()
            .unwrap()
            .parse::<u32>()
            .unwrap()
            > 0
    );
    assert!(text(second).await.contains(r#""code":"full""#));

    app.clone()
        .oneshot(request("DELETE", &location, "", Body::empty()))
        .await
        .unwrap();
    support::until("room", async || sessions.count() == 0).await;
    let third = app.clone().oneshot(post(offer(OFFER_SDP))).await.unwrap();
    assert_eq!(third.status(), StatusCode::CREATED);

    sessions.shut_down().await;
    let late = app.oneshot(post(offer(OFFER_SDP))).await.unwrap();
    assert_eq!(late.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(text(late).await.contains(r#""code":"shutting-down""#));
}
