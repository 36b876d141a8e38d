//! Which feed serves a channel, what it learns of whoever opened it, and how it refuses.

mod support;

use axum::extract::State;
use axum::{Extension, Router};
use serde_json::{Value, json};
use std::net::SocketAddr;
use support::{Client, Server, closed, config, next_text, opened, unchanged};
use tickwire_server::feeds::{FromSession, Opening, Params, Refused, echo};
use tickwire_server::{Channel, Feeds, OpeningRequest, SendError, router, serve};
use tokio::net::TcpListener;

/// A session that a channel keeps open.
async fn session(url: &str) -> Client {
    Client::connect_channels(url, json!([{"label": "echo", "id": 1}]), unchanged).await
}

/// Announces a channel of this label, and returns the first that it says. One for a session: the
/// client's library may take the end of the first for that of the next with its number.
async fn first(client: &Client, label: &str) -> String {
    let channel = client.connection.create_data_channel(label, None).await;
    let channel = channel.unwrap();
    opened(&*channel).await;
    let said = next_text(&*channel, |_| true).await;
    closed(&*channel).await;
    said
}

async fn price(channel: Channel, params: Params) -> Result<(), SendError> {
    let symbol = params.get("symbol").unwrap_or_default();
    channel.send(format!("price of {symbol}")).await
}

async fn label(channel: Channel) -> Result<(), SendError> {
    channel
        .send(format!("no feed for {}", channel.label()))
        .await
}

async fn state(channel: Channel, State(state): State<String>) -> Result<(), SendError> {
    channel.send(state).await
}

#[tokio::test]
async fn the_feed_that_says_most_of_a_label_serves_it() {
    async fn acme(channel: Channel) -> Result<(), SendError> {
        channel.send("ACME itself").await
    }
    let feeds = Feeds::new()
        .feed("prices/{symbol}", price)
        .feed("prices/ACME", acme)
        .feed("echo", echo)
        .fallback(label);
    let others = Feeds::with_state("theirs".to_owned()).feed("state", state);
    let server = Server::start_with(config(|_| {}), feeds.merge(others)).await;
    for (label, expected) in [
        ("prices/EURUSD", "price of EURUSD"),
        ("prices/ACME", "ACME itself"),
        ("prices", "no feed for prices"),
        ("prices/a/b", "no feed for prices/a/b"),
        ("", "no feed for "),
        ("state", "theirs"),
    ] {
        let client = session(&server.url).await;
        assert_eq!(first(&client, label).await, expected, "{label:?}");
    }
}

#[tokio::test]
async fn without_a_fallback_a_strange_label_is_told_which_there_are() {
    let feeds = Feeds::new()
        .feed("prices/{symbol}", price)
        .feed("echo", echo);
    let server = Server::start_with(config(|_| {}), feeds).await;
    let client = session(&server.url).await;
    assert_eq!(
        first(&client, "c").await,
        "Refused: no feed has this label; there are echo, prices/{symbol}"
    );
}

#[test]
#[should_panic = "no feed can be for the label \"prices/{key}\" too"]
fn two_feeds_for_one_label_are_a_mistake_of_the_program() {
    let others = Feeds::new().feed("prices/{key}", price);
    let _ = Feeds::new().feed("prices/{symbol}", price).merge(others);
}

/// Who opened the session.
#[derive(Clone)]
struct User(&'static str);

/// A user who may see this.
struct Admin;

impl<S> FromSession<S> for Admin {
    fn from_session(opening: &Opening<'_>, _state: &S) -> Result<Self, Refused> {
        match opening.request().extension() {
            Some(User("root")) => Ok(Self),
            _ => Err(Refused::from("for administrators only")),
        }
    }
}

async fn who(
    channel: Channel,
    request: OpeningRequest,
    Extension(User(name)): Extension<User>,
) -> Result<(), SendError> {
    let kind = &request.headers()["content-type"];
    let text = json!({"name": name, "kind": kind.to_str().ok(), "from": request.from()});
    channel.send(text.to_string()).await
}

async fn secret(channel: Channel, _: Admin) -> Result<(), SendError> {
    channel.send("42").await
}

/// A server whose middleware takes everybody for this user.
async fn server_for(user: Option<User>) -> String {
    let feeds = Feeds::new()
        .feed("who", who)
        .feed("secret", secret)
        .feed("echo", echo);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let http: SocketAddr = listener.local_addr().unwrap();
    let server = tickwire_server::Server::new(feeds).config(config(|_| {}));
    let sessions = server.open(http).unwrap();
    let app: Router = match user {
        Some(user) => router(sessions.clone()).layer(Extension(user)),
        None => router(sessions.clone()),
    };
    let serving = serve(listener, app, sessions, None, std::future::pending());
    tokio::spawn(serving);
    format!("http://{http}")
}

#[tokio::test]
async fn a_feed_sees_the_request_that_opened_its_session() {
    let url = server_for(Some(User("root"))).await;
    let said = first(&session(&url).await, "who").await;
    let said: Value = serde_json::from_str(&said).unwrap();
    let kind = "application/json";
    let expected = json!({"name": "root", "kind": kind, "from": "127.0.0.1"});
    assert_eq!(said, expected);
    assert_eq!(first(&session(&url).await, "secret").await, "42");
}

#[tokio::test]
async fn a_feed_refuses_in_words_and_its_channel_closes() {
    let url = server_for(Some(User("guest"))).await;
    let session = session(&url).await;
    let said = first(&session, "secret").await;
    assert_eq!(said, "Refused: for administrators only");
    // Another channel is none the worse for it.
    session.channel.send_text("fine").await.unwrap();
    assert_eq!(next_text(&*session.channel, |_| true).await, "fine");
}

#[tokio::test]
async fn an_extension_that_nobody_left_is_a_refusal() {
    let url = server_for(None).await;
    let session = session(&url).await;
    let said = first(&session, "who").await;
    assert!(said.starts_with("Refused: the request"), "{said}");
}
