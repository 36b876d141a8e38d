//! A client by WebSocket, as the protocol has it.

#![allow(dead_code, reason = "each binary uses a part of it")]

use super::support::{Server, within};
use futures_util::{SinkExt, StreamExt};
use std::collections::BTreeMap;
use std::time::Instant;
use tickwire_values::Receiver;
use tickwire_wire::control::{Refusal, Subscribe, ToReader, ToServer};
use tickwire_wire::socket::Frame;
use tickwire_wire::values::LogEntry;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

pub struct Socket {
    pub stream: WebSocketStream<MaybeTlsStream<TcpStream>>,
    receiver: Receiver,
    /// The newest value of each key.
    pub view: BTreeMap<String, String>,
    pub entries: Vec<(u64, String)>,
    pub said: Vec<ToReader>,
    /// What has come on other channels.
    pub messages: Vec<(u16, Vec<u8>)>,
    pub closed: Vec<u16>,
    /// Messages beside values, and whether it says that it has them.
    received: u64,
    pub acknowledges: bool,
    /// In which words the server has closed it.
    pub ended: Option<String>,
}

impl Socket {
    pub async fn connect(server: &Server) -> Self {
        Self::connect_with(server, &[]).await.expect("an upgrade")
    }

    /// With these header fields; otherwise the status.
    pub async fn connect_with(
        server: &Server,
        headers: &[(&'static str, &str)],
    ) -> Result<Self, u16> {
        let url = format!("{}/ws", server.url.replace("http", "ws"));
        let mut request = url.into_client_request().unwrap();
        for (name, value) in headers {
            request.headers_mut().insert(*name, value.parse().unwrap());
        }
        let stream = match within("a WebSocket", connect_async(request)).await {
            Ok((stream, _)) => stream,
            Err(Error::Http(refused)) => return Err(refused.status().as_u16()),
            Err(cause) => panic!("{cause}"),
        };
        Ok(Self {
            stream,
            receiver: Receiver::new(),
            view: BTreeMap::new(),
            entries: Vec::new(),
            said: Vec::new(),
            messages: Vec::new(),
            closed: Vec::new(),
            received: 0,
            acknowledges: true,
            ended: None,
        })
    }

    pub async fn say(&mut self, said: &ToServer) {
        self.stream.send(Message::text(said.json())).await.unwrap();
    }

    pub async fn send(&mut self, frame: Frame<'_>) {
        self.stream
            .send(Message::binary(frame.write()))
            .await
            .unwrap();
    }

    pub async fn open(&mut self, id: u16, label: &str) {
        let protocol = "";
        self.send(Frame::Open {
            id,
            label,
            protocol,
        })
        .await;
    }

    pub async fn subscribe(&mut self, id: u64, topic: &str) {
        self.receiver.subscribe(id);
        let topic = topic.into();
        let said = Subscribe {
            id,
            topic,
            ..Subscribe::default()
        };
        self.say(&ToServer::Subscribe(said)).await;
    }

    pub fn is_complete(&self, id: u64) -> bool {
        self.said.contains(&ToReader::Complete { id })
    }

    pub fn has(&self, key: &str, value: &str) -> bool {
        self.view.get(key).is_some_and(|it| it == value)
    }

    pub fn refusals(&self) -> Vec<(Refusal, String)> {
        let refused = |said: &ToReader| match said {
            ToReader::Refused { code, message, .. } => Some((*code, message.clone())),
            _ => None,
        };
        self.said.iter().filter_map(refused).collect()
    }

    pub fn denied(&self) -> Option<&tickwire_wire::signaling::SignalingError> {
        self.said.iter().find_map(|said| match said {
            ToReader::Denied(denied) => Some(denied),
            _ => None,
        })
    }

    /// The texts of one channel.
    pub fn texts(&self, channel: u16) -> Vec<&str> {
        let of_channel = self.messages.iter().filter(|(id, _)| *id == channel);
        of_channel
            .map(|(_, it)| str::from_utf8(it).unwrap())
            .collect()
    }

    /// Reads until this is so, or the server has closed it.
    pub async fn read_until(&mut self, what: &str, is_done: impl Fn(&Self) -> bool) {
        within(what, async {
            while !is_done(self) {
                assert!(self.read().await, "{what}: closed before, {:?}", self.ended);
            }
        })
        .await;
    }

    /// Reads until the server has closed it.
    pub async fn read_to_end(&mut self) -> String {
        within("the end", async { while self.read().await {} }).await;
        self.ended.clone().unwrap_or_default()
    }

    async fn read(&mut self) -> bool {
        // Acknowledgements may be due, for which nothing comes.
        let due = self
            .receiver
            .poll_timeout()
            .map(tokio::time::Instant::from_std);
        let message = tokio::select! {
            message = self.stream.next() => message,
            () = async { tokio::time::sleep_until(due.unwrap_or_else(tokio::time::Instant::now)).await }, if due.is_some() => {
                self.acknowledge(due.map_or_else(Instant::now, tokio::time::Instant::into_std)).await;
                return true;
            }
        };
        let now = Instant::now();
        match message {
            Some(Ok(Message::Text(text))) => {
                self.said.extend(ToReader::parse(&text));
                self.count().await;
            }
            Some(Ok(Message::Binary(bytes))) => match Frame::read(&bytes).unwrap() {
                // What it has published has come.
                Frame::Values([1, ..]) => {}
                Frame::Values(packet) => {
                    for update in self.receiver.handle(now, packet).unwrap() {
                        match update.value {
                            Some(value) => {
                                let value = String::from_utf8(value.to_vec()).unwrap();
                                self.view.insert(update.key.to_string(), value);
                            }
                            None => drop(self.view.remove(&*update.key)),
                        }
                    }
                }
                other => {
                    match other {
                        Frame::LogEntry(entry) => {
                            let entry = LogEntry::read(entry).unwrap();
                            let value = String::from_utf8(entry.value.to_vec()).unwrap();
                            self.entries.push((entry.position, value));
                        }
                        Frame::Text(id, text) => self.messages.push((id, text.as_bytes().to_vec())),
                        Frame::Binary(id, bytes) => self.messages.push((id, bytes.to_vec())),
                        Frame::Close(id) => self.closed.push(id),
                        other => panic!("{other:?}"),
                    }
                    self.count().await;
                }
            },
            Some(Ok(Message::Close(why))) => self.ended = why.map(|why| why.reason.to_string()),
            Some(Ok(_)) => {}
            Some(Err(_)) | None => return false,
        }
        true
    }

    async fn count(&mut self) {
        self.received += 1;
        if self.acknowledges {
            let received = Frame::Received(self.received).write();
            // It may have been closed meanwhile, which the next read shows.
            let _ = self.stream.send(Message::binary(received)).await;
        }
    }

    async fn acknowledge(&mut self, now: Instant) {
        if let Some(message) = self.receiver.poll_acknowledgement(now) {
            let _ = self.stream.send(Message::binary(message)).await;
        }
    }
}
