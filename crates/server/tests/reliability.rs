//! What a browser chose for a channel is what it gets, in both directions, over a network that
//! loses and reorders.

#[path = "support/network.rs"]
mod network;
mod support;

use network::{Conditions, Network};
use serde_json::{Value, json};
use std::time::Duration;
use support::{Server, config, next_text, opened, within};
use tickwire_server::feeds::echo;
use tickwire_server::{Channel, Feeds, Message, Reliability, SendError};
use tokio::sync::mpsc;
use webrtc::data_channel::RTCDataChannelInit;

const MESSAGES: u32 = 300;
const GAP: Duration = Duration::from_millis(4);
/// A tenth is lost, and what is sent 4 ms later can overtake.
const BAD: Conditions = Conditions {
    delay: Duration::from_millis(20),
    jitter: Duration::from_millis(8),
    loss: 10.0,
    rate: None,
    seed: 7,
};

/// What follows the numbers, again and again, until the receiver has had enough of it.
const END: u32 = MESSAGES;
/// So much of it that what is still sent again has come before.
const ENOUGH: usize = 50;

/// Sends numbers, each so long after the one before.
async fn numbers(channel: Channel) -> Result<(), SendError> {
    channel.recv().await;
    for number in 0_u32.. {
        channel.send(number.min(END).to_string()).await?;
        tokio::time::sleep(GAP).await;
    }
    Ok(())
}

/// What arrived on a channel, in the order in which it arrived.
fn judge(choice: &Value, arrived: &[u32], direction: &str) {
    let note = format!("{choice} {direction}: {} arrived", arrived.len());
    let in_order = arrived.is_sorted();
    let mut once = arrived.to_vec();
    once.sort_unstable();
    once.dedup();
    assert_eq!(once.len(), arrived.len(), "{note}: one arrived twice");
    let ordered = choice["ordered"].as_bool().unwrap();
    assert_eq!(in_order, ordered, "{note}");
    let all = arrived.len() == MESSAGES as usize;
    match (
        choice["maxRetransmits"].as_u64(),
        choice["maxPacketLifeTime"].as_u64(),
    ) {
        // One datagram in ten is lost, and what it held is not sent again; nor is what is on its
        // way when SCTP's timer runs out.
        (Some(0), _) => assert!(!all && arrived.len() > 50, "{note}"),
        // A loss is made good by a second or third attempt, but for such a timeout.
        (Some(_), _) => assert!(arrived.len() > 150, "{note}"),
        // What is lost is sent again after a round trip or so, while it lasts.
        (_, Some(_)) => assert!(arrived.len() > 100, "{note}"),
        (None, None) => assert!(all, "{note}"),
    }
}

/// Takes numbers in until all have come; where some may be lost, until enough of what follows
/// them has.
async fn take(choice: &Value, next: impl AsyncFn() -> u32) -> Vec<u32> {
    let is_reliable = choice["maxRetransmits"].is_null() && choice["maxPacketLifeTime"].is_null();
    let mut arrived = Vec::new();
    let mut ends = 0;
    while arrived.len() < MESSAGES as usize && (is_reliable || ends < ENOUGH) {
        match next().await {
            END => ends += 1,
            number => arrived.push(number),
        }
    }
    arrived
}

fn choices() -> Vec<Value> {
    let mut choices = Vec::new();
    for ordered in [true, false] {
        for limit in [
            json!({}),
            json!({"maxRetransmits": 0}),
            json!({"maxRetransmits": 3}),
            json!({"maxPacketLifeTime": 100}),
        ] {
            let mut choice = limit;
            choice["ordered"] = ordered.into();
            choices.push(choice);
        }
    }
    choices
}

async fn what_was_chosen_is_what_arrives(choice: Value) {
    let (arrived, arriving) = mpsc::unbounded_channel();
    let (reliability, mut told) = mpsc::unbounded_channel();
    let feeds = Feeds::new()
        .feed("down", numbers)
        .feed("up", move |channel: Channel| {
            let (arrived, reliability) = (arrived.clone(), reliability.clone());
            async move {
                let _ = reliability.send(channel.reliability());
                while let Some(Message::Text(text)) = channel.recv().await {
                    let _ = arrived.send(text.parse::<u32>().unwrap());
                }
                Ok::<_, SendError>(())
            }
        });
    let server = Server::start_with(config(|_| {}), feeds.feed("data", echo)).await;
    let network = Network::before(&server, BAD).await;
    let channel = |label: &str, id: u16| {
        let mut channel = choice.clone();
        channel["label"] = label.into();
        channel["id"] = id.into();
        channel
    };
    let channels = json!([channel("down", 0), channel("up", 1)]);
    let client = network.connect(&server, channels).await;
    let chosen = within("the reliability", told.recv()).await.unwrap();
    assert_eq!(chosen, expected(&choice));

    // Asked again and again: the question itself may be lost.
    let down = &*client.channels[0];
    let up = &*client.channels[1];
    let send = async {
        for number in 0_u32.. {
            if number < END {
                down.send_text("go").await.unwrap();
            }
            up.send_text(&number.min(END).to_string()).await.unwrap();
            tokio::time::sleep(GAP).await;
        }
    };
    let from_server = async || next_text(down, |_| true).await.parse().unwrap();
    let arriving = tokio::sync::Mutex::new(arriving);
    let from_client = async || arriving.lock().await.recv().await.unwrap();
    let take_both = async { tokio::join!(take(&choice, from_server), take(&choice, from_client)) };
    let (downwards, upwards) = tokio::select! {
        taken = take_both => taken,
        () = send => unreachable!("it sends for ever"),
    };
    judge(&choice, &downwards, "from the server");
    judge(&choice, &upwards, "from the client");
}

#[tokio::test]
async fn a_negotiated_channel_keeps_its_order_and_its_limits() {
    for choice in choices() {
        within(
            &choice.to_string(),
            what_was_chosen_is_what_arrives(choice.clone()),
        )
        .await;
    }
}

#[tokio::test]
async fn an_announced_channel_has_the_reliability_that_it_was_announced_with() {
    let (reliability, mut told) = mpsc::unbounded_channel();
    let feeds = Feeds::new().feed("told", move |channel: Channel| {
        let reliability = reliability.clone();
        async move {
            let _ = reliability.send(channel.reliability());
            channel.closed().await;
            Ok::<_, SendError>(())
        }
    });
    let server = Server::start_with(config(|_| {}), feeds.feed("data", echo)).await;
    let client = server.connect().await;
    for choice in choices() {
        let number = |key| choice[key].as_u64().map(|number| number as u16);
        let init = RTCDataChannelInit {
            ordered: choice["ordered"].as_bool().unwrap(),
            max_retransmits: number("maxRetransmits"),
            max_packet_life_time: number("maxPacketLifeTime"),
            ..Default::default()
        };
        let channel = client.connection.create_data_channel("told", Some(init));
        let channel = channel.await.unwrap();
        opened(&*channel).await;
        let chosen = within("the reliability", told.recv()).await.unwrap();
        assert_eq!(chosen, expected(&choice));
    }
}

/// What a choice is called in the library.
fn expected(choice: &Value) -> Reliability {
    Reliability {
        ordered: choice["ordered"].as_bool().unwrap(),
        max_retransmits: choice["maxRetransmits"].as_u64().map(|times| times as u16),
        max_packet_life_time: choice["maxPacketLifeTime"]
            .as_u64()
            .map(Duration::from_millis),
    }
}
