//! A topic that the peers read, and who puts its values.

use crate::args::Args;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use str0m::change::SdpApi;
use str0m::channel::{ChannelConfig, ChannelId, Reliability};
use tickwire_values::Receiver;

const PROTOCOL: &str = "tickwire.2";

/// What a peer has of the topic.
pub struct Reading {
    pub control: ChannelId,
    pub values: ChannelId,
    /// Which of them are open.
    pub open: [bool; 2],
    pub receiver: Receiver,
}

impl Reading {
    /// Adds its channels to an offer.
    pub fn new(changes: &mut SdpApi<'_>) -> Self {
        let mut channel = |label: &str, ordered, reliability| {
            changes.add_channel_with_config(ChannelConfig {
                label: label.into(),
                ordered,
                reliability,
                negotiated: None,
                protocol: PROTOCOL.into(),
            })
        };
        let lossy = Reliability::MaxRetransmits { retransmits: 0 };
        let mut receiver = Receiver::new();
        receiver.subscribe(1);
        Self {
            control: channel("control", true, Reliability::Reliable),
            values: channel("values", false, lossy),
            open: [false; 2],
            receiver,
        }
    }

    /// What it says first: it wants all keys, or one that there is not.
    pub fn subscribe(topic: &str, is_active: bool) -> String {
        let mut said = serde_json::json!({"type": "subscribe", "id": 1, "topic": topic});
        if !is_active {
            said["keys"] = serde_json::json!(["none"]);
        }
        said.to_string()
    }
}

/// Whether the server says that the client is to go to another.
pub fn is_go_away(said: &[u8]) -> bool {
    serde_json::from_slice(said).is_ok_and(|it: serde_json::Value| it["type"] == "go-away")
}

/// When a value was put, by its text.
pub fn stamp(value: &[u8]) -> Option<SystemTime> {
    let text = std::str::from_utf8(value).ok()?;
    Some(UNIX_EPOCH + Duration::from_micros(text.parse().ok()?))
}

/// The topic of those who put values as fast as they are taken, and how many they put at a time.
const OFFERED: &str = "offered";
const OFFERED_KEYS: usize = 500;

/// How many values those have put.
static TAKEN: AtomicU64 = AtomicU64::new(0);

pub fn taken() -> u64 {
    TAKEN.load(Ordering::Relaxed)
}

/// Who puts values into a topic, over one connection.
struct Producer {
    agent: ureq::Agent,
    url: String,
    key: String,
}

impl Producer {
    fn new(args: &Args, server: &str, topic: &str) -> Self {
        let config = ureq::Agent::config_builder().http_status_as_error(false);
        Self {
            agent: ureq::Agent::new_with_config(config.build()),
            url: format!("{server}/topics/{topic}"),
            key: format!("Bearer {}", args.api_key),
        }
    }

    /// Puts these keys, with the time. False where they are refused, which is told.
    fn put(&self, keys: std::ops::Range<usize>) -> bool {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        let now = since.unwrap_or_default().as_micros();
        let line = |key| format!("{{\"key\":\"key {key}\",\"value\":\"{now}\"}}\n");
        let lines: String = keys.map(line).collect();
        let request = self.agent.post(&self.url);
        let refused = match request.header("authorization", &self.key).send(&lines) {
            Ok(mut answer) => {
                // Read, so that the connection is used again.
                let body = answer.body_mut().read_to_string().unwrap_or_default();
                if answer.status().is_success() {
                    return true;
                }
                body
            }
            Err(cause) => cause.to_string(),
        };
        eprintln!("load: {} takes no values: {refused}", self.url);
        false
    }
}

/// Puts all keys at the rate, and has others put what they can, for as long as the process runs.
pub fn produce(args: &Args) {
    let Some(topic) = args.topic.clone() else {
        return;
    };
    let (keys, batches) = (args.keys, args.batches.min(args.keys));
    let pause = Duration::from_secs_f64(1.0 / (args.rate * batches) as f64);
    let put_at = args.put_at.as_ref().unwrap_or(&args.url);
    for server in [Some(put_at), args.drain_to.as_ref()].into_iter().flatten() {
        let producer = Producer::new(args, server, &topic);
        std::thread::spawn(move || {
            let begun = Instant::now();
            for round in 0.. {
                let batch = round as usize % batches;
                let of = |batch: usize| batch * keys / batches;
                if !producer.put(of(batch)..of(batch + 1)) {
                    return;
                }
                let at = begun + pause * (round + 1);
                std::thread::sleep(at.saturating_duration_since(Instant::now()));
            }
        });
    }
    for _ in 0..args.producers {
        let producer = Producer::new(args, &args.url, OFFERED);
        std::thread::spawn(move || {
            while producer.put(0..OFFERED_KEYS) {
                TAKEN.fetch_add(OFFERED_KEYS as u64, Ordering::Relaxed);
            }
        });
    }
}
