//! The page, and the files that it asks for.

use crate::signalling::offer;
use crate::support::OFFER_SDP;
use crate::{app, config, get, request, text};
use axum::Router;
use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use std::fs;
use std::path::{Path, PathBuf};
use tickwire::server::{self, AppState, site};
use tickwire_server::auth::Authentication;
use tickwire_server::{Sessions, Topics};
use tower::ServiceExt;

#[tokio::test]
async fn the_page_is_isolated_where_its_address_is_trusted() {
    let (app, _) = app(&[]);
    let opener = "cross-origin-opener-policy";
    let mut page = request("GET", "/", "", Body::empty());
    let untrusted = app.clone().oneshot(page).await.unwrap();
    assert!(!untrusted.headers().contains_key(opener));
    page = request("GET", "/", "", Body::empty());
    let site = HeaderValue::from_static("none");
    page.headers_mut().insert("sec-fetch-site", site);
    let trusted = app.oneshot(page).await.unwrap();
    assert_eq!(trusted.headers()[opener], "same-origin");
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
    for (path, encoding) in [("/", Some("gzip")), ("/health", None)] {
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
        let sessions = Sessions::open(
            &config.server,
            listen,
            server::feeds(&[], &Topics::new()).unwrap(),
            Authentication::default(),
        )
        .unwrap();
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
