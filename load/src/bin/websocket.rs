//! What topics are compared with: a server that takes values as a Tickwire server does, `POST /topics/…`
//! with one JSON object a line, and sends each to all clients by a WebSocket, as most programs have it.

use axum::Router;
use axum::body::Bytes;
use axum::extract::ws::{Message, Utf8Bytes, WebSocket, WebSocketUpgrade};
use axum::extract::{DefaultBodyLimit, State};
use axum::http::StatusCode;
use axum::routing::{any, get, post};
use axum::serve::ListenerExt;
use futures_util::SinkExt;
use serde_json::Value;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::sync::broadcast::{Sender, channel, error::RecvError};

/// How many batches wait for a client that is slow; then it misses some.
const WAITING: usize = 64;
/// The largest batch, in bytes.
const LARGEST: usize = 16 * 1024 * 1024;

type Batches = Sender<Arc<[Utf8Bytes]>>;

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let at = std::env::args().nth(1).unwrap_or("127.0.0.1:8091".into());
    let listener = TcpListener::bind(at).await?.tap_io(|stream| {
        // An error leaves it as it was.
        let _ = stream.set_nodelay(true);
    });
    let app = Router::new()
        .route("/topics/{topic}", post(take))
        .route("/ws", any(upgrade))
        .route("/health", get(async || ""))
        .layer(DefaultBodyLimit::max(LARGEST))
        .with_state(channel(WAITING).0);
    axum::serve(listener, app).await
}

async fn take(State(batches): State<Batches>, body: Bytes) -> StatusCode {
    let values = body.split(|byte| *byte == b'\n').filter_map(|line| {
        let line: Value = serde_json::from_slice(line).ok()?;
        Some(format!("{}\t{}", line["key"].as_str()?, line["value"].as_str()?).into())
    });
    // An error means that there is no client.
    let _ = batches.send(values.collect());
    StatusCode::OK
}

async fn upgrade(
    socket: WebSocketUpgrade,
    State(batches): State<Batches>,
) -> axum::response::Response {
    socket.on_upgrade(|socket| push(socket, batches))
}

async fn push(mut socket: WebSocket, batches: Batches) {
    let mut batches = batches.subscribe();
    loop {
        let batch = match batches.recv().await {
            Ok(batch) => batch,
            Err(RecvError::Lagged(_)) => continue,
            Err(RecvError::Closed) => return,
        };
        for value in batch.iter() {
            if socket.feed(Message::Text(value.clone())).await.is_err() {
                return;
            }
        }
        if socket.flush().await.is_err() {
            return;
        }
    }
}
