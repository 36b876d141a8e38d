//! One peer's life, from its offer to its end.

mod client;
mod end;
mod leaving;

use super::admission::Place;
use super::auth::Caller;
use super::channel::Carrier;
use super::config::{ChannelConfig, LimitConfig, SessionConfig};
use super::feeds::{GRACE, Session, Table};
use super::id::SessionNumber;
use super::offer::Offer;
use super::peer::Answerer;
use super::presence::Silence;
use super::request::OpeningRequest;
use super::socket::Socket;
use super::stats::{Opening, Stats};
use super::topics::{Figures, Reading};
use super::update::{Asked, Update, Updated};
use client::{Client, Happened, SocketClient};
use end::End;
pub use leaving::Leaving;
use std::any::Any;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use tickwire_wire::signaling::{Code, SignalingError};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, error, info, info_span, warn};

/// What all sessions of a server have in common.
pub struct Common {
    pub answerer: Answerer,
    pub session: SessionConfig,
    pub limit: LimitConfig,
    pub stats: Arc<Stats>,
    pub leaving: Leaving,
    pub channel: ChannelConfig,
    pub feeds: Arc<Table>,
}

/// How a client comes.
pub enum Coming {
    /// By an offer.
    Offer {
        offer: Offer,
        /// Takes the answer, or why there is none.
        answer: oneshot::Sender<Result<Updated, SignalingError>>,
    },
    /// By a WebSocket.
    Socket(Arc<Socket>),
}

/// What a session is given.
pub struct Setup {
    pub client: Coming,
    /// The request by which it came.
    pub request: OpeningRequest,
    /// Who has sent it.
    pub caller: Caller,
    /// What the feeds may reach of the server, whatever that is.
    pub registry: Arc<dyn Any + Send + Sync>,
    /// How many sessions of the server are silent.
    pub silent: Arc<AtomicUsize>,
    /// What requests want of the session later.
    pub updates: mpsc::Receiver<Asked>,
    /// Its place, which is a pending one.
    pub place: Place,
    /// Ends the session when it is cancelled.
    pub ending: CancellationToken,
}

/// Answers the offer, if there is one, and serves the client until it ends. When this returns, the client and
/// its tasks are gone.
pub async fn run(common: Arc<Common>, number: SessionNumber, setup: Box<Setup>) {
    let (client, waiting) = match setup.client {
        Coming::Offer { offer, answer } => {
            let (peer, negotiated, sdp) = match common.answerer.answer(offer, setup.request.from())
            {
                Ok(answered) => answered,
                Err(refused) => {
                    let _ = answer.send(Err(refused));
                    return;
                }
            };
            // A request that was given up leaves a session that no browser knows of: it ends as one in
            // which no channel opens.
            let _ = answer.send(Ok(Updated {
                sdp: Some(sdp),
                entity_tag: peer.entity_tag(),
            }));
            info!("answered");
            let waiting = negotiated.into_iter().map(Carrier::Data).collect();
            (Client::Peer(peer), waiting)
        }
        Coming::Socket(socket) => {
            info!("by WebSocket");
            let client = SocketClient::new(socket, common.stats.clone());
            (Client::Socket(client), Vec::new())
        }
    };
    let session = Arc::new(Session {
        number,
        registry: setup.registry,
        silence: Silence::new(client.heard_ago(), setup.silent),
        request: setup.request,
        reading: Reading::new(setup.caller.clone(), &common.limit, &common.stats),
        caller: setup.caller,
    });
    let mut tasks = JoinSet::new();
    let serving = Serving {
        common: &common,
        session: &session,
        client: &client,
        tasks: &mut tasks,
        waiting,
        is_up: false,
        place: &setup.place,
    };
    let begun = Instant::now();
    let end = serving.run(setup.updates, &setup.ending).await;
    common.stats.ended(end.kind());
    session.reading.count();
    let seconds = begun.elapsed().as_secs_f64();
    let Figures {
        values,
        packets,
        packets_lost,
    } = session.reading.figures();
    info!(reason = %end, seconds, values, packets, packets_lost, "ended");
    // Its channels close with it, and the feeds may clear up.
    client.end(&end);
    let ending = async { while joined(&mut tasks).await {} };
    if timeout(GRACE, ending).await.is_err() {
        warn!(feeds = tasks.len(), "feeds went on for {GRACE:?}; cut off");
    }
}

/// Waits until one more channel's task has ended; false where there is none.
async fn joined(tasks: &mut JoinSet<()>) -> bool {
    let Some(ended) = tasks.join_next().await else {
        return false;
    };
    if let Err(cause) = ended {
        error!(%cause, "a channel's task failed");
    }
    true
}

/// The channels of a session at work.
struct Serving<'a> {
    common: &'a Arc<Common>,
    session: &'a Arc<Session>,
    client: &'a Client,
    /// Those of the channels.
    tasks: &'a mut JoinSet<()>,
    /// Channels that both sides have created, until the connection is up.
    waiting: Vec<Carrier>,
    is_up: bool,
    place: &'a Place,
}

impl Serving<'_> {
    /// Serves a channel once the connection is up.
    fn serve(&mut self, channel: Carrier) {
        if !self.is_up {
            return self.waiting.push(channel);
        }
        let (common, session) = (self.common.clone(), self.session.clone());
        let gate = self.client.gate();
        let span = info_span!("channel", id = channel.init().id);
        let serving = async move {
            let feeds = &common.feeds;
            feeds.serve(channel, &common.channel, gate, &session).await;
        };
        let at = self.client.runtime();
        self.tasks.spawn_on(serving.instrument(span), &at);
    }

    async fn run(mut self, mut updates: mpsc::Receiver<Asked>, ending: &CancellationToken) -> End {
        let now = Instant::now();
        let mut check_by = now + self.common.limit.check_timeout;
        let open_by = now + self.common.session.open_timeout;
        let mut is_checked = false;
        let mut opening = Opening::begin(&self.common.stats.openings);
        let mut ends = self.session.caller.ends();
        let mut leaving = pin!(self.common.leaving.time());
        let mut is_leaving = false;
        loop {
            tokio::select! {
                () = ending.cancelled() => return End::Asked,
                () = sleep_until(check_by), if !is_checked => {
                    is_checked = self.client.was_checked();
                    if !is_checked {
                        return End::NeverReached;
                    }
                }
                () = sleep_until(ends.unwrap_or(now)), if ends.is_some() => return End::Expired,
                () = &mut leaving, if !is_leaving => {
                    is_leaving = true;
                    self.session.reading.go_away();
                }
                () = self.session.caller.renewed() => {
                    ends = self.session.caller.ends();
                    self.session.reading.renewed();
                }
                () = sleep_until(open_by), if !opening.is_open() => return End::NeverOpened,
                happened = self.client.event() => match happened {
                    Happened::Ended(end) => return end,
                    Happened::Up => {
                        // A handshake went back and forth: who began it receives what is sent.
                        if !self.place.open() {
                            return End::Full;
                        }
                        opening.connected();
                        self.up();
                    }
                    Happened::Opened(channel) => self.serve(channel),
                },
                Some(asked) = updates.recv() => {
                    let updated = self.update(*asked.update);
                    if updated.as_ref().is_ok_and(|it| it.sdp.is_some()) {
                        // The client tries other ways now.
                        check_by = Instant::now() + self.common.limit.check_timeout;
                    }
                    // Who asked sees that there is no reply.
                    let _ = asked.reply.send(updated);
                }
                true = joined(self.tasks) => {}
            }
            if !opening.is_open() && !self.tasks.is_empty() {
                opening.opened();
            }
            if opening.is_open() && self.tasks.is_empty() {
                return End::LastChannelClosed;
            }
        }
    }

    fn up(&mut self) {
        self.is_up = true;
        for channel in std::mem::take(&mut self.waiting) {
            self.serve(channel);
        }
    }

    fn update(&mut self, mut update: Update) -> Result<Updated, SignalingError> {
        let Client::Peer(peer) = self.client else {
            return Err(SignalingError::new(
                Code::Conflict,
                "A session by WebSocket has no ICE and no data channels to change.",
            ));
        };
        let is_restart = update.offer.is_some();
        let user = update.user.take();
        let count = self.tasks.len() + self.waiting.len();
        let (updated, added) = update
            .make(peer, count, self.common.channel.max)
            .inspect_err(|cause| info!(%cause, "not changed"))?;
        if let Some(user) = user {
            self.session.caller.renew_as(user)?;
        }
        info!(is_restart, added = added.len(), "changed");
        for channel in added {
            self.serve(Carrier::Data(channel));
        }
        Ok(updated)
    }
}
