//! A client of a WebSocket, which topics are compared with.

use crate::figures::lateness;
use crate::peer::{Phase, Run};
use crate::topic;
use futures_util::StreamExt;
use std::rc::Rc;
use std::time::{Instant, SystemTime};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

pub struct Client {
    run: Rc<Run>,
    phase: watch::Receiver<Phase>,
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
}

impl Client {
    pub async fn open(run: Rc<Run>, phase: watch::Receiver<Phase>) -> Result<Self, String> {
        let start = Instant::now();
        let url = format!("{}/ws", run.args.url.replacen("http", "ws", 1));
        let connected = connect_async(url).await;
        let (socket, _) = connected.map_err(|cause| cause.to_string())?;
        run.figures.borrow_mut().opened.push(start.elapsed());
        Ok(Self { run, phase, socket })
    }

    /// Reads until all are to close.
    pub async fn serve(mut self) {
        loop {
            let message = tokio::select! {
                message = self.socket.next() => message,
                _ = self.phase.wait_for(|phase| *phase == Phase::Close) => return,
            };
            let Some(Ok(message)) = message else {
                self.run.figures.borrow_mut().lost += 1;
                return;
            };
            let text = message.into_data();
            let value = text.rsplit(|byte| *byte == b'\t').next();
            let stamp = value.and_then(topic::stamp);
            if let Some(stamp) = stamp.filter(|_| *self.phase.borrow() == Phase::Hold) {
                let mut figures = self.run.figures.borrow_mut();
                figures.pushed += 1;
                figures.lateness.push(lateness(stamp, SystemTime::now()));
            }
        }
    }
}
