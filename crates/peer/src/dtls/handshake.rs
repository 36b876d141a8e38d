//! A connection as `dimpl` has it: its handshake, and all that follows with DTLS 1.3.

use super::record::{Direction, Records};
use super::tap::{self, Tapped};
use super::{DtlsConfig, DtlsError, FIRST_TIMEOUT, Identity, LARGEST_HELLO, Out, make_room};
use dimpl::{Output, ProtocolVersion};
use std::time::{Duration, Instant};

/// How often the server's last flight is sent again while nothing has come that only an answer to
/// it can be: no timer of DTLS's does (RFC 6347 section 4.2.4), and clients wait up to a second
/// before they ask for it.
const LAST_RETRIES: u32 = 4;
/// A timeout that is farther off than any of a handshake's.
const FAR: Duration = Duration::from_secs(60);
/// DTLS's content type of a handshake (RFC 6347 section 4.1).
const HANDSHAKE: u8 = 22;

pub struct Handshake {
    inner: dimpl::Dtls,
    is_client: bool,
    is_up: bool,
    /// Whether the other side has said something of a handshake.
    has_begun: bool,
    /// Whether the other side has shown that it needs nothing of the handshake any more.
    is_over: bool,
    due: Option<Instant>,
    last: Option<Last>,
    now: Instant,
    /// The ciphers of DTLS 1.2, as far as they are made.
    tapped: Vec<Tapped>,
}

/// The server's last flight, until the client shows that it has it.
struct Last {
    datagrams: Vec<Vec<u8>>,
    tries: u32,
    due: Instant,
}

impl Handshake {
    pub fn new(config: &DtlsConfig, identity: &Identity, is_client: bool, now: Instant) -> Self {
        let certificate = identity.certificate();
        let inner = dimpl::Dtls::new_auto(config.0.clone(), certificate, now);
        Self::of(inner, is_client, now)
    }

    pub fn of(mut inner: dimpl::Dtls, is_client: bool, now: Instant) -> Self {
        inner.set_active(is_client);
        Self {
            inner,
            is_client,
            is_up: false,
            has_begun: false,
            is_over: false,
            due: Some(now),
            last: None,
            now,
            tapped: Vec::new(),
        }
    }

    pub fn handle(
        &mut self,
        now: Instant,
        datagram: &[u8],
        scratch: &mut Vec<u8>,
        take: &mut impl FnMut(Out<'_>),
    ) -> Result<(), DtlsError> {
        if !self.is_up && datagram.len() > LARGEST_HELLO {
            return Ok(());
        }
        // Anything else as the first answer ends the handshake, so a stranger could.
        if !self.has_begun && datagram.first() != Some(&HANDSHAKE) {
            return Ok(());
        }
        self.has_begun = true;
        // It wants to know the time. A flight that is due is not sent again at the moment at which
        // its answer has come.
        let just_before = |due: Instant| due.checked_sub(Duration::from_nanos(1));
        let due = self.due.filter(|due| *due <= now).and_then(just_before);
        self.now = due.map_or(now, |due| due.max(self.now));
        self.inner.handle_timeout(self.now)?;
        let (handled, made) = tap::during(|| self.inner.handle_packet(datagram));
        self.tapped.extend(made);
        handled?;
        self.drain(scratch, take);
        Ok(())
    }

    pub fn handle_timeout(
        &mut self,
        now: Instant,
        scratch: &mut Vec<u8>,
        take: &mut impl FnMut(Out<'_>),
    ) -> Result<(), DtlsError> {
        self.now = now;
        self.inner.handle_timeout(now)?;
        self.drain(scratch, take);
        Ok(())
    }

    pub fn poll_timeout(&self) -> Option<Instant> {
        let last = self.last.as_ref().map(|last| last.due);
        [self.due, last].into_iter().flatten().min()
    }

    pub fn send(
        &mut self,
        data: &[u8],
        scratch: &mut Vec<u8>,
        take: &mut impl FnMut(Out<'_>),
    ) -> Result<(), DtlsError> {
        self.inner.send_application_data(data)?;
        self.drain(scratch, take);
        Ok(())
    }

    pub fn close(&mut self, scratch: &mut Vec<u8>, take: &mut impl FnMut(Out<'_>)) {
        // It fails for a connection that is closed already.
        let _ = self.inner.close();
        self.drain(scratch, take);
    }

    /// Whether [`Handshake::into_records`] can be called: DTLS 1.2 needs nothing of the handshake
    /// from here on.
    pub fn is_over(&self) -> bool {
        let is_12 = self.inner.protocol_version() == Some(ProtocolVersion::DTLS1_2);
        self.is_over && is_12 && self.tapped.len() == 2
    }

    /// Goes on without `dimpl`. `None` where a direction has no key, which cannot be where the
    /// handshake is over.
    pub fn into_records(self) -> Option<Records> {
        let Self { inner, tapped, .. } = self;
        drop(inner);
        let (mut write, mut read) = (None, None);
        for cipher in tapped {
            match cipher.direction()? {
                Direction::Write => write = cipher.into_half(),
                Direction::Read => read = cipher.into_half(),
            }
        }
        Some(Records {
            write: write?,
            read: read?,
        })
    }

    /// Takes all that there is to take.
    fn drain(&mut self, scratch: &mut Vec<u8>, take: &mut impl FnMut(Out<'_>)) {
        make_room(scratch);
        let (was_up, mut flight) = (self.is_up, Vec::new());
        loop {
            match self.inner.poll_output(scratch) {
                Output::Packet(datagram) => {
                    if !was_up && !self.is_client {
                        flight.push(datagram.to_vec());
                    }
                    take(Out::Datagram(datagram));
                }
                Output::PeerCert(certificate) => take(Out::Certificate(certificate)),
                Output::Connected => {
                    self.is_up = true;
                    // The server's last flight is the last of all (RFC 5246 section 7.3).
                    self.is_over = self.is_client;
                    take(Out::Up);
                }
                Output::ApplicationData(data) => {
                    self.last = None;
                    self.is_over = true;
                    take(Out::Data(data));
                }
                Output::CloseNotify => take(Out::Closed),
                Output::BufferTooSmall { needed } => scratch.resize(needed, 0),
                Output::Timeout(due) => {
                    // It names a time far off where it waits for nothing.
                    self.due = (due < self.now + FAR).then_some(due);
                    break;
                }
                _ => {}
            }
        }
        if self.is_up && !was_up && !self.is_client {
            self.last = Some(Last {
                datagrams: flight,
                tries: 0,
                due: self.now + FIRST_TIMEOUT,
            });
        }
        self.repeat(take);
    }

    /// Sends the last flight again if it is time. Who has it already drops it as a replay.
    fn repeat(&mut self, take: &mut impl FnMut(Out<'_>)) {
        let Some(last) = self.last.as_mut().filter(|last| last.due <= self.now) else {
            return;
        };
        for datagram in &last.datagrams {
            take(Out::Datagram(datagram));
        }
        last.tries += 1;
        last.due = self.now + FIRST_TIMEOUT * (1 << last.tries);
        if last.tries == LAST_RETRIES {
            self.last = None;
        }
    }
}
