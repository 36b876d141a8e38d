//! What strangers do to a server: offers of one address as fast as it answers, connections with half a
//! request's head, datagrams of garbage. Each comes from a loopback address of its own.

use std::net::{IpAddr, SocketAddr};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream, UdpSocket};
use tokio::time::{MissedTickBehavior, interval, sleep_until};

const USAGE: &str = "usage: attack ADDRESS SECONDS";
const OFFERS: u64 = 5_000;
const OFFERERS: u64 = 50;
const HALF_OPEN: usize = 2_000;
const DATAGRAMS: u64 = 20_000;
/// An offer as a browser has it, of a client that will never connect.
const OFFER: &str = "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0\r\nm=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\na=ice-ufrag:abcd\r\na=ice-pwd:abcdefghijklmnopqrstuv01\r\na=fingerprint:sha-256 00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF\r\na=setup:actpass\r\na=mid:0\r\na=sctp-port:5000\r\n";

/// What became of it all.
#[derive(Default)]
struct Counts {
    answered: AtomicU64,
    refused: AtomicU64,
    failed: AtomicU64,
    half_open: AtomicU64,
    closed: AtomicU64,
    datagrams: AtomicU64,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let read = match &arguments[..] {
        [address, seconds] => address.parse().ok().zip(seconds.parse().ok()),
        _ => None,
    };
    let Some((server, seconds)): Option<(SocketAddr, u64)> = read else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    let end = Instant::now() + Duration::from_secs(seconds);
    let counts = Arc::new(Counts::default());
    for _ in 0..OFFERERS {
        tokio::spawn(offer(server, counts.clone()));
    }
    for _ in 0..HALF_OPEN {
        tokio::spawn(hold(server, counts.clone()));
    }
    tokio::spawn(garbage(server, counts.clone()));
    sleep_until(end.into()).await;
    let told = |count: &AtomicU64| count.load(Ordering::Relaxed);
    println!(
        "offers: {} answered, {} refused, {} without an answer; connections: {} opened with half a head, {} closed by the server; datagrams: {}",
        told(&counts.answered),
        told(&counts.refused),
        told(&counts.failed),
        told(&counts.half_open),
        told(&counts.closed),
        told(&counts.datagrams)
    );
    ExitCode::SUCCESS
}

async fn connect(server: SocketAddr, from: [u8; 4]) -> std::io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.bind(SocketAddr::new(IpAddr::from(from), 0))?;
    socket.connect(server).await
}

fn ticks(every: Duration) -> tokio::time::Interval {
    let mut ticks = interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}

/// One after the other on a connection, and on another where that ends.
async fn offer(server: SocketAddr, counts: Arc<Counts>) {
    let body = serde_json::json!({"type": "offer", "sdp": OFFER}).to_string();
    let request = format!(
        "POST /sdp HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut ticks = ticks(Duration::from_secs(1) / u32::try_from(OFFERS / OFFERERS).unwrap_or(1));
    let mut connection = None;
    loop {
        ticks.tick().await;
        let mut stream = match connection.take() {
            Some(stream) => stream,
            None => match connect(server, [127, 0, 0, 2]).await {
                Ok(stream) => stream,
                Err(_) => {
                    counts.failed.fetch_add(1, Ordering::Relaxed);
                    continue;
                }
            },
        };
        let mut answer = [0; 4_096];
        let asked = stream.write_all(request.as_bytes()).await.is_ok();
        // An answer of a few hundred bytes comes in one piece.
        match stream.read(&mut answer).await {
            Ok(length) if asked && length > 12 => {
                let count = match answer.starts_with(b"HTTP/1.1 201") {
                    true => &counts.answered,
                    false => &counts.refused,
                };
                count.fetch_add(1, Ordering::Relaxed);
                connection = Some(stream);
            }
            _ => {
                counts.failed.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
}

/// Half a head, until the server closes; then again.
async fn hold(server: SocketAddr, counts: Arc<Counts>) {
    let mut ticks = ticks(Duration::from_secs(1));
    loop {
        ticks.tick().await;
        let Ok(mut stream) = connect(server, [127, 0, 0, 3]).await else {
            continue;
        };
        counts.half_open.fetch_add(1, Ordering::Relaxed);
        let _ = stream.write_all(b"POST /sdp HTTP/1.1\r\nhost: a\r\n").await;
        while stream
            .read(&mut [0; 64])
            .await
            .is_ok_and(|length| length > 0)
        {}
        counts.closed.fetch_add(1, Ordering::Relaxed);
    }
}

/// A third looks like STUN, a third like DTLS, and a third like nothing.
async fn garbage(server: SocketAddr, counts: Arc<Counts>) {
    let Ok(socket) = UdpSocket::bind("127.0.0.4:0").await else {
        return;
    };
    let mut ticks = ticks(Duration::from_millis(5));
    let mut number = 0_u64;
    loop {
        ticks.tick().await;
        for _ in 0..DATAGRAMS / 200 {
            number += 1;
            let mut datagram = number
                .wrapping_mul(0x9e37_79b9_7f4a_7c15)
                .to_be_bytes()
                .repeat(16);
            match number % 3 {
                0 => datagram[..8].copy_from_slice(&[0, 1, 0, 108, 0x21, 0x12, 0xa4, 0x42]),
                1 => datagram[..3].copy_from_slice(&[22, 254, 253]),
                _ => {}
            }
            if socket.send_to(&datagram, server).await.is_ok() {
                counts.datagrams.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
}
