//! `tickwire health`: whether the server that runs beside it answers.

use crate::program::{program, served};
use crate::support::within;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::Output;

/// By a name, and below a path.
const SETTINGS: [(&str, &str); 2] = [
    ("TICKWIRE_HTTP_ALLOWED_HOSTS", r#"["live.example.com"]"#),
    ("TICKWIRE_SITE_BASE", "/live"),
];

async fn health(folder: &Path, at: SocketAddr) -> Output {
    let mut asking = program(folder, &SETTINGS);
    asking.env("LEPTOS_SITE_ADDR", at.to_string()).arg("health");
    within("an answer", asking.output()).await.unwrap()
}

#[tokio::test]
async fn whether_it_answers_is_told_by_the_status() {
    let folder = tempfile::tempdir().unwrap();
    // One that takes connections, and says nothing.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = silent.local_addr().unwrap();
    let output = health(folder.path(), at).await;
    assert_eq!(output.status.code(), Some(1));
    let told = String::from_utf8(output.stderr).unwrap();
    let expected = format!("http://{at}/live/health/live: ");
    assert!(told.starts_with(&expected), "{told}");
    let (_running, at) = served(program(folder.path(), &SETTINGS)).await;
    let output = health(folder.path(), at).await;
    assert!(output.status.success(), "{output:?}");
}
