//! Who may: through the real server, on each door that leads to a channel or a topic.

mod support;

use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};
use support::{Client, OFFER_SDP, ask, config, opened, within};
use tickwire_auth::{Grant, Keys, Options, Patterns, Signer, Verifier};
use tickwire_server::auth::{Denied, tokens};
use tickwire_server::{Channel, Config, Feeds, Message, Policy, SendError, Server, Topics, User};
use tokio::net::TcpListener;
use webrtc::data_channel::DataChannel;

const SECRET: [u8; 32] = [7; 32];
const KEY: &str = "a-key-of-the-api-0001";

fn patterns(these: &[&str]) -> Patterns {
    Patterns::parse(these).unwrap()
}

/// A token of alice's.
fn token(change: impl FnOnce(&mut Grant)) -> String {
    let mut grant = Grant::new("alice", SystemTime::now() + Duration::from_secs(600));
    change(&mut grant);
    Signer::hmac(&SECRET).unwrap().sign(&grant).unwrap()
}

fn verifier(leeway: Duration) -> Arc<Verifier> {
    let options = Options {
        audience: None,
        leeway,
    };
    Arc::new(Verifier::new(Keys::hmac(&SECRET).unwrap(), options))
}

/// Says who its user is, then echoes.
async fn who(channel: Channel, user: User) -> Result<(), SendError> {
    while let Some(message) = channel.recv().await {
        if let Message::Text(said) = message {
            channel.send(format!("{}: {said}", user.name())).await?;
        }
    }
    Ok(())
}

struct Guarded {
    url: String,
    topics: Topics,
    /// How often the other feed has begun.
    others: Arc<AtomicUsize>,
}

async fn start(change: impl FnOnce(&mut Config)) -> Guarded {
    let topics = Topics::new();
    topics.pattern("rooms/{room}", Policy::latest().publish());
    topics.topic("secrets", Policy::latest());
    let others = Arc::new(AtomicUsize::new(0));
    let begun = others.clone();
    let other = move |channel: Channel, user: User| {
        begun.fetch_add(1, Ordering::Relaxed);
        who(channel, user)
    };
    let feeds = Feeds::new().feed("who", who).feed("other", other);
    let feeds = feeds.topics(&topics);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let config = config(|it| {
        it.api.keys = vec![KEY.into()];
        change(it);
    });
    let server = Server::new(feeds)
        .config(config)
        .authenticate(tokens(verifier(Duration::from_millis(500)), || {}));
    tokio::spawn(server.serve(listener, axum::Router::new(), std::future::pending()));
    Guarded {
        url,
        topics,
        others,
    }
}

fn offer() -> Option<Value> {
    Some(json!({"type": "offer", "sdp": OFFER_SDP}))
}

/// The next message.
async fn next(channel: &Arc<dyn DataChannel>) -> String {
    support::next_text(&**channel, |_| true).await
}

impl Guarded {
    async fn post(&self, token: Option<String>) -> (u16, Value) {
        ask(
            "POST",
            format!("{}/sdp", self.url),
            token.as_deref(),
            offer(),
        )
        .await
    }
}

#[tokio::test]
async fn a_session_is_opened_with_a_token_that_holds_and_by_its_user_alone() {
    let server = start(|_| {}).await;
    let (status, refused) = server.post(None).await;
    assert_eq!(
        (status, refused["code"].as_str()),
        (401, Some("unauthorized"))
    );
    let message = refused["message"].as_str().unwrap();
    assert!(message.contains("Authorization: Bearer"), "{message}");
    let expired = token(|it| it.exp = SystemTime::now() - Duration::from_secs(60));
    let other_key = Signer::hmac(&[8; 32]).unwrap();
    let forged = Grant::new("alice", SystemTime::now() + Duration::from_secs(600));
    let forged = other_key.sign(&forged).unwrap();
    for wrong in [expired, forged, "garbage".into()] {
        let (status, refused) = server.post(Some(wrong.clone())).await;
        assert_eq!(status, 401, "{refused}");
        assert!(!refused.to_string().contains(&wrong), "{refused}");
    }
    let (status, answer) = server.post(Some(token(|_| {}))).await;
    assert_eq!(status, 201, "{answer}");
    // Its resource is its user's alone.
    let url = format!("{}/sdp/{}", server.url, answer["id"].as_str().unwrap());
    let bob = token(|it| it.sub = "bob".into());
    for (method, body) in [("PATCH", offer()), ("DELETE", None)] {
        let (status, _) = ask(method, url.clone(), None, body.clone()).await;
        assert_eq!(status, 401, "{method}");
        let (status, _) = ask(method, url.clone(), Some(&bob), body).await;
        assert_eq!(status, 404, "{method}");
    }
    let (status, _) = ask("DELETE", url, Some(&token(|_| {})), None).await;
    assert_eq!(status, 204);
}

#[tokio::test]
async fn all_three_doors_to_a_channel_ask_the_same() {
    let server = start(|_| {}).await;
    let negotiated = |id: u16, label: &str| json!({"id": id, "label": label, "negotiated": true});
    let may = token(|it| it.feeds = patterns(&["who"]));
    // What comes with the offer, what is announced on the connection, what is added later.
    let channels = [negotiated(0, "who"), negotiated(2, "other")];
    let client = Client::connect_with_token(&server.url, &may, &channels).await;
    client.channels[0].send_text("a").await.unwrap();
    assert_eq!(next(&client.channels[0]).await, "alice: a");
    let only = [negotiated(0, "who")];
    let client = Client::connect_with_token(&server.url, &may, &only).await;
    let announced = client.connection.create_data_channel("other", None).await;
    let announced = announced.unwrap();
    let refused = next(&announced).await;
    assert!(refused.starts_with("Refused: you may not"), "{refused}");
    let add = async |client: &Client, channel: Value| {
        let url = format!("{}/sdp/{}", server.url, client.id);
        let body = json!({ "channels": [&channel] });
        let (status, refused) = ask("PATCH", url, Some(&may), Some(body)).await;
        assert_eq!(status, 204, "{refused}");
        client.add(&channel).await
    };
    add(&client, negotiated(6, "other")).await;
    let added = add(&client, negotiated(8, "who")).await;
    added.send_text("b").await.unwrap();
    assert_eq!(next(&added).await, "alice: b");
    assert_eq!(server.others.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn a_token_that_is_bound_to_a_certificate_opens_nothing_for_another() {
    let server = start(|_| {}).await;
    let of_offer = OFFER_SDP.split("a=fingerprint:sha-256 ").nth(1).unwrap();
    let of_offer = of_offer.lines().next().unwrap().trim();
    let bytes: Vec<u8> = of_offer
        .split(':')
        .map(|it| u8::from_str_radix(it, 16).unwrap())
        .collect();
    let own: [u8; 32] = bytes.try_into().unwrap();
    let (status, _) = server.post(Some(token(|it| it.cnf = Some(own)))).await;
    assert_eq!(status, 201);
    let stolen = token(|it| it.cnf = Some([9; 32]));
    let (status, refused) = server.post(Some(stolen.clone())).await;
    assert_eq!((status, refused["code"].as_str()), (403, Some("forbidden")));
    // Who names the right certificate beside their own is refused too.
    let theirs = format!("a=fingerprint:sha-256 {}09\r\n", "09:".repeat(31));
    let both = OFFER_SDP.replacen("a=fingerprint", &format!("{theirs}a=fingerprint"), 1);
    let body = Some(json!({"type": "offer", "sdp": both}));
    let url = format!("{}/sdp", server.url);
    let (status, refused) = ask("POST", url, Some(&stolen), body).await;
    assert_eq!(status, 403, "{refused}");
}

#[tokio::test]
async fn a_user_has_as_many_sessions_as_the_token_says() {
    let server = start(|it| it.limit.sessions_per_user = 1).await;
    let two = || token(|it| it.sessions = Some(2));
    assert_eq!(server.post(Some(two())).await.0, 201);
    assert_eq!(server.post(Some(two())).await.0, 201);
    let (status, refused) = server.post(Some(two())).await;
    assert_eq!(status, 429, "{refused}");
    let message = refused["message"].as_str().unwrap();
    assert!(message.contains("sessions-per-user"), "{message}");
    let bob = || Some(token(|it| it.sub = "bob".into()));
    assert_eq!(server.post(bob()).await.0, 201);
    assert_eq!(server.post(bob()).await.0, 429);
}

#[tokio::test]
async fn topics_over_http_are_for_those_who_may() {
    let server = start(|_| {}).await;
    server.topics.get("secrets").unwrap().put("a", "1").unwrap();
    let at = |path: &str| format!("{}{path}", server.url);
    let alice = || {
        token(|it| {
            it.subscribe = patterns(&["rooms/*"]);
            it.publish = patterns(&["rooms/7", "secrets"]);
        })
    };
    let bound = || {
        token(|it| {
            it.subscribe = Patterns::all();
            it.cnf = Some([9; 32]);
        })
    };
    for (method, path, token, expected) in [
        ("GET", "/topics", None, 401),
        ("GET", "/topics/rooms%2F7", None, 401),
        ("GET", "/topics/secrets/a", None, 401),
        ("PUT", "/topics/rooms%2F7/a", None, 401),
        ("GET", "/topics/rooms%2F7", Some(alice()), 200),
        ("GET", "/topics/secrets", Some(alice()), 403),
        ("GET", "/topics/secrets/a", Some(alice()), 403),
        ("GET", "/topics/secrets/a", Some(KEY.into()), 200),
        ("PUT", "/topics/rooms%2F7/a", Some(alice()), 204),
        ("PUT", "/topics/rooms%2F8/a", Some(alice()), 403),
        // The topic takes nothing from clients.
        ("PUT", "/topics/secrets/a", Some(alice()), 403),
        ("PUT", "/topics/secrets/a", Some(KEY.into()), 204),
        ("DELETE", "/topics/secrets/a", Some(alice()), 403),
        ("POST", "/topics/secrets", Some(alice()), 403),
        // Here nobody shows a certificate.
        ("GET", "/topics/rooms%2F7", Some(bound()), 403),
    ] {
        let body = (method == "PUT" || method == "POST").then(|| json!({"key": "a", "value": "1"}));
        let (status, said) = ask(method, at(path), token.as_deref(), body).await;
        assert_eq!(status, expected, "{method} {path}: {said}");
    }
    let (_, listed) = ask("GET", at("/topics"), Some(&alice()), None).await;
    let names = listed["topics"].as_array().unwrap().iter();
    let names: Vec<_> = names.map(|it| it["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["rooms/{room}"]);
    let value = server.topics.get("rooms/7").unwrap().value("a").unwrap();
    assert_eq!(&*value.about.unwrap().by, "alice");
}

#[tokio::test]
async fn a_session_ends_with_its_token_unless_there_is_another() {
    let server = start(|_| {}).await;
    let short = || {
        token(|it| {
            it.feeds = patterns(&["who"]);
            it.subscribe = patterns(&["rooms/*"]);
            it.exp = SystemTime::now() + Duration::from_secs(2);
        })
    };
    let channels = [
        json!({"id": 0, "label": "who", "negotiated": true}),
        json!({"id": 2, "label": "control", "negotiated": true}),
    ];
    let lost = Client::connect_with_token(&server.url, &short(), &channels).await;
    let kept = Client::connect_with_token(&server.url, &short(), &channels).await;
    let control = &kept.channels[1];
    opened(&**control).await;
    let subscribe = r#"{"type":"subscribe","id":1,"topic":"rooms/7"}"#;
    control.send_text(subscribe).await.unwrap();
    let hello: Value = serde_json::from_str(&next(control).await).unwrap();
    assert!(
        hello["you"].as_str().unwrap().starts_with("alice~"),
        "{hello}"
    );
    let mut asked = Value::Null;
    while asked["type"] != "renew-token" {
        asked = serde_json::from_str(&next(control).await).unwrap();
    }
    let say = async |token: String| {
        let said = json!({"type": "token", "token": token}).to_string();
        control.send_text(&said).await.unwrap();
    };
    // Another user's is not taken; alice's is, and what it does not allow is over.
    say(token(|it| it.sub = "bob".into())).await;
    let not_allowed = async || {
        let said = support::next_text(&**control, |it| it.contains("not-allowed")).await;
        serde_json::from_str::<Value>(&said).unwrap()["id"].take()
    };
    assert_eq!(not_allowed().await, Value::Null);
    say(token(|_| {})).await;
    assert_eq!(not_allowed().await, json!(1));
    within("its end", lost.closed()).await;
    kept.channels[0].send_text("here").await.unwrap();
    assert_eq!(next(&kept.channels[0]).await, "alice: here");
}

#[tokio::test]
async fn what_the_token_of_a_change_does_not_allow_is_over() {
    let server = start(|_| {}).await;
    let may = token(|it| it.subscribe = patterns(&["rooms/*", "secrets"]));
    let control = json!({"id": 0, "label": "control", "negotiated": true});
    let client = Client::connect_with_token(&server.url, &may, &[control]).await;
    let control = &client.channels[0];
    for (id, topic) in [(1, "rooms/7"), (2, "secrets")] {
        let said = json!({"type": "subscribe", "id": id, "topic": topic});
        control.send_text(&said.to_string()).await.unwrap();
    }
    let less = token(|it| it.subscribe = patterns(&["rooms/*"]));
    let url = format!("{}/sdp/{}", server.url, client.id);
    let added = json!({"channels": [{"id": 4, "label": "values", "negotiated": true}]});
    let (status, refused) = ask("PATCH", url, Some(&less), Some(added)).await;
    assert_eq!(status, 204, "{refused}");
    let said = support::next_text(&**control, |it| it.contains("refused")).await;
    let said: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(
        (&said["id"], &said["code"]),
        (&json!(2), &json!("not-allowed"))
    );
}

#[tokio::test]
async fn a_hook_of_the_program_says_who_it_is() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let server = Server::new(Feeds::new().feed("who", who)).config(config(|_| {}));
    let server = server.authenticate(|request| {
        let cookie = request.headers.get("cookie").cloned();
        async move {
            let cookie = cookie.ok_or_else(|| Denied::Unknown("Sign in first.".into()))?;
            let name = cookie.to_str().unwrap_or_default();
            let user = User::new(name).map_err(|it| Denied::NotAllowed(it.to_string()))?;
            Ok(user.feeds(Patterns::all()))
        }
    });
    tokio::spawn(server.serve(listener, axum::Router::new(), std::future::pending()));
    let posted = async |cookie: Option<&'static str>| {
        let url = format!("{url}/sdp");
        let posting = move || {
            let mut request = support::agent().post(url);
            if let Some(cookie) = cookie {
                request = request.header("cookie", cookie);
            }
            let mut response = request.send_json(offer().unwrap()).unwrap();
            let body: Value = response.body_mut().read_json().unwrap();
            (response.status().as_u16(), body)
        };
        tokio::task::spawn_blocking(posting).await.unwrap()
    };
    let (status, refused) = posted(None).await;
    assert_eq!(
        (status, refused["message"].as_str()),
        (401, Some("Sign in first."))
    );
    assert_eq!(posted(Some("a~b")).await.0, 403);
    assert_eq!(posted(Some("alice")).await.0, 201);
}
