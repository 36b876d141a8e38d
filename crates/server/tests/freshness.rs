//! Fresh values over networks that are slow, lossy, narrow, or stop.

#[path = "support/network.rs"]
mod network;
mod support;

use network::{Conditions, Network};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use support::{Client, Server, config, next_text, within};
use tickwire_server::{Channel, Counts, Feeds, SendError};
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;
use webrtc::data_channel::{DataChannel, DataChannelEvent};

const TICK: Duration = Duration::from_millis(10);
const LOSSY: Conditions = Conditions {
    delay: Duration::from_millis(25),
    jitter: Duration::from_millis(3),
    loss: 5.0,
    rate: None,
    seed: 11,
};
const NARROW: Conditions = Conditions {
    delay: Duration::from_millis(25),
    jitter: Duration::ZERO,
    loss: 0.0,
    rate: Some(64_000.0),
    seed: 12,
};

/// What feeds and tests share: when each value was put, and what became of them.
#[derive(Clone)]
struct Record {
    origin: Instant,
    counts: Arc<Mutex<Counts>>,
}

impl Record {
    fn new() -> Self {
        Self {
            origin: Instant::now(),
            counts: Arc::default(),
        }
    }

    /// Microseconds since the record began: what the values say.
    fn now(&self) -> u64 {
        self.origin.elapsed().as_micros() as u64
    }

    fn age(&self, value: u64) -> Duration {
        Duration::from_micros(self.now() - value)
    }

    fn counts(&self) -> Counts {
        *self.counts.lock().unwrap()
    }
}

/// Values in a hundred milliseconds, of so many keys, `<key> <time>`.
fn latest(record: &Record, keys: usize) -> Feeds {
    let record = record.clone();
    Feeds::new().feed("latest", move |channel: Channel| {
        let record = record.clone();
        async move {
            let channel = channel.latest();
            let mut tick = tokio::time::interval(TICK);
            // What a busy machine makes late is no value that the network held up.
            tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                tick.tick().await;
                for key in 0..keys {
                    channel.put(key, format!("{key} {}", record.now()))?;
                }
                *record.counts.lock().unwrap() = channel.counts();
            }
            #[allow(unreachable_code, reason = "says what the feed's result is")]
            Ok::<_, SendError>(())
        }
    })
}

fn unreliable(label: &str) -> Value {
    json!([{"label": label, "id": 0, "ordered": false, "maxRetransmits": 0}])
}

async fn next(channel: &dyn DataChannel) -> (usize, u64) {
    loop {
        let event = within("a value", channel.poll()).await;
        if let DataChannelEvent::OnMessage(message) = event.expect("an open channel") {
            let text = String::from_utf8(message.data.to_vec()).unwrap();
            let (key, value) = text.split_once(' ').unwrap();
            return (key.parse().unwrap(), value.parse().unwrap());
        }
    }
}

/// The ages of so many values as they arrive, sorted.
async fn ages(client: &Client, record: &Record, count: usize) -> Vec<Duration> {
    let mut ages = Vec::new();
    for _ in 0..count {
        let (_, value) = next(&*client.channel).await;
        ages.push(record.age(value));
    }
    ages.sort_unstable();
    ages
}

/// Takes what is still on its way through a network that has stopped.
async fn until_it_says_nothing(client: &Client) {
    let quiet = Duration::from_millis(100);
    while let Ok(Some(_)) = tokio::time::timeout(quiet, client.channel.poll()).await {}
}

async fn open(feeds: Feeds, conditions: Conditions, channels: Value) -> (Server, Network, Client) {
    let server = Server::start_with(config(|_| {}), feeds).await;
    let network = Network::before(&server, conditions).await;
    let client = network.connect(&server, channels).await;
    (server, network, client)
}

/// Far more than any of these networks needs, and far less than what SCTP's own queue makes of
/// them, which is seconds: how fast it is exactly is for the benchmark.
const FRESH: Duration = Duration::from_millis(1_500);

#[tokio::test]
async fn latest_on_a_narrow_link_is_new_and_says_what_it_left_out() {
    let record = Record::new();
    let (_server, _network, client) = open(latest(&record, 1), NARROW, unreliable("latest")).await;
    let ages = ages(&client, &record, 300).await;
    assert!(ages[285] < FRESH, "{:?}", ages[285]);
    let counts = record.counts();
    // The link carries about 60 of 100 a second.
    assert!(counts.sent >= 250, "{counts}");
    assert!(counts.replaced >= 50, "{counts}");
    assert_eq!((counts.expired, counts.overflowed), (0, 0));
    assert!(counts.longest_age >= counts.age);
}

#[tokio::test]
async fn latest_on_a_lossy_network_stays_new_and_leaves_little_out() {
    let record = Record::new();
    let (_server, _network, client) = open(latest(&record, 1), LOSSY, unreliable("latest")).await;
    let ages = ages(&client, &record, 400).await;
    assert!(ages[380] < FRESH, "{:?}", ages[380]);
    let counts = record.counts();
    // A busy machine looks like a network that is, so not all of them leave.
    assert!(counts.sent > counts.replaced, "{counts}");
}

#[tokio::test]
async fn latest_on_a_narrow_and_lossy_link_stays_new() {
    let record = Record::new();
    let conditions = Conditions {
        rate: NARROW.rate,
        ..LOSSY
    };
    let (_server, _network, client) =
        open(latest(&record, 1), conditions, unreliable("latest")).await;
    let ages = ages(&client, &record, 300).await;
    assert!(ages[285] < FRESH, "{:?}", ages[285]);
}

#[tokio::test]
async fn the_first_value_after_a_stop_is_new() {
    let record = Record::new();
    let (_server, network, client) = open(latest(&record, 1), LOSSY, unreliable("latest")).await;
    ages(&client, &record, 50).await;
    network.stop();
    let stopped = record.now();
    // The session's gate goes on to ask whether the path is back.
    let sent = network.sent_by_server();
    support::until("five seconds of nothing", async || {
        record.now() - stopped > 5_000_000
    })
    .await;
    assert!(
        network.sent_by_server() - sent < 60,
        "it asks, and does not shout: {}",
        network.sent_by_server() - sent
    );
    until_it_says_nothing(&client).await;
    let resumed = record.now();
    network.resume();
    let (_, value) = next(&*client.channel).await;
    assert!(
        value > resumed - 200_000,
        "{value} is from before {resumed}"
    );
    let ages = ages(&client, &record, 100).await;
    assert!(ages[95] < FRESH, "{:?}", ages[95]);
}

#[tokio::test]
async fn every_key_is_fresh_and_none_starves() {
    const KEYS: usize = 100;
    let record = Record::new();
    let conditions = Conditions {
        rate: Some(1_000_000.0),
        ..NARROW
    };
    let (_server, _network, client) =
        open(latest(&record, KEYS), conditions, unreliable("latest")).await;
    let mut arrived: HashMap<usize, Vec<Duration>> = HashMap::new();
    let started = Instant::now();
    for _ in 0..30 * KEYS {
        let (key, value) = next(&*client.channel).await;
        arrived.entry(key).or_default().push(record.age(value));
    }
    // The link carries more than a thousand a second. A gate that takes the receiver's delay of
    // 200 ms for the path's own length lets 25 out.
    let rate = (30 * KEYS) as f64 / started.elapsed().as_secs_f64();
    assert!(rate > 150.0, "{rate} values a second");
    assert_eq!(arrived.len(), KEYS);
    for (key, ages) in &mut arrived {
        ages.sort_unstable();
        assert!(ages.len() >= 20, "{key}: {}", ages.len());
        assert!(ages[ages.len() * 9 / 10] < FRESH, "{key}: {ages:?}");
    }
}

#[tokio::test]
async fn fifty_channels_of_one_peer_share_a_narrow_link() {
    const CHANNELS: usize = 50;
    let record = Record::new();
    let server = Server::start_with(config(|it| it.channel.max = 100), latest(&record, 1)).await;
    let conditions = Conditions {
        rate: Some(256_000.0),
        ..NARROW
    };
    let network = Network::before(&server, conditions).await;
    let channels: Vec<Value> = (0..CHANNELS)
        .map(|id| json!({"label": "latest", "id": id, "ordered": false, "maxRetransmits": 0}))
        .collect();
    let client = network.connect(&server, channels.into()).await;
    // Each is read as it comes: what waits here to be read grows old too.
    let mut reading = JoinSet::new();
    for channel in client.channels.iter().cloned() {
        let record = record.clone();
        reading.spawn(async move {
            let mut ages = Vec::new();
            for _ in 0..15 {
                let (_, value) = next(&*channel).await;
                ages.push(record.age(value));
            }
            ages
        });
    }
    for ages in reading.join_all().await {
        // The first come while the gate learns how wide the link is.
        let oldest = ages[5..].iter().max().unwrap();
        assert!(*oldest < FRESH, "{ages:?}");
    }
}

/// Each network that [`latest`] is tried on, for the other ways to send.
const NETWORKS: [Conditions; 4] = [
    Conditions { loss: 0.0, ..LOSSY },
    LOSSY,
    NARROW,
    Conditions {
        rate: NARROW.rate,
        ..LOSSY
    },
];

#[tokio::test]
async fn the_last_value_of_a_feed_that_returns_while_it_waits_for_room_arrives() {
    const MUCH: usize = 40_000;
    async fn says_much(channel: Channel) -> Result<(), SendError> {
        channel.recv().await;
        channel.send("x".repeat(MUCH)).await?;
        let channel = channel.latest();
        channel.put((), "last".repeat(MUCH / 4))
    }
    let conditions = Conditions {
        delay: Duration::from_millis(20),
        ..Conditions::default()
    };
    let limit = config(|it| it.channel.send_buffer_bytes = 65_536);
    let server = Server::start_with(limit, Feeds::new().feed("much", says_much)).await;
    let network = Network::before(&server, conditions).await;
    let client = network
        .connect(&server, json!([{"label": "much", "id": 0}]))
        .await;
    client.channel.send_text("go").await.unwrap();
    let text = |wanted: &'static str| next_text(&*client.channel, move |it| it.starts_with(wanted));
    assert_eq!(text("x").await.len(), MUCH);
    assert_eq!(text("last").await.len(), MUCH);
}

#[tokio::test]
async fn the_last_value_of_a_quiet_key_arrives_though_it_was_lost() {
    let (changes, changed) = tokio::sync::watch::channel("first".to_owned());
    let feeds = Feeds::new().feed("quiet", move |channel: Channel| {
        let mut changed = changed.clone();
        async move {
            let latest = channel.latest();
            loop {
                let value = changed.borrow_and_update().clone();
                latest.put((), value)?;
                tokio::select! {
                    () = latest.closed() => return Ok::<_, SendError>(()),
                    it = changed.changed() => drop(it),
                }
            }
        }
    });
    let (_server, network, client) = open(feeds, NETWORKS[0], unreliable("quiet")).await;
    let text = |wanted: &'static str| next_text(&*client.channel, move |it| it == wanted);
    text("first").await;
    network.stop();
    until_it_says_nothing(&client).await;
    let swallowed = network.swallowed();
    changes.send("last".to_owned()).unwrap();
    support::until("it to be lost", async || {
        network.swallowed() > swallowed + 1
    })
    .await;
    network.resume();
    text("last").await;
}

#[tokio::test]
async fn a_deadline_drops_what_is_late_and_counts_it() {
    for conditions in NETWORKS {
        let record = Record::new();
        let shared = record.clone();
        let feeds = Feeds::new().feed("deadline", move |channel: Channel| {
            let record = shared.clone();
            async move {
                let channel = channel.deadline(Duration::from_millis(100));
                let mut tick = tokio::time::interval(TICK);
                // What a busy machine makes late is no value that the network held up.
                tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
                loop {
                    tick.tick().await;
                    channel.put(format!("0 {}", record.now()))?;
                    *record.counts.lock().unwrap() = channel.counts();
                }
                #[allow(unreachable_code, reason = "says what the feed's result is")]
                Ok::<_, SendError>(())
            }
        });
        let (_server, network, client) = open(feeds, conditions, unreliable("deadline")).await;
        let times = ages(&client, &record, 200).await;
        let note = format!("{conditions:?}: {}", record.counts());
        assert!(times[190] < FRESH, "{note}: {:?}", times[190]);
        let counts = record.counts();
        if conditions.rate.is_some() {
            // The link carries about 60 of 100 a second.
            assert!(counts.expired >= 30, "{note}");
        }
        assert_eq!((counts.replaced, counts.overflowed), (0, 0), "{note}");

        network.stop();
        until_it_says_nothing(&client).await;
        let resumed = record.now();
        network.resume();
        let (_, value) = next(&*client.channel).await;
        assert!(value > resumed - 500_000, "{note}: {value} {resumed}");
    }
}

#[tokio::test]
async fn reliable_sends_everything_in_order_whatever_the_network() {
    const VALUES: u64 = 200;
    for conditions in NETWORKS {
        let feeds = Feeds::new().feed("reliable", |channel: Channel| async move {
            // It waits to be asked: `webrtc` 0.21.1 as a client loses what arrives on a
            // negotiated channel before it has opened its own side.
            channel.recv().await;
            for number in 0..VALUES {
                if number == VALUES / 2 {
                    channel.recv().await;
                }
                channel.send(format!("0 {number}")).await?;
            }
            channel.closed().await;
            Ok::<_, SendError>(())
        });
        let reliable = json!([{"label": "reliable", "id": 0}]);
        let (_server, network, client) = open(feeds, conditions, reliable).await;
        client.channel.send_text("go").await.unwrap();
        for number in 0..VALUES {
            if number == VALUES / 2 {
                network.stop();
                client.channel.send_text("go on").await.unwrap();
                support::until("something to be lost", async || network.swallowed() > 0).await;
                network.resume();
            }
            assert_eq!(next(&*client.channel).await, (0, number), "{conditions:?}");
        }
    }
}
