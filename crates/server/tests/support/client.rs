//! A real WebRTC peer.

use super::ask;
use super::channel::{closed, next_text, opened};
use rtc::ice::mdns::MulticastDnsMode;
use rtc::peer_connection::configuration::RTCOfferOptions;
use rtc::peer_connection::configuration::setting_engine::SctpMaxMessageSize;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use webrtc::data_channel::{DataChannel, RTCDataChannelInit};
use webrtc::peer_connection::{
    PeerConnection, PeerConnectionBuilder, PeerConnectionEventHandler, RTCSessionDescription,
    SettingEngineBuilder,
};

struct Quiet;

#[async_trait::async_trait]
impl PeerConnectionEventHandler for Quiet {}

/// A WebRTC peer that has been answered by a server.
pub struct Client {
    pub connection: Arc<dyn PeerConnection>,
    /// The first of its channels.
    pub channel: Arc<dyn DataChannel>,
    pub channels: Vec<Arc<dyn DataChannel>>,
    pub id: String,
    /// The server's SDP.
    pub answer: String,
}

/// A peer that takes and sends messages of so many bytes.
async fn peer(local: &'static str, message_bytes: u32) -> Arc<dyn PeerConnection> {
    let settings = SettingEngineBuilder::new()
        .with_multicast_dns_mode(MulticastDnsMode::Disabled)
        .with_ice_connection_attempts(Some(Duration::from_millis(20)), Some(500))
        .with_sctp_max_message_size(SctpMaxMessageSize::Bounded(message_bytes))
        .build();
    let connection = PeerConnectionBuilder::new()
        .with_setting_engine(settings)
        .with_handler(Arc::new(Quiet))
        .with_udp_addrs(vec![local])
        .with_data_channel_send_buffer_limit(64 * 1024)
        .build()
        .await
        .unwrap();
    Arc::new(connection)
}

/// No change to a session description. Other changes are for clients that do not behave.
pub fn unchanged(sdp: &str) -> String {
    sdp.to_owned()
}

impl Client {
    /// Opens a reliable and ordered channel of the plain-text demonstration.
    pub async fn connect(url: &str) -> Self {
        Self::connect_with(url, unchanged).await
    }

    /// The same, with an answer that is changed before the client uses it.
    pub async fn connect_with(url: &str, edit_answer: impl FnOnce(&str) -> String) -> Self {
        let client = Self::negotiate(url, unchanged, edit_answer).await;
        opened(&*client.channel).await;
        client
    }

    /// Exchanges offer and answer, without waiting for the channel to open.
    pub async fn negotiate(
        url: &str,
        edit_offer: impl FnOnce(&str) -> String,
        edit_answer: impl FnOnce(&str) -> String,
    ) -> Self {
        Self::negotiate_from("127.0.0.1:0", url, edit_offer, edit_answer).await
    }

    /// The same, from an address of the client's.
    pub async fn negotiate_from(
        local: &'static str,
        url: &str,
        edit_offer: impl FnOnce(&str) -> String,
        edit_answer: impl FnOnce(&str) -> String,
    ) -> Self {
        let connection = peer(local, 65_536).await;
        let channel = connection.create_data_channel("data", None).await.unwrap();
        let channels = (vec![channel], json!([]));
        Self::exchange(connection, channels, (url, None), edit_offer, edit_answer).await
    }

    /// Opens channels that both sides create, each from what the offer says of it.
    pub async fn connect_channels(
        url: &str,
        channels: Value,
        edit_answer: impl FnOnce(&str) -> String,
    ) -> Self {
        // With room for what announces the longest label.
        let connection = peer("127.0.0.1:0", 65_535 + 12).await;
        let mut created = Vec::new();
        for channel in channels.as_array().unwrap() {
            let (label, init) = init(channel);
            let channel = connection.create_data_channel(label, Some(init)).await;
            created.push(channel.unwrap());
        }
        let channels = (created, channels);
        let client =
            Self::exchange(connection, channels, (url, None), unchanged, edit_answer).await;
        for channel in &client.channels {
            opened(&**channel).await;
        }
        client
    }

    /// The same with a token, whatever then becomes of the channels but the first.
    pub async fn connect_with_token(url: &str, token: &str, channels: &[Value]) -> Self {
        let connection = peer("127.0.0.1:0", 65_536).await;
        let mut created = Vec::new();
        for channel in channels {
            let (label, init) = init(channel);
            let channel = connection.create_data_channel(label, Some(init)).await;
            created.push(channel.unwrap());
        }
        let channels = (created, channels.into());
        let at = (url, Some(token));
        let client = Self::exchange(connection, channels, at, unchanged, unchanged).await;
        opened(&*client.channel).await;
        client
    }

    async fn exchange(
        connection: Arc<dyn PeerConnection>,
        (channels, negotiated): (Vec<Arc<dyn DataChannel>>, Value),
        (url, token): (&str, Option<&str>),
        edit_offer: impl FnOnce(&str) -> String,
        edit_answer: impl FnOnce(&str) -> String,
    ) -> Self {
        let offer = connection.create_offer(None).await.unwrap();
        connection
            .set_local_description(offer.clone())
            .await
            .unwrap();
        let mut body = json!({"type": "offer", "sdp": edit_offer(&offer.sdp)});
        // The plain client's offer has no such field.
        if negotiated != json!([]) {
            body["channels"] = negotiated;
        }
        let (status, answer) = ask("POST", format!("{url}/sdp"), token, Some(body)).await;
        assert_eq!(status, 201, "{answer}");
        assert_eq!(answer["type"], "answer");
        let id = answer["id"].as_str().unwrap().to_owned();
        let answer = edit_answer(answer["sdp"].as_str().unwrap());
        let description = RTCSessionDescription::answer(answer.clone()).unwrap();
        connection
            .set_remote_description(description)
            .await
            .unwrap();
        Self {
            connection,
            channel: channels[0].clone(),
            channels,
            id,
            answer,
        }
    }

    /// The next message that `wanted` takes, others passed over: text, or `None` for binary.
    pub async fn next(&self, wanted: impl Fn(&str) -> bool) -> String {
        next_text(&*self.channel, wanted).await
    }

    /// The text that comes back for this one.
    pub async fn echo(&self, text: &str) -> String {
        self.channel.send_text(text).await.unwrap();
        self.next(|line| line.starts_with("Echo: ")).await
    }

    /// An offer that restarts ICE, once it is answered.
    pub async fn restart_offer(&self) -> RTCSessionDescription {
        let options = Some(RTCOfferOptions { ice_restart: true });
        self.connection.create_offer(options).await.unwrap()
    }

    /// Takes the server's answer to it.
    pub async fn accept(&self, offer: RTCSessionDescription, answer: &Value) {
        self.connection.set_local_description(offer).await.unwrap();
        let sdp = answer["sdp"].as_str().unwrap().to_owned();
        let description = RTCSessionDescription::answer(sdp).unwrap();
        self.connection
            .set_remote_description(description)
            .await
            .unwrap();
    }

    /// Creates this side's half of one more channel, once the server has its own.
    pub async fn add(&self, channel: &Value) -> Arc<dyn DataChannel> {
        let (label, init) = init(channel);
        let created = self.connection.create_data_channel(label, Some(init)).await;
        created.unwrap()
    }

    /// The server's candidates, in the order of the answer.
    pub fn candidates(&self) -> Vec<SocketAddr> {
        candidates(&self.answer)
    }

    /// The value of an attribute of the answer.
    pub fn attribute(&self, name: &str) -> &str {
        let value = |line: &'_ str| -> Option<usize> {
            let rest = line.strip_prefix("a=")?.strip_prefix(name)?;
            rest.strip_prefix(':').map(str::len)
        };
        self.answer
            .lines()
            .find_map(|line| value(line).map(|length| &line[line.len() - length..]))
            .unwrap()
    }

    /// Waits until the server has closed the channel.
    pub async fn closed(&self) {
        closed(&*self.channel).await;
    }
}

/// The label of a channel that both sides create, and the rest of what an offer says of it.
fn init(channel: &Value) -> (&str, RTCDataChannelInit) {
    let number = |key| channel[key].as_u64().map(|number| number as u16);
    let init = RTCDataChannelInit {
        ordered: channel["ordered"].as_bool().unwrap_or(true),
        max_retransmits: number("maxRetransmits"),
        max_packet_life_time: number("maxPacketLifeTime"),
        protocol: channel["protocol"].as_str().unwrap_or_default().into(),
        negotiated: number("id"),
    };
    (channel["label"].as_str().unwrap(), init)
}

/// The addresses of an answer's candidates, each of component 1 (RFC 8839 section 5.1).
pub fn candidates(sdp: &str) -> Vec<SocketAddr> {
    sdp.lines()
        .filter(|line| line.starts_with("a=candidate:") && line.contains(" udp "))
        .map(|line| {
            let fields: Vec<&str> = line.split(' ').collect();
            assert_eq!(fields[1], "1", "{line}");
            SocketAddr::new(fields[4].parse().unwrap(), fields[5].parse().unwrap())
        })
        .collect()
}
