//! A real server on port 0, in a runtime of its own so that its tasks can be counted, and a
//! real WebRTC peer as its client.

#![allow(dead_code, reason = "each test binary uses a part of it")]

use rtc::ice::mdns::MulticastDnsMode;
use serde_json::{Value, json};
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tickwire::server::{self, Config};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::sync::oneshot;
use webrtc::data_channel::{DataChannel, DataChannelEvent, RTCDataChannelInit};
use webrtc::peer_connection::{
    PeerConnection, PeerConnectionBuilder, PeerConnectionEventHandler, RTCSessionDescription,
    SettingEngineBuilder,
};

pub const OFFER_SDP: &str = include_str!("../fixtures/chromium-offer.sdp");

/// How long anything awaited may take before the test fails. No test depends on it otherwise.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A configuration from `TICKWIRE_…` variables, on loopback.
pub fn config(variables: &[(&str, &str)]) -> Config {
    let variables = [("TICKWIRE_PEER_ADDRESSES", r#"["127.0.0.1"]"#)]
        .iter()
        .chain(variables)
        .map(|&(name, value)| (name.to_owned(), value.to_owned()));
    Config::from_parts("", variables).unwrap()
}

/// Awaits, and fails where it takes longer than anything should.
pub async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(PATIENCE, future).await {
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
    stopped: oneshot::Receiver<Result<(), server::ServeError>>,
}

impl Server {
    pub async fn start(config: Config) -> Self {
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
            let _ = done.send(server::run(listener, config, shutdown).await);
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
        let health: Value = http()
            .get(format!("{}/health", self.url))
            .send()
            .await
            .unwrap()
            .json()
            .await
            .unwrap();
        health["sessions"].as_u64().unwrap()
    }

    pub async fn post(&self, body: &Value) -> reqwest::Response {
        http()
            .post(format!("{}/sdp", self.url))
            .json(body)
            .send()
            .await
            .unwrap()
    }

    pub async fn delete(&self, id: &str) -> reqwest::StatusCode {
        http()
            .delete(format!("{}/sdp/{id}", self.url))
            .send()
            .await
            .unwrap()
            .status()
    }

    /// A client with one open channel.
    pub async fn connect(&self) -> Client {
        Client::connect(&self.url, "test", None, |sdp| sdp).await
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// No connection is kept, so that none is counted among what a session leaves.
pub fn http() -> reqwest::Client {
    reqwest::Client::builder()
        .pool_max_idle_per_host(0)
        .build()
        .unwrap()
}

pub fn open_files() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

struct Quiet;

#[async_trait::async_trait]
impl PeerConnectionEventHandler for Quiet {}

/// A WebRTC peer that has connected to a server.
pub struct Client {
    pub connection: Arc<dyn PeerConnection>,
    pub channel: Arc<dyn DataChannel>,
    pub id: String,
}

impl Client {
    /// Opens a channel of this label; `edit` may change the server's answer before it is used.
    pub async fn connect(
        url: &str,
        label: &str,
        init: Option<RTCDataChannelInit>,
        edit: impl FnOnce(String) -> String,
    ) -> Self {
        let settings = SettingEngineBuilder::new()
            .with_multicast_dns_mode(MulticastDnsMode::Disabled)
            .with_ice_connection_attempts(Some(Duration::from_millis(20)), Some(500))
            .build();
        let connection = PeerConnectionBuilder::new()
            .with_setting_engine(settings)
            .with_handler(Arc::new(Quiet))
            .with_udp_addrs(vec!["127.0.0.1:0"])
            .with_data_channel_send_buffer_limit(64 * 1024)
            .build()
            .await
            .unwrap();
        let connection: Arc<dyn PeerConnection> = Arc::new(connection);
        let channel = connection.create_data_channel(label, init).await.unwrap();
        let offer = connection.create_offer(None).await.unwrap();
        connection
            .set_local_description(offer.clone())
            .await
            .unwrap();
        let response = http()
            .post(format!("{url}/sdp"))
            .json(&json!({"type": "offer", "sdp": offer.sdp}))
            .send()
            .await
            .unwrap();
        assert_eq!(response.status(), 201);
        let location = response.headers()["location"].to_str().unwrap().to_owned();
        let answer: Value = response.json().await.unwrap();
        let id = answer["id"].as_str().unwrap().to_owned();
        assert_eq!(location, format!("/sdp/{id}"));
        assert_eq!(answer["type"], "answer");
        let sdp = edit(answer["sdp"].as_str().unwrap().to_owned());
        connection
            .set_remote_description(RTCSessionDescription::answer(sdp).unwrap())
            .await
            .unwrap();
        let client = Self {
            connection,
            channel,
            id,
        };
        opened(&*client.channel).await;
        client
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

    /// Waits until the server has closed the channel.
    pub async fn closed(&self) {
        closed(&*self.channel).await;
    }
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
