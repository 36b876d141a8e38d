//! A real server on port 0, in a runtime of its own so that its tasks can be counted, and a
//! real WebRTC peer as its client.

#![allow(dead_code, reason = "each test binary uses a part of it")]

use axum::Router;
use bytes::BytesMut;
use rtc::ice::mdns::MulticastDnsMode;
use rtc::peer_connection::configuration::RTCOfferOptions;
use rtc::peer_connection::configuration::setting_engine::SctpMaxMessageSize;
use serde_json::{Value, json};
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tickwire_server::{Config, Feeds, ServeError};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::sync::oneshot;
use tokio::time::timeout;
use webrtc::data_channel::{DataChannel, DataChannelEvent, RTCDataChannelInit};
use webrtc::peer_connection::{
    PeerConnection, PeerConnectionBuilder, PeerConnectionEventHandler, RTCSessionDescription,
    SettingEngineBuilder,
};

pub const OFFER_SDP: &str = include_str!("../fixtures/chromium-offer.sdp");

/// How long anything awaited may take before the test fails. No test depends on it otherwise.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A configuration on loopback, with changes.
pub fn config(change: impl FnOnce(&mut Config)) -> Config {
    let mut config = Config::default();
    config.port.listen = vec!["127.0.0.1:0".parse().unwrap()];
    change(&mut config);
    config
}

/// Awaits, and fails where it takes longer than anything should.
pub async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    match timeout(PATIENCE, future).await {
        Ok(value) => value,
        Err(_) => panic!("{what}: not within {PATIENCE:?}"),
    }
}

/// Waits until a figure that has no event of its own, such as a count of open files, is reached.
pub async fn until(what: &str, mut reached: impl AsyncFnMut() -> bool) {
    within(what, async {
        while !reached().await {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
}

pub struct Server {
    pub url: String,
    runtime: Option<Runtime>,
    stop: Option<oneshot::Sender<()>>,
    stopped: oneshot::Receiver<Result<(), ServeError>>,
}

impl Server {
    /// A server of the built-in feeds.
    pub async fn start(config: Config) -> Self {
        Self::start_with(config, Feeds::built_in()).await
    }

    pub async fn start_with(config: Config, feeds: Feeds) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (stop, stopping) = oneshot::channel();
        let (done, stopped) = oneshot::channel();
        runtime.spawn(async move {
            let listener = TcpListener::from_std(listener).unwrap();
            let shutdown = async { drop(stopping.await) };
            let server = tickwire_server::Server::new(feeds).config(config);
            let _ = done.send(server.serve(listener, Router::new(), shutdown).await);
        });
        Self {
            url,
            runtime: Some(runtime),
            stop: Some(stop),
            stopped,
        }
    }

    /// Tells the server to stop, and waits until it has.
    pub async fn stop(&mut self) {
        self.stop.take();
        within("shutdown", &mut self.stopped)
            .await
            .unwrap()
            .unwrap();
    }

    /// Tasks of the server that are alive.
    pub fn tasks(&self) -> usize {
        self.runtime.as_ref().unwrap().metrics().num_alive_tasks()
    }

    pub async fn sessions(&self) -> u64 {
        self.health("/sessions").await
    }

    /// Addresses from which the port routes.
    pub async fn routes(&self) -> u64 {
        self.health("/routes").await
    }

    /// Datagrams that the port has dropped for a reason.
    pub async fn dropped(&self, reason: &str) -> u64 {
        self.health(&format!("/dropped/{reason}")).await
    }

    async fn health(&self, pointer: &str) -> u64 {
        let (_, health) = http("GET", format!("{}/health", self.url), None).await;
        health.pointer(pointer).and_then(Value::as_u64).unwrap()
    }

    /// The status and the body of `POST /sdp`.
    pub async fn post(&self, body: Value) -> (u16, Value) {
        http("POST", format!("{}/sdp", self.url), Some(body)).await
    }

    /// The status of `DELETE /sdp/{id}`.
    pub async fn delete(&self, id: &str) -> u16 {
        http("DELETE", format!("{}/sdp/{id}", self.url), None)
            .await
            .0
    }

    /// The status, the entity tag and the body of `PATCH /sdp/{id}`.
    pub async fn patch(
        &self,
        id: &str,
        if_match: Option<&str>,
        body: Value,
    ) -> (u16, Option<String>, Value) {
        let if_match = if_match.map(str::to_owned);
        patch(format!("{}/sdp/{id}", self.url), if_match, body).await
    }

    /// A client with one open channel.
    pub async fn connect(&self) -> Client {
        Client::connect(&self.url).await
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// One request; the status and the body, null where it is not JSON. No connection is kept, so
/// that none is counted among what a session leaves.
async fn http(method: &'static str, url: String, body: Option<Value>) -> (u16, Value) {
    let asked = tokio::task::spawn_blocking(move || {
        let mut response = match body {
            Some(body) => agent().post(url).send_json(body),
            None if method == "DELETE" => agent().delete(url).call(),
            None => agent().get(url).call(),
        }
        .unwrap();
        (
            response.status().as_u16(),
            response.body_mut().read_json().unwrap_or_default(),
        )
    });
    asked.await.unwrap()
}

/// The same, at the whole address of a session.
pub async fn patch(
    url: String,
    if_match: Option<String>,
    body: Value,
) -> (u16, Option<String>, Value) {
    let asked = tokio::task::spawn_blocking(move || {
        let mut request = agent().patch(url);
        if let Some(tags) = if_match {
            request = request.header("if-match", tags);
        }
        let mut response = request.send_json(body).unwrap();
        let entity_tag = response.headers().get("etag");
        (
            response.status().as_u16(),
            entity_tag.map(|tag| tag.to_str().unwrap().to_owned()),
            response.body_mut().read_json().unwrap_or_default(),
        )
    });
    asked.await.unwrap()
}

fn agent() -> ureq::Agent {
    ureq::Agent::config_builder()
        .http_status_as_error(false)
        .max_idle_connections(0)
        .timeout_global(Some(PATIENCE))
        .build()
        .into()
}

pub fn open_files() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

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
        let channels = vec![channel];
        Self::exchange(
            connection,
            channels,
            json!([]),
            url,
            edit_offer,
            edit_answer,
        )
        .await
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
        let client =
            Self::exchange(connection, created, channels, url, unchanged, edit_answer).await;
        for channel in &client.channels {
            opened(&**channel).await;
        }
        client
    }

    async fn exchange(
        connection: Arc<dyn PeerConnection>,
        channels: Vec<Arc<dyn DataChannel>>,
        negotiated: Value,
        url: &str,
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
        let (status, answer) = http("POST", format!("{url}/sdp"), Some(body)).await;
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
        .filter(|line| line.starts_with("a=candidate:"))
        .map(|line| {
            let fields: Vec<&str> = line.split(' ').collect();
            assert_eq!(fields[1], "1", "{line}");
            SocketAddr::new(fields[4].parse().unwrap(), fields[5].parse().unwrap())
        })
        .collect()
}

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
