//! HTTP that is encrypted (TLS) on the port where it is not otherwise.

use crate::tls::CHALLENGE;
use axum::extract::Request;
use axum::http::{StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use std::io;
use std::sync::Arc;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::server::TlsStream;

/// What a connection keeps that is not encrypted yet, in bytes: what waits longer is to wait where a newer value
/// takes its place.
const BUFFER: usize = 4_096;
/// The type of a record that begins a connection of TLS (RFC 8446 section 5.1): a handshake.
const HANDSHAKE: u8 = 22;

/// Whether a connection that begins with this byte is one of TLS.
pub fn is_handshake(first: u8) -> bool {
    first == HANDSHAKE
}

/// A request that came encrypted has this.
#[derive(Clone, Copy)]
pub struct Encrypted;

/// How connections are encrypted.
#[derive(Clone)]
pub struct Encryption(TlsAcceptor);

impl Encryption {
    /// By a configuration, which gives the certificate.
    pub fn new(config: Arc<ServerConfig>) -> Self {
        Self(config.into())
    }

    /// Shakes hands. Nothing comes of a connection that was a challenge alone: it is answered by that.
    pub async fn open(&self, stream: TcpStream) -> io::Result<Option<TlsStream<TcpStream>>> {
        let mut stream = self.0.accept(stream).await?;
        if stream.get_ref().1.alpn_protocol() == Some(CHALLENGE) {
            stream.shutdown().await?;
            return Ok(None);
        }
        stream.get_mut().1.set_buffer_limit(Some(BUFFER));
        Ok(Some(stream))
    }
}

/// Sends a request that came without encryption to where it is encrypted, which is the same port: 308, so that it
/// stays what it is. Whether the server lives and is ready, which is no secret, a supervisor may ask as it is.
pub async fn require(request: Request, next: Next) -> Response {
    let path = request.uri().path();
    // All of it may be below a path.
    let is_health = path.ends_with("/health/live") || path.ends_with("/health/ready");
    if is_health || request.extensions().get::<Encrypted>().is_some() {
        return next.run(request).await;
    }
    let host = request.headers().get(header::HOST);
    let Some(host) = host.and_then(|it| it.to_str().ok()) else {
        let message =
            "This server speaks HTTPS, and the request does not say by which name it was found.";
        return (StatusCode::BAD_REQUEST, message).into_response();
    };
    let rest = request.uri().path_and_query();
    let place = format!("https://{host}{}", rest.map_or("/", |it| it.as_str()));
    (StatusCode::PERMANENT_REDIRECT, [(header::LOCATION, place)]).into_response()
}
