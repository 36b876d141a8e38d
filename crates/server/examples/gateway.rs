//! A gateway for sensors: what they send by UDP, a line `name value` a datagram, is the topic `sensors`,
//! which browsers read and `curl` too.
//!
//! ```sh
//! cargo run --package tickwire-server --example gateway
//! echo "boiler 61.5" | nc -u -w0 127.0.0.1 9000
//! curl http://localhost:8080/topics/sensors
//! ```
//!
//! Other addresses may stand behind it: first that for sensors, then that for HTTP.

use axum::Router;
use std::{env, time::Duration};
use tickwire_server::{Feeds, Policy, Server, Topic, Topics, shutdown};
use tokio::net::{TcpListener, UdpSocket};

/// The longest datagram that a sensor sends.
const LONGEST: usize = 1_200;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut addresses = env::args().skip(1);
    let mut address = |default: &str| addresses.next().unwrap_or_else(|| default.to_owned());
    let socket = UdpSocket::bind(address("127.0.0.1:9000")).await?;
    let listener = TcpListener::bind(address("127.0.0.1:8080")).await?;
    println!(
        "what sensors send to {} is at http://{}/topics/sensors",
        socket.local_addr()?,
        listener.local_addr()?
    );

    let topics = Topics::new();
    // A sensor that has said nothing for a minute is not shown any more.
    let policy = Policy::latest()
        .max_keys(10_000)
        .max_age(Duration::from_secs(60));
    let sensors = topics.topic("sensors", policy);
    tokio::spawn(gather(socket, sensors));
    let server = Server::new(Feeds::built_in().topics(&topics));
    server
        .serve(listener, Router::new(), shutdown::signal()?)
        .await?;
    Ok(())
}

async fn gather(socket: UdpSocket, sensors: Topic) {
    let mut datagram = [0; LONGEST];
    loop {
        // An error is about an earlier datagram, and the next may be well.
        let Ok(length) = socket.recv(&mut datagram).await else {
            continue;
        };
        let line = str::from_utf8(&datagram[..length]).ok();
        let taken = line
            .and_then(|line| line.trim().split_once(' '))
            .map(|(name, value)| {
                // It is not kept as a part of the datagram.
                sensors.put(name, value.to_owned())
            });
        match taken {
            Some(Ok(())) => {}
            Some(Err(cause)) => eprintln!("a value is not taken: {cause}"),
            None => eprintln!("expected a line such as \"boiler 61.5\""),
        }
    }
}
