//! A client of a WebSocket: a Tickwire server's, or one that topics are compared with.

use crate::args::Way;
use crate::figures::lateness;
use crate::peer::{Phase, Run};
use crate::topic::{self, Reading};
use futures_util::{SinkExt, StreamExt};
use std::rc::Rc;
use std::time::{Instant, SystemTime};
use tickwire_values::Receiver;
use tickwire_wire::socket::Frame;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::sleep_until;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

pub struct Client {
    run: Rc<Run>,
    phase: watch::Receiver<Phase>,
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    receiver: Receiver,
    /// How many messages have come that are not of `values`.
    received: u64,
}

impl Client {
    pub async fn open(run: Rc<Run>, phase: watch::Receiver<Phase>) -> Result<Self, String> {
        let start = Instant::now();
        let url = format!("{}/ws", run.args.url.replacen("http", "ws", 1));
        let connected = connect_async(url).await;
        let (mut socket, _) = connected.map_err(|cause| cause.to_string())?;
        let mut receiver = Receiver::new();
        if run.args.way == Way::WebSocket
            && let Some(topic) = &run.args.topic
        {
            receiver.subscribe(1);
            let said = Message::text(Reading::subscribe(topic, true));
            let said = socket.send(said).await;
            said.map_err(|cause| cause.to_string())?;
        }
        run.figures.borrow_mut().opened.push(start.elapsed());
        Ok(Self {
            run,
            phase,
            socket,
            receiver,
            received: 0,
        })
    }

    /// Reads until all are to close.
    pub async fn serve(mut self) {
        loop {
            let due = self.receiver.poll_timeout();
            let acknowledging = async {
                match due {
                    Some(at) => sleep_until(at.into()).await,
                    None => std::future::pending().await,
                }
            };
            let message = tokio::select! {
                message = self.socket.next() => message,
                () = acknowledging => {
                    if let Some(message) = self.receiver.poll_acknowledgement(Instant::now()) {
                        // One that is lost is missed when the next is read.
                        let _ = self.socket.send(Message::binary(message)).await;
                    }
                    continue;
                }
                _ = self.phase.wait_for(|phase| *phase == Phase::Close) => return,
            };
            let Some(Ok(message)) = message else {
                self.run.figures.borrow_mut().lost += 1;
                return;
            };
            match self.run.args.way {
                Way::WebSocket => self.take(message).await,
                _ => {
                    let text = message.into_data();
                    let value = text.rsplit(|byte| *byte == b'\t').next();
                    self.note(value.unwrap_or_default());
                }
            }
        }
    }

    /// Takes in what a Tickwire server has sent.
    async fn take(&mut self, message: Message) {
        if message.is_binary() && Frame::is_of_values(&message.clone().into_data()) {
            let packet = message.into_data();
            let updates = self.receiver.handle(Instant::now(), &packet);
            for update in updates.unwrap_or_default() {
                self.note(update.value.as_deref().unwrap_or_default());
            }
        } else if message.is_binary() || message.is_text() {
            self.received += 1;
            let received = Frame::Received(self.received).write();
            let _ = self.socket.send(Message::binary(received)).await;
        }
    }

    fn note(&self, value: &[u8]) {
        let stamp = topic::stamp(value);
        if let Some(stamp) = stamp.filter(|_| *self.phase.borrow() == Phase::Hold) {
            let mut figures = self.run.figures.borrow_mut();
            figures.pushed += 1;
            figures.lateness.push(lateness(stamp, SystemTime::now()));
        }
    }
}
