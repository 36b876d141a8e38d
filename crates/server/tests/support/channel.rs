//! What is awaited of a client's channel.

use super::within;
use bytes::BytesMut;
use std::time::Duration;
use tokio::time::timeout;
use webrtc::data_channel::{DataChannel, DataChannelEvent};

pub async fn opened(channel: &dyn DataChannel) {
    within("channel open", async {
        while !matches!(
            channel.poll().await.expect("not closed"),
            DataChannelEvent::OnOpen
        ) {}
    })
    .await;
}

pub async fn closed(channel: &dyn DataChannel) {
    within("channel closed", async {
        while !matches!(channel.poll().await, None | Some(DataChannelEvent::OnClose)) {}
    })
    .await;
}

/// Sends until the other side has taken nothing for a second, and says how many bytes it took.
/// What is sent after that, while the channel is being closed, is thrown away and counts nowhere.
pub async fn sent_until_it_waits(channel: &dyn DataChannel, message: usize) -> usize {
    let mut sent = 0;
    within("the sender to have to wait", async {
        let is_taken = || {
            timeout(
                Duration::from_secs(1),
                channel.send(BytesMut::zeroed(message)),
            )
        };
        while let Ok(taken) = is_taken().await {
            taken.expect("not closed before the sender had to wait");
            sent += message;
        }
    })
    .await;
    sent
}

pub async fn next_text(channel: &dyn DataChannel, wanted: impl Fn(&str) -> bool) -> String {
    within("message", async {
        loop {
            if let DataChannelEvent::OnMessage(message) = channel.poll().await.expect("not closed")
                && message.is_string
            {
                let text = String::from_utf8(message.data.into()).unwrap();
                if wanted(&text) {
                    return text;
                }
            }
        }
    })
    .await
}

pub async fn next_binary(channel: &dyn DataChannel) -> Vec<u8> {
    within("binary message", async {
        loop {
            if let DataChannelEvent::OnMessage(message) = channel.poll().await.expect("not closed")
                && !message.is_string
            {
                return message.data.into();
            }
        }
    })
    .await
}
