//! A feed of one's own in an axum app of one's own: prices that change fifty times a second, of
//! which a browser gets the newest that its network takes. `cargo run
//! --package tickwire-server --example prices`, then open <http://localhost:8080>.

use axum::{Router, extract::State, response::Html, routing::get};
use std::{error::Error, time::Duration};
use tickwire_server::{Channel, Feeds, SendError, Server, shutdown};
use tokio::sync::broadcast::error::RecvError::{Closed, Lagged};
use tokio::{net::TcpListener, sync::broadcast, time::interval};

type Prices = broadcast::Sender<(&'static str, f64)>;

/// The feed: the newest price of each symbol.
async fn prices(channel: Channel, State(prices): State<Prices>) -> Result<(), SendError> {
    let channel = channel.latest();
    let mut prices = prices.subscribe();
    loop {
        tokio::select! {
            () = channel.closed() => return Ok(()),
            received = prices.recv() => match received {
                Ok((symbol, price)) => channel.put(symbol, format!("{symbol} {price:.2}"))?,
                Err(Closed) => return Ok(()),
                Err(Lagged(_)) => {} // goes on with the newest
            },
        }
    }
}

async fn trade(prices: Prices) {
    let mut tick = interval(Duration::from_millis(20));
    for trade in 0_u32.. {
        tick.tick().await;
        for (symbol, start) in [("ACME", 100.0), ("EURUSD", 1.09)] {
            // An error means that nobody listens.
            let _ = prices.send((
                symbol,
                start * (1.0 + (f64::from(trade) / 50.0).sin() / 100.0),
            ));
        }
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let market = broadcast::channel(64).0;
    tokio::spawn(trade(market.clone()));
    let listener = TcpListener::bind("127.0.0.1:8080").await?;
    let feeds = Feeds::with_state(market).feed("prices", prices);
    let app = Router::new().route("/", get(async || Html(include_str!("prices.html"))));
    Server::new(feeds)
        .serve(listener, app, shutdown::signal()?)
        .await?;
    Ok(())
}
