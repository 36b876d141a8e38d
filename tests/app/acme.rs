//! A certificate that is asked for (ACME), at a server for tests of that: Pebble.

#[path = "../../crates/server/tests/support/tls.rs"]
mod tls;

use crate::program::{program, served};
use crate::support::until;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use serde_json::json;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;
use tls::{get, shake};
use tokio::process::{Child, Command};

/// Addresses of this machine that no other test has.
const PEBBLE: &str = "127.18.8.55:14000";
const ITS_ROOTS: &str = "127.18.8.55:15000";

/// The program that asks there, and where it serves.
async fn asking(folder: &Path) -> (Child, SocketAddr) {
    let directory = format!("https://{PEBBLE}/dir");
    let variables = [
        ("TICKWIRE_TLS_ACME", r#"["localhost"]"#),
        ("TICKWIRE_TLS_CONTACT", r#"["mailto:ops@example.com"]"#),
        ("TICKWIRE_TLS_DIRECTORY", &directory),
        ("TICKWIRE_TLS_CA", "ca.pem"),
    ];
    served(program(folder, &variables)).await
}

#[tokio::test]
async fn a_certificate_is_asked_for_and_kept() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(["127.18.8.55".to_owned(), "localhost".to_owned()]).unwrap();
    let ca = folder.join("ca.pem");
    fs::write(&ca, cert.pem()).unwrap();
    fs::write(folder.join("ca-key.pem"), signing_key.serialize_pem()).unwrap();
    // The first time that it asks nobody is there yet, whom it has to be known to.
    let (mut first, at) = asking(folder).await;
    assert!(get(at, &ca, "/health").await.is_err());
    let config = json!({"pebble": {
        "listenAddress": PEBBLE,
        "managementListenAddress": ITS_ROOTS,
        "certificate": "ca.pem",
        "privateKey": "ca-key.pem",
        "httpPort": at.port(),
        "tlsPort": at.port(),
    }});
    fs::write(folder.join("pebble.json"), config.to_string()).unwrap();
    let pebble = Command::new("pebble")
        .args(["-config", "pebble.json"])
        .current_dir(folder)
        .env("PEBBLE_VA_NOSLEEP", "1")
        .stdout(Stdio::null())
        .kill_on_drop(true)
        .spawn();
    let mut pebble = pebble.expect("pebble: `scripts/setup` sets it up");
    let its_roots: SocketAddr = ITS_ROOTS.parse().unwrap();
    until("Pebble", async || shake(its_roots, &ca).await.is_ok()).await;
    let (_, root) = get(its_roots, &ca, "/roots/0").await.unwrap();
    let root = &root[root.find("-----BEGIN").unwrap()..];
    let signed = folder.join("root.pem");
    fs::write(&signed, root).unwrap();
    let is_served = async |at| {
        let got = get(at, &signed, "/health/ready").await;
        got.is_ok_and(|(_, answer)| answer.starts_with("HTTP/1.1 200"))
    };
    until("a certificate", async || is_served(at).await).await;
    until("that it is kept", async || {
        let mut kept = fs::read_dir(folder.join("acme")).unwrap();
        kept.any(|file| {
            file.unwrap()
                .file_name()
                .to_string_lossy()
                .contains("_cert_")
        })
    })
    .await;
    // Only who runs it may read the key.
    let mode = std::os::unix::fs::PermissionsExt::mode(
        &fs::metadata(folder.join("acme")).unwrap().permissions(),
    );
    assert_eq!(mode & 0o077, 0);
    first.kill().await.unwrap();
    pebble.kill().await.unwrap();
    let (_again, at) = asking(folder).await;
    until("what was kept", async || is_served(at).await).await;
}
