//! `GET /ws`: a session by WebSocket, as [`tickwire_wire::socket`] describes it.

use super::error::Refusal;
use super::forwarded::client;
use super::origin::is_allowed;
use crate::admission::Network;
use crate::auth::Denied;
use crate::request::OpeningRequest;
use crate::sessions::Sessions;
use crate::socket::{closing, drive};
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade, close_code};
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use std::net::IpAddr;
use tickwire_wire::control::{PROTOCOL, ToReader, ToServer};
use tickwire_wire::signaling::{Code, SignalingError};
use tokio::time::timeout;
use tracing::{Instrument, Span, debug};

/// What a connection reads and writes at once, in bytes: it keeps as much for as long as it lasts.
const READ_BUFFER: usize = 2_048;
const WRITE_BUFFER: usize = 2_048;
/// What a message takes beside what it says on a channel, in bytes.
const FRAME: usize = 16;

/// 101, where the page that asks is one of this server's, or of `http.allow-origins`. Who is not let in is told
/// so on the WebSocket: a browser shows no page why there is none.
pub async fn open(
    State(sessions): State<Sessions>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
    request: Request,
) -> Result<Response, Refusal> {
    let upgrade = match upgrade {
        Ok(upgrade) => upgrade,
        Err(rejection) => return Ok(rejection.into_response()),
    };
    let (parts, _) = request.into_parts();
    if !is_ours(&sessions, &parts) {
        let message =
            "This page may not use the server: http.allow-origins does not name its origin.";
        return Err(SignalingError::new(Code::Forbidden, message).into());
    }
    let from = client(sessions.http().0, &parts.headers, &parts.extensions);
    let network = from.map(Network::from);
    sessions.admission().knock(network)?;
    let place = sessions.socket(network)?;
    let longest = sessions.message_bytes() + FRAME;
    let span = Span::current();
    let response = upgrade
        .protocols([PROTOCOL])
        .max_frame_size(longest)
        .max_message_size(longest)
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(WRITE_BUFFER)
        .on_upgrade(move |stream| {
            let entering = enter(sessions, stream, parts, from, place);
            entering.instrument(span)
        });
    Ok(response)
}

/// Whether a request comes of a page of this server's, or one that may use it, or of no page.
fn is_ours(sessions: &Sessions, request: &Parts) -> bool {
    let Some(origin) = request.headers.get(header::ORIGIN) else {
        return true;
    };
    is_own(origin, request) || is_allowed(sessions, origin)
}

/// Whether this is the origin by whose name the request asks, be it that a proxy has decrypted it.
fn is_own(origin: &HeaderValue, request: &Parts) -> bool {
    let host = request.headers.get(header::HOST);
    let host = host.and_then(|it| it.to_str().ok());
    let of_origin = origin.to_str().ok().and_then(|it| it.split_once("://"));
    let (Some(host), Some((scheme, of_origin))) = (host, of_origin) else {
        return false;
    };
    let port = if scheme == "https" { ":443" } else { ":80" };
    let plain = |host: &str| host.strip_suffix(port).unwrap_or(host).to_ascii_lowercase();
    plain(host) == plain(of_origin)
}

/// Lets a client in, and leaves its connection to a task of its own: this one's future has room for all that
/// it takes to get that far.
async fn enter(
    sessions: Sessions,
    mut stream: WebSocket,
    request: Parts,
    from: Option<IpAddr>,
    place: impl Send + 'static,
) {
    let admitted = match asked(&sessions, &mut stream, &request).await {
        Ok(user) => sessions.admit_socket(OpeningRequest::new(request, from), user),
        Err(denied) => Err(denied),
    };
    match admitted {
        Ok(socket) => {
            let driving = drive(socket, stream, sessions.patience());
            let holding = async move {
                driving.await;
                drop(place);
            };
            tokio::spawn(holding.instrument(Span::current()));
        }
        Err(denied) => {
            debug!(%denied, "a WebSocket is refused");
            let (denied, why) = (ToReader::Denied(denied.clone()).json(), denied.message);
            // Who does not take it is gone.
            let telling = async {
                stream.send(Message::Text(denied.into())).await?;
                stream.send(closing(close_code::POLICY, &why)).await?;
                while let Some(Ok(_)) = stream.recv().await {}
                Ok::<_, axum::Error>(())
            };
            let _ = timeout(sessions.http().1.head_timeout, telling).await;
        }
    }
}

/// Who it is, by the request, or by the token in the first message.
async fn asked(
    sessions: &Sessions,
    stream: &mut WebSocket,
    request: &Parts,
) -> Result<Option<tickwire_auth::User>, SignalingError> {
    let authentication = sessions.authentication();
    match authentication.ask(request).await {
        Err(Denied::Unknown(_)) => {}
        known => return Ok(known?),
    }
    let limit = sessions.http().1.head_timeout;
    let first = timeout(limit, stream.recv()).await;
    let token = match first {
        Ok(Some(Ok(Message::Text(text)))) => match ToServer::parse(&text) {
            Ok(ToServer::Token { token }) => Some(token),
            _ => None,
        },
        _ => None,
    };
    let token = token.ok_or_else(|| {
        let expected = r#"Expected {"type": "token", "token": "…"} as the first message."#;
        SignalingError::new(Code::Unauthorized, expected)
    })?;
    Ok(authentication.ask_with(request, &token).await?)
}
