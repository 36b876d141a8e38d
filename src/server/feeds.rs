//! What is served: a feed for each label, as a router has a handler for each path.
//!
//! ```
//! use tickwire::server::feeds::{Feeds, echo};
//! use tickwire::server::{Channel, SendError};
//!
//! /// Counts, once a second.
//! async fn count(channel: Channel) -> Result<(), SendError> {
//!     let mut second = tokio::time::interval(std::time::Duration::from_secs(1));
//!     for number in 0_u64.. {
//!         second.tick().await;
//!         channel.send(number.to_string()).await?;
//!     }
//!     Ok(())
//! }
//!
//! let feeds = Feeds::new().feed("count", count).feed("echo", echo);
//! ```
//!
//! A feed is an async function from a [`Channel`], and up to four extractors ([`FromSession`]),
//! to a `Result`. When it returns, its channel closes, after what it sent before; an error or a
//! panic in it ends that channel alone, and is logged. When the channel closes first, `recv` and
//! `send` say so, and the feed has [`GRACE`] to return.

mod clock;
mod data;
mod echo;
mod handler;
mod machine;
mod pulse;

pub use clock::clock;
pub use data::data;
pub use echo::echo;
pub use handler::{Feed, FromSession, Session};
pub use machine::Machine;

use super::channel::{self, Channel, Pump};
use super::config::ChannelConfig;
use super::fresh::Gate;
use super::message::SendError;
use crate::wire;
use handler::{Outcome, Running};
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;
use tickwire_peer::port::DataChannel;
use tokio::time::{sleep, timeout};
use tracing::{error, info, warn};

/// How long a feed may go on after its channel has closed, before it is dropped.
pub const GRACE: Duration = Duration::from_secs(5);
/// Labels and subprotocols are the browser's to choose, up to 64 KiB; this many characters of
/// one are shown.
const SHOWN: usize = 64;

type Start = dyn Fn(Channel, &Session) -> Running + Send + Sync;

/// Feeds by label, with a state that they may share.
#[derive(Clone)]
pub struct Feeds<S = ()> {
    state: S,
    by_label: BTreeMap<String, Arc<Start>>,
}

impl Feeds {
    /// No feeds yet, and no state.
    pub fn new() -> Self {
        Self::with_state(())
    }

    /// The feeds that come with the server: `clock`, `echo`, `machine` and `data`, as
    /// [`crate::wire`] describes them.
    pub fn built_in() -> Self {
        let machine = Machine::new();
        Self::new()
            .feed(wire::CLOCK, clock)
            .feed(wire::ECHO, echo)
            .feed(wire::MACHINE, move |channel, sessions| {
                machine.clone().serve(channel, sessions)
            })
            .feed(wire::DATA, data)
    }
}

impl Default for Feeds {
    fn default() -> Self {
        Self::new()
    }
}

impl<S: Clone + Send + Sync + 'static> Feeds<S> {
    /// No feeds yet. Those that follow can extract the state, or a part of it, with axum's
    /// `State` and `FromRef`.
    pub fn with_state(state: S) -> Self {
        Self {
            state,
            by_label: BTreeMap::new(),
        }
    }

    /// Serves channels of this label with this feed.
    ///
    /// # Panics
    /// Where the label has a feed already: that is a mistake in the program.
    pub fn feed<T: 'static>(mut self, label: &str, feed: impl Feed<S, T>) -> Self {
        let state = self.state.clone();
        let start =
            move |channel: Channel, session: &Session| feed.clone().start(channel, session, &state);
        let before = self.by_label.insert(label.into(), Arc::new(start));
        assert!(before.is_none(), "two feeds for the label {label:?}");
        self
    }

    pub(super) fn into_table(self) -> Table {
        // A link counts on it, whatever else is served; a program may have a pulse of its own.
        let with_pulse = if self.by_label.contains_key(wire::PULSE) {
            self
        } else {
            self.feed(wire::PULSE, pulse::pulse)
        };
        Table(Arc::new(with_pulse.by_label))
    }
}

/// All feeds of a server, whatever their state.
#[derive(Clone)]
pub struct Table(Arc<BTreeMap<String, Arc<Start>>>);

impl Table {
    fn labels(&self) -> String {
        let chosen = self.0.keys().map(String::as_str);
        let labels: Vec<&str> = chosen.filter(|label| *label != wire::PULSE).collect();
        labels.join(", ")
    }

    /// Serves one open channel until it has closed.
    pub async fn serve(
        &self,
        inner: DataChannel,
        config: &ChannelConfig,
        gate: Arc<Gate>,
        session: &Session,
    ) {
        let label = shown(&inner.init().label);
        let Some(start) = self.0.get(&inner.init().label) else {
            warn!(label, feeds = %self.labels(), "channel refused: no feed has its label");
            let reason = format!("no feed has this label; there are {}", self.labels());
            return channel::refuse(&inner, &reason, config).await;
        };
        let (channel, pump) = channel::open(inner, config, gate);
        let reliability = channel.reliability();
        info!(label, %reliability, "channel open");
        // What it does before it first waits belongs to it too.
        let feed = async { start(channel, session).await };
        run(feed, &pump, config).await;
    }
}

fn shown(chosen: &str) -> String {
    chosen.chars().take(SHOWN).collect()
}

/// Whether the browser speaks this subprotocol, or names none; otherwise it is told.
async fn speaks(channel: &Channel, protocol: &str) -> Result<bool, SendError> {
    let speaks = [protocol, ""].contains(&channel.protocol());
    if !speaks {
        let asked = shown(channel.protocol());
        warn!(
            asked,
            "channel refused: the feed does not speak its subprotocol"
        );
        let reason = format!("this feed speaks {protocol:?}, not {asked:?}");
        channel.refuse(&reason).await?;
    }
    Ok(speaks)
}

/// Runs a feed and moves its messages, until it has returned and its channel is closed.
async fn run(feed: impl Future<Output = Outcome>, pump: &Pump, config: &ChannelConfig) {
    let mut feed = pin!(feed);
    let feed = std::future::poll_fn(move |context| {
        catch_unwind(AssertUnwindSafe(|| feed.as_mut().poll(context)))
            .unwrap_or(Poll::Ready(Err("it panicked".into())))
    });
    let sending = async {
        match pump.send().await {
            // The feed is told by its own calls.
            SendError::Closed => std::future::pending().await,
            cause => cause,
        }
    };
    let receiving = async {
        if let Err(cause) = pump.receive().await {
            return cause.into();
        }
        sleep(GRACE).await;
        format!("it went on for {GRACE:?} after its channel had closed").into()
    };
    let outcome: Outcome = tokio::select! {
        outcome = feed => outcome,
        cause = sending => Err(cause.into()),
        cause = receiving => Err(cause),
    };
    match outcome {
        Ok(()) => match timeout(config.stall_timeout, pump.flush()).await {
            Ok(Ok(())) => info!("channel closed"),
            Ok(Err(cause)) => info!(%cause, "channel closed before the last values left"),
            Err(_) => info!("channel closed before the last values left: no room for them"),
        },
        Err(cause) => match cause.downcast_ref::<SendError>() {
            Some(ended) => {
                info!(cause = %ended, "channel ended");
            }
            None => error!(%cause, "the feed failed, and its channel closes"),
        },
    }
    pump.close().await;
}
