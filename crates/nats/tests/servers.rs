//! Servers of several nodes, as those meet them who speak HTTP to a balancer.

mod support;

use axum::Router;
use futures_util::StreamExt;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader};
use std::net::Ipv4Addr;
use std::sync::Arc;
use support::{NatsServer, until, within};
use tickwire_nats::Nats;
use tickwire_server::engine::Engine;
use tickwire_server::{Config, Feeds, Policy, Server, Topics};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, spawn_blocking};

const OFFER_SDP: &str = include_str!("../../server/tests/fixtures/chromium-offer.sdp");
const KEY: &str = "a-key-of-the-api-for-tests";

/// A node: its server, and what it has of NATS.
struct Node {
    url: String,
    nats: Arc<Nats>,
    stop: Option<oneshot::Sender<()>>,
    serving: JoinHandle<()>,
}

impl Node {
    async fn start(server: &NatsServer) -> Self {
        let nats = server.nats().await;
        let topics = Topics::kept_by(nats.clone());
        topics.add("prices", Policy::latest()).unwrap();
        topics.add("chat", Policy::log(100).durable()).unwrap();
        topics.add("orders", Policy::latest().durable()).unwrap();
        let mut config = Config::default();
        config.api.keys = vec![KEY.into()];
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let feeds = Feeds::built_in().topics(&topics);
        let (stop, stopped) = oneshot::channel::<()>();
        let serving = tokio::spawn(async move {
            let stopped = async { drop(stopped.await) };
            let server = Server::new(feeds).config(config);
            server
                .serve(listener, Router::new(), stopped)
                .await
                .unwrap();
        });
        Self {
            url,
            nats,
            stop: Some(stop),
            serving,
        }
    }

    async fn end(mut self) {
        drop(self.stop.take());
        within("the end", self.serving).await.unwrap();
    }

    async fn ask(&self, method: &'static str, path: &str, body: Option<Value>) -> Reply {
        let url = format!("{}{path}", self.url);
        within(path, spawn_blocking(move || ask(method, url, body)))
            .await
            .unwrap()
    }

    async fn open(&self) -> String {
        let offer = json!({"type": "offer", "sdp": OFFER_SDP});
        let opened = self.ask("POST", "/sdp", Some(offer)).await;
        assert_eq!(opened.status, 201, "{}", opened.body);
        format!("/{}", opened.location.unwrap().trim_start_matches('/'))
    }
}

#[derive(Debug)]
struct Reply {
    status: u16,
    location: Option<String>,
    retry_after: Option<String>,
    entity_tag: Option<String>,
    body: Value,
}

fn agent() -> ureq::Agent {
    let config = ureq::Agent::config_builder().http_status_as_error(false);
    config.build().into()
}

fn ask(method: &str, url: String, body: Option<Value>) -> Reply {
    let request = axum::http::Request::builder()
        .method(method)
        .uri(url)
        .header("authorization", format!("Bearer {KEY}"))
        .header("content-type", "application/json")
        .header("if-match", "*");
    let body = body.map(|it| match it {
        Value::String(text) => text,
        other => other.to_string(),
    });
    let request = request.body(body.unwrap_or_default()).unwrap();
    let mut response = agent().run(request).unwrap();
    let header = |name: &str| {
        let value = response.headers().get(name)?;
        Some(value.to_str().unwrap().to_owned())
    };
    let (location, retry_after, entity_tag) =
        (header("location"), header("retry-after"), header("etag"));
    let text = response.body_mut().read_to_string().unwrap();
    Reply {
        status: response.status().as_u16(),
        location,
        retry_after,
        entity_tag,
        body: serde_json::from_str(&text).unwrap_or(Value::String(text)),
    }
}

/// The same offer as from a browser that restarts ICE.
fn restarting() -> Value {
    let lines = OFFER_SDP.lines().map(|line| match line.split_once(':') {
        Some((key @ ("a=ice-ufrag" | "a=ice-pwd"), value)) => {
            format!("{key}:{}\r\n", value.chars().rev().collect::<String>())
        }
        _ => format!("{line}\r\n"),
    });
    json!({"type": "offer", "sdp": lines.collect::<String>()})
}

#[tokio::test]
async fn what_is_about_a_session_comes_to_its_node_whichever_is_asked() {
    let server = NatsServer::start().await;
    let (one, other) = (Node::start(&server).await, Node::start(&server).await);
    let session = one.open().await;
    let changed = other.ask("PATCH", &session, Some(restarting())).await;
    assert_eq!(changed.status, 200, "{}", changed.body);
    assert!(
        changed.body["sdp"]
            .as_str()
            .unwrap()
            .contains("a=ice-ufrag")
    );
    assert!(changed.entity_tag.is_some());
    let refused = other
        .ask("PATCH", &session, Some(json!({"type": "offer"})))
        .await;
    assert_eq!(
        (refused.status, &refused.body["code"]),
        (400, &json!("bad-json"))
    );
    let unknown = other.ask("GET", &session, None).await;
    assert_eq!(unknown.status, 405, "{}", unknown.body);
    assert_eq!(other.ask("DELETE", &session, None).await.status, 204);
    for node in [&one, &other] {
        assert_eq!(node.ask("DELETE", &session, None).await.status, 404);
    }
    for id in ["0123456789abcdef-0123", "-", "a.b-1", "*-1", "%00-1"] {
        let refused = other.ask("DELETE", &format!("/sdp/{id}"), None).await;
        assert_eq!(
            (refused.status, &refused.body["code"]),
            (404, &json!("not-found"))
        );
    }
    // With its node, a session is gone.
    let session = one.open().await;
    one.end().await;
    // Until NATS knows of its end, it may be tried again.
    let is_gone = async {
        while other.ask("DELETE", &session, None).await.status == 503 {}
        other.ask("DELETE", &session, None).await.status
    };
    assert_eq!(within("the end of a node", is_gone).await, 404);
    other.end().await;
}

/// NATS knows what this client has subscribed to: what is sent after that has come back.
async fn known(client: &async_nats::Client) {
    let inbox = client.new_inbox();
    let mut own = client.subscribe(inbox.clone()).await.unwrap();
    client.publish(inbox, "".into()).await.unwrap();
    within("an echo", own.next()).await.unwrap();
}

#[tokio::test]
async fn who_asks_for_a_session_of_a_node_that_does_not_answer_may_try_again() {
    let server = NatsServer::start().await;
    let node = Node::start(&server).await;
    let client = async_nats::connect(&server.options().servers)
        .await
        .unwrap();
    let _silent = client.subscribe("tickwire.default.ask.deaf").await.unwrap();
    known(&client).await;
    let late = node.ask("DELETE", "/sdp/deaf-0123", None).await;
    assert_eq!((late.status, late.retry_after.as_deref()), (503, Some("1")));
    // One that answers nonsense is as good as silent.
    let mut asked = client.subscribe("tickwire.default.ask.mad").await.unwrap();
    known(&client).await;
    let answering = client.clone();
    tokio::spawn(async move {
        while let Some(message) = asked.next().await {
            let nonsense = "{\"status\":9999,\"headers\":[[\"\\n\",\"\"]]}\n";
            let _ = answering
                .publish(message.reply.unwrap(), nonsense.into())
                .await;
        }
    });
    let mad = node.ask("DELETE", "/sdp/mad-0123", None).await;
    assert_eq!(mad.status, 503);
    // And one that asks nonsense harms nothing.
    let subject = format!("tickwire.default.ask.{}", node.nats.node());
    for nonsense in [
        "",
        "x",
        "{}\n",
        r#"{"method":"","path":"","headers":[],"from":null}"#,
    ] {
        client
            .request(subject.clone(), nonsense.into())
            .await
            .unwrap();
    }
    assert_eq!(node.ask("GET", "/health", None).await.status, 200);
    node.end().await;
}

#[tokio::test]
async fn values_over_http_are_there_on_each_node_and_refused_while_nats_is_away() {
    let mut server = NatsServer::start().await;
    let (one, other) = (Node::start(&server).await, Node::start(&server).await);
    for topic in ["prices", "orders"] {
        let put = one
            .ask("PUT", &format!("/topics/{topic}/a"), Some(json!("1")))
            .await;
        assert_eq!(put.status, 204);
    }
    // What is durable is there once that is said.
    let there = other.ask("GET", "/topics/orders", None).await;
    assert_eq!(
        (there.status, &there.body["values"]["a"]),
        (200, &json!("1"))
    );
    let version = there.body["version"].as_u64().unwrap();
    assert!(version > 1_700_000_000_000_000);
    let both = "{\"key\":\"b\",\"value\":\"1\"}\n{\"key\":\"c\",\"value\":\"1\"}";
    let whole = one
        .ask("POST", "/topics/prices?atomic", Some(json!(both)))
        .await;
    assert_eq!(
        (whole.status, &whole.body["refused"][0]["code"]),
        (422, &json!("not-atomic"))
    );
    assert_eq!(
        one.ask("POST", "/topics/prices", Some(json!(both)))
            .await
            .status,
        200
    );

    let mut stale = one.nats.stale();
    server.kill().await;
    within("it is told", stale.wait_for(Option::is_some))
        .await
        .unwrap();
    for topic in ["prices", "orders", "chat"] {
        let put = one
            .ask("PUT", &format!("/topics/{topic}/a"), Some(json!("2")))
            .await;
        assert_eq!(
            (put.status, &put.body["code"], put.retry_after.is_some()),
            (503, &json!("unreachable"), true)
        );
    }
    let read = one.ask("GET", "/topics/chat", None).await;
    assert_eq!(
        (read.status, &read.body["code"]),
        (503, &json!("unreachable"))
    );
    server.resume().await;
    within("it is told", stale.wait_for(Option::is_none))
        .await
        .unwrap();
    let put = one.ask("PUT", "/topics/orders/a", Some(json!("3"))).await;
    assert_eq!(put.status, 204);
    let mut stale = other.nats.stale();
    within("it is told", stale.wait_for(Option::is_none))
        .await
        .unwrap();
    let is_there =
        async { while other.ask("GET", "/topics/orders/a", None).await.body != json!(3) {} };
    within("the newest", is_there).await;
    one.end().await;
    other.end().await;
}

/// Reads a stream of events in the background.
fn events(
    node: &Node,
    path: &str,
    last: Option<String>,
) -> tokio::sync::mpsc::UnboundedReceiver<Told> {
    let (tell, told) = tokio::sync::mpsc::unbounded_channel();
    let request = agent()
        .get(format!("{}{path}", node.url))
        .header("accept", "text/event-stream");
    let request = match last {
        Some(last) => request.header("last-event-id", last),
        None => request,
    };
    std::thread::spawn(move || {
        let response = request.call().unwrap();
        let mut event = Told::default();
        for line in BufReader::new(response.into_body().into_reader()).lines() {
            let Ok(line) = line else { return };
            match line.split_once(": ") {
                Some(("event", name)) => event.name = name.to_owned(),
                Some(("id", id)) => event.id = Some(id.to_owned()),
                Some(("data", data)) => event.data = serde_json::from_str(data).unwrap(),
                // Nobody listens any more.
                _ if line.is_empty() && tell.send(std::mem::take(&mut event)).is_err() => return,
                _ => {}
            }
        }
    });
    told
}

#[derive(Debug, Default)]
struct Told {
    name: String,
    id: Option<String>,
    data: Value,
}

#[tokio::test]
async fn a_reader_of_a_log_goes_on_at_another_node() {
    let server = NatsServer::start().await;
    let (one, other) = (Node::start(&server).await, Node::start(&server).await);
    let add = async |node: &Node, entry: &str| {
        let put = node
            .ask("PUT", "/topics/chat/alice", Some(json!(entry)))
            .await;
        assert_eq!(put.status, 204);
    };
    add(&one, "1").await;
    add(&other, "2").await;
    let mut told = events(&one, "/topics/chat", None);
    let mut last = None;
    let mut read = Vec::new();
    while read.len() < 2 {
        let event = within("an entry", told.recv()).await.unwrap();
        if event.id.is_some() {
            last = event.id;
            read.push(event.data["value"].clone());
        }
    }
    assert_eq!(read, [json!("1"), json!("2")]);
    add(&one, "3").await;
    let mut told = events(&other, "/topics/chat", last);
    let begun = within("where it goes on", told.recv()).await.unwrap();
    assert_eq!(
        (begun.name.as_str(), &begun.data["gap"]),
        ("log", &json!(false))
    );
    let event = within("an entry", told.recv()).await.unwrap();
    assert_eq!(event.data["value"], json!("3"));
}

#[tokio::test]
async fn readers_are_told_since_when_what_they_have_may_be_old() {
    let mut server = NatsServer::start().await;
    let node = Node::start(&server).await;
    let mut told = events(&node, "/topics/prices", None);
    let complete = within("a snapshot", told.recv()).await.unwrap();
    assert_eq!(complete.name, "complete");
    server.kill().await;
    let stale = within("it is told", told.recv()).await.unwrap();
    assert!(
        stale.name == "stale" && stale.data["since"].is_u64(),
        "{stale:?}"
    );
    // Who comes now is told, too.
    let mut late = events(&node, "/topics/prices", None);
    let stale = within("it is told", async {
        loop {
            let event = late.recv().await.unwrap();
            if event.name == "stale" {
                break event;
            }
        }
    });
    assert!(stale.await.data["since"].is_u64());
    server.resume().await;
    let fresh = within("it is told", told.recv()).await.unwrap();
    assert_eq!(
        (fresh.name.as_str(), &fresh.data["since"]),
        ("stale", &Value::Null)
    );
    let metrics = node.nats.figures();
    until("nothing waits", || node.nats.figures().pending == 0).await;
    assert_eq!(metrics.followed, 1);
}
