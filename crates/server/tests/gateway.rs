//! The example of a gateway, as somebody runs it: a process of its own, sensors that send by UDP, and a
//! WebRTC peer that reads.

#[path = "support/reader.rs"]
mod reader;
mod support;

use reader::{Reader, channels};
use serde_json::{Value, json};
use std::env;
use std::io::{BufRead, BufReader, ErrorKind};
use std::net::{TcpListener, UdpSocket};
use std::process::{Child, Command, Stdio};
use support::{Client, agent, unchanged, within};
use tokio::task::spawn_blocking;

struct Gateway {
    process: Child,
    /// Where its topic is by HTTP.
    topic: String,
    sensor: UdpSocket,
}

impl Gateway {
    async fn start() -> Self {
        // Cargo builds the examples along with the tests, into the folder beside theirs.
        let test = env::current_exe().unwrap();
        let target = test.parent().and_then(|it| it.parent()).unwrap();
        let program = target.join("examples/gateway");
        assert!(
            program.exists(),
            "`cargo test` builds the examples, but not with `--test`: `cargo build --examples` does"
        );
        let mut process = Command::new(program)
            .args(["127.0.0.1:0".to_owned(), free_address()])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = BufReader::new(process.stdout.take().unwrap());
        let reading = spawn_blocking(move || {
            let mut line = String::new();
            said.read_line(&mut line).unwrap();
            line
        });
        let line = within("the addresses", reading).await.unwrap();
        let addresses = line
            .trim()
            .strip_prefix("what sensors send to ")
            .and_then(|it| it.split_once(" is at "));
        let (gathers, topic) = addresses.unwrap_or_else(|| panic!("{line:?}"));
        let sensor = UdpSocket::bind("127.0.0.1:0").unwrap();
        sensor.connect(gathers).unwrap();
        Self {
            process,
            topic: topic.to_owned(),
            sensor,
        }
    }

    fn send(&self, line: &str) {
        self.sensor.send(line.as_bytes()).unwrap();
    }

    async fn reader(&self) -> Reader {
        let url = self.topic.strip_suffix("/topics/sensors").unwrap();
        Reader::of(Client::connect_channels(url, channels(), unchanged).await)
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The server takes the port of HTTP for UDP too, at all addresses.
fn free_address() -> String {
    loop {
        let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = tcp.local_addr().unwrap().port();
        // A machine may have no IPv6.
        let is_taken = |address| {
            let bound = UdpSocket::bind((address, port));
            bound.is_err_and(|cause| cause.kind() == ErrorKind::AddrInUse)
        };
        if !is_taken("0.0.0.0") && !is_taken("::") {
            return format!("127.0.0.1:{port}");
        }
    }
}

#[tokio::test]
async fn what_sensors_send_arrives() {
    let mut gateway = Gateway::start().await;
    gateway.send("boiler 61.5\n");
    gateway.send("hall 20 °C");
    let mut reader = gateway.reader().await;
    reader.subscribe(1, "sensors").await;
    let has_both = |reader: &Reader| reader.has("boiler", "61.5") && reader.has("hall", "20 °C");
    reader.read_until("what was sent before", has_both).await;
    // What is no line of a sensor is passed over.
    gateway.send("nonsense");
    gateway.send("boiler 62");
    reader
        .read_until("the change", |reader| reader.has("boiler", "62"))
        .await;
    assert_eq!(reader.view.len(), 2);

    let topic = gateway.topic.clone();
    let body = spawn_blocking(move || -> Value {
        agent()
            .get(topic)
            .call()
            .unwrap()
            .body_mut()
            .read_json()
            .unwrap()
    });
    let values = body.await.unwrap()["values"].take();
    assert_eq!(values, json!({"boiler": "62", "hall": "20 °C"}));

    // As Ctrl-C does.
    let pid = gateway.process.id().to_string();
    let is_sent = Command::new("kill").args(["-INT", &pid]).status().unwrap();
    assert!(is_sent.success());
    let ending = spawn_blocking(move || gateway.process.wait().unwrap());
    assert!(within("the end", ending).await.unwrap().success());
}
