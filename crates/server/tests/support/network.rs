//! A network in user space between one client and a server, as bad as wanted: UDP, both ways
//! alike. Seeded, so that a run repeats as far as its timing does.

#![allow(dead_code, reason = "each test binary uses a part of it")]

use crate::support::{Client, Server, unchanged};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::Value;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;
use tokio::net::UdpSocket;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

/// What surrounds a datagram on its way: Ethernet, IPv4 and UDP.
const HEADERS: usize = 42;

/// How bad a network is.
#[derive(Clone, Copy, Debug, Default)]
pub struct Conditions {
    /// One way.
    pub delay: Duration,
    /// As much more or less, evenly; datagrams may overtake each other.
    pub jitter: Duration,
    /// Of 100 datagrams, how many are lost.
    pub loss: f64,
    /// Bits a second; none for no limit.
    pub rate: Option<f64>,
    pub seed: u64,
}

/// How many bytes wait for a link at most; what comes on top is lost.
const QUEUE: f64 = 64.0 * 1024.0;

/// Relays until it is dropped.
pub struct Network {
    /// Where the client sends to.
    pub address: SocketAddr,
    is_stopped: Arc<AtomicBool>,
    /// Of a hundred datagrams so many are lost: the bits of an `f64`.
    loss: Arc<AtomicU64>,
    passed: Arc<AtomicUsize>,
    swallowed: Arc<AtomicUsize>,
    _tasks: JoinSet<()>,
}

impl Network {
    /// A network before the server at this address.
    pub async fn start(server: SocketAddr, conditions: Conditions) -> Self {
        let outer = Arc::new(UdpSocket::bind("127.0.0.1:0").await.unwrap());
        let inner = Arc::new(UdpSocket::bind("127.0.0.1:0").await.unwrap());
        inner.connect(server).await.unwrap();
        let is_stopped = Arc::new(AtomicBool::new(false));
        let loss = Arc::new(AtomicU64::new(conditions.loss.to_bits()));
        let passed = Arc::new(AtomicUsize::new(0));
        let swallowed = Arc::new(AtomicUsize::new(0));
        let address = outer.local_addr().unwrap();
        let client = Arc::new(std::sync::Mutex::new(None));
        let mut tasks = JoinSet::new();
        let (up, mut up_due) = mpsc::unbounded_channel();
        let (down, mut down_due) = mpsc::unbounded_channel();
        let link = |direction, due| {
            let (is_stopped, swallowed) = (is_stopped.clone(), swallowed.clone());
            let loss = loss.clone();
            Link::new(conditions, direction, due, is_stopped, loss, swallowed)
        };
        let (mut up, mut down) = (link(1, up), link(2, down));

        let (socket, from_client) = (outer.clone(), client.clone());
        tasks.spawn(async move {
            let mut datagram = [0; 2_000];
            // An error is an ICMP message about an earlier datagram.
            loop {
                if let Ok((length, from)) = socket.recv_from(&mut datagram).await {
                    *from_client.lock().unwrap() = Some(from);
                    up.take(&datagram[..length]);
                }
            }
        });
        let (socket, count) = (inner.clone(), passed.clone());
        tasks.spawn(async move {
            let mut datagram = [0; 2_000];
            loop {
                if let Ok(length) = socket.recv(&mut datagram).await {
                    count.fetch_add(1, Ordering::Relaxed);
                    down.take(&datagram[..length]);
                }
            }
        });
        tasks.spawn(async move {
            let mut waiting = Waiting::default();
            while let Some(datagram) = waiting.next(&mut up_due).await {
                let _ = inner.send(&datagram).await;
            }
        });
        tasks.spawn(async move {
            let mut waiting = Waiting::default();
            while let Some(datagram) = waiting.next(&mut down_due).await {
                let to = *client.lock().unwrap();
                if let Some(to) = to {
                    let _ = outer.send_to(&datagram, to).await;
                }
            }
        });
        Self {
            address,
            is_stopped,
            loss,
            passed,
            swallowed,
            _tasks: tasks,
        }
    }

    /// A network before a server that listens on loopback.
    pub async fn before(server: &Server, conditions: Conditions) -> Self {
        let client = Client::negotiate(&server.url, unchanged, unchanged).await;
        Self::start(client.candidates()[0], conditions).await
    }

    /// Opens channels that both sides create, through this network alone.
    pub async fn connect(&self, server: &Server, channels: Value) -> Client {
        let at = self.address;
        Client::connect_channels(&server.url, channels, move |answer| through(answer, at)).await
    }

    /// From here on so many of a hundred datagrams are lost.
    pub fn lose(&self, percent: f64) {
        self.loss.store(percent.to_bits(), Ordering::Relaxed);
    }

    /// Loses everything from here on.
    pub fn stop(&self) {
        self.is_stopped.store(true, Ordering::Relaxed);
    }

    pub fn resume(&self) {
        self.is_stopped.store(false, Ordering::Relaxed);
    }

    /// How many datagrams were lost because the network was stopped.
    pub fn swallowed(&self) -> usize {
        self.swallowed.load(Ordering::Relaxed)
    }

    /// How many datagrams the server has sent.
    pub fn sent_by_server(&self) -> usize {
        self.passed.load(Ordering::Relaxed)
    }
}

/// An answer whose only candidate is at this address.
fn through(answer: &str, at: SocketAddr) -> String {
    let mut candidates = answer
        .lines()
        .filter(|line| line.starts_with("a=candidate:"));
    let mut fields: Vec<&str> = candidates.next().unwrap().split(' ').collect();
    let (ip, port) = (at.ip().to_string(), at.port().to_string());
    (fields[4], fields[5]) = (&ip, &port);
    let candidate = fields.join(" ");
    let others = answer
        .lines()
        .filter(|line| !line.starts_with("a=candidate:"));
    let lines: Vec<&str> = others.chain([candidate.as_str()]).collect();
    lines.join("\r\n") + "\r\n"
}

type Due = (Instant, Vec<u8>);

/// One direction.
struct Link {
    conditions: Conditions,
    random: StdRng,
    is_free_at: Instant,
    due: mpsc::UnboundedSender<Due>,
    is_stopped: Arc<AtomicBool>,
    loss: Arc<AtomicU64>,
    swallowed: Arc<AtomicUsize>,
}

impl Link {
    fn new(
        conditions: Conditions,
        direction: u64,
        due: mpsc::UnboundedSender<Due>,
        is_stopped: Arc<AtomicBool>,
        loss: Arc<AtomicU64>,
        swallowed: Arc<AtomicUsize>,
    ) -> Self {
        Self {
            conditions,
            random: StdRng::seed_from_u64(conditions.seed * 2 + direction),
            is_free_at: Instant::now(),
            due,
            is_stopped,
            loss,
            swallowed,
        }
    }

    fn take(&mut self, datagram: &[u8]) {
        let Conditions {
            delay,
            jitter,
            rate,
            ..
        } = self.conditions;
        let loss = f64::from_bits(self.loss.load(Ordering::Relaxed));
        let is_lost = self.random.random::<f64>() * 100.0 < loss;
        let jitter = jitter.as_secs_f64() * self.random.random_range(-1.0..1.0);
        if self.is_stopped.load(Ordering::Relaxed) {
            self.swallowed.fetch_add(1, Ordering::Relaxed);
            return;
        }
        if is_lost {
            return;
        }
        let mut at = Instant::now();
        if let Some(rate) = rate {
            let bytes = (datagram.len() + HEADERS) as f64;
            let starts = self.is_free_at.max(at);
            if (starts - at).as_secs_f64() * rate / 8.0 > QUEUE {
                return;
            }
            self.is_free_at = starts + Duration::from_secs_f64(bytes * 8.0 / rate);
            at = self.is_free_at;
        }
        at += Duration::from_secs_f64((delay.as_secs_f64() + jitter).max(0.0));
        let _ = self.due.send((at, datagram.to_vec()));
    }
}

/// Datagrams on their way.
#[derive(Default)]
struct Waiting(Vec<Due>);

impl Waiting {
    /// The next that arrives; `None` once the network is gone.
    async fn next(&mut self, due: &mut mpsc::UnboundedReceiver<Due>) -> Option<Vec<u8>> {
        loop {
            let first = (0..self.0.len()).min_by_key(|&index| self.0[index].0);
            let Some(first) = first else {
                self.0.push(due.recv().await?);
                continue;
            };
            tokio::select! {
                () = sleep_until(self.0[first].0) => return Some(self.0.remove(first).1),
                more = due.recv() => self.0.push(more?),
            }
        }
    }
}
