//! What there is to know of a link besides its state: for people who want to know why it does not
//! connect, or how well it does. No browser types.

use crate::Failure;
use std::net::IpAddr;
use tickwire_wire::signaling::ChannelInit;

/// One step of the newest try to open a session, in the order of [`Milestone`]s. A step that has
/// not begun is left out.
#[derive(Clone, Debug, PartialEq)]
pub struct StepReport {
    /// What it leads to.
    pub milestone: Milestone,
    /// When it began, in milliseconds since 1970-01-01T00:00:00Z by the device's clock.
    pub began: f64,
    /// When it ended, likewise; `None` while it is under way.
    pub ended: Option<f64>,
    /// How.
    pub outcome: Outcome,
}

/// What a step leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Milestone {
    /// The page is loaded, and its scripts run.
    PageLoaded,
    /// The browser has made an offer, and sent it.
    OfferSent,
    /// The server has answered it.
    AnswerReceived,
    /// ICE has found a candidate pair that works.
    PairsChecked,
    /// The DTLS handshake is complete.
    Secured,
    /// The data channels are open.
    ChannelsOpen,
}

/// How a step ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is under way.
    Pending,
    /// It led to what it should.
    Done,
    /// It did not, and the try ended with it.
    Failed(Failure),
    /// The user stopped it, or what was going on around it changed.
    Stopped,
}

/// The way that data takes, as the browser's `getStats` tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path {
    /// The address family.
    pub family: Family,
    /// The transport protocol as the browser names it: `udp` or `tcp`; or [`Path::WEBSOCKET`].
    pub protocol: String,
    /// How the browser's own address was found.
    pub local: CandidateKind,
    /// How the server's was.
    pub remote: CandidateKind,
    /// The browser's own address and port; `None` where it hides it.
    pub local_address: Option<(IpAddr, u16)>,
    /// The server's.
    pub remote_address: Option<(IpAddr, u16)>,
}

impl Path {
    /// What stands for the protocol where data goes by WebSocket.
    pub const WEBSOCKET: &str = "websocket";

    /// That of a WebSocket, of which the browser tells no more.
    #[cfg(target_arch = "wasm32")]
    pub(crate) fn by_socket() -> Self {
        Self {
            family: Family::Unknown,
            protocol: Self::WEBSOCKET.into(),
            local: CandidateKind::Host,
            remote: CandidateKind::Host,
            local_address: None,
            remote_address: None,
        }
    }

    /// Whether data goes by WebSocket.
    pub fn is_by_socket(&self) -> bool {
        self.protocol == Self::WEBSOCKET
    }

    /// Whether data goes through a TURN server at either end.
    pub fn is_relayed(&self) -> bool {
        [self.local, self.remote].contains(&CandidateKind::Relay)
    }
}

/// An address family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    V4,
    V6,
    /// The browser does not say.
    Unknown,
}

/// How an address of a candidate was found (RFC 8445 section 5.1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CandidateKind {
    /// It is an interface's.
    Host,
    /// A STUN server saw it.
    ServerReflexive,
    /// The other side saw it, in a check.
    PeerReflexive,
    /// It is a TURN server's.
    Relay,
}

/// A channel of the link, and what has gone through it on the present session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChannelReport {
    /// Its label, its id and its reliability.
    pub init: ChannelInit,
    /// Whether messages can be sent.
    pub is_open: bool,
    /// What was handed to it.
    pub sent: Tally,
    /// What has arrived.
    pub received: Tally,
    /// How many bytes wait in the browser's queue (`bufferedAmount`).
    pub queued: u32,
}

/// How much has gone one way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Messages.
    pub messages: u64,
    /// Bytes of their content.
    pub bytes: u64,
}

impl Tally {
    /// Counts one more message.
    pub fn add(&mut self, bytes: usize) {
        self.messages += 1;
        self.bytes += bytes as u64;
    }
}

/// The addresses of a session description's candidates (RFC 8839 section 5.1), `ip:port`, each
/// once and in its order. What is not a candidate with an address is passed over.
#[cfg(any(target_arch = "wasm32", test))]
pub(crate) fn candidates(sdp: &str) -> Vec<String> {
    let mut addresses = Vec::new();
    for line in sdp.lines() {
        let address = line.strip_prefix("a=candidate:").and_then(|candidate| {
            let mut fields = candidate.split(' ').skip(4);
            let ip: IpAddr = fields.next()?.parse().ok()?;
            Some(std::net::SocketAddr::new(ip, fields.next()?.parse().ok()?).to_string())
        });
        addresses.extend(address.filter(|address| !addresses.contains(address)));
    }
    addresses
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answers_candidates_are_read_and_other_lines_are_not() {
        let sdp = "v=0\r\na=candidate:1 1 udp 2130706431 192.0.2.1 8080 typ host\r\n\
                   a=candidate:2 1 udp 1 2001:db8::1 8080 typ host\r\n\
                   a=candidate:1 2 udp 2130706431 192.0.2.1 8080 typ host\r\n\
                   a=candidate:3 1 udp 1 hidden.local 9 typ host\r\n\
                   a=candidate:4\r\na=ice-ufrag:abcd\r\n";
        assert_eq!(candidates(sdp), ["192.0.2.1:8080", "[2001:db8::1]:8080"]);
        assert_eq!(candidates(""), Vec::<String>::new());
    }
}
