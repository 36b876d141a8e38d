//! `tickwire-reading IP:PORT`: a topic of the newest values.

use std::time::Duration;

use tickwire_server::shutdown::Signals;
use tickwire_server::{Config, Feeds, Policy, Server, Topics, router, serve};

/// All readers of a run come from one address, so that limits of one address are those of all.
const MOST: usize = 5_000;
/// Draining takes no longer than a scene does.
const DRAIN: Duration = Duration::from_secs(5);

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let address = std::env::args()
        .nth(1)
        .ok_or("say where to listen: tickwire-reading IP:PORT")?;
    let listener = tokio::net::TcpListener::bind(&address).await?;
    let mut config = Config::default();
    config.session.max = MOST;
    config.limit.sessions_per_address = MOST;
    config.limit.connections_per_address = MOST;
    config.limit.pending_per_address = 1_024;
    config.limit.offers_per_second = 1_000;
    let topics = Topics::new();
    let topic = topics.topic("bench", Policy::latest());
    let server = Server::new(Feeds::built_in().topics(&topics)).config(config);
    let sessions = server.open(listener.local_addr()?)?;
    let ends = Signals::new()?.drained(sessions.clone(), DRAIN);
    let serving = serve(listener, router(sessions.clone()), sessions, None, ends);
    let producing = producer::run(serde_json::json!({}), |key, text| {
        // Twenty keys are below what a topic may have, and a value is small.
        _ = topic.put(&format!("k{key}"), text);
    });
    tokio::select! {
        served = serving => served?,
        produced = producing => produced?,
    }
    Ok(())
}
