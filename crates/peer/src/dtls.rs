//! DTLS (RFC 6347, RFC 9147) for one peer, over `dimpl`: datagrams and time in, datagrams and
//! what they carried out.
//!
//! There is no cookie exchange (RFC 6347 section 4.2.1): the path is proven by ICE before a
//! handshake's flights may leave in full, and an exchange costs each honest client a round trip.

mod handshake;
mod identity;
mod record;
mod tap;

pub use identity::{Identity, IdentityError};

use handshake::Handshake;
use record::Records;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The largest datagram: what IPv6 carries everywhere (1,280 bytes), without its and UDP's header.
const MTU: usize = 1_232;
/// When an unanswered flight is sent again first, twice as long after each time.
const FIRST_TIMEOUT: Duration = Duration::from_millis(50);
/// How often a flight is sent again: with the doubling, for as long as a session may take to open.
const RETRIES: usize = 8;
/// The largest datagram of a handshake that is taken: no client's path carries more.
const LARGEST_HELLO: usize = 2_048;
/// Room for all that comes out at once. `dimpl` 0.9.0 panics where a certificate is longer, and
/// keeps 50 fragments of one at most. A datagram is shorter in any case.
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
pub enum DtlsError {
    /// The handshake failed, or a version is spoken that `dimpl` carries throughout.
    #[error("{0}")]
    Handshake(#[from] dimpl::Error),
    /// The other side cannot go on (RFC 5246 section 7.2).
    #[error("the client sent the fatal alert {0}")]
    Alert(u8),
    /// The handshake is over and has left no keys.
    #[error("the handshake left no keys")]
    Keys,
    /// There are no numbers for records left (RFC 6347 section 4.1).
    #[error("2^48 records were sent, and there are no numbers for more")]
    Exhausted,
    /// A record cannot carry so much.
    #[error("{0} bytes were to be sent at once, where a record carries 16,384")]
    TooLong(usize),
    /// A record could not be protected.
    #[error("a record could not be encrypted")]
    Cipher,
}

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
            .with_crypto_provider(tap::provider())
            .build()?;
        Ok(Self(Arc::new(config)))
    }
}

/// One connection.
pub struct Dtls(Stage);

/// How far a connection is.
enum Stage {
    Handshake(Box<Handshake>),
    Open(Box<Records>),
    /// It could not go on.
    Failed,
}

impl Dtls {
    /// Begins as client or as server (RFC 8842 section 5.5). [`Dtls::handle_timeout`] is due at
    /// once.
    pub fn new(config: &DtlsConfig, identity: &Identity, is_client: bool, now: Instant) -> Self {
        let handshake = Handshake::new(config, identity, is_client, now);
        Self(Stage::Handshake(Box::new(handshake)))
    }

    /// Takes a datagram, and gives what comes of it to `take`. `scratch` is room that is kept from
    /// call to call.
    ///
    /// # Errors
    /// Where the connection cannot go on.
    pub fn handle(
        &mut self,
        now: Instant,
        datagram: &[u8],
        scratch: &mut Vec<u8>,
        mut take: impl FnMut(Out<'_>),
    ) -> Result<(), DtlsError> {
        match &mut self.0 {
            Stage::Handshake(handshake) => {
                handshake.handle(now, datagram, scratch, &mut take)?;
                if handshake.is_over() {
                    self.open()?;
                }
                Ok(())
            }
            Stage::Open(records) => records.handle(datagram, make_room(scratch), &mut take),
            Stage::Failed => Ok(()),
        }
    }

    /// Does what is due.
    ///
    /// # Errors
    /// Where the other side has not answered in time.
    pub fn handle_timeout(
        &mut self,
        now: Instant,
        scratch: &mut Vec<u8>,
        mut take: impl FnMut(Out<'_>),
    ) -> Result<(), DtlsError> {
        match &mut self.0 {
            Stage::Handshake(handshake) => handshake.handle_timeout(now, scratch, &mut take),
            Stage::Open(_) | Stage::Failed => Ok(()),
        }
    }

    /// When [`Dtls::handle_timeout`] is to be called; `None` where nothing is awaited.
    pub fn poll_timeout(&self) -> Option<Instant> {
        match &self.0 {
            Stage::Handshake(handshake) => handshake.poll_timeout(),
            Stage::Open(_) | Stage::Failed => None,
        }
    }

    /// Encrypts what fits into one datagram.
    ///
    /// # Errors
    /// Where the connection cannot go on.
    pub fn send(
        &mut self,
        data: &[u8],
        scratch: &mut Vec<u8>,
        mut take: impl FnMut(Out<'_>),
    ) -> Result<(), DtlsError> {
        match &mut self.0 {
            Stage::Handshake(handshake) => handshake.send(data, scratch, &mut take),
            Stage::Open(records) => records.send(data, make_room(scratch), &mut take),
            Stage::Failed => Ok(()),
        }
    }

    /// Tells the other side that the connection is closed.
    pub fn close(&mut self, scratch: &mut Vec<u8>, mut take: impl FnMut(Out<'_>)) {
        match &mut self.0 {
            Stage::Handshake(handshake) => handshake.close(scratch, &mut take),
            Stage::Open(records) => records.close(make_room(scratch), &mut take),
            Stage::Failed => {}
        }
    }

    /// Goes on without what the handshake needed.
    fn open(&mut self) -> Result<(), DtlsError> {
        if let Stage::Handshake(handshake) = std::mem::replace(&mut self.0, Stage::Failed) {
            let records = handshake.into_records().ok_or(DtlsError::Keys)?;
            self.0 = Stage::Open(Box::new(records));
        }
        Ok(())
    }
}

fn make_room(scratch: &mut Vec<u8>) -> &mut [u8] {
    if scratch.len() < LARGEST {
        scratch.resize(LARGEST, 0);
    }
    scratch
}

impl fmt::Debug for Dtls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Stage::Handshake(_) => "Dtls::Handshake",
            Stage::Open(_) => "Dtls::Open",
            Stage::Failed => "Dtls::Failed",
        })
    }
}
