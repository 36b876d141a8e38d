//! Why it does not connect: what is known of a link, made into steps with their times, a likely
//! cause with what to do about it, and a report. No browser types.

mod cause;
mod fold;
mod reach;
mod report;
mod rows;
#[cfg(test)]
mod tests;

pub use cause::Cause;
pub use fold::Fold;
pub use report::{Report, family, kind, reliability, round_trip};
pub use rows::{Row, Standing, rows};

use crate::browser::Vantage;
use reach::{Reach, address, split};
use tickwire_link::{Failure, LinkState};
use tickwire_wire::signaling::Code;

/// Why the newest try failed, and which it was: until another succeeds. A session that is just
/// lost is no reason to be alarmed, the next try may bring it back.
pub fn failure(state: &LinkState) -> Option<(u32, &Failure)> {
    match state {
        LinkState::Failed(failure) => Some((1, failure)),
        LinkState::Reconnecting { attempt, cause, .. } if *attempt > 1 => {
            Some((*attempt - 1, cause))
        }
        _ => None,
    }
}

impl Cause {
    /// The likely cause of this failure, on a page that is there, where the newest answer
    /// named these places (`ip:port`). None where nothing went wrong.
    pub fn of(failure: &Failure, vantage: &Vantage, advertised: &[String]) -> Option<Self> {
        Some(match failure {
            // The channels of this page are all right: what keeps the browser from one is its own.
            Failure::NoWebRtc(_) | Failure::BadChannel { .. } => Self::NoWebRtc,
            Failure::Unreachable | Failure::NoAnswer if vantage.is_offline => Self::Offline,
            Failure::Unreachable if !vantage.is_answered => Self::NoServer,
            Failure::Unreachable if vantage.is_https => Self::MixedContent,
            Failure::Unreachable => Self::Stopped,
            Failure::NoAnswer => Self::Slow,
            Failure::NotTickwire { status } => Self::Proxy(*status),
            Failure::Refused(error) if error.code == Code::Internal => Self::ServerFailed,
            Failure::Refused(error) if error.code == Code::Unauthorized => {
                Self::NotAllowed { is_known: false }
            }
            Failure::Refused(error) if error.code == Code::Forbidden => {
                Self::NotAllowed { is_known: true }
            }
            Failure::Refused(_) => Self::Refused,
            Failure::Full { .. } => Self::Full,
            Failure::ShuttingDown { .. } => Self::ShuttingDown,
            Failure::ServerFailed(_) => Self::ServerFailed,
            Failure::BadAnswer(_) => Self::BadAnswer,
            Failure::NoPath if vantage.is_without_udp => Self::NoUdp,
            Failure::NoPath => Self::of_no_path(&vantage.host, advertised),
            Failure::Dtls => Self::Handshake,
            Failure::NoChannel => Self::NoChannel,
            Failure::Ended => Self::Ended,
            Failure::Silent if vantage.is_offline => Self::Offline,
            Failure::Silent => Self::Lost,
            Failure::Away => return None,
        })
    }

    /// Why no datagram gets through, judged by what the server names and by where it was reached
    /// over HTTP: from there its addresses can be compared with an address, and only in kind with
    /// a name.
    fn of_no_path(page: &str, advertised: &[String]) -> Self {
        let hosts = || advertised.iter().map(|place| split(place).0);
        let all_are = |reach| hosts().all(|host| Reach::of(host) == reach);
        let from = Reach::of(page);
        if advertised.is_empty() {
            Self::NoAddress
        } else if from != Reach::Loopback && all_are(Reach::Loopback) {
            Self::LoopbackOnly
        } else if matches!(from, Reach::Public | Reach::Name)
            && hosts().all(|host| matches!(Reach::of(host), Reach::Inner | Reach::Loopback))
        {
            Self::InnerOnly
        } else if is_elsewhere(page, hosts()) {
            Self::OtherAddress
        } else {
            let ports = || advertised.iter().map(|place| split(place).1);
            let first = ports().next().flatten();
            Self::UdpBlocked(first.filter(|_| ports().all(|port| port == first)))
        }
    }
}

/// Whether the page came from an address, and none of these is that.
fn is_elsewhere<'a>(page: &str, mut hosts: impl Iterator<Item = &'a str>) -> bool {
    match (address(page), Reach::of(page)) {
        (_, Reach::Loopback) => !hosts.any(|host| Reach::of(host) == Reach::Loopback),
        (Some(page), _) => !hosts.any(|host| address(host) == Some(page)),
        (None, _) => false,
    }
}
