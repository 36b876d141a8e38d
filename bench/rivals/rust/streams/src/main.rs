//! `streams IP:PORT`: values at `/ws` by WebSocket and at `/events` by Server-Sent Events.

use std::convert::Infallible;

use axum::Router;
use axum::extract::State;
use axum::extract::ws::{Message, Utf8Bytes, WebSocket, WebSocketUpgrade};
use axum::http::header::ACCESS_CONTROL_ALLOW_ORIGIN;
use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::serve::ListenerExt;
use futures_util::{Stream, stream};
use tokio::sync::broadcast::{Receiver, Sender, channel, error::RecvError};

/// Values that may wait for a reader; who is further behind goes on with what comes after them.
const WAITING: usize = 256;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let address = std::env::args()
        .nth(1)
        .ok_or("say where to listen: streams IP:PORT")?;
    let listener = tokio::net::TcpListener::bind(&address)
        .await?
        .tap_io(|connection| {
            // A value that is small must not wait for the acknowledgement of the one before it. Where this fails,
            // the connection is gone, and its reader learns of it below.
            _ = connection.set_nodelay(true);
        });
    let (values, _) = channel::<Utf8Bytes>(WAITING);
    let router = Router::new()
        .route("/ws", get(upgrade))
        .route("/events", get(events))
        .with_state(values.clone());
    let serving = async { axum::serve(listener, router).await };
    let producing = producer::run(serde_json::json!({}), |_, text| {
        // Nobody reads: nobody misses it.
        _ = values.send(text.into());
    });
    tokio::select! {
        served = serving => served?,
        produced = producing => produced?,
    }
    Ok(())
}

async fn upgrade(State(values): State<Sender<Utf8Bytes>>, upgrade: WebSocketUpgrade) -> Response {
    upgrade.on_upgrade(move |socket| read(socket, values.subscribe()))
}

async fn read(mut socket: WebSocket, mut values: Receiver<Utf8Bytes>) {
    loop {
        tokio::select! {
            value = next(&mut values) => {
                let Some(text) = value else { return };
                if socket.send(Message::Text(text)).await.is_err() {
                    return;
                }
            }
            received = socket.recv() => if !matches!(received, Some(Ok(_))) { return },
        }
    }
}

async fn events(State(values): State<Sender<Utf8Bytes>>) -> impl IntoResponse {
    // A browser opens six connections to a host: the page of the comparison comes from another address.
    (
        [(ACCESS_CONTROL_ALLOW_ORIGIN, "*")],
        Sse::new(all(values.subscribe())),
    )
}

fn all(values: Receiver<Utf8Bytes>) -> impl Stream<Item = Result<Event, Infallible>> {
    stream::unfold(values, async |mut values| {
        let text = next(&mut values).await?;
        Some((Ok(Event::default().data(text.as_str())), values))
    })
}

async fn next(values: &mut Receiver<Utf8Bytes>) -> Option<Utf8Bytes> {
    loop {
        match values.recv().await {
            Ok(text) => return Some(text),
            Err(RecvError::Lagged(_)) => {}
            Err(RecvError::Closed) => return None,
        }
    }
}
