//! A server of live data for browsers: sessions, and the feeds that they are served by, behind one
//! HTTP router and one UDP port.
//!
//! ```no_run
//! use axum::Router;
//! use tickwire_server::{Channel, Feeds, SendError, Server, shutdown};
//!
//! /// Counts, ten times a second; of what waits for a slow network, the newest alone is sent.
//! async fn count(channel: Channel) -> Result<(), SendError> {
//!     let channel = channel.latest();
//!     let mut tick = tokio::time::interval(std::time::Duration::from_millis(100));
//!     for number in 0_u64.. {
//!         tick.tick().await;
//!         channel.put("count", number.to_string())?;
//!     }
//!     Ok(())
//! }
//!
//! #[tokio::main]
//! async fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let listener = tokio::net::TcpListener::bind("127.0.0.1:8080").await?;
//!     let server = Server::new(Feeds::new().feed("count", count));
//!     server.serve(listener, Router::new(), shutdown::signal()?).await?;
//!     Ok(())
//! }
//! ```
//!
//! A request walks `http` → `admission` → `sessions` → `session`; a datagram walks the port of
//! [`tickwire_peer`] → `peer`, and what it carried `channel` → `feeds`, and back the same way,
//! through `fresh` where a value may grow old. Neither skips a room.

#![forbid(unsafe_code)]

mod admission;
pub mod auth;
mod channel;
mod config;
pub mod engine;
pub mod feeds;
mod fresh;
pub mod http;
mod id;
mod lock;
mod message;
mod offer;
mod peer;
mod presence;
mod request;
mod serve;
mod session;
mod sessions;
pub mod shutdown;
mod socket;
mod stats;
pub mod tls;
mod topics;
mod update;

pub use channel::{Channel, Deadline, Latest};
pub use config::{
    AdminConfig, ApiConfig, ChannelConfig, Config, DrainConfig, HttpConfig, LimitConfig,
    OutOfBounds, PortConfig, SessionConfig, TurnConfig,
};
pub use feeds::Feeds;
pub use fresh::Counts;
pub use http::{admin, router};
pub use id::{SessionId, SessionNumber};
pub use message::{Message, Reliability, SendError};
pub use peer::OpenError;
pub use request::OpeningRequest;
pub use serve::{ServeError, Server, serve};
pub use sessions::Sessions;
pub use tickwire_auth::{Patterns, User};
pub use tickwire_peer::port::Advertised;
pub use topics::{
    About, AddTopicError, Followed, Listed, NoTopic, Policy, PutError, SaveError, Saving,
    StoreError, Topic, Topics, Value,
};
pub use update::{Condition, Update, Updated};
