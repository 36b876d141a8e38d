//! What is served: a feed for each label, as a router has a handler for each path.
//!
//! ```
//! use tickwire_server::feeds::echo;
//! use tickwire_server::{Channel, Feeds, SendError};
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
mod pulse;

pub use clock::{clock, now};
pub use data::data;
pub use echo::echo;
pub use handler::{Feed, FromSession, Opening, Params, Refused};
pub use presence::Presence;

use super::channel::{self, Carrier, Channel, Pump};
use super::config::ChannelConfig;
use super::fresh::Gate;
use super::message::SendError;
use super::presence;
use super::topics::{self, Reading, Topics};
pub(crate) use handler::Session;
use handler::{Outcome, Running};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;
use tickwire_auth::User;
use tickwire_wire::{control, feed};
use tokio::time::{sleep, timeout};
use tracing::{error, info, warn};

/// How long a feed may go on after its channel has closed, before it is dropped.
pub const GRACE: Duration = Duration::from_secs(5);
/// Labels and subprotocols are the browser's to choose, up to 64 KiB; this many characters of
/// one are shown.
const SHOWN: usize = 64;

/// The labels of channels that the server itself needs: what comes on them is asked about one by one.
const OWN: [&str; 3] = [control::CONTROL, control::VALUES, feed::PULSE];

type Start = dyn Fn(Channel, &Opening<'_>) -> Result<Running, (Channel, Refused)> + Send + Sync;

/// Feeds by label, with a state that they may share.
#[derive(Clone)]
pub struct Feeds<S = ()> {
    state: S,
    table: Table,
    topics: Option<Topics>,
}

impl Feeds {
    /// No feeds yet, and no state.
    pub fn new() -> Self {
        Self::with_state(())
    }

    /// The feeds that come with the server: `clock`, `echo` and `data`, as [`tickwire_wire::feed`]
    /// describes them.
    pub fn built_in() -> Self {
        Self::new()
            .feed(feed::CLOCK, clock)
            .feed(feed::ECHO, echo)
            .feed(feed::DATA, data)
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
            table: Table::default(),
            topics: None,
        }
    }

    /// Serves channels of this label with this feed. A label is `prices`, or has parameters, as the
    /// paths of an axum router: `prices/{symbol}` is for each label of these two parts, and
    /// `log/{*path}` for each that begins with `log/`; the feed has them from [`Params`]. Where
    /// several fit, the one that says more of the label serves it.
    ///
    /// # Panics
    /// Where the label has a feed already, or is not one: that is a mistake in the program.
    pub fn feed<T: 'static>(mut self, label: &str, feed: impl Feed<S, T>) -> Self {
        self.table.add(label, self.started(feed));
        self
    }

    /// Serves channels of all labels that no other feed is for.
    pub fn fallback<T: 'static>(mut self, feed: impl Feed<S, T>) -> Self {
        self.table.fallback = Some(self.started(feed));
        self
    }

    /// Offers these topics to whoever subscribes. Readers do so on the channels `control` and `values`,
    /// which are served then.
    ///
    /// # Panics
    /// Where it offers others already: that is a mistake in the program, whose parts share them.
    pub fn topics(mut self, topics: &Topics) -> Self {
        let before = self.topics.replace(topics.clone());
        let is_one = before.is_none_or(|before| before.is(topics));
        assert!(is_one, "other topics are offered already");
        self
    }

    /// Adds the feeds and topics of another program's part, which have their own state. The fallback is
    /// theirs where these have none.
    ///
    /// # Panics
    /// Where both have a feed for a label, or each offers topics of its own.
    pub fn merge<O>(mut self, others: Feeds<O>) -> Self {
        for (label, start) in others.table.labels {
            self.table.add(&label, start);
        }
        self.table.fallback = self.table.fallback.or(others.table.fallback);
        match &others.topics {
            Some(topics) => self.topics(topics),
            None => self,
        }
    }

    fn started<T: 'static>(&self, feed: impl Feed<S, T>) -> Arc<Start> {
        let state = self.state.clone();
        Arc::new(move |channel, opening| feed.clone().start(channel, opening, &state))
    }

    pub(super) fn into_table(self) -> Arc<Table> {
        // A link counts on it, whatever else is served; a program may have a pulse of its own.
        let has_pulse = self.table.labels.iter().any(|(it, _)| it == feed::PULSE);
        let mut feeds = self;
        if !has_pulse {
            feeds = feeds.feed(feed::PULSE, pulse::pulse);
        }
        if let Some(topics) = feeds.topics.take() {
            feeds.table.topics = Some(topics.clone());
            let theirs = topics.clone();
            // Each future is made in the other: moved into it, it would be there twice.
            let control = move |channel: Channel, reading: Reading, presence: Presence| {
                let topics = theirs.clone();
                async move { topics::ended(topics::control(channel, reading, presence, topics).await) }
            };
            let values = move |channel: Channel, reading: Reading| {
                let topics = topics.clone();
                async move { topics::ended(topics::values(channel, reading, topics).await) }
            };
            feeds = feeds.feed(control::CONTROL, control);
            feeds = feeds.feed(control::VALUES, values);
        }
        Arc::new(feeds.table)
    }
}

/// All feeds of a server, whatever their state.
#[derive(Clone, Default)]
pub struct Table {
    by_label: matchit::Router<Arc<Start>>,
    labels: Vec<(String, Arc<Start>)>,
    fallback: Option<Arc<Start>>,
    topics: Option<Topics>,
}

impl Table {
    /// The topics that are offered.
    pub fn topics(&self) -> Option<&Topics> {
        self.topics.as_ref()
    }

    fn add(&mut self, label: &str, start: Arc<Start>) {
        if let Err(cause) = self.by_label.insert(label, start.clone()) {
            panic!("no feed can be for the label {label:?} too: {cause}");
        }
        self.labels.push((label.to_owned(), start));
    }

    /// The feed for a label, and the parameters that the label gives it.
    fn find(&self, label: &str) -> Option<(&Start, Params)> {
        if let Ok(found) = self.by_label.at(label) {
            let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
            let params = Params(found.params.iter().map(owned).collect());
            return Some((&**found.value, params));
        }
        Some((self.fallback.as_deref()?, Params::default()))
    }

    fn labels(&self) -> String {
        let labels = self.labels.iter().map(|(label, _)| label.as_str());
        let mut labels: Vec<&str> = labels.filter(|label| *label != feed::PULSE).collect();
        labels.sort_unstable();
        labels.join(", ")
    }

    /// Serves one open channel until it has closed.
    pub async fn serve(
        &self,
        inner: Carrier,
        config: &ChannelConfig,
        gate: Arc<Gate>,
        session: &Session,
    ) {
        let label = shown(&inner.init().label);
        let Some((start, params)) = self.find(&inner.init().label) else {
            warn!(label, feeds = %self.labels(), "channel refused: no feed has its label");
            let reason = format!("no feed has this label; there are {}", self.labels());
            return Box::pin(channel::refuse(&inner, &reason, config)).await;
        };
        let is_own = OWN.contains(&&*inner.init().label);
        let may = |user: &User| user.may_open(&inner.init().label);
        if !is_own && !session.caller.may(may) {
            info!(label, "channel refused: its user may not open it");
            let reason = "you may not open a channel of this label";
            return Box::pin(channel::refuse(&inner, reason, config)).await;
        }
        let (channel, pump) = channel::open(inner, config, gate);
        let reliability = channel.reliability();
        info!(label, %reliability, "channel open");
        // What it does before it first waits belongs to it too.
        let feed = pin!(async {
            match start(channel, &Opening { session, params }) {
                Ok(running) => running.await,
                Err((channel, Refused(reason))) => {
                    warn!(reason, "channel refused by its feed");
                    Ok(channel.refuse(&reason).await?)
                }
            }
        });
        run(feed, &pump, config).await;
    }
}

fn shown(chosen: &str) -> String {
    chosen.chars().take(SHOWN).collect()
}

/// Whether the browser speaks this subprotocol, or names none; otherwise it is told.
///
/// # Errors
/// As [`Channel::send`].
pub async fn speaks(channel: &Channel, protocol: &str) -> Result<bool, SendError> {
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
async fn run(
    mut feed: Pin<&mut impl Future<Output = Outcome>>,
    pump: &Pump,
    config: &ChannelConfig,
) {
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
        Ok(()) => match timeout(config.stall_timeout, Box::pin(pump.flush())).await {
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
