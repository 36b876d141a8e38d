//! Topics over HTTP.

mod support;

use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::time::Duration;
use support::{Server, config};
use tickwire_server::{Feeds, Policy, Topics};
use ureq::http::{Request, Response};
use ureq::{Agent, Body};

const KEY: &str = "0123456789abcdefghij";

async fn server(topics: &Topics, keys: &[&str]) -> Server {
    let keys = keys.iter().map(|key| (*key).to_owned()).collect();
    let config = config(|it| it.api.keys = keys);
    Server::start_with(config, Feeds::new().topics(topics)).await
}

struct Answer {
    status: u16,
    tag: Option<String>,
    asks: bool,
    body: Value,
}

impl Answer {
    fn code(&self) -> &str {
        self.body["code"].as_str().unwrap_or_default()
    }
}

/// A request with these headers.
async fn ask(method: &str, url: String, headers: &[(&str, &str)], body: Vec<u8>) -> Answer {
    let mut request = Request::builder().method(method).uri(url);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(body).unwrap();
    let asked = tokio::task::spawn_blocking(move || {
        let agent = Agent::config_builder().http_status_as_error(false).build();
        let mut response: Response<Body> = Agent::new_with_config(agent).run(request).unwrap();
        let header = |name| {
            response
                .headers()
                .get(name)
                .map(|it| it.to_str().unwrap().to_owned())
        };
        Answer {
            status: response.status().as_u16(),
            tag: header("etag"),
            asks: header("www-authenticate").is_some(),
            body: serde_json::from_str(&response.body_mut().read_to_string().unwrap())
                .unwrap_or_default(),
        }
    });
    asked.await.unwrap()
}

fn with_key() -> String {
    format!("Bearer {KEY}")
}

async fn write(server: &Server, method: &str, path: &str, body: impl Into<Vec<u8>>) -> Answer {
    let key = with_key();
    let headers = [("authorization", &*key)];
    ask(
        method,
        format!("{}{path}", server.url),
        &headers,
        body.into(),
    )
    .await
}

async fn read(server: &Server, path: &str, headers: &[(&str, &str)]) -> Answer {
    ask("GET", format!("{}{path}", server.url), headers, Vec::new()).await
}

#[tokio::test]
async fn values_are_put_read_and_removed() {
    let topics = Topics::new();
    let prices = topics.topic("prices", Policy::latest());
    topics.pattern("rooms/{room}/chat", Policy::log(2));
    let server = server(&topics, &["another key, which is not it"; 0]).await;
    assert_eq!(
        read(&server, "/topics", &[]).await.body,
        json!({"topics": [
            {"name": "prices", "policy": "latest", "keys": 0, "readers": 0},
            {"name": "rooms/{room}/chat", "policy": "log", "topics": 0},
        ]})
    );
    drop(server);

    let server = self::server(&topics, &["one-that-is-not-the-one", KEY]).await;
    assert_eq!(
        write(&server, "PUT", "/topics/prices/EUR%2FUSD", "1.09")
            .await
            .status,
        204
    );
    assert_eq!(prices.get("EUR/USD").as_deref(), Some(&b"1.09"[..]));
    prices.put("raw", vec![0xff, 0]).unwrap();
    let snapshot = read(&server, "/topics/prices", &[]).await;
    let expected =
        json!({"topic": "prices", "version": 2, "values": {"EUR/USD": "1.09", "raw": [255, 0]}});
    assert_eq!((snapshot.status, snapshot.body), (200, expected));
    let tag = snapshot.tag.unwrap();
    let known = [("if-none-match", &*tag)];
    assert_eq!(read(&server, "/topics/prices", &known).await.status, 304);
    let some = read(&server, "/topics/prices?keys=raw,other", &known).await;
    assert_eq!(
        (some.status, &some.body["values"]),
        (200, &json!({"raw": [255, 0]}))
    );
    assert_eq!(
        write(&server, "DELETE", "/topics/prices/raw", "")
            .await
            .status,
        204
    );
    assert_eq!(
        write(&server, "DELETE", "/topics/prices/raw", "")
            .await
            .status,
        204
    );
    assert_eq!(prices.get("raw"), None);
    assert_eq!(read(&server, "/topics/prices", &known).await.status, 200);

    for text in ["one", "two", "three"] {
        let put = write(&server, "PUT", "/topics/rooms%2F7%2Fchat/alice", text).await;
        assert_eq!(put.status, 204);
    }
    let chat = read(&server, "/topics/rooms%2F7%2Fchat", &[]).await.body;
    let values = json!([{"key": "alice", "value": "two"}, {"key": "alice", "value": "three"}]);
    assert_eq!((&chat["version"], &chat["values"]), (&json!(3), &values));
}

/// Reads events until one of this name; each with its id, its name and its data.
async fn events(
    url: String,
    last: Option<String>,
    until: &'static str,
) -> Vec<(String, String, Value)> {
    let reading = tokio::task::spawn_blocking(move || {
        let mut request = ureq::get(url).header("accept", "text/event-stream");
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        let response = request.call().unwrap();
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        let mut events = vec![Default::default()];
        for line in BufReader::new(response.into_body().into_reader()).lines() {
            let line = line.unwrap();
            let event: &mut (String, String, Value) = events.last_mut().unwrap();
            match line.split_once(": ") {
                Some(("id", id)) => event.0 = id.into(),
                Some(("event", name)) => event.1 = name.into(),
                Some(("data", data)) => event.2 = serde_json::from_str(data).unwrap(),
                _ if event.1 == until || event.2["value"] == until => break,
                _ => events.push(Default::default()),
            }
        }
        events
    });
    reading.await.unwrap()
}

#[tokio::test]
async fn a_topic_is_a_stream_of_events_too() {
    let topics = Topics::new();
    let prices = topics.topic("prices", Policy::latest());
    let chat = topics.topic("chat", Policy::log(100));
    for key in 0..1_000 {
        prices.put(&format!("key {key}"), vec![b'x'; 100]).unwrap();
    }
    prices.put("gone", "soon").unwrap();
    let mut server = server(&topics, &[]).await;
    let url = format!("{}/topics/prices", server.url);
    let changing = async {
        support::until("a reader", async || prices.readers() > 0).await;
        prices.remove("gone");
        prices.put("new", "last").unwrap();
    };
    let (events_of_prices, ()) = tokio::join!(events(url.clone(), None, "last"), changing);
    let mut view = std::collections::BTreeMap::new();
    for (id, name, data) in events_of_prices {
        assert_eq!(id, "");
        if name.is_empty() {
            match data["value"].as_str() {
                Some(value) => view.insert(data["key"].to_string(), value.to_owned()),
                None => view.remove(&data["key"].to_string()),
            };
        }
    }
    assert_eq!(view.len(), 1_001);
    let some = events(format!("{url}?keys=key%201,key%202"), None, "complete").await;
    assert_eq!(some.len(), 3);

    chat.put("alice", "one").unwrap();
    chat.put("bob", "two").unwrap();
    let url = format!("{}/topics/chat", server.url);
    let log = events(url.clone(), None, "complete").await;
    let values: Vec<_> = log
        .iter()
        .map(|(_, name, data)| (&**name, data["value"].as_str()))
        .collect();
    assert_eq!(
        values,
        [
            ("log", None),
            ("", Some("one")),
            ("", Some("two")),
            ("complete", None)
        ]
    );
    let rest = events(url, Some(log[1].0.clone()), "complete").await;
    assert_eq!(rest[0].2["gap"], false);
    assert_eq!(rest[1].2["value"], "two");

    // A stream does not hold up the end.
    let open = tokio::spawn(events(
        format!("{}/topics/prices", server.url),
        None,
        "never",
    ));
    support::until("a reader", async || prices.readers() > 0).await;
    server.stop().await;
    open.await.unwrap();
}

#[tokio::test]
async fn each_line_of_a_batch_is_taken_or_told() {
    let topics = Topics::new();
    let prices = topics.topic("prices", Policy::latest().max_keys(3));
    let server = server(&topics, &[KEY]).await;
    prices.put("old", "1").unwrap();
    let lines = concat!(
        "{\"key\":\"a\",\"value\":\"1.5\"}\n\n",
        "{\"key\":\"b\",\"value\":{\"bid\":1,\"ask\":2}}\r\n",
        "{\"key\":\"old\",\"remove\":true}",
    );
    let all = write(&server, "POST", "/topics/prices", lines).await;
    assert_eq!(
        (all.status, all.body),
        (200, json!({"taken": 3, "refused": []}))
    );
    assert_eq!(prices.get("a").as_deref(), Some(&b"1.5"[..]));
    let b: Value = serde_json::from_slice(&prices.get("b").unwrap()).unwrap();
    assert_eq!(b, json!({"bid": 1, "ask": 2}));
    assert_eq!(prices.len(), 2);

    let long = format!("{{\"key\":\"{}\",\"value\":\"\"}}", "k".repeat(1_025));
    let lines = [
        "{\"key\":\"c\",\"value\":\"\"}",
        "garbage",
        "{\"key\":\"d\",\"value\":\"one too many\"}",
        &long,
        "{\"key\":\"a\"}",
        "{\"key\":\"a\",\"value\":1,\"remove\":true}",
        "{\"key\":\"a\",\"other\":1}",
        "{\"key\":\"a\",\"value\":\"2\"}",
    ];
    let some = write(&server, "POST", "/topics/prices", lines.join("\n")).await;
    assert_eq!((some.status, &some.body["taken"]), (422, &json!(2)));
    let told: Vec<_> = some.body["refused"].as_array().unwrap().iter().collect();
    let told: Vec<_> = told
        .iter()
        .map(|it| (it["line"].as_u64().unwrap(), it["code"].as_str().unwrap()))
        .collect();
    let expected = [
        (2, "bad-json"),
        (3, "full"),
        (4, "bad-key"),
        (5, "bad-json"),
        (6, "bad-json"),
        (7, "bad-json"),
    ];
    assert_eq!(told, expected);
    assert_eq!(prices.get("a").as_deref(), Some(&b"2"[..]));

    let garbage = "garbage\n".repeat(1_000);
    let none = write(&server, "POST", "/topics/prices", garbage).await;
    assert_eq!(
        (none.status, none.body["refused"].as_array().unwrap().len()),
        (422, 100)
    );
}

#[tokio::test]
async fn what_cannot_be_done_is_refused_in_words() {
    let topics = Topics::new();
    topics.topic("prices", Policy::latest().max_keys(1));
    topics.topic("events", Policy::deadline(Duration::from_secs(1)));
    let server = server(&topics, &[KEY]).await;
    let put = |path: &'static str, body: Vec<u8>| write(&server, "PUT", path, body);
    let unknown = put("/topics/nothing/key", vec![]).await;
    assert_eq!((unknown.status, unknown.code()), (404, "no-topic"));
    assert_eq!(
        unknown.body["message"],
        r#"There is no topic "nothing"; there are events, prices."#
    );
    let large = put("/topics/prices/key", vec![b'x'; 64_001]).await;
    assert_eq!((large.status, large.code()), (413, "too-large"));
    let large = write(&server, "POST", "/topics/prices", vec![b'x'; (1 << 20) + 1]).await;
    assert_eq!((large.status, large.code()), (413, "too-large"));
    assert_eq!(
        put("/topics/prices/key", vec![b'x'; 64_000]).await.status,
        204
    );
    let full = put("/topics/prices/another", vec![]).await;
    assert_eq!((full.status, full.code()), (507, "full"));
    let name = put("/topics/prices/%ff", vec![]).await;
    assert_eq!((name.status, name.code()), (400, "bad-name"));
    let method = write(&server, "POST", "/topics/prices/key", "").await;
    assert_eq!((method.status, method.code()), (405, "method-not-allowed"));

    let url = |path: &str| format!("{}{path}", server.url);
    let wrong = format!("Bearer {KEY}x");
    for headers in [
        &[][..],
        &[("authorization", &*wrong)],
        &[("authorization", "Basic x")],
    ] {
        for (method, path) in [
            ("PUT", "/topics/prices/key"),
            ("DELETE", "/topics/prices/key"),
            ("POST", "/topics/prices"),
        ] {
            let refused = ask(method, url(path), headers, Vec::new()).await;
            assert_eq!((refused.status, refused.code()), (401, "unauthorized"));
            assert!(refused.asks);
        }
    }
    let closed = self::server(&topics, &[]).await;
    let refused = write(&closed, "PUT", "/topics/prices/key", "").await;
    assert_eq!((refused.status, refused.code()), (403, "forbidden"));
    let without = Server::start(config(|_| {})).await;
    assert_eq!(
        read(&without, "/topics", &[]).await.body,
        json!({"topics": []})
    );
    assert_eq!(
        read(&without, "/topics/prices", &[]).await.code(),
        "no-topic"
    );
}

#[tokio::test]
async fn an_atomic_batch_is_taken_whole_or_not_at_all() {
    let topics = Topics::new();
    let prices = topics.topic("prices", Policy::latest().max_keys(3).max_value_bytes(4));
    prices.put("A", "1").unwrap();
    let server = server(&topics, &[KEY]).await;
    let path = "/topics/prices?atomic";
    let lines = |lines: &[Value]| -> String { lines.iter().map(|it| format!("{it}\n")).collect() };

    let put = |key: &str, value: &str| json!({"key": key, "value": value});
    let remove = |key: &str| json!({"key": key, "remove": true});
    for (batch, line, code) in [
        (vec![put("B", "2"), put("C", "too long")], 2, "too-large"),
        (vec![put("B", "2"), json!({"key": "C"})], 2, "bad-json"),
        (vec![put("B", "2"), put("C", "3"), put("D", "4")], 3, "full"),
        (
            vec![
                put("B", "2"),
                put("C", "3"),
                remove("B"),
                put("D", "4"),
                put("E", "5"),
            ],
            5,
            "full",
        ),
    ] {
        let answer = write(&server, "POST", path, lines(&batch)).await;
        assert_eq!(answer.status, 422);
        assert_eq!(answer.body["taken"], 0);
        let refused = &answer.body["refused"][0];
        assert_eq!(
            (&refused["line"], &refused["code"]),
            (&json!(line), &json!(code))
        );
        assert_eq!(prices.len(), 1);
    }
    // Room is made before it is taken.
    let batch = lines(&[put("B", "2"), put("C", "3"), remove("A"), put("D", "4")]);
    let answer = write(&server, "POST", path, batch).await;
    assert_eq!((answer.status, &answer.body["taken"]), (200, &json!(4)));
    assert_eq!(prices.get("A"), None);
    assert_eq!(prices.get("D").as_deref(), Some(&b"4"[..]));
}

#[tokio::test]
async fn a_value_that_is_too_old_is_removed_for_its_readers_too() {
    let topics = Topics::new();
    let gauges = topics.topic(
        "gauges",
        Policy::latest().max_age(Duration::from_millis(100)),
    );
    let server = server(&topics, &[]).await;
    gauges.put("cellar", "12").unwrap();
    let url = format!("{}/topics/gauges", server.url);
    let read = tokio::task::spawn_blocking(move || {
        let request = ureq::get(url).header("accept", "text/event-stream");
        let body = request.call().unwrap().into_body().into_reader();
        let lines = BufReader::new(body).lines().map(Result::unwrap);
        lines.into_iter().find(|line| line.contains("removed"))
    });
    let told = support::within("the removal", read).await.unwrap();
    assert!(told.unwrap().contains("cellar"));
    assert!(gauges.is_empty());
}

#[tokio::test]
async fn more_requests_that_write_than_may_be_are_told_when_to_come_again() {
    let topics = Topics::new();
    topics.topic("prices", Policy::latest());
    let server = server(&topics, &[KEY]).await;
    let at = server.url.strip_prefix("http://").unwrap().to_owned();
    // Batches that never end, some more than there are places: what asks below may have one meanwhile.
    let waiting: Vec<_> = (0..72)
        .map(|_| {
            let mut stream = TcpStream::connect(&at).unwrap();
            let head = format!(
                "POST /topics/prices HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {KEY}\r\ncontent-length: 9\r\n\r\n"
            );
            stream.write_all(head.as_bytes()).unwrap();
            stream
        })
        .collect();
    let busy = async || write(&server, "PUT", "/topics/prices/A", "1").await.status == 429;
    support::until("all places taken", busy).await;
    let answer = write(&server, "PUT", "/topics/prices/A", "1").await;
    assert_eq!(answer.code(), "busy");
    drop(waiting);
    let free = async || write(&server, "PUT", "/topics/prices/A", "1").await.status == 204;
    support::until("a place", free).await;
}

#[tokio::test]
async fn a_media_type_is_kept_and_told() {
    let topics = Topics::new();
    let pictures = topics.topic("pictures", Policy::latest());
    topics.topic("chat", Policy::log(10));
    let server = server(&topics, &[KEY]).await;
    let key = with_key();
    let put = async |kind: &str| {
        let url = format!("{}/topics/pictures/cat", server.url);
        let headers = [("authorization", &*key), ("content-type", kind)];
        ask("PUT", url, &headers, b"<svg/>".to_vec()).await
    };
    assert_eq!(put("image/svg+xml").await.status, 204);
    let about = pictures.value("cat").unwrap().about.unwrap();
    assert_eq!(&*about.content_type, "image/svg+xml");
    let line = json!({"key": "dog", "value": {"x": 1}, "type": "application/json"});
    let batch = write(&server, "POST", "/topics/pictures", line.to_string()).await;
    assert_eq!(batch.status, 200);
    let snapshot = read(&server, "/topics/pictures", &[]).await.body;
    let types = json!({"cat": "image/svg+xml", "dog": "application/json"});
    assert_eq!(snapshot["type"], types);

    // As it was put; and not so that a browser takes it for a page of this server.
    let url = format!("{}/topics/pictures/cat", server.url);
    let (kind, policy, body) = tokio::task::spawn_blocking(move || {
        let mut response = ureq::get(url).call().unwrap();
        let header = |name: &str| response.headers()[name].to_str().unwrap().to_owned();
        let (kind, policy) = (header("content-type"), header("content-security-policy"));
        (kind, policy, response.body_mut().read_to_string().unwrap())
    })
    .await
    .unwrap();
    assert_eq!((&*kind, &*body), ("image/svg+xml", "<svg/>"));
    assert!(policy.starts_with("sandbox"), "{policy}");
    let missing = read(&server, "/topics/pictures/cow", &[]).await;
    assert_eq!((missing.status, missing.code()), (404, "no-key"));

    for wrong in ["text", "/", "a/ü", &"a/".repeat(65)] {
        let answer = put(wrong).await;
        assert_eq!((answer.status, answer.code()), (400, "bad-type"), "{wrong}");
    }
    // What curl says of everything says nothing.
    assert_eq!(put("application/x-www-form-urlencoded").await.status, 204);
    assert_eq!(pictures.value("cat").unwrap().about, None);

    let line = json!({"key": "alice", "value": "hello", "type": "text/plain"});
    write(&server, "POST", "/topics/chat", line.to_string()).await;
    let entries = &read(&server, "/topics/chat", &[]).await.body["values"];
    let expected = json!([{"key": "alice", "value": "hello", "type": "text/plain"}]);
    assert_eq!(entries, &expected);
}
