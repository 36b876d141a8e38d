//! The connections of HTTP, and of clients that come by TCP: how many there are, and how long they may be
//! without a request.

use super::encryption::{Encrypted, Encryption, is_handshake};
use crate::admission::Connections;
use crate::config::{HttpConfig, LimitConfig};
use crate::sessions::Sessions;
use axum::extract::ConnectInfo;
use axum::{Extension, Router};
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1::Builder;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tickwire_peer::port::{is_client, prepare};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{debug, warn};

/// The longest head of a request, in bytes.
const HEAD_BYTES: usize = 32 * 1024;
/// The most header fields of a request.
const HEADERS: usize = 100;
/// The waits after a connection could not be accepted.
const BACK_OFF: Duration = Duration::from_millis(5);
const LONGEST_BACK_OFF: Duration = Duration::from_secs(1);
/// How long a trusted proxy may keep a connection for its next request: longer than proxies do, which
/// would send one on a connection that is just being closed, and tell their client of a bad gateway.
const PROXY_IDLE: Duration = Duration::from_secs(300);
/// How long a client's connection may go on when the server stops.
const CLIENT_GRACE: Duration = Duration::from_millis(1_500);

/// What is asked of whoever opens a connection, and how many there are.
#[derive(Clone)]
pub struct Doors {
    places: Arc<Semaphore>,
    /// By address.
    connections: Arc<Connections>,
    http: HttpConfig,
    limits: LimitConfig,
}

impl Doors {
    /// For all listeners of strangers; their connections are counted in `connections`.
    pub fn new((http, limits): (&HttpConfig, &LimitConfig), connections: Arc<Connections>) -> Self {
        Self {
            places: Arc::new(Semaphore::new(limits.connections)),
            connections,
            http: http.clone(),
            limits: limits.clone(),
        }
    }
}

/// Serves `app` until `stop`, then lets requests under way end. Requests have a
/// [`ConnectInfo`] with the address that they came from. Where the server drains, those connections
/// end too that were there before: a balancer takes each new one elsewhere. With `clients`, those come here
/// too whom UDP does not reach: their connections are the port's of these sessions. With `encryption`, those
/// come here encrypted who speak TLS; `app` knows them by [`Encrypted`].
pub async fn accept(
    listener: TcpListener,
    app: Router,
    doors: &Doors,
    (clients, encryption): (Option<Sessions>, Option<Encryption>),
    (stop, draining): (CancellationToken, CancellationToken),
) {
    let head_timeout = doors.limits.head_timeout;
    let patient = |time| (time, Arc::new(builder(time)));
    let for_strangers = patient(head_timeout);
    let for_proxies = patient(head_timeout.max(PROXY_IDLE));
    let http = doors.http.clone();
    let ending = stop.clone();
    let encrypted = encryption.map(|it| (it, app.clone().layer(Extension(Encrypted))));
    let serving = move |stream: TcpStream, from: SocketAddr| {
        // One that comes later is told with its answer.
        let draining = Some(&draining).filter(|it| !it.is_cancelled()).cloned();
        let (app, clients, stop) = (app.clone(), clients.clone(), ending.clone());
        let encrypted = encrypted.clone();
        let (patience, server) = match http.is_trusted(from.ip()) {
            true => for_proxies.clone(),
            false => for_strangers.clone(),
        };
        async move {
            let mut first = [0];
            if clients.is_some() || encrypted.is_some() {
                let peeked = stop.run_until_cancelled(timeout(patience, stream.peek(&mut first)));
                let Some(Ok(Ok(1))) = peeked.await else {
                    return;
                };
            }
            if let Some(sessions) = clients.filter(|_| is_client(first[0])) {
                return client(&sessions, stream, from, &stop).await;
            }
            // What is small and late is what this server is for.
            let _ = prepare(&stream);
            let Some((encryption, encrypted)) = encrypted.filter(|_| is_handshake(first[0])) else {
                return serve(&server, stream, from, app, (stop, draining)).await;
            };
            let opened = timeout(patience, encryption.open(stream));
            match stop.run_until_cancelled(opened).await {
                Some(Ok(Ok(Some(stream)))) => {
                    serve(&server, stream, from, encrypted, (stop, draining)).await;
                }
                Some(Ok(Err(cause))) => debug!(%cause, "a handshake of TLS failed"),
                _ => {}
            }
        }
    };
    each(listener, doors, stop, serving).await;
}

/// Serves clients that come by TCP until `stop`.
pub async fn accept_clients(
    listener: TcpListener,
    doors: &Doors,
    sessions: Sessions,
    stop: CancellationToken,
) {
    let ending = stop.clone();
    let serving = move |stream, from| {
        let (sessions, stop) = (sessions.clone(), ending.clone());
        async move { client(&sessions, stream, from, &stop).await }
    };
    each(listener, doors, stop, serving).await;
}

/// Serves one of them. When the server stops its session ends, and it with that.
async fn client(
    sessions: &Sessions,
    stream: TcpStream,
    from: SocketAddr,
    stop: &CancellationToken,
) {
    let Ok(stream) = stream.into_std() else {
        return;
    };
    let ending = async {
        stop.cancelled().await;
        sleep(CLIENT_GRACE).await;
    };
    tokio::select! {
        () = sessions.port().serve_tcp(stream, from) => {}
        () = ending => {}
    }
}

/// Serves each connection until `stop`, and returns when the last has ended.
async fn each<F>(
    listener: TcpListener,
    doors: &Doors,
    stop: CancellationToken,
    serving: impl Fn(TcpStream, SocketAddr) -> F,
) where
    F: Future<Output = ()> + Send + 'static,
{
    let under_way = TaskTracker::new();
    let mut back_off = BACK_OFF;
    loop {
        let (stream, from) = match stop.run_until_cancelled(listener.accept()).await {
            None => break,
            Some(Ok(accepted)) => accepted,
            Some(Err(cause)) if is_of_connection(&cause) => {
                debug!(%cause, "a connection went before it was accepted");
                continue;
            }
            Some(Err(cause)) => {
                // As a rule there are no more files to be had: those that are open end.
                warn!(%cause, "no connection can be accepted");
                let _ = stop.run_until_cancelled(sleep(back_off)).await;
                back_off = LONGEST_BACK_OFF.min(back_off * 2);
                continue;
            }
        };
        back_off = BACK_OFF;
        let most = match doors.http.is_trusted(from.ip()) {
            true => usize::MAX,
            false => doors.limits.connections_per_address,
        };
        let Some(connection) = doors.connections.enter(from.ip().into(), most) else {
            continue;
        };
        // Only now: a listener to which nobody comes would keep a place from the others. It is closed
        // nowhere.
        let place = doors.places.clone().acquire_owned();
        let Some(place) = stop.run_until_cancelled(place).await else {
            break;
        };
        let serving = serving(stream, from);
        under_way.spawn(async move {
            serving.await;
            drop((connection, place));
        });
    }
    drop(listener);
    under_way.close();
    under_way.wait().await;
}

fn builder(head_timeout: Duration) -> Builder {
    let mut builder = Builder::new();
    // The time of a head begins when the connection waits for one: it is for those that are idle too.
    // (hyper-util's `auto` waits without an end for what it tells the versions of HTTP apart by.)
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(head_timeout)
        .max_buf_size(HEAD_BYTES)
        .max_headers(HEADERS);
    builder
}

async fn serve(
    server: &Builder,
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    from: SocketAddr,
    app: Router,
    (stop, draining): (CancellationToken, Option<CancellationToken>),
) {
    let app = TowerToHyperService::new(app);
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(ConnectInfo(from));
        app.call(request)
    });
    let serving = server.serve_connection(TokioIo::new(stream), service);
    let mut serving = pin!(serving.with_upgrades());
    let mut ends = pin!(async {
        match draining {
            Some(draining) => tokio::select! {
                () = stop.cancelled() => {}
                () = draining.cancelled() => {}
            },
            None => stop.cancelled().await,
        }
    });
    let mut is_ending = false;
    let served = loop {
        tokio::select! {
            served = &mut serving => break served,
            () = ends.as_mut(), if !is_ending => {
                is_ending = true;
                serving.as_mut().graceful_shutdown();
            }
        }
    };
    if let Err(cause) = served {
        debug!(%cause, "a connection of HTTP failed");
    }
}

/// Whether it is one connection's own, and the next can be accepted at once.
fn is_of_connection(cause: &io::Error) -> bool {
    matches!(
        cause.kind(),
        io::ErrorKind::ConnectionRefused
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
    )
}
