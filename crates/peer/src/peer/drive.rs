//! What a peer does between its calls, and DTLS and SCTP.

use super::{End, Event, Peer, Room};
use crate::dtls::{Dtls, DtlsError, Out};
use crate::sctp;
use bytes::Bytes;
use std::time::{Duration, Instant};

/// How long a client that is DTLS server is given to send INIT: browsers do at once, and it was on
/// its way with what ended the handshake.
const CALL_AFTER: Duration = Duration::from_millis(100);

impl Peer {
    pub(super) fn take_events(&mut self) {
        while let Some(event) = self.sctp.poll_event() {
            match event {
                sctp::Event::Ended(sctp::End::Aborted | sctp::End::Shutdown) => {
                    self.end(End::Closed);
                }
                sctp::Event::Ended(sctp::End::Violation(what)) => self.end(End::Sctp(what)),
                sctp::Event::Ended(sctp::End::Failed) => {
                    self.end(End::Sctp("an acknowledgement of what was not sent"));
                }
                event => self.events.push_back(Event::Sctp(event)),
            }
        }
    }

    /// The first path, or another.
    pub(super) fn moved(&mut self, now: Instant, room: &mut Room) {
        if self.dtls.is_none() {
            let (config, identity) = (&self.config.dtls, &self.identity);
            let dtls = Dtls::new(config, identity, self.is_dtls_client, now);
            self.dtls = Some(dtls);
            self.dtls_timeout(now, room);
        } else {
            self.events.push_back(Event::Moved);
            self.sctp.path_changed(now);
            self.flush(now, room);
        }
    }

    pub(super) fn dtls_timeout(&mut self, now: Instant, room: &mut Room) {
        self.with_dtls(now, room, |dtls, scratch, take| {
            dtls.handle_timeout(now, scratch, take)
        });
    }

    /// Has DTLS do something, and takes what comes of it: sends its datagrams, hands what they
    /// carried to SCTP. True where something came that only the client can have sent.
    pub(super) fn with_dtls(
        &mut self,
        now: Instant,
        room: &mut Room,
        work: impl FnOnce(&mut Dtls, &mut Vec<u8>, &mut dyn FnMut(Out<'_>)) -> Result<(), DtlsError>,
    ) -> bool {
        let Some(dtls) = &mut self.dtls else {
            return false;
        };
        let (agent, sctp, fingerprints) = (&mut self.agent, &mut self.sctp, &self.fingerprints);
        let (is_known, is_trusted) = (&mut self.is_known, &mut self.is_trusted);
        let is_dtls_client = self.is_dtls_client;
        let (mut end, mut is_genuine) = (None, false);
        let (scratch, out) = (&mut room.scratch, &mut room.out);
        let worked = work(dtls, scratch, &mut |taken| match taken {
            Out::Datagram(datagram) => {
                // What may not leave yet is lost, and sent again when its time has come.
                if let Some(path) = agent.leave(datagram.len()) {
                    out.add(path, |out| out.extend_from_slice(datagram));
                }
            }
            Out::Certificate(certificate) => {
                *is_known = fingerprints.iter().any(|known| known.is_of(certificate));
                if !*is_known {
                    end = Some(End::Certificate);
                }
            }
            Out::Up => {
                *is_trusted = *is_known;
                if is_dtls_client {
                    sctp.call_at(now + CALL_AFTER);
                }
            }
            Out::Data(data) if *is_trusted => {
                is_genuine = true;
                sctp.handle(now, Bytes::copy_from_slice(data));
            }
            Out::Data(_) => {}
            Out::Closed => end = Some(End::Closed),
        });
        if let Some(end) = end {
            self.end(end);
        }
        if let Err(cause) = worked {
            self.end(End::Dtls(cause.to_string()));
        }
        is_genuine
    }

    pub(super) fn end(&mut self, end: End) {
        if !self.has_ended {
            self.has_ended = true;
            self.events.push_back(Event::Ended(end));
        }
    }
}
