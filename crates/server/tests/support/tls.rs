//! A client of HTTPS that sees the certificate.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use tickwire_server::tls::{client, rustls};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// Shakes hands with who is there, in the name of `localhost`, trusting who is in the file `ca`.
pub async fn shake(at: SocketAddr, ca: &Path) -> std::io::Result<TlsStream<TcpStream>> {
    let config = client(Some(ca)).map_err(std::io::Error::other)?;
    let name = rustls::pki_types::ServerName::try_from("localhost").unwrap();
    let stream = TcpStream::connect(at).await?;
    TlsConnector::from(Arc::new(config))
        .connect(name, stream)
        .await
}

/// The certificate that is shown, and the answer to `GET` of this path.
pub async fn get(at: SocketAddr, ca: &Path, path: &str) -> std::io::Result<(Vec<u8>, String)> {
    let mut stream = shake(at, ca).await?;
    let shown = stream.get_ref().1.peer_certificates().unwrap()[0].to_vec();
    let request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok((shown, answer))
}
