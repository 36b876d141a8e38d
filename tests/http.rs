//! The router by itself: the page, the statuses, and what becomes of bad input.

#[path = "../crates/server/tests/support/mod.rs"]
mod support;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderValue, Request, Response, StatusCode, header};
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use support::OFFER_SDP;
use tickwire::server::{self, AppState, Config, site};
use tickwire_server::Sessions;
use tower::ServiceExt;

/// A configuration from `TICKWIRE_…` variables, on loopback.
fn config(variables: &[(&str, &str)]) -> Config {
    let variables = [("TICKWIRE_PORT_LISTEN", r#"["127.0.0.1:0"]"#)]
        .iter()
        .chain(variables)
        .map(|&(name, value)| (name.to_owned(), value.to_owned()));
    Config::from_parts("", variables).unwrap()
}

fn app(variables: &[(&str, &str)]) -> (Router, Sessions) {
    let config = config(variables);
    let sessions =
        Sessions::open(&config.server, ([127, 0, 0, 1], 0).into(), server::feeds()).unwrap();
    let state = AppState {
        leptos: config.leptos,
        sessions: sessions.clone(),
    };
    (site(state, &config.site.base), sessions)
}

fn get(path: &str, accept: &str) -> Request<Body> {
    let request = Request::builder().uri(path).header(header::ACCEPT, accept);
    request.body(Body::empty()).unwrap()
}

fn request(method: &str, path: &str, content_type: &str, body: impl Into<Body>) -> Request<Body> {
    Request::builder()
        .method(method)
        .uri(path)
        .header(header::CONTENT_TYPE, content_type)
        .body(body.into())
        .unwrap()
}

fn post(body: impl Into<Body>) -> Request<Body> {
    request("POST", "/sdp", "application/json", body)
}

fn offer(sdp: &str) -> String {
    json!({"type": "offer", "sdp": sdp}).to_string()
}

async fn text(response: Response<Body>) -> String {
    let body = to_bytes(response.into_body(), 1 << 20).await.unwrap();
    String::from_utf8(body.to_vec()).unwrap()
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
    let (app, sessions) = app(&[("TICKWIRE_SESSION_MAX", "1")]);
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

#[tokio::test]
async fn the_page_is_complete_without_a_script_and_says_what_it_may_do() {
    let (app, _) = app(&[]);
    let get = |path: &str| request("GET", path, "", Body::empty());
    let response = app.clone().oneshot(get("/")).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    let policy = response.headers()[header::CONTENT_SECURITY_POLICY]
        .to_str()
        .unwrap()
        .to_owned();
    assert!(
        policy.starts_with("default-src 'none'; script-src 'self' 'nonce-"),
        "{policy}"
    );
    assert_eq!(
        response.headers()[header::X_CONTENT_TYPE_OPTIONS],
        "nosniff"
    );
    let page = text(response).await;
    let nonce = policy
        .split("'nonce-")
        .nth(1)
        .unwrap()
        .split('\'')
        .next()
        .unwrap();
    assert!(page.contains(&format!("nonce=\"{nonce}\"")), "{page}");
    for part in [
        "Start Connection",
        "Not connected",
        "<noscript>",
        "role=\"log\"",
        "role=\"status\"",
    ] {
        assert!(page.contains(part), "no {part}: {page}");
    }
    // A disabled fieldset disables what is in it.
    let fields = page.split("<fieldset").nth(1).unwrap();
    let (tag, fields) = fields.split_once('>').unwrap();
    assert!(tag.contains("disabled"), "{tag}");
    let (fields, _) = fields.split_once("</fieldset>").unwrap();
    let page = page.replace(fields, "");
    for control in page
        .split("<button")
        .skip(1)
        .chain(page.split("<input").skip(1))
    {
        assert!(
            control.split('>').next().unwrap().contains("disabled"),
            "{control}"
        );
    }
    let again = app.clone().oneshot(get("/")).await.unwrap();
    let other = again.headers()[header::CONTENT_SECURITY_POLICY]
        .to_str()
        .unwrap()
        .to_owned();
    assert_ne!(other, policy, "a nonce is used once");
}

#[tokio::test]
async fn the_page_is_compressed_for_who_takes_that_and_answers_are_not() {
    let (app, _) = app(&[]);
    for (path, encoding) in [("/", Some("br")), ("/health", None)] {
        let mut get = request("GET", path, "", Body::empty());
        get.headers_mut()
            .insert(header::ACCEPT_ENCODING, "gzip, br".parse().unwrap());
        let response = app.clone().oneshot(get).await.unwrap();
        let found = response.headers().get(header::CONTENT_ENCODING);
        assert_eq!(
            found.map(HeaderValue::as_bytes),
            encoding.map(str::as_bytes)
        );
    }
}

#[tokio::test]
async fn a_browser_gets_a_page_where_nothing_is() {
    let (app, _) = app(&[]);
    let mut lost = request("GET", "/nothing", "", Body::empty());
    lost.headers_mut().insert(
        header::ACCEPT,
        "text/html,application/xhtml+xml".parse().unwrap(),
    );
    let response = app.oneshot(lost).await.unwrap();
    assert_eq!(response.status(), StatusCode::NOT_FOUND);
    assert!(text(response).await.contains("<h1>Not found</h1>"));
}

/// Files of a page, in a folder of the test's own.
fn site_root(test: &str) -> PathBuf {
    let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join(test);
    fs::create_dir_all(root.join("pkg")).unwrap();
    for name in ["tickwire.js", "tickwire.wasm", "tickwire.css"] {
        fs::write(root.join("pkg").join(name), name).unwrap();
    }
    root
}

/// The folder of the page's script, as the page names it.
async fn package(app: &Router) -> String {
    let page = app.clone().oneshot(get("/", "text/html")).await.unwrap();
    let page = text(page).await;
    let (before, _) = page.split_once("/tickwire.js").expect("a script");
    let (_, folder) = before.rsplit_once("\"./").expect("at a relative path");
    assert!(page.contains(&format!("./{folder}/tickwire.css")), "{page}");
    assert!(
        page.contains(&format!("./{folder}/tickwire.wasm")),
        "{page}"
    );
    format!("/{folder}")
}

#[tokio::test]
async fn the_pages_files_are_named_by_what_is_in_them_and_kept_for_a_year() {
    let root = site_root("named-by-content");
    let app_of_files = || {
        let mut config = config(&[]);
        config.leptos.site_root = root.to_str().unwrap().into();
        let listen = ([127, 0, 0, 1], 0).into();
        let sessions = Sessions::open(&config.server, listen, server::feeds()).unwrap();
        let leptos = config.leptos;
        site(AppState { leptos, sessions }, "")
    };
    let app = app_of_files();
    let folder = package(&app).await;
    let cached = async |path: &str| {
        let response = app.clone().oneshot(get(path, "*/*")).await.unwrap();
        let cache = response.headers().get(header::CACHE_CONTROL);
        let cache = cache.map(|cache| cache.to_str().unwrap().to_owned());
        (response.status().as_u16(), cache)
    };
    let year = Some("public, max-age=31536000, immutable".into());
    assert_eq!(
        cached(&format!("{folder}/tickwire.wasm")).await,
        (200, year)
    );
    assert_eq!(cached(&format!("{folder}/other.js")).await, (404, None));
    let always = Some("no-cache".to_owned());
    assert_eq!(cached("/pkg/tickwire.wasm").await, (200, always.clone()));
    assert_eq!(
        cached("/pkg/0123456789abcdef/tickwire.js").await,
        (404, always)
    );

    assert_eq!(package(&app_of_files()).await, folder);
    fs::write(root.join("pkg/tickwire.wasm"), "another").unwrap();
    assert_ne!(package(&app_of_files()).await, folder);
}

#[tokio::test]
async fn all_is_served_below_a_path() {
    let (app, sessions) = app(&[("TICKWIRE_SITE_BASE", "/live")]);
    let ask = async |request| app.clone().oneshot(request).await.unwrap();
    let without_slash = ask(get("/live", "text/html")).await;
    assert_eq!(without_slash.status(), StatusCode::PERMANENT_REDIRECT);
    assert_eq!(without_slash.headers()[header::LOCATION], "/live/");
    let page = ask(get("/live/", "text/html")).await;
    assert_eq!(page.status(), StatusCode::OK);
    assert!(text(page).await.contains("Start Connection"));
    for path in ["/", "/sdp", "/health", "/livery"] {
        assert_eq!(
            ask(get(path, "*/*")).await.status(),
            StatusCode::NOT_FOUND,
            "{path}"
        );
    }
    for path in ["/elsewhere", "/live/elsewhere"] {
        let missing = ask(get(path, "text/html")).await;
        assert_eq!(missing.status(), StatusCode::NOT_FOUND);
        assert!(
            text(missing).await.contains(r#"<a href="/live/">"#),
            "{path}"
        );
    }
    assert_eq!(
        ask(get("/live/health", "*/*")).await.status(),
        StatusCode::OK
    );
    let wrong = ask(get("/live/sdp", "*/*")).await;
    assert_eq!(wrong.status(), StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(wrong.headers()[header::ALLOW], "POST");

    let post = request("POST", "/live/sdp", "application/json", offer(OFFER_SDP));
    let opened = ask(post).await;
    assert_eq!(opened.status(), StatusCode::CREATED);
    let location = opened.headers()[header::LOCATION].to_str().unwrap();
    let end = request(
        "DELETE",
        &format!("/live/{location}"),
        "text/plain",
        Body::empty(),
    );
    assert_eq!(ask(end).await.status(), StatusCode::NO_CONTENT);
    sessions.shut_down().await;
}
