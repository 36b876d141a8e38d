//! DTLS (RFC 6347, RFC 9147) for one peer, over `dimpl`: datagrams and time in, datagrams and
//! what they carried out.
//!
//! There is no cookie exchange (RFC 6347 section 4.2.1): the path is proven by ICE before a
//! handshake's flights may leave in full, and an exchange costs each honest client a round trip.

mod identity;

pub use identity::{Identity, IdentityError};

use dimpl::Output;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The largest datagram: what IPv6 carries everywhere (1,280 bytes), without its and UDP's header.
const MTU: usize = 1_232;
/// When an unanswered flight is sent again first, twice as long after each time.
const FIRST_TIMEOUT: Duration = Duration::from_millis(50);
/// How often a flight is sent again: with the doubling, for as long as a session may take to open.
const RETRIES: usize = 8;
/// How often the server's last flight is sent again while nothing has come that only an answer to
/// it can be: no timer of DTLS's does (RFC 6347 section 4.2.4), and clients wait up to a second
/// before they ask for it.
const LAST_RETRIES: u32 = 4;
/// The largest datagram of a handshake that is taken: no client's path carries more.
const LARGEST_HELLO: usize = 2_048;
/// Room for all that comes out at once. `dimpl` 0.9.0 panics where a certificate is longer, and
/// keeps 50 fragments of one at most.
const LARGEST: usize = 50 * LARGEST_HELLO;

/// What comes out.
pub enum Out<'a> {
    /// A datagram to send.
    Datagram(&'a [u8]),
    /// The other side's certificate, in DER. It has shown that it has the key when [`Out::Up`]
    /// follows.
    Certificate(&'a [u8]),
    /// The handshake is complete.
    Up,
    /// What the other side has sent.
    Data(&'a [u8]),
    /// The other side has closed the connection.
    Closed,
}

/// DTLS cannot go on.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct DtlsError(#[from] dimpl::Error);

/// What all connections of a server have in common.
#[derive(Clone, Debug)]
pub struct DtlsConfig(Arc<dimpl::Config>);

impl DtlsConfig {
    /// # Errors
    /// Where the cryptography of this build does not work.
    pub fn new() -> Result<Self, DtlsError> {
        let config = dimpl::Config::builder()
            .mtu(MTU)
            .use_server_cookie(false)
            .require_client_certificate(true)
            .flight_start_rto(FIRST_TIMEOUT)
            .flight_retries(RETRIES)
            .build()?;
        Ok(Self(Arc::new(config)))
    }
}

/// One connection.
pub struct Dtls {
    inner: dimpl::Dtls,
    is_client: bool,
    is_up: bool,
    /// Whether the other side has said something of a handshake.
    has_begun: bool,
    due: Option<Instant>,
    last: Option<Last>,
    now: Instant,
}

/// The server's last flight, until the client shows that it has it.
struct Last {
    datagrams: Vec<Vec<u8>>,
    tries: u32,
    due: Instant,
}

impl Dtls {
    /// Begins as client or as server (RFC 8842 section 5.5).
    pub fn new(config: &DtlsConfig, identity: &Identity, is_client: bool, now: Instant) -> Self {
        let mut inner = dimpl::Dtls::new_auto(config.0.clone(), identity.certificate(), now);
        inner.set_active(is_client);
        Self {
            inner,
            is_client,
            is_up: false,
            has_begun: false,
            due: Some(now),
            last: None,
            now,
        }
    }

    /// Takes a datagram. [`Dtls::drain`] has to follow.
    ///
    /// # Errors
    /// Where the connection cannot go on.
    pub fn handle(&mut self, now: Instant, datagram: &[u8]) -> Result<(), DtlsError> {
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
        Ok(self.inner.handle_packet(datagram)?)
    }

    /// Does what is due. [`Dtls::drain`] has to follow.
    ///
    /// # Errors
    /// Where the other side has not answered in time.
    pub fn handle_timeout(&mut self, now: Instant) -> Result<(), DtlsError> {
        self.now = now;
        Ok(self.inner.handle_timeout(now)?)
    }

    /// When [`Dtls::handle_timeout`] is to be called; `None` where nothing is awaited.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let last = self.last.as_ref().map(|last| last.due);
        [self.due, last].into_iter().flatten().min()
    }

    /// Encrypts what fits into one datagram. [`Dtls::drain`] has to follow.
    ///
    /// # Errors
    /// Where the connection cannot go on.
    pub fn send(&mut self, data: &[u8]) -> Result<(), DtlsError> {
        self.inner.send_application_data(data)?;
        Ok(())
    }

    /// Tells the other side that the connection is closed. [`Dtls::drain`] has to follow.
    pub fn close(&mut self) {
        // It fails for a connection that is closed already.
        let _ = self.inner.close();
    }

    /// Takes all that there is to take. `scratch` is room that is kept from call to call.
    pub fn drain(&mut self, scratch: &mut Vec<u8>, mut take: impl FnMut(Out<'_>)) {
        if scratch.len() < LARGEST {
            scratch.resize(LARGEST, 0);
        }
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
                    take(Out::Up);
                }
                Output::ApplicationData(data) => {
                    self.last = None;
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
    fn repeat(&mut self, mut take: impl FnMut(Out<'_>)) {
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

impl fmt::Debug for Dtls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

/// A timeout that is farther off than any of a handshake's.
const FAR: Duration = Duration::from_secs(60);

/// DTLS's content type of a handshake (RFC 6347 section 4.1).
const HANDSHAKE: u8 = 22;
