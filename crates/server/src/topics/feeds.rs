//! The two channels by which a session reads topics.

use super::attendance::Attendance;
use super::rest::Rest;
use super::{Reading, Subscriptions, Topic, Topics, publish};
use crate::channel::Channel;
use crate::engine::{stale_for, watch_stale};
use crate::lock::lock;
use crate::message::{Message, SendError};
use crate::presence::Presence;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tickwire_values::{Published, SubscribeError, ToSay, Wanted, Watcher};
use tickwire_wire::control::{RATES, Refusal, Subscribe, ToReader, ToServer, VALUES};
use tickwire_wire::values::PUBLICATION;
use tokio::time::{interval, sleep_until};

/// How long before its end a client is asked for another token.
const RENEWAL: Duration = Duration::from_secs(60);

/// Why a channel of topics ends.
#[derive(Debug, thiserror::Error)]
pub enum TopicsError {
    #[error(transparent)]
    Send(#[from] SendError),
    #[error("{0} messages had to be refused")]
    Refused(usize),
}

/// Holds that a session has a channel of one kind.
struct Only<'a>(&'a AtomicBool);

impl<'a> Only<'a> {
    fn take(is_there: &'a AtomicBool) -> Option<Self> {
        let was_there = is_there.swap(true, Ordering::AcqRel);
        (!was_there).then_some(Self(is_there))
    }
}

impl Drop for Only<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}

/// Takes what a reader says it wants, and tells it what becomes of that.
///
/// # Errors
/// Where the channel closes while something is being sent, or too much had to be refused.
pub async fn control(
    channel: Channel,
    reading: Reading,
    presence: Presence,
    topics: Topics,
) -> Result<(), TopicsError> {
    let subscriptions = reading.subscriptions();
    let Some(_only) = Only::take(&subscriptions.has_control) else {
        return Ok(channel
            .refuse("the session has a channel of this label")
            .await?);
    };
    let you = subscriptions.you.clone();
    let mut attendance = Attendance::new(you.clone(), presence);
    let mut hello = Some(ToReader::Hello { you });
    // Said after the hello.
    let mut stale = watch_stale(&*topics.engine());
    if !channel.may_be_unknown()
        && let Some(hello) = hello.take()
    {
        channel.send(hello.json()).await?;
    }
    let mut renewal = Renewal::default();
    let mut topics_of = HashMap::new();
    let mut look = interval(Duration::from_secs(1));
    let mut refused = 0;
    loop {
        let message = tokio::select! {
            _ = look.tick() => {
                attendance.look();
                subscriptions.count();
                if hello.is_none()
                    && let Some(ask) = renewal.look(subscriptions.caller.ends())
                {
                    channel.send(ask.json()).await?;
                }
                continue;
            }
            Ok(()) = stale.changed(), if hello.is_none() => {
                let since = *stale.borrow_and_update();
                let since = stale_for(since);
                channel.send(ToReader::Stale { since }.json()).await?;
                continue;
            }
            () = subscriptions.to_say.notified() => {
                if subscriptions.is_to_leave.swap(false, Ordering::AcqRel) {
                    channel.send(ToReader::GoAway {}.json()).await?;
                }
                if subscriptions.is_renewed.swap(false, Ordering::AcqRel) {
                    for refused in end_forbidden(&subscriptions, &mut attendance, &mut topics_of) {
                        channel.send(refused.json()).await?;
                    }
                }
                while let Some(said) = subscriptions.next_to_say() {
                    channel.send(said).await?;
                }
                continue;
            }
            message = channel.recv() => match message {
                Some(message) => message,
                None => return Ok(()),
            },
        };
        // Not before the client has: what comes when it has not yet opened the channel is lost by some.
        if let Some(hello) = hello.take() {
            channel.send(hello.json()).await?;
        }
        let said = match &message {
            Message::Text(text) => ToServer::parse(text),
            Message::Binary(_) => Err("Expected JSON text, found a binary message.".into()),
        };
        let done = match said {
            Ok(ToServer::Subscribe(asked)) => {
                let id = asked.id;
                let name = asked.topic.clone();
                match subscriptions.subscribe(&topics, asked) {
                    Ok(topic) => {
                        attendance.begin(id, &topic);
                        topics_of.insert(id, name);
                        Ok(())
                    }
                    Err((code, message)) => Err((Some(id), code, message)),
                }
            }
            Ok(ToServer::Unsubscribe { id }) => {
                subscriptions.unsubscribe(id);
                attendance.end(id);
                topics_of.remove(&id);
                Ok(())
            }
            Ok(ToServer::Publish {
                id,
                topic,
                key,
                value,
            }) => match publish::add(&topics, &subscriptions, &topic, &key, value) {
                Ok(()) => {
                    channel.send(ToReader::Published { id }.json()).await?;
                    Ok(())
                }
                Err((code, message)) => Err((Some(id), code, message)),
            },
            Ok(ToServer::Token { token }) => {
                let renewed = subscriptions.caller.renew(&token).await;
                renewed.map_err(|denied| (None, Refusal::NotAllowed, denied.to_string()))
            }
            Err(cause) => Err((None, Refusal::BadMessage, cause)),
        };
        if let Err((id, code, message)) = done {
            channel
                .send(ToReader::Refused { id, code, message }.json())
                .await?;
            refused += 1;
            if refused >= subscriptions.bounds.refusals {
                return Err(TopicsError::Refused(refused));
            }
        }
    }
}

/// Brings a reader what it has subscribed to, and learns what has arrived.
///
/// # Errors
/// Where the channel closes while something is being sent, or too much had to be refused.
pub async fn values(channel: Channel, reading: Reading, topics: Topics) -> Result<(), TopicsError> {
    let subscriptions = reading.subscriptions();
    let mut published = Published::default();
    let Some(_only) = Only::take(&subscriptions.has_values) else {
        return Ok(channel
            .refuse("the session has a channel of this label")
            .await?);
    };
    let mut refused = 0;
    let mut rest = Rest::default();
    subscriptions.sender().set_stream(channel.is_stream());
    loop {
        let resting = rest.until(Instant::now());
        let timeout = match resting {
            Some(_) => resting,
            None => {
                let timeout = subscriptions.send_due(&channel)?;
                rest.begin(Instant::now());
                timeout
            }
        };
        let is_due = async {
            match timeout {
                Some(at) => sleep_until(at.into()).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = is_due => {
                let now = Instant::now();
                rest.woken(now, resting);
                subscriptions.sender().handle_timeout(now);
            }
            () = subscriptions.filled.notified(), if resting.is_none() => {
                rest.woken(Instant::now(), subscriptions.filled_at());
            }
            () = channel.path_changed() => {
                let mut sender = subscriptions.sender();
                sender.begin_path(Instant::now());
                sender.set_stream(channel.is_stream());
            }
            message = channel.recv() => {
                let Some(message) = message else {
                    return Ok(());
                };
                let refusals = match &message {
                    Message::Binary(message) if message.first() == Some(&PUBLICATION) => {
                        let taken = publish::take(&topics, &subscriptions, &mut published, message);
                        if let Some(acknowledgement) = taken.acknowledgement {
                            sent_or_lost(channel.try_send_once(&acknowledgement))?;
                        }
                        taken.refusals
                    }
                    Message::Binary(message) => {
                        let taken = subscriptions.acknowledged(message);
                        let refusal = |cause| (Refusal::BadAcknowledgement, cause);
                        taken.map_err(refusal).err().into_iter().collect()
                    }
                    Message::Text(_) => {
                        let cause = "expected an acknowledgement, found text";
                        vec![(Refusal::BadAcknowledgement, cause.to_owned())]
                    }
                };
                for (code, cause) in refusals {
                    subscriptions.refuse(code, &cause);
                    refused += 1;
                    if refused >= subscriptions.bounds.refusals {
                        return Err(TopicsError::Refused(refused));
                    }
                }
            }
        }
    }
}

/// Asks a client for another token, once for each end that comes near.
#[derive(Default)]
struct Renewal(Option<tokio::time::Instant>);

impl Renewal {
    /// What is to be said where the session ends then.
    fn look(&mut self, ends: Option<tokio::time::Instant>) -> Option<ToReader> {
        let ends = ends?;
        let left = ends.saturating_duration_since(tokio::time::Instant::now());
        // The same end is a few microseconds earlier or later each time that it is worked out.
        let is_new = self
            .0
            .is_none_or(|asked| ends > asked + Duration::from_secs(1));
        if left > RENEWAL || !is_new {
            return None;
        }
        self.0 = Some(ends);
        let within = u64::try_from(left.as_millis()).unwrap_or(u64::MAX);
        Some(ToReader::RenewToken { within })
    }
}

/// Ends the subscriptions that the present token does not allow, and returns what is to be said of them.
fn end_forbidden(
    subscriptions: &Arc<Subscriptions>,
    attendance: &mut Attendance,
    topics_of: &mut HashMap<u64, String>,
) -> Vec<ToReader> {
    let caller = &subscriptions.caller;
    let is_over = |_: &u64, name: &mut String| !caller.may(|it| it.may_subscribe(name));
    let over = topics_of.extract_if(is_over).map(|(id, name)| {
        subscriptions.unsubscribe(id);
        attendance.end(id);
        ToReader::Refused {
            id: Some(id),
            code: Refusal::NotAllowed,
            message: may_not_subscribe(&name),
        }
    });
    over.collect()
}

fn may_not_subscribe(topic: &str) -> String {
    format!("You may not subscribe to the topic {topic:?}.")
}

/// A channel that closes while something is being sent has ended as others do.
pub fn ended(outcome: Result<(), TopicsError>) -> Result<(), TopicsError> {
    match outcome {
        Err(TopicsError::Send(SendError::Closed)) => Ok(()),
        outcome => outcome,
    }
}

/// What finds no room is as what the network loses.
fn sent_or_lost(sent: Result<(), SendError>) -> Result<(), SendError> {
    match sent {
        Err(SendError::Full | SendError::TooLarge) => Ok(()),
        sent => sent,
    }
}

fn wanted(asked: Subscribe) -> Result<Wanted, (Refusal, String)> {
    let interval = match asked.max_rate {
        None => Duration::ZERO,
        Some(rate) if RATES.contains(&rate) => Duration::from_secs_f64(1.0 / rate),
        Some(rate) => {
            let (least, most) = (RATES.start(), RATES.end());
            let message =
                format!("Expected a maxRate from {least} to {most} a second, found {rate}.");
            return Err((Refusal::BadRate, message));
        }
    };
    Ok(Wanted {
        keys: asked.keys.map(HashSet::from_iter),
        interval,
        after: asked.after,
    })
}

impl Subscriptions {
    fn subscribe(
        self: &Arc<Self>,
        topics: &Topics,
        asked: Subscribe,
    ) -> Result<Topic, (Refusal, String)> {
        if !self.caller.may(|user| user.may_subscribe(&asked.topic)) {
            return Err((Refusal::NotAllowed, may_not_subscribe(&asked.topic)));
        }
        let topic = topics.get(&asked.topic).map_err(|cause| {
            let code = publish::code(&cause);
            (code, cause.to_string())
        })?;
        let (id, wanted) = (asked.id, wanted(asked)?);
        let begun = self.sender().subscribe(id, topic.values().clone(), wanted);
        begun.map_err(|cause| {
            let code = match cause {
                SubscribeError::Taken => Refusal::IdTaken,
                SubscribeError::NoRate => Refusal::BadRate,
                SubscribeError::TooMany | SubscribeError::TooManyKeys => Refusal::TooMany,
            };
            (code, format!("The subscription is not begun: {cause}."))
        })?;
        let watcher: Arc<dyn Watcher> = self.clone();
        topic.values().watch(&watcher);
        self.fill();
        self.to_say.notify_one();
        Ok(topic)
    }

    fn unsubscribe(self: &Arc<Self>, id: u64) {
        let ended = self.sender().unsubscribe(id);
        if let Some(topic) = ended {
            let watcher: Arc<dyn Watcher> = self.clone();
            topic.unwatch(&watcher);
        }
    }

    /// Sends what is due, as far as the path takes it. Returns when there may be more to do.
    fn send_due(&self, channel: &Channel) -> Result<Option<Instant>, SendError> {
        // What changes from here on is told.
        self.has_changed.store(false, Ordering::Release);
        let mut sender = self.sender();
        if sender.is_new()
            && let Some(round_trip) = channel.round_trip()
        {
            sender.expect(round_trip);
        }
        let now = Instant::now();
        while let Some(packet) = sender.poll(now) {
            sent_or_lost(channel.try_send_once(&packet.into()))?;
        }
        // Where nothing of a snapshot is wanted, it is complete without a packet.
        if sender.has_to_say() {
            self.to_say.notify_one();
        }
        Ok(sender.poll_timeout())
    }

    /// Has it said that what came on `values` could not be taken.
    fn refuse(&self, code: Refusal, cause: &str) {
        // Who opens `values` alone is told nothing.
        let mut refusals = lock(&self.refusals);
        if refusals.len() < self.bounds.refusals {
            refusals.push_back((code, format!("Passed over on {VALUES}: {cause}.")));
        }
        self.to_say.notify_one();
    }

    fn next_to_say(&self) -> Option<Message> {
        if let Some(said) = self.sender().poll_to_say(Instant::now()) {
            return Some(match said {
                ToSay::Complete { id } => ToReader::Complete { id }.json().into(),
                ToSay::After { id, at, is_gap } => {
                    let (after, gap) = (at, is_gap);
                    ToReader::Log { id, after, gap }.json().into()
                }
                ToSay::Entry(entry) => entry.into(),
            });
        }
        let (code, message) = lock(&self.refusals).pop_front()?;
        let id = None;
        Some(ToReader::Refused { id, code, message }.json().into())
    }

    /// Takes an acknowledgement in; otherwise says why not.
    fn acknowledged(&self, message: &[u8]) -> Result<(), String> {
        let mut sender = self.sender();
        let taken = sender.acknowledge(Instant::now(), message);
        if sender.has_to_say() {
            self.to_say.notify_one();
        }
        taken.map_err(|cause| cause.to_string())
    }
}
