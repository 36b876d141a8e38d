//! A topic that the peers read, and who puts its values.

use crate::args::Args;
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

    /// What it says first.
    pub fn subscribe(topic: &str) -> String {
        serde_json::json!({"type": "subscribe", "id": 1, "topic": topic}).to_string()
    }
}

/// When a value was put, by its text.
pub fn stamp(value: &[u8]) -> Option<SystemTime> {
    let text = std::str::from_utf8(value).ok()?;
    Some(UNIX_EPOCH + Duration::from_micros(text.parse().ok()?))
}

/// Puts all keys at the rate, for as long as the process runs; says so where it is refused.
pub fn produce(args: &Args) {
    let Some(topic) = args.topic.clone() else {
        return;
    };
    let url = format!("{}/topics/{topic}", args.url);
    let key = format!("Bearer {}", args.api_key);
    let (keys, pause) = (args.keys, Duration::from_secs_f64(1.0 / args.rate as f64));
    std::thread::spawn(move || {
        let config = ureq::Agent::config_builder().http_status_as_error(false);
        let agent = ureq::Agent::new_with_config(config.build());
        let begun = Instant::now();
        for round in 0.. {
            let since = SystemTime::now().duration_since(UNIX_EPOCH);
            let now = since.unwrap_or_default().as_micros();
            let line = |key| format!("{{\"key\":\"key {key}\",\"value\":\"{now}\"}}\n");
            let lines: String = (0..keys).map(line).collect();
            let sent = agent.post(&url).header("authorization", &key).send(&lines);
            let refused = match sent {
                Ok(mut answer) if !answer.status().is_success() => {
                    answer.body_mut().read_to_string().unwrap_or_default()
                }
                // Read, so that the connection is used again.
                Ok(mut answer) => {
                    drop(answer.body_mut().read_to_vec());
                    continue_at(begun + pause * (round + 1));
                    continue;
                }
                Err(cause) => cause.to_string(),
            };
            eprintln!("load: {url} takes no values: {refused}");
            return;
        }
    });
}

fn continue_at(at: Instant) {
    std::thread::sleep(at.saturating_duration_since(Instant::now()));
}
