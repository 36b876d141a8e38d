//! `moq IP:PORT NAME`: values by Media over QUIC to browsers that know the server as NAME, with WebTransport, or with
//! a WebSocket at the same number of TCP where that does not get through.
//!
//! Each key is a track and each value a group of its own, of which the newest goes first and those that it has
//! overtaken are dropped.

use std::net::SocketAddr;

use anyhow::Context;
use moq_net::Timestamp;

const KEYS: usize = 20;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut words = std::env::args().skip(1);
    let (Some(address), Some(name)) = (words.next(), words.next()) else {
        anyhow::bail!("say where to listen, and what browsers call it: moq IP:PORT NAME");
    };
    let address: SocketAddr = address.parse().context("where to listen is not IP:PORT")?;

    let origin = moq_tokio::origin::spawn();
    let broadcast = origin.create_broadcast("bench")?;
    let mut tracks = (0..KEYS)
        .map(|key| broadcast.create_track(format!("k{key}"), None))
        .collect::<Result<Vec<_>, _>>()?;
    broadcast.announce(Default::default())?;

    let mut config = moq_tokio::server::Config::default();
    config.listen.bind = Some(moq_tokio::listen::Bind::Addr(address));
    // A certificate that lives so short that browsers take it by its hash.
    config.listen.tls.generate = vec![name];
    config.websocket = Some(moq_tokio::websocket::Listener::bind(address).await?);
    let server = config.init()?;
    let fingerprints = server.certificates().fingerprints();

    let producing = producer::run(
        serde_json::json!({ "fingerprints": fingerprints }),
        |key, text| {
            // A track that fails is told below, as the server's end.
            _ = tracks[key].write_frame(Timestamp::now(), text);
        },
    );
    tokio::select! {
        served = server.serve_publish(origin.consume()) => served?,
        produced = producing => produced?,
    }
    Ok(())
}
