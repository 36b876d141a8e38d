//! A client that reads topics as the protocol has it.

#![allow(dead_code, reason = "each binary uses a part of it")]

use super::support::{Client, Server, config, unchanged, within};
use bytes::BytesMut;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tickwire_server::feeds::echo;
use tickwire_server::{Feeds, Topics};
use tickwire_values::Receiver;
use tickwire_wire::control::{PROTOCOL, Refusal, Subscribe, ToReader, ToServer};
use tickwire_wire::values::LogEntry;
use tokio::time::sleep_until;
use webrtc::data_channel::{DataChannel, DataChannelEvent};

/// A server of these topics.
pub async fn server(topics: &Topics) -> Server {
    let feeds = Feeds::new().feed("echo", echo).topics(topics);
    Server::start_with(config(|_| {}), feeds).await
}

/// The channels of topics, and one for echoes.
pub fn channels() -> Value {
    json!([
        {"label": "values", "id": 0, "ordered": false, "maxRetransmits": 0, "protocol": PROTOCOL},
        {"label": "control", "id": 1, "protocol": PROTOCOL},
        {"label": "echo", "id": 2},
    ])
}

pub struct Reader {
    pub client: Client,
    pub receiver: Receiver,
    /// The newest value of each key, and its version, as they were told.
    pub view: BTreeMap<String, (u64, String)>,
    pub updates: usize,
    /// What the server calls it.
    pub you: String,
    pub said: Vec<ToReader>,
    /// The entries of logs: the position and the value of each.
    pub entries: Vec<(u64, String)>,
}

impl Reader {
    pub async fn connect(server: &Server) -> Self {
        Self::of(Client::connect_channels(&server.url, channels(), unchanged).await)
    }

    pub fn of(client: Client) -> Self {
        Self {
            client,
            receiver: Receiver::new(),
            view: BTreeMap::new(),
            updates: 0,
            you: String::new(),
            said: Vec::new(),
            entries: Vec::new(),
        }
    }

    pub fn values(&self) -> Arc<dyn DataChannel> {
        self.client.channels[0].clone()
    }

    pub fn control(&self) -> Arc<dyn DataChannel> {
        self.client.channels[1].clone()
    }

    pub async fn say(&self, said: &ToServer) {
        self.control().send_text(&said.json()).await.unwrap();
    }

    pub async fn subscribe(&mut self, id: u64, topic: &str) {
        self.receiver.subscribe(id);
        let topic = topic.into();
        let said = ToServer::Subscribe(Subscribe {
            id,
            topic,
            ..Subscribe::default()
        });
        self.say(&said).await;
    }

    /// Reads until this holds.
    pub async fn read_until(&mut self, what: &str, is_done: impl Fn(&Self) -> bool) {
        let (values, control) = (self.values(), self.control());
        let reading = async {
            while !is_done(self) {
                let now = Instant::now();
                if let Some(message) = self.receiver.poll_acknowledgement(now) {
                    let _ = values.send(BytesMut::from(&message[..])).await;
                }
                let timeout = self.receiver.poll_timeout();
                let at = timeout.unwrap_or(now + Duration::from_millis(100));
                tokio::select! {
                    () = sleep_until(at.into()) => {}
                    event = values.poll() => {
                        if let DataChannelEvent::OnMessage(message) = event.expect("an open channel") {
                            self.take(&message.data);
                        }
                    }
                    event = control.poll() => {
                        if let DataChannelEvent::OnMessage(message) = event.expect("an open channel") {
                            if message.is_string {
                                let text = str::from_utf8(&message.data).unwrap();
                                match ToReader::parse(text).unwrap() {
                                    ToReader::Hello { you } => self.you = you,
                                    said => self.said.push(said),
                                }
                            } else {
                                let entry = LogEntry::read(&message.data).unwrap();
                                let value = str::from_utf8(entry.value).unwrap().to_owned();
                                self.entries.push((entry.position, value));
                            }
                        }
                    }
                }
            }
        };
        within(what, reading).await;
    }

    fn take(&mut self, packet: &[u8]) {
        for update in self.receiver.handle(Instant::now(), packet).unwrap() {
            let key = update.key.to_string();
            self.updates += 1;
            match update.value {
                Some(value) => {
                    let value = String::from_utf8(value).unwrap();
                    let before = self.view.insert(key, (update.version, value));
                    let is_newer = before.is_none_or(|(version, _)| version < update.version);
                    assert!(is_newer || update.is_event);
                }
                None => drop(self.view.remove(&key)),
            }
        }
    }

    pub fn has(&self, key: &str, value: &str) -> bool {
        self.view.get(key).is_some_and(|(_, seen)| seen == value)
    }

    pub fn is_complete(&self, id: u64) -> bool {
        self.said.contains(&ToReader::Complete { id })
    }

    /// The next refusal.
    pub async fn refusal(&mut self) -> (Option<u64>, Refusal, String) {
        let count = self.said.len();
        self.read_until("a refusal", |reader| reader.said.len() > count)
            .await;
        match self.said.pop() {
            Some(ToReader::Refused { id, code, message }) => (id, code, message),
            said => panic!("{said:?}"),
        }
    }
}
