//! One peer: ICE, DTLS, SCTP and its channels in one state machine.

mod drive;
mod event;

pub use event::{End, Event};

use crate::dtls::{Dtls, DtlsConfig, DtlsError, Identity};
use crate::ice::{Agent, Authentic, CheckError, Checked, Credentials};
use crate::path::{Datagrams, Path};
use crate::sctp::{
    ChannelInit, Kind, Message, NegotiateError, Sctp, SctpConfig, SctpLimits, SendError,
};
use crate::sdp::{Fingerprint, Offer, Role};
use crate::stun;
use bytes::Bytes;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What all peers of a server have in common.
#[derive(Debug)]
pub struct PeerConfig {
    dtls: DtlsConfig,
    sctp: Arc<SctpConfig>,
    silence_timeout: Duration,
}

impl PeerConfig {
    /// Peers with these limits, which end when nothing that only their client can send came for
    /// `silence_timeout` (RFC 7675 section 5.1: consent).
    ///
    /// # Errors
    /// Where the cryptography of this build does not work.
    pub fn new(limits: SctpLimits, silence_timeout: Duration) -> Result<Self, DtlsError> {
        Ok(Self {
            dtls: DtlsConfig::new()?,
            sctp: Arc::new(SctpConfig::new(limits)),
            silence_timeout,
        })
    }

    /// The limits of SCTP that are in force.
    pub fn limits(&self) -> SctpLimits {
        self.sctp.limits()
    }
}

/// A WebRTC data peer that answers.
///
/// It is driven by datagrams and time. What is to leave goes to [`Datagrams`]; after each call
/// that changes something, events are to be taken with [`Peer::poll_event`], and the next deadline
/// with [`Peer::poll_timeout`].
#[derive(Debug)]
pub struct Peer {
    config: Arc<PeerConfig>,
    identity: Arc<Identity>,
    agent: Agent,
    fingerprints: Vec<Fingerprint>,
    is_dtls_client: bool,
    /// From the first path on.
    dtls: Option<Dtls>,
    /// Whether the client has shown a certificate that its offer names, and that it has the key.
    is_known: bool,
    is_trusted: bool,
    sctp: Sctp,
    events: VecDeque<Event>,
    has_ended: bool,
}

impl Peer {
    /// A peer for this offer, which is answered with these credentials and this certificate.
    pub fn new(
        config: Arc<PeerConfig>,
        identity: Arc<Identity>,
        offer: &Offer,
        local: Credentials,
        now: Instant,
    ) -> Self {
        Self {
            // Zero is for any (RFC 8841 section 6.1).
            sctp: Sctp::new(
                config.sctp.clone(),
                Some(offer.max_message_size().unwrap_or(0)),
            ),
            agent: Agent::new(now, local, credentials(offer)),
            fingerprints: offer.fingerprints().to_vec(),
            is_dtls_client: offer.role() == Role::Client,
            dtls: None,
            is_known: false,
            is_trusted: false,
            // As a rule each is taken before the next.
            events: VecDeque::with_capacity(1),
            has_ended: false,
            config,
            identity,
        }
    }

    /// Whether an offer restarts ICE: it has other credentials than the one before (RFC 8445
    /// section 9).
    ///
    /// # Errors
    /// Where it names another certificate, since that asks for another DTLS connection (RFC 8842
    /// section 4).
    pub fn is_restart(&self, offer: &Offer) -> Result<bool, OtherCertificate> {
        let is_same = |fingerprint| self.fingerprints.contains(fingerprint);
        if !offer.fingerprints().iter().any(is_same) {
            return Err(OtherCertificate);
        }
        Ok(*self.agent.remote() != credentials(offer))
    }

    /// Restarts ICE for another offer, which is answered with these credentials. All else goes on.
    /// Returns the ufrag by which the peer is not known any more.
    pub fn restart(&mut self, offer: &Offer, local: Credentials) -> Option<String> {
        self.agent.restart(local, credentials(offer))
    }

    /// The certificate that it answers with.
    pub fn identity(&self) -> &Arc<Identity> {
        &self.identity
    }

    /// What is known of its ICE.
    pub fn ice(&self) -> &Agent {
        &self.agent
    }

    /// Whether a check was made with the password of one of this peer's answers.
    ///
    /// # Errors
    /// Where not.
    pub fn authenticate<'a>(
        &self,
        message: stun::Message<'a>,
    ) -> Result<Authentic<'a>, CheckError> {
        self.agent.authenticate(message)
    }

    /// Takes a check that came on `path` in a datagram of `length` bytes. Returns the path that is
    /// not this peer's any more.
    pub fn handle_check(
        &mut self,
        now: Instant,
        path: Path,
        check: Authentic<'_>,
        length: usize,
        room: &mut Room,
    ) -> Option<Path> {
        let Checked {
            has_moved,
            forgotten,
        } = self.agent.check(now, path, check, length, &mut room.out);
        if has_moved {
            self.moved(now, room);
        }
        forgotten
    }

    /// Takes another datagram, from an address that is this peer's. Where it returns true
    /// [`Peer::flush`] has to follow, once for several: what is sent meanwhile leaves with what
    /// acknowledges them.
    pub fn handle(&mut self, now: Instant, path: Path, datagram: &[u8], room: &mut Room) -> bool {
        if !self.agent.received(path, datagram.len()) || self.has_ended {
            return false;
        }
        if stun::is_stun(datagram) {
            let answer = stun::Message::read(datagram);
            if answer.is_some_and(|answer| self.agent.answered(now, path, &answer)) {
                self.moved(now, room);
            }
            return false;
        }
        let is_genuine = self.with_dtls(now, room, |dtls, scratch, take| {
            dtls.handle(now, datagram, scratch, take)
        });
        if is_genuine {
            self.agent.prolong(now, path);
        }
        self.take_events();
        is_genuine
    }

    /// Does what is due at `now`.
    pub fn handle_timeout(&mut self, now: Instant, room: &mut Room) {
        if self.has_ended {
            return;
        }
        let limit = self.config.silence_timeout;
        if now.saturating_duration_since(self.agent.heard()) >= limit {
            return self.end(End::Silent(limit));
        }
        let is_due = |due: Option<Instant>| due.is_some_and(|due| due <= now);
        if is_due(self.dtls.as_ref().and_then(Dtls::poll_timeout)) {
            self.dtls_timeout(now, room);
        }
        if is_due(self.sctp.poll_timeout()) {
            self.sctp.handle_timeout(now);
        }
        self.flush(now, room);
    }

    /// When [`Peer::handle_timeout`] is to be called; `None` once the peer has ended.
    pub fn poll_timeout(&self) -> Option<Instant> {
        if self.has_ended {
            return None;
        }
        let dtls = self.dtls.as_ref().and_then(Dtls::poll_timeout);
        let silence = self.agent.heard() + self.config.silence_timeout;
        let others = [dtls, self.sctp.poll_timeout()].into_iter().flatten();
        Some(others.fold(silence, Instant::min))
    }

    /// The next event.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// Begins a channel that both sides create with an agreed id (`negotiated: true`).
    ///
    /// # Errors
    /// Where the id is in use, or there are as many channels as there may be.
    pub fn negotiate(&mut self, init: &ChannelInit) -> Result<(), NegotiateError> {
        self.sctp.negotiate(init)
    }

    /// Sends a message. [`Peer::flush`] has to follow, once for several.
    ///
    /// # Errors
    /// Where the channel is not open, or the message is larger than the client takes.
    pub fn send(
        &mut self,
        now: Instant,
        id: u16,
        kind: Kind,
        data: &Bytes,
    ) -> Result<(), SendError> {
        self.sctp.send(now, id, kind, data)
    }

    /// Sends a binary message once, beside SCTP's congestion control; see [`Sctp::send_once`].
    /// [`Peer::flush`] has to follow, once for several.
    ///
    /// # Errors
    /// As [`Peer::send`].
    pub fn send_once(
        &mut self,
        now: Instant,
        id: u16,
        data: &Bytes,
        limit: usize,
    ) -> Result<bool, SendError> {
        self.sctp.send_once(now, id, data, limit)
    }

    /// The next message of a channel. [`Peer::flush`] has to follow, so that the client learns of
    /// the room that there is again.
    pub fn recv(&mut self, id: u16) -> Option<Message> {
        self.sctp.recv(id)
    }

    /// Whether a message of a channel waits to be taken.
    pub fn has_message(&mut self, id: u16) -> bool {
        self.sctp.has_message(id)
    }

    /// Bytes sent on a channel that are neither acknowledged nor given up.
    pub fn buffered(&mut self, id: u16) -> usize {
        self.sctp.buffered(id)
    }

    /// How often SCTP's retransmission timer has run out.
    pub fn timeouts(&self) -> u64 {
        self.sctp.timeouts()
    }

    /// Whether the path in use is TCP's.
    pub fn is_by_tcp(&self) -> bool {
        self.agent.path().is_some_and(|path| path.remote.is_tcp)
    }

    /// The round trip of the path in use, by the check that has proven it; `None` before that.
    pub fn round_trip(&self) -> Option<Duration> {
        self.agent.round_trip()
    }

    /// Closes a channel, after what was sent on it. [`Peer::flush`] has to follow.
    pub fn close_channel(&mut self, id: u16) {
        self.sctp.close(id);
    }

    /// Tells the client that the connection is closed.
    pub fn close(&mut self, now: Instant, room: &mut Room) {
        if self.has_ended {
            return;
        }
        self.sctp.abort();
        self.flush(now, room);
        self.with_dtls(now, room, |dtls, scratch, take| {
            dtls.close(scratch, take);
            Ok(())
        });
        self.has_ended = true;
    }

    /// Sends what SCTP has to send, and takes its events.
    pub fn flush(&mut self, now: Instant, room: &mut Room) {
        if self.is_trusted && !self.has_ended {
            while let Some(packet) = self.sctp.poll_transmit(now) {
                self.with_dtls(now, room, |dtls, scratch, take| {
                    dtls.send(&packet, scratch, take)
                });
            }
        }
        self.take_events();
    }

    /// Ends it, since what it would do next cannot be known any more.
    pub fn fail(&mut self) {
        self.end(End::Failed);
    }
}

/// What a peer's calls work in: one for all peers of a loop.
#[derive(Debug, Default)]
pub struct Room {
    /// Datagrams that are to leave.
    pub out: Datagrams,
    scratch: Vec<u8>,
}

/// The offer names another certificate than the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the offer names another certificate")]
pub struct OtherCertificate;

fn credentials(offer: &Offer) -> Credentials {
    Credentials {
        ufrag: offer.ufrag().to_owned(),
        password: offer.password().to_owned(),
    }
}

#[cfg(test)]
mod tests;
