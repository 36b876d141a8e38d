//! Clients that come by TCP, and whatever else comes there.

#[path = "support/check.rs"]
mod made;
mod support;

use rustix::process::{Resource, getrlimit, setrlimit};
use serde_json::json;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::Duration;
use support::{OFFER_SDP, Server, candidates, config, until, within};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

const KEY: &str = "the-key-of-who-runs-it";

/// At HTTP's own number, and at another.
async fn servers() -> [Server; 2] {
    servers_with(|_| {}).await
}

/// The same with these settings.
async fn servers_with(set: impl Fn(&mut tickwire_server::Config)) -> [Server; 2] {
    let with_key = |config: &mut tickwire_server::Config| {
        config.admin.key = KEY.into();
        set(config);
    };
    let at_https_number = |config: &mut tickwire_server::Config| {
        with_key(config);
        config.port.listen = vec!["127.0.0.1".parse().unwrap()];
    };
    [
        Server::start(config(at_https_number)).await,
        Server::start(config(with_key)).await,
    ]
}

/// Whether this line is among the metrics.
async fn has_metric(server: &Server, line: &'static str) -> bool {
    let metrics = server.metrics(KEY).await;
    metrics.lines().any(|it| it == line)
}

fn tcp(answer: &str) -> Vec<SocketAddr> {
    let lines = answer
        .lines()
        .filter(|line| line.starts_with("a=candidate:"));
    let lines = lines.filter(|line| line.ends_with(" typ host tcptype passive"));
    let address = |line: &str| {
        let fields: Vec<&str> = line.split(' ').collect();
        assert_eq!((fields[1], fields[2]), ("1", "tcp"), "{line}");
        SocketAddr::new(fields[4].parse().unwrap(), fields[5].parse().unwrap())
    };
    lines.map(address).collect()
}

/// As it stands on a connection (RFC 4571).
fn framed(datagram: &[u8]) -> Vec<u8> {
    let length = u16::try_from(datagram.len()).unwrap();
    [&length.to_be_bytes()[..], datagram].concat()
}

/// A session whose client has not come yet.
struct Session {
    id: String,
    answer: String,
}

impl Session {
    async fn open(server: &Server) -> Self {
        let offer = json!({"type": "offer", "sdp": OFFER_SDP});
        let (_, answer) = server.post(offer).await;
        let text = |name: &str| answer[name].as_str().unwrap().to_owned();
        let (id, answer) = (text("id"), text("sdp"));
        Self { id, answer }
    }

    fn attribute(&self, name: &str) -> &str {
        let mut lines = self.answer.lines();
        let value = |line: &'_ str| line.strip_prefix(name).map(str::len);
        let found = lines.find_map(|line| value(line).map(|length| &line[line.len() - length..]));
        found.unwrap()
    }
}

/// A check of its client.
fn check(session: &Session, password: &str) -> Vec<u8> {
    let username = format!("{}:client", session.attribute("a=ice-ufrag:"));
    let others = [
        (0x0024, 1_000_u32.to_be_bytes().to_vec()),
        (0x802a, vec![7; 8]),
    ];
    framed(&made::check(
        username.as_bytes(),
        password.as_bytes(),
        &others,
    ))
}

/// Completes when the server has closed the connection.
async fn closed(mut stream: TcpStream) {
    let mut rest = Vec::new();
    let ended = within("the end", stream.read_to_end(&mut rest)).await;
    let is_reset = |cause: std::io::Error| cause.kind() == ErrorKind::ConnectionReset;
    assert!(ended.is_ok() || ended.is_err_and(is_reset));
}

#[tokio::test]
async fn a_check_is_answered_on_its_connection_and_makes_it_the_clients() {
    for server in servers().await {
        let session = Session::open(&server).await;
        let [at] = tcp(&session.answer)[..] else {
            panic!("{}", session.answer);
        };
        assert_eq!(at, candidates(&session.answer)[0]);
        let mut stream = TcpStream::connect(at).await.unwrap();
        let check = check(&session, session.attribute("a=ice-pwd:"));
        // In two pieces, the first of them half a length.
        stream.write_all(&check[..1]).await.unwrap();
        stream.write_all(&check[1..]).await.unwrap();
        let length = within("an answer", stream.read_u16()).await.unwrap();
        let mut answer = vec![0; length.into()];
        stream.read_exact(&mut answer).await.unwrap();
        assert_eq!(answer[..2], [1, 1], "a success");
        assert_eq!(answer[8..20], *b"transaction!");
        assert_eq!(server.routes().await, 1);
        assert!(has_metric(&server, "tickwire_session_paths{way=\"tcp\"} 1").await);
        assert!(has_metric(&server, "tickwire_tcp_connections 1").await);
        // The session's end is the connection's.
        assert_eq!(server.delete(&session.id).await, 204);
        closed(stream).await;
        until("no route", async || server.routes().await == 0).await;
        assert_eq!(server.post(json!({})).await.0, 400, "HTTP goes on");
    }
}

#[tokio::test]
async fn what_begins_with_anything_else_is_closed_at_once_and_counted() {
    for server in servers().await {
        let session = Session::open(&server).await;
        let at = tcp(&session.answer)[0];
        let forged = check(&session, "a password of the wrong sort");
        let nobodys = framed(&made::check(b"nobody:client", b"a password", &[]));
        for (first, reason) in [
            (forged, "not_authentic"),
            (nobodys, "unknown_ufrag"),
            (framed(&[0, 1, 0, 200, 9]), "malformed_stun"),
            (framed(b"garbage"), "not_for_us"),
            (framed(&[22, 254, 253, 0, 0]), "unknown_source"),
        ] {
            let before = server.dropped(reason).await;
            let mut stream = TcpStream::connect(at).await.unwrap();
            stream.write_all(&first).await.unwrap();
            closed(stream).await;
            assert_eq!(server.dropped(reason).await, before + 1, "{reason}");
        }
        // Longer than any datagram.
        let mut stream = TcpStream::connect(at).await.unwrap();
        stream.write_all(&[0x0f, 0xff, 0]).await.unwrap();
        closed(stream).await;
        assert_eq!(server.routes().await, 0);
    }
}

#[tokio::test]
async fn who_says_nothing_or_half_a_frame_is_closed() {
    for server in servers().await {
        let session = Session::open(&server).await;
        let at = tcp(&session.answer)[0];
        let mut half = TcpStream::connect(at).await.unwrap();
        let check = check(&session, session.attribute("a=ice-pwd:"));
        half.write_all(&check[..check.len() / 2]).await.unwrap();
        closed(half).await;
    }
}

#[tokio::test]
async fn an_address_has_so_many_connections_and_no_more() {
    let few = |config: &mut tickwire_server::Config| {
        config.limit.connections_per_address = 5;
        config.limit.check_timeout = Duration::from_secs(30);
        config.session.open_timeout = Duration::from_secs(30);
    };
    let server = Server::start(config(few)).await;
    let session = Session::open(&server).await;
    let at = tcp(&session.answer)[0];
    let mut idle = Vec::new();
    for _ in 0..5 {
        idle.push(TcpStream::connect(at).await.unwrap());
    }
    closed(TcpStream::connect(at).await.unwrap()).await;
    // Those that say nothing make room.
    for stream in idle {
        closed(stream).await;
    }
    // It is counted until a moment after it is closed.
    let check = check(&session, session.attribute("a=ice-pwd:"));
    until("room for one more", async || {
        let mut stream = TcpStream::connect(at).await.unwrap();
        let _ = stream.write_all(&check).await;
        stream.read_u16().await.is_ok()
    })
    .await;
}

/// A connection of an address that is not the client's.
async fn stranger(at: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.2:0".parse().unwrap()).unwrap();
    socket.connect(at).await.unwrap()
}

#[tokio::test]
async fn a_thousand_idle_connections_hold_up_nobody_and_go() {
    const STRANGERS: usize = 1_000;
    // Both ends are here; a usual limit is 1,024.
    let mut files = getrlimit(Resource::Nofile);
    files.current = files.maximum;
    setrlimit(Resource::Nofile, files).unwrap();
    let servers = servers_with(|it| it.limit.connections_per_address = STRANGERS);
    for server in servers.await {
        let session = Session::open(&server).await;
        let at = tcp(&session.answer)[0];
        let mut idle = Vec::new();
        for _ in 0..STRANGERS {
            idle.push(stranger(at).await);
        }
        closed(stranger(at).await).await;
        let mut client = TcpStream::connect(at).await.unwrap();
        let check = check(&session, session.attribute("a=ice-pwd:"));
        client.write_all(&check).await.unwrap();
        within("an answer", client.read_u16()).await.unwrap();
        assert_eq!(server.post(json!({})).await.0, 400, "HTTP goes on");
        for stream in idle {
            closed(stream).await;
        }
        until("no connection but the client's", async || {
            has_metric(&server, "tickwire_tcp_connections 1").await
        })
        .await;
    }
}

#[tokio::test]
async fn without_it_no_answer_names_it_and_who_has_nothing_else_is_told() {
    let server = Server::start(config(|it| it.port.tcp = false)).await;
    let offer = |sdp: &str| json!({"type": "offer", "sdp": sdp});
    let (_, answer) = server.post(offer(OFFER_SDP)).await;
    assert!(tcp(answer["sdp"].as_str().unwrap()).is_empty());
    let line = "a=candidate:1 1 tcp 1518280447 192.0.2.1 9 typ host tcptype active\r\n";
    let alone = format!("{OFFER_SDP}{line}a=end-of-candidates\r\n");
    let (status, refused) = server.post(offer(&alone)).await;
    assert_eq!((status, refused["code"].as_str()), (400, Some("tcp-only")));
    let server = Server::start(config(|_| {})).await;
    assert_eq!(server.post(offer(&alone)).await.0, 201);
}
