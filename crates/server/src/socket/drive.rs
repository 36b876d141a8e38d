//! Moves the messages of a WebSocket.

use super::mux::{Incoming, Outgoing};
use super::{End, Socket};
use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket, close_code};
use bytes::Bytes;
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{MissedTickBehavior, interval, timeout};

/// How many bytes are handed over before it is waited until the kernel has them.
const WRITE: usize = 4_096;
/// The longest words with which a WebSocket is closed, in bytes (RFC 6455 section 5.5).
const LONGEST_WORDS: usize = 123;
/// How long a client may take to close its side.
const CLOSE_LIMIT: Duration = Duration::from_secs(1);

/// How long a client may be silent, and take nothing.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    pub silence: Duration,
    pub stall: Duration,
}

/// Moves messages until the connection has ended.
pub fn drive(
    socket: Arc<Socket>,
    stream: WebSocket,
    patience: Patience,
) -> impl Future<Output = ()> {
    // What an async function is given is in its future twice, and this lasts as long as the client.
    let (mut sink, mut stream) = stream.split();
    async move {
        let end = tokio::select! {
            end = read(&socket, &mut stream, patience) => end,
            end = write(&socket, &mut sink, patience) => end,
        };
        Box::pin(finish(&socket, end, &mut sink, &mut stream)).await;
    }
}

async fn finish(
    socket: &Socket,
    end: End,
    sink: &mut SplitSink<WebSocket, Message>,
    stream: &mut SplitStream<WebSocket>,
) {
    let is_over = end == End::Closed;
    let why = end.to_string();
    socket.end(end);
    if !is_over {
        let closed = timeout(CLOSE_LIMIT, sink.send(closing(close_code::POLICY, &why))).await;
        if !matches!(closed, Ok(Ok(()))) {
            return;
        }
    }
    // What is closed with something unread throws away what was sent.
    let _ = timeout(CLOSE_LIMIT, async {
        while let Some(Ok(_)) = stream.next().await {}
    })
    .await;
}

/// The message that closes a WebSocket.
pub fn closing(code: u16, why: &str) -> Message {
    let end = why.floor_char_boundary(LONGEST_WORDS);
    Message::Close(Some(CloseFrame {
        code,
        reason: Utf8Bytes::from(&why[..end]),
    }))
}

async fn read(socket: &Socket, stream: &mut SplitStream<WebSocket>, patience: Patience) -> End {
    loop {
        socket.has_room().await;
        let taken = match timeout(patience.silence, stream.next()).await {
            Err(_) => return End::Silent(patience.silence),
            Ok(None | Some(Ok(Message::Close(_)))) => return End::Closed,
            Ok(Some(Err(cause))) => return failed(&cause),
            Ok(Some(Ok(Message::Text(text)))) => socket.take(Incoming::Text(&text)),
            Ok(Some(Ok(Message::Binary(bytes)))) => socket.take(Incoming::Binary(&bytes)),
            Ok(Some(Ok(Message::Ping(_) | Message::Pong(_)))) => {
                socket.hear();
                Ok(())
            }
        };
        if let Err(end) = taken {
            return end;
        }
    }
}

async fn write(
    socket: &Socket,
    sink: &mut SplitSink<WebSocket, Message>,
    patience: Patience,
) -> End {
    let every = patience.silence / 3;
    let mut ping = interval(every);
    ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let out = socket.out.notified();
        let sending = async {
            let mut handed_over = 0;
            while handed_over < WRITE
                && let Some(message) = socket.next()
            {
                let (bytes, message) = match message {
                    Outgoing::Text(text) => (text.len(), Message::Text(text_of(text))),
                    Outgoing::Binary(bytes) => (bytes.len(), Message::Binary(bytes)),
                };
                handed_over += bytes.max(1);
                sink.feed(message).await?;
            }
            sink.flush().await?;
            Ok::<_, axum::Error>(handed_over)
        };
        match timeout(patience.stall, sending).await {
            Err(_) => return End::Failed(format!("it took nothing for {:?}", patience.stall)),
            Ok(Err(cause)) => return failed(&cause),
            Ok(Ok(0)) => {}
            Ok(Ok(_)) => continue,
        }
        if let Some(why) = socket.is_to_close() {
            let _ = timeout(CLOSE_LIMIT, sink.send(closing(close_code::AWAY, &why))).await;
            return End::Closed;
        }
        tokio::select! {
            () = out => {}
            _ = ping.tick() => {
                // A browser that reads and says nothing is there as long as it answers.
                if socket.heard_ago() >= every && let Err(cause) = sink.feed(Message::Ping(Bytes::new())).await {
                    return failed(&cause);
                }
            }
        }
    }
}

/// What says that it is text is: who sends has made it so.
fn text_of(text: Bytes) -> Utf8Bytes {
    Utf8Bytes::try_from(text).unwrap_or_default()
}

fn failed(cause: &axum::Error) -> End {
    End::Failed(cause.to_string())
}
