//! HTTPS, on the port where peers come by TCP too.

mod support;
#[path = "support/tls.rs"]
mod tls;

use rcgen::{CertifiedKey, generate_simple_self_signed};
use std::fs;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;
use support::{OFFER_SDP, Server, config, until, within};
use tempfile::TempDir;
use tickwire_server::Feeds;
use tickwire_server::tls::{FilesError, certificate_in, server};
use tls::{get, shake};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A certificate for `localhost` in files.
struct Files {
    folder: TempDir,
    certificate: PathBuf,
    key: PathBuf,
}

impl Files {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let [certificate, key] =
            ["certificate.pem", "key.pem"].map(|name| folder.path().join(name));
        let files = Self {
            folder,
            certificate,
            key,
        };
        files.renew();
        files
    }

    /// Another one, which is returned.
    fn renew(&self) -> Vec<u8> {
        let CertifiedKey { cert, signing_key } =
            generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        fs::write(&self.certificate, cert.pem()).unwrap();
        fs::write(&self.key, signing_key.serialize_pem()).unwrap();
        cert.der().to_vec()
    }

    /// What whoever trusts it has of it.
    fn trusted(&self, name: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        fs::copy(&self.certificate, &path).unwrap();
        path
    }

    fn serve(&self) -> Server {
        let encryption = server(certificate_in(&self.certificate, &self.key).unwrap());
        let config = config(|config| {
            config.port.listen = vec!["127.0.0.1".parse().unwrap()];
            config.limit.head_timeout = Duration::from_secs(1);
        });
        Server::run(
            tickwire_server::Server::new(Feeds::built_in())
                .config(config)
                .encrypt(encryption),
        )
    }
}

fn address(server: &Server) -> SocketAddr {
    server.url.trim_start_matches("http://").parse().unwrap()
}

/// What is answered on a connection on which this is sent; nothing where it is cut off.
async fn answered(at: SocketAddr, sent: &[u8]) -> String {
    let mut stream = TcpStream::connect(at).await.unwrap();
    stream.write_all(sent).await.unwrap();
    let mut answer = Vec::new();
    match within("its end", stream.read_to_end(&mut answer)).await {
        Ok(_) => {}
        Err(cause) => assert_eq!(cause.kind(), ErrorKind::ConnectionReset),
    }
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn http_is_encrypted_and_who_asks_without_is_sent_there() {
    let files = Files::new();
    let server = files.serve();
    let at = address(&server);
    let (_, answer) = get(at, &files.certificate, "/health").await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let sent = |head: &str| format!("{head}connection: close\r\n\r\n").into_bytes();
    let plain = answered(
        at,
        &sent("GET /topics?a=b HTTP/1.1\r\nhost: live.test:8\r\n"),
    )
    .await;
    assert!(plain.starts_with("HTTP/1.1 308"), "{plain}");
    assert!(
        plain.contains("\r\nlocation: https://live.test:8/topics?a=b\r\n"),
        "{plain}"
    );
    let unnamed = answered(at, &sent("GET /topics HTTP/1.0\r\n")).await;
    assert!(unnamed.starts_with("HTTP/1.0 400"), "{unnamed}");
    // Where all is below a path, its health is too; here nothing is there, and nothing is redirected.
    let below = answered(
        at,
        &sent("GET /live/health/ready HTTP/1.1\r\nhost: localhost\r\n"),
    )
    .await;
    assert!(below.starts_with("HTTP/1.1 404"), "{below}");
    let alive = answered(
        at,
        &sent("GET /health/live HTTP/1.1\r\nhost: localhost\r\n"),
    )
    .await;
    assert!(alive.starts_with("HTTP/1.1 200"), "{alive}");
}

#[tokio::test]
async fn another_certificate_is_used_once_it_is_whole() {
    let files = Files::new();
    let server = files.serve();
    let at = address(&server);
    let first = files.trusted("first.pem");
    let (shown, _) = get(at, &first, "/health").await.unwrap();
    // One that is half written is not used, and the one before stays.
    let second = files.renew();
    let (trusted, key) = (files.trusted("second.pem"), fs::read(&files.key).unwrap());
    fs::write(&files.key, "-----BEGIN PRIVATE KEY-----\nAAAA").unwrap();
    let (still, _) = get(at, &first, "/health").await.unwrap();
    assert_eq!(still, shown);
    fs::remove_file(&files.key).unwrap();
    fs::write(&files.key, key).unwrap();
    until("the other certificate", async || {
        get(at, &trusted, "/health")
            .await
            .is_ok_and(|(shown, _)| shown == second)
    })
    .await;
}

#[tokio::test]
async fn what_is_no_handshake_ends_alone() {
    let files = Files::new();
    let server = files.serve();
    let at = address(&server);
    // An alert at most comes back (RFC 8446 section 6), and the connection ends.
    for garbage in [
        &b"\x16"[..],
        b"\x16\x03\x01\x00\x05hello",
        b"\x16\xff\xff\xff\xff\xff\xff\xff\xff",
    ] {
        assert!(answered(at, garbage).await.len() < 10);
    }
    let mut slow = shake(at, &files.certificate).await.unwrap();
    slow.write_all(b"GET / HT").await.unwrap();
    let mut answer = Vec::new();
    let _ = within("the end of a slow head", slow.read_to_end(&mut answer)).await;
    // ICE-TCP (RFC 4571) is what it was.
    let mut peer = TcpStream::connect(at).await.unwrap();
    peer.write_all(&[0, 20]).await.unwrap();
    let (_, answer) = get(at, &files.certificate, "/health").await.unwrap();
    assert!(answer.contains("\"status\":\"ok\""), "{answer}");
}

#[tokio::test]
async fn a_session_is_opened_by_https() {
    let files = Files::new();
    let server = files.serve();
    let mut stream = shake(address(&server), &files.certificate).await.unwrap();
    let offer = serde_json::json!({"type": "offer", "sdp": OFFER_SDP}).to_string();
    let head = format!(
        "POST /sdp HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
        offer.len()
    );
    stream.write_all((head + &offer).as_bytes()).await.unwrap();
    let mut answer = String::new();
    within("the answer", stream.read_to_string(&mut answer))
        .await
        .unwrap();
    assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
    assert!(answer.contains("\"type\":\"answer\""), "{answer}");
}

#[tokio::test]
async fn files_that_are_no_certificate_are_told_by_name() {
    let files = Files::new();
    let other = Files::new();
    let told =
        |certificate: &Path, key: &Path| certificate_in(certificate, key).map(drop).unwrap_err();
    let none = files.folder.path().join("none.pem");
    let missing = told(&none, &files.key);
    assert!(
        matches!(&missing, FilesError::Unreadable { path, .. } if *path == none),
        "{missing}"
    );
    let swapped = told(&files.key, &files.certificate).to_string();
    assert!(
        swapped.contains("expected certificates in PEM, found none"),
        "{swapped}"
    );
    let no_key = told(&files.certificate, &files.certificate).to_string();
    assert!(no_key.contains("expected a private key in PEM"), "{no_key}");
    let strangers = told(&files.certificate, &other.key);
    assert!(matches!(strangers, FilesError::Pair { .. }), "{strangers}");
}
