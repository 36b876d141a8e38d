//! Opens a session, restarts its ICE, and closes it.

use super::channel::Role;
use super::connection::Connection;
use super::driver::Driver;
use super::negotiation::{self, Answered, Restart};
use super::session::Session;
use super::{clock, timer};
use crate::machine::Event;
use crate::report::candidates;
use crate::steps::Steps;
use crate::{Failure, Interruption, LinkState, Milestone, Step};
use leptos::prelude::*;
use leptos::task::spawn_local;
use std::rc::Rc;
use tickwire_wire::feed;
use tickwire_wire::signaling::{Change, ChannelInit};
use web_sys::RtcPeerConnectionState;

impl Driver {
    /// Opens a session in place of what there is.
    pub(super) fn open(self) {
        self.close(false);
        self.begin(self.current, Event::Lost, false);
    }

    /// Opens a session beside the current one.
    pub(super) fn open_next(self, is_by_socket: bool) {
        self.close_next();
        self.begin(self.next, Event::NextLost, is_by_socket);
    }

    /// Begins a session in `place`. `lost` is what it is where none can be begun.
    fn begin(
        self,
        place: StoredValue<Option<Session>, LocalStorage>,
        lost: impl Fn(Failure) -> Event,
        is_by_socket: bool,
    ) {
        let number = self.sessions.try_get_value().unwrap_or_default() + 1;
        self.sessions.try_set_value(number);
        let now = clock::now();
        let steps = Steps::begin(clock::origin(), self.loaded, now);
        let is_current = place == self.current;
        if is_current {
            self.show_steps(&steps);
            self.advertised.try_set(Vec::new());
        }
        let report = move |happening| self.happened(number, happening);
        let connection = if is_by_socket {
            Ok(Connection::by_socket(report))
        } else {
            Connection::open(report)
        };
        let connection = match connection {
            Ok(connection) => Rc::new(connection),
            Err(cause) => return self.on(lost(Failure::NoWebRtc(cause))),
        };
        let mut session = Session::new(number, connection.clone(), steps);
        let begun = self.begin_channels(&mut session, !is_current);
        place.try_set_value(Some(session));
        let channels = match begun {
            Ok(channels) => channels,
            Err(failure) => return self.on(lost(failure)),
        };
        let server = self.server();
        let Some(peer) = connection.peer() else {
            spawn_local(async move {
                let token = self.new_token().await;
                if self.has_session(number) {
                    connection.connect(&server, token);
                }
            });
            return;
        };
        drop(connection);
        spawn_local(async move {
            let negotiated = async {
                let sdp = negotiation::make_offer(&peer).await?;
                let offer = Change::offer(sdp, channels);
                let Some((answered, token)) = self.ask_for_session(number, &server, &offer).await?
                else {
                    return Ok(());
                };
                let Answered {
                    answer,
                    turn_servers,
                } = answered;
                let url = negotiation::session_url(&server, &answer.id);
                if !self.has_session(number) {
                    // Stopped meanwhile: nobody else knows of this session.
                    negotiation::end_session(&url, token.as_deref()).await;
                    return Ok(());
                }
                let advertised = candidates(&answer.sdp);
                self.with_session_of(number, |session| {
                    session.url = Some(url);
                    session.token = token;
                    session.advertised.clone_from(&advertised);
                });
                self.reached(number, Milestone::AnswerReceived);
                if self.is_current(number) {
                    self.advertised.try_set(advertised);
                }
                negotiation::accept(&peer, &answer.sdp).await?;
                negotiation::offer_relays(&peer, &turn_servers);
                if !turn_servers.is_empty() {
                    self.relay_later(number);
                }
                Ok(())
            };
            self.on_session(
                number,
                match negotiated.await {
                    Ok(()) => Event::Reached(Step::Checking),
                    Err(failure) => Event::Lost(failure),
                },
            );
        });
    }

    /// Creates the channels that a session begins with, and returns them for the offer.
    pub(super) fn begin_channels(
        self,
        session: &mut Session,
        is_held: bool,
    ) -> Result<Vec<ChannelInit>, Failure> {
        let connection = session.connection.clone();
        let mut channels = self
            .options
            .try_with_value(|options| options.channels.clone())
            .unwrap_or_default();
        let add = |init: &ChannelInit, role| {
            let added = connection.add(init.clone(), role);
            added.map_err(|cause| Failure::BadChannel {
                label: init.label.clone(),
                cause,
            })
        };
        for init in &channels {
            add(init, Role::Page(init.label.as_str().into()))?;
        }
        if let Some(id) = session.free_id() {
            let pulse = feed::pulse_channel(id);
            add(&pulse, Role::Pulse)?;
            channels.push(pulse);
        }
        let opened = self.opened_channels().into_iter();
        let begun = opened.filter_map(|opened| opened.begin_on(session, is_held));
        for (opened, channel) in self.without_refused(begun.collect()) {
            channels.push(channel.init.clone());
            opened.has_both_halves(session.number);
        }
        Ok(channels)
    }

    /// Closes the session that there is, and any beside it.
    pub(super) fn close(self, is_ended: bool) {
        self.close_next();
        let leaving = self.leaving.try_update_value(Option::take).flatten();
        leaving.into_iter().for_each(Session::leave);
        drop(self.leave_by.try_update_value(Option::take));
        let Some(mut session) = self.current.try_update_value(Option::take).flatten() else {
            return;
        };
        if is_ended {
            // There is none to end on the server.
            session.url = None;
        }
        session.end();
        self.path.try_set(None);
        self.round_trip.try_set(None);
        self.channels.try_set(Vec::new());
        for opened in self.opened_channels() {
            opened.lose_all();
        }
    }

    /// Has the browser try the TURN servers that it knows, should the connection not be there by then.
    fn relay_later(self, number: u32) {
        /// How long the ways without one may take, in milliseconds.
        const WAIT: f64 = 1_500.0;
        let relay = move || {
            let is_there = |session: &mut Session| {
                let peer = session.connection.peer();
                let state = peer.map(|peer| peer.connection_state());
                state == Some(RtcPeerConnectionState::Connected)
            };
            if self.with_session_of(number, is_there) == Some(false) {
                self.renegotiate(number);
            }
        };
        let again = timer::after(WAIT, relay);
        drop(self.with_session_of(number, |session| session.again.replace(again)));
    }

    /// Restarts ICE on the session that there is. One by WebSocket is given up: another gets through sooner than
    /// TCP sends again.
    pub(super) fn restart(self) {
        let session = self.with_session(|it| (it.number, it.connection.is_by_socket()));
        match session {
            Some((number, false)) => self.renegotiate(number),
            Some((number, true)) => self.on_session(number, Event::Lost(Failure::Silent)),
            None => {}
        }
    }

    fn renegotiate(self, number: u32) {
        let begun = self.with_session_of(number, |session| {
            session.again = None;
            let signal = session.begin_restart()?;
            Some((
                session.connection.peer()?,
                session.url.clone()?,
                session.token.clone(),
                signal,
            ))
        });
        let Some((peer, url, token, signal)) = begun.flatten() else {
            return;
        };
        spawn_local(async move {
            let restarted = async {
                let restart = Restart::make(&peer).await?;
                let offer = Change::offer(restart.sdp(), Vec::new());
                let token = token.as_deref();
                let answer = negotiation::change_session(&url, token, offer, &signal).await?;
                match answer {
                    // Another restart has begun, with another offer.
                    _ if signal.aborted() => Ok(()),
                    Some(answered) => {
                        negotiation::offer_relays(&peer, &answered.turn_servers);
                        restart.accept(&peer, &answered.answer.sdp).await
                    }
                    None => Ok(()),
                }
            };
            let failure = match restarted.await {
                _ if signal.aborted() => return,
                Ok(()) => return self.look_when_settled(number),
                Err(failure) => failure,
            };
            match failure {
                Failure::Unreachable | Failure::NoAnswer => self.restart_again(number),
                failure if negotiation::is_gone(&failure) => {
                    self.on_session(number, Event::Lost(Failure::Ended));
                }
                // This session cannot be saved; another can be had all the same.
                Failure::Refused(_) | Failure::NoWebRtc(_) => {
                    self.on_session(number, Event::Lost(Failure::Silent));
                }
                failure => self.on_session(number, Event::Lost(failure)),
            }
        });
    }

    /// Looks which path is in use when a restart has had the time to find one.
    fn look_when_settled(self, number: u32) {
        /// In milliseconds: the best pair is not always the first that works.
        const SETTLE: f64 = 2_000.0;
        let look = timer::after(SETTLE, move || self.look_once());
        drop(self.with_session_of(number, |session| session.again.replace(look)));
    }

    /// The server could not be asked: perhaps it can soon, while there is time.
    pub(super) fn restart_again(self, number: u32) {
        /// In milliseconds.
        const WAIT: f64 = 500.0;
        let again = move || {
            let is_waited_for = self.state.try_with_untracked(|state| {
                matches!(
                    state,
                    LinkState::Interrupted(Interruption::Restarting { .. })
                )
            });
            if is_waited_for == Some(true) && self.is_current(number) {
                self.restart();
            }
        };
        if self.is_current(number) {
            self.with_session(|session| session.again = Some(timer::after(WAIT, again)));
        }
    }
}
