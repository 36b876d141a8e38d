//! The machine's load, over a real connection.

use crate::support::{Client, Server, config, next_text, unchanged, until};
use serde_json::{Value, json};
use std::collections::HashSet;
use tickwire::server;
use tickwire_server::Topics;

async fn connect(server: &Server) -> Client {
    let channels = json!([{"label": "machine", "id": 0, "ordered": false, "maxRetransmits": 0}]);
    Client::connect_channels(&server.url, channels, unchanged).await
}

#[tokio::test]
async fn the_machine_tells_its_load_and_its_sessions() {
    let server =
        Server::start_with(config(|_| {}), server::feeds(&[], &Topics::new()).unwrap()).await;
    let client = connect(&server).await;
    let machine = &*client.channel;
    let mut before = 0.0;
    for _ in 0..3 {
        let sample: Value = serde_json::from_str(&next_text(machine, |_| true).await).unwrap();
        let number = |key: &str| sample[key].as_f64().unwrap();
        assert!(number("time") > before, "{sample}");
        before = number("time");
        assert!((0.0..=1.0).contains(&number("processors")), "{sample}");
        assert!(number("memoryUsed") > 0.0, "{sample}");
        assert!(number("memoryUsed") <= number("memoryTotal"), "{sample}");
        assert_eq!(sample["sessions"], 1);
    }
    machine.send_text("hello").await.unwrap();
    let refusal = next_text(machine, |text| text.starts_with("Refused: ")).await;
    assert_eq!(refusal, "Refused: this feed takes no messages");
}

#[tokio::test]
async fn one_sampler_serves_all_and_stops_with_the_last() {
    let server =
        Server::start_with(config(|_| {}), server::feeds(&[], &Topics::new()).unwrap()).await;
    // What the first session makes and keeps is not the sampler's.
    server.connect().await.connection.close().await.unwrap();
    until("the first session to end", async || {
        server.sessions().await == 0
    })
    .await;
    let tasks = server.tasks();
    let first = connect(&server).await;
    let second = connect(&server).await;
    // Each may miss some; those that both got are the same samples.
    let (mut firsts, mut seconds) = (HashSet::new(), HashSet::new());
    while firsts.is_disjoint(&seconds) {
        firsts.insert(next_text(&*first.channel, |_| true).await);
        seconds.insert(next_text(&*second.channel, |_| true).await);
        assert!(firsts.len() < 50, "two samplers");
    }
    for client in [first, second] {
        client.connection.close().await.unwrap();
    }
    until("the sampler to go", async || server.tasks() <= tasks).await;
}
