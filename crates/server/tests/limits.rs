//! How much one may have: each limit is met through the real server, and others are not touched by it.

mod support;

use serde_json::{Value, json};
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Duration;
use support::{Client, OFFER_SDP, PATIENCE, Server, config, until};
use tickwire_server::Config;
use tokio::net::TcpSocket;

fn offer() -> Value {
    json!({"type": "offer", "sdp": OFFER_SDP})
}

/// What a refusal says: its status, its code, its message, and in how many seconds to come again.
async fn refused(server: &Server) -> (u16, String, String, u64) {
    let (status, body) = server.post(offer()).await;
    let text = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
    let wait = body["retryAfter"].as_u64().unwrap_or_default();
    (status, text("code"), text("message"), wait)
}

#[tokio::test]
async fn a_pending_session_takes_no_place_and_ends_soon() {
    let server = Server::start(config(|it: &mut Config| {
        it.session.max = 1;
        it.limit.check_timeout = Duration::from_secs(1);
    }))
    .await;
    for _ in 0..10 {
        assert_eq!(server.post(offer()).await.0, 201);
    }
    // The only place is still to be had.
    let client = Client::connect(&server.url).await;
    let (status, code, message, _) = refused(&server).await;
    assert_eq!((status, code.as_str()), (503, "full"), "{message}");
    until("pending sessions end", async || {
        server.sessions().await == 1
    })
    .await;
    client.connection.close().await.unwrap();
}

#[tokio::test]
async fn an_address_has_its_share_of_pending_sessions() {
    let server = Server::start(config(|it| it.limit.pending_per_address = 2)).await;
    for _ in 0..2 {
        assert_eq!(server.post(offer()).await.0, 201);
    }
    let (status, code, message, wait) = refused(&server).await;
    assert_eq!((status, code.as_str(), wait), (429, "too-many", 5));
    assert!(message.contains("pending-per-address"), "{message}");
}

#[tokio::test]
async fn an_address_has_its_share_of_open_sessions() {
    let server = Server::start(config(|it| it.limit.sessions_per_address = 1)).await;
    let client = Client::connect(&server.url).await;
    let (status, code, message, wait) = refused(&server).await;
    assert_eq!((status, code.as_str(), wait), (429, "too-many", 5));
    assert!(message.contains("sessions-per-address"), "{message}");
    client.connection.close().await.unwrap();
    until("its place is free", async || server.sessions().await == 0).await;
    assert_eq!(server.post(offer()).await.0, 201);
}

#[tokio::test]
async fn an_address_may_bring_so_many_offers_a_second() {
    let server = Server::start(config(|it| it.limit.offers_per_second = 1)).await;
    // Whatever they are.
    for _ in 0..4 {
        assert_eq!(server.post(json!({})).await.0, 400);
    }
    let (status, code, message, wait) = refused(&server).await;
    assert_eq!((status, code.as_str(), wait), (429, "too-many", 1));
    assert!(message.contains("offers-per-second"), "{message}");
    until("it may again", async || server.post(offer()).await.0 == 201).await;
}

#[tokio::test]
async fn addresses_behind_a_trusted_proxy_are_told_apart() {
    let server = Server::start(config(|it| {
        it.limit.pending_per_address = 1;
        it.http.trusted_proxies = vec!["127.0.0.0/8".parse().unwrap()];
    }))
    .await;
    let posted = async |client: &'static str| {
        let url = format!("{}/sdp", server.url);
        let posting = move || {
            let request = support::agent().post(url).header("x-forwarded-for", client);
            request.send_json(offer()).unwrap().status().as_u16()
        };
        tokio::task::spawn_blocking(posting).await.unwrap()
    };
    assert_eq!(posted("192.0.2.1").await, 201);
    assert_eq!(posted("192.0.2.1").await, 429);
    assert_eq!(posted("203.0.113.1, 192.0.2.1").await, 429);
    assert_eq!(posted("192.0.2.2").await, 201);
    assert_eq!(posted("2001:db8::1").await, 201);
    assert_eq!(posted("2001:db8::2").await, 429);
}

fn connect(server: &Server) -> TcpStream {
    let stream = TcpStream::connect(server.url.trim_start_matches("http://")).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// All that comes until the server closes.
async fn rest(mut stream: TcpStream) -> String {
    let reading = move || {
        let mut bytes = Vec::new();
        // One that is reset has been closed too.
        let read = stream.read_to_end(&mut bytes).map_err(|it| it.kind());
        assert_ne!(read, Err(ErrorKind::WouldBlock), "it stays open");
        String::from_utf8(bytes).unwrap()
    };
    tokio::task::spawn_blocking(reading).await.unwrap()
}

#[tokio::test]
async fn a_connection_with_half_a_head_or_none_is_closed() {
    let server = Server::start(config(|it| it.limit.head_timeout = Duration::from_secs(1))).await;
    let idle = connect(&server);
    let mut half = connect(&server);
    half.write_all(b"POST /sdp HTTP/1.1\r\nhost: a\r\n")
        .unwrap();
    let mut kept = connect(&server);
    kept.write_all(b"GET /health HTTP/1.1\r\nhost: a\r\n\r\n")
        .unwrap();
    rest(idle).await;
    rest(half).await;
    // A request is answered, and one more is waited for as long.
    let answered = rest(kept).await;
    assert!(answered.starts_with("HTTP/1.1 200"), "{answered}");
}

#[tokio::test]
async fn a_trusted_proxy_keeps_its_connections() {
    let server = Server::start(config(|it| {
        it.limit.head_timeout = Duration::from_secs(1);
        it.http.trusted_proxies = vec!["127.0.0.2/32".parse().unwrap()];
    }))
    .await;
    let from = TcpSocket::new_v4().unwrap();
    from.bind("127.0.0.2:0".parse().unwrap()).unwrap();
    let address = server.url.strip_prefix("http://").unwrap().parse();
    let proxy = from.connect(address.unwrap()).await.unwrap();
    let mut proxy = proxy.into_std().unwrap();
    proxy.set_nonblocking(false).unwrap();
    proxy.set_read_timeout(Some(PATIENCE)).unwrap();
    // By when this one is closed, the time of the other is over too.
    rest(connect(&server)).await;
    proxy
        .write_all(b"GET /health HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")
        .unwrap();
    let answered = rest(proxy).await;
    assert!(answered.starts_with("HTTP/1.1 200"), "{answered}");
}

#[tokio::test]
async fn a_head_that_is_too_large_is_refused() {
    let server = Server::start(config(|_| {})).await;
    let mut stream = connect(&server);
    let head = format!("GET /health HTTP/1.1\r\nx: {}\r\n\r\n", "x".repeat(400_000));
    // It may be refused before all of it is written.
    let _ = stream.write_all(head.as_bytes());
    let answered = rest(stream).await;
    // What it did not read resets the connection, and may take the answer along.
    assert!(!answered.contains(" 200 "), "{answered}");
    let mut stream = connect(&server);
    let fields = "x: 1\r\n".repeat(200);
    let head = format!("GET /health HTTP/1.1\r\n{fields}\r\n");
    let _ = stream.write_all(head.as_bytes());
    let answered = rest(stream).await;
    assert!(answered.starts_with("HTTP/1.1 431"), "{answered}");
}

#[tokio::test]
async fn an_address_has_its_share_of_connections() {
    let server = Server::start(config(|it| it.limit.connections_per_address = 3)).await;
    let held: Vec<TcpStream> = (0..3).map(|_| connect(&server)).collect();
    assert_eq!(rest(connect(&server)).await, "");
    drop(held);
    until("its connections are free", async || {
        let mut stream = connect(&server);
        let head = "GET /health HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
        let _ = stream.write_all(head.as_bytes());
        rest(stream).await.starts_with("HTTP/1.1 200")
    })
    .await;
}

#[tokio::test]
async fn a_connection_more_than_there_may_be_waits() {
    let server = Server::start(config(|it| {
        it.limit.connections = 2;
        it.limit.head_timeout = PATIENCE;
    }))
    .await;
    let head = b"GET /health HTTP/1.1\r\nhost: a\r\n\r\n";
    let held = connect(&server);
    let mut busy = connect(&server);
    let mut waiting = connect(&server);
    let last = b"GET /health HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
    waiting.write_all(last).unwrap();
    // Many requests come after it, and are answered.
    let busy = tokio::task::spawn_blocking(move || {
        for _ in 0..50 {
            busy.write_all(head).unwrap();
            let read = busy.read(&mut [0; 4_096]).unwrap();
            assert!(read > 0);
        }
        busy
    });
    let busy = busy.await.unwrap();
    waiting.set_nonblocking(true).unwrap();
    let peeked = waiting.peek(&mut [0]).map_err(|cause| cause.kind());
    assert_eq!(peeked, Err(ErrorKind::WouldBlock));
    waiting.set_nonblocking(false).unwrap();
    drop((held, busy));
    let answer = rest(waiting).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

#[tokio::test]
async fn a_body_that_does_not_come_is_not_waited_for() {
    let server = Server::start(config(|_| {})).await;
    let mut stream = connect(&server);
    let head = "POST /sdp HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: 100\r\nconnection: close\r\n\r\n{";
    stream.write_all(head.as_bytes()).unwrap();
    let answer = rest(stream).await;
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
    assert!(answer.contains("did not arrive within 10s"), "{answer}");
}

/// The head of the answer to a request with these fields.
async fn answered(server: &Server, method: &str, path: &str, fields: &str) -> String {
    let mut stream = connect(server);
    let head = format!("{method} {path} HTTP/1.1\r\nconnection: close\r\n{fields}\r\n");
    stream.write_all(head.as_bytes()).unwrap();
    let answered = rest(stream).await;
    answered.split("\r\n\r\n").next().unwrap().to_owned()
}

#[tokio::test]
async fn pages_of_origins_in_the_list_may_use_the_server_and_no_others() {
    let ours = "https://app.example.com";
    let server = Server::start(config(|it| it.http.allow_origins = vec![ours.into()])).await;
    let preflight = "host: a\r\naccess-control-request-method: PATCH\r\n";
    let of = |origin: &str| format!("{preflight}origin: {origin}\r\n");
    let allowed = answered(&server, "OPTIONS", "/sdp/some", &of(ours)).await;
    assert!(allowed.starts_with("HTTP/1.1 204"), "{allowed}");
    for field in [
        "access-control-allow-origin: https://app.example.com",
        "access-control-allow-methods: GET, POST, PUT, PATCH, DELETE",
        "access-control-allow-headers: authorization, content-type, if-match",
        "vary: origin",
    ] {
        assert!(allowed.contains(field), "{field}: {allowed}");
    }
    let other = answered(&server, "OPTIONS", "/sdp", &of("https://evil.example")).await;
    assert!(!other.contains("access-control-"), "{other}");
    assert!(other.contains("accept-post: application/sdp"), "{other}");
    let fields = format!("host: a\r\norigin: {ours}\r\n");
    let got = answered(&server, "GET", "/health", &fields).await;
    let told = "access-control-expose-headers: location, etag, link, retry-after";
    assert!(got.contains(told), "{got}");
}

#[tokio::test]
async fn a_name_that_is_not_the_servers_gets_nothing() {
    let hosts = [
        "live.example.com".into(),
        "127.0.0.1".into(),
        "[::1]".into(),
    ];
    let server = Server::start(config(|it| it.http.allowed_hosts = hosts.into())).await;
    for (host, status) in [
        ("live.example.com", "200"),
        ("LIVE.example.com:8080", "200"),
        ("127.0.0.1:80", "200"),
        ("[::1]:80", "200"),
        ("[::1]", "200"),
        ("evil.example", "403"),
        ("live.example.com.evil.example", "403"),
        ("", "403"),
    ] {
        let fields = format!("host: {host}\r\n");
        let got = answered(&server, "GET", "/health", &fields).await;
        assert!(
            got.starts_with(&format!("HTTP/1.1 {status}")),
            "{host}: {got}"
        );
    }
}
