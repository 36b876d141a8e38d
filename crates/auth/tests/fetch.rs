//! Against a server that answers one request as it is told.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::thread;
use std::time::Duration;
use tickwire_auth::fetch::{FetchError, Fetched, get};
use tickwire_auth::{Keys, MAX_SET};

const SET: &str =
    r#"{"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#;

/// What is got where a server answers with this status and these headers, and this text.
fn answered(head: &str, text: &[u8]) -> Result<Fetched, FetchError> {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}/keys", listener.local_addr().unwrap());
    let answer = format!(
        "HTTP/1.1 {head}Content-Length: {}\r\nConnection: close\r\n\r\n",
        text.len()
    );
    let answer = [answer.as_bytes(), text].concat();
    let server = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            request.push(byte[0]);
        }
        // Whoever has read enough closes it meanwhile.
        let _ = stream.write_all(&answer);
        request
    });
    let got = get(&address);
    let request = server.join().unwrap();
    assert!(request.starts_with(b"GET /keys HTTP/1.1\r\n"));
    got
}

#[test]
fn keys_are_got_and_can_be_used() {
    let got = answered(
        "200 OK\r\nCache-Control: public, max-age=600\r\n",
        SET.as_bytes(),
    )
    .unwrap();
    assert_eq!(got.max_age, Some(Duration::from_secs(600)));
    assert_eq!(Keys::jwks(&got.text).unwrap().len(), 1);
}

#[test]
fn how_long_they_may_be_kept_is_the_least_that_is_said() {
    for (headers, seconds) in [
        ("", None),
        ("Cache-Control: private\r\n", None),
        ("Cache-Control: max-age=never\r\n", None),
        ("Cache-Control: no-store, max-age=600\r\n", Some(0)),
        (
            "Cache-Control: MAX-AGE=\"60\"\r\nCache-Control: max-age=70\r\n",
            Some(60),
        ),
    ] {
        let got = answered(&format!("200 OK\r\n{headers}"), b"{}").unwrap();
        assert_eq!(got.max_age, seconds.map(Duration::from_secs), "{headers}");
    }
}

#[test]
fn what_is_not_as_it_should_be_is_told() {
    assert!(matches!(
        answered("404 Not Found\r\n", b""),
        Err(FetchError::Status(404))
    ));
    let redirect = "302 Found\r\nLocation: http://example.com/\r\n";
    assert!(matches!(
        answered(redirect, b""),
        Err(FetchError::Status(302))
    ));
    assert_eq!(
        answered("200 OK\r\n", &[b' '; MAX_SET]).unwrap().text.len(),
        MAX_SET
    );
    assert!(matches!(
        answered("200 OK\r\n", &[b' '; MAX_SET + 1]),
        Err(FetchError::TooLong)
    ));
    assert!(matches!(
        answered("200 OK\r\n", &[0xff]),
        Err(FetchError::NoText)
    ));
}

#[test]
fn only_https_or_this_machine_is_asked() {
    for address in [
        "http://example.com/",
        "http://127.0.0.1.example.com/",
        "http://localhost.example.com/",
        "http://10.0.0.1/",
        "ftp://localhost/",
        "file:///etc/passwd",
        "/keys",
        "",
    ] {
        assert!(
            matches!(get(address), Err(FetchError::Address)),
            "{address}"
        );
    }
    // Nobody listens there, so it goes as far as asking.
    let free = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    for address in [format!("https://{free}/"), format!("http://{free}/")] {
        assert!(
            matches!(get(&address), Err(FetchError::Failed(_))),
            "{address}"
        );
    }
}

#[test]
fn a_server_without_tls_is_not_talked_to_as_if_it_had_it() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("https://{}/", listener.local_addr().unwrap());
    let server = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}");
    });
    assert!(matches!(get(&address), Err(FetchError::Failed(_))));
    server.join().unwrap();
}
