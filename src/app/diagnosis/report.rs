//! The report: what the panel shows, as text to hand on.

use super::reach::{Reach, split};
use super::{Cause, Standing, failure, rows};
use crate::app::text::{self, UNKNOWN};
use crate::browser::Vantage;
use std::fmt::Write as _;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;
use tickwire_link::{CandidateKind, ChannelReport, Family, LinkState, Path, StepReport};
use tickwire_wire::signaling::ChannelInit;

/// How wide the column of names is.
const WIDTH: usize = 16;
/// And of the steps' names.
const STEP_WIDTH: usize = 24;

/// All that goes into a report.
pub struct Report<'a> {
    /// When it is made, in milliseconds since 1970-01-01T00:00:00Z.
    pub at: f64,
    /// Where the link is in its life.
    pub state: &'a LinkState,
    /// The steps of the newest try.
    pub steps: &'a [StepReport],
    /// The way that data takes.
    pub path: Option<&'a Path>,
    /// How long there and back takes on it.
    pub round_trip: Option<Duration>,
    /// The channels, and what has gone through them.
    pub channels: &'a [ChannelReport],
    /// The addresses that the newest answer named, `ip:port`.
    pub advertised: &'a [String],
    /// What is known of the browser's side.
    pub vantage: &'a Vantage,
}

impl Report<'_> {
    /// As text, a line a fact. Without `with_addresses` it has no address and no host's name,
    /// only their kinds; nor what the browser or the server said in words of their own, where
    /// there may be some.
    pub fn text(&self, with_addresses: bool) -> String {
        let mut text = format!(
            "Tickwire connection report\n{}\n\n",
            text::date_and_time(self.at)
        );
        self.say_why(&mut text, with_addresses);
        text.push('\n');
        for row in rows(self.steps, true) {
            let word = row.standing.word();
            let outcome = match row.standing {
                Standing::Waiting | Standing::Running => word.into(),
                _ => [word, &row.took].join(", "),
            };
            line(&mut text, STEP_WIDTH, row.name, &outcome);
        }
        text.push('\n');
        self.say_how(&mut text, with_addresses);
        let mut fact = |name, value: &str| line(&mut text, WIDTH, name, value);
        fact("Server names", &self.named(with_addresses));
        fact("Page", &self.page(with_addresses));
        fact("Browser", &self.vantage.browser);
        text
    }

    /// The state, and why there is no connection.
    fn say_why(&self, text: &mut String, with_addresses: bool) {
        let mut fact = |name, value: &str| line(text, WIDTH, name, value);
        fact("State", self.state.label());
        let Some((_, failure)) = failure(self.state) else {
            return;
        };
        if let Some(cause) = Cause::of(failure, self.vantage, self.advertised) {
            fact("Likely cause", &cause.what());
            fact("User", cause.user());
            fact("Operator", &cause.operator());
        }
        if with_addresses {
            fact("Said", &failure.message());
        }
    }

    /// The way that data takes, and what has gone along it.
    fn say_how(&self, text: &mut String, with_addresses: bool) {
        let mut fact = |name: &str, value: &str| line(text, WIDTH, name, value);
        let Some(path) = self.path else {
            return;
        };
        fact("Path", &way(path));
        fact("Round trip", &round_trip(self.round_trip));
        if with_addresses {
            fact("This device", &place(path.local_address));
            fact("Server", &place(path.remote_address));
        }
        for channel in self.channels {
            fact(&channel.init.label, &traffic(channel));
        }
        text.push('\n');
    }

    fn named(&self, with_addresses: bool) -> String {
        if self.advertised.is_empty() {
            return UNKNOWN.into();
        }
        if with_addresses {
            return self.advertised.join(", ");
        }
        let count = |reach| {
            self.advertised
                .iter()
                .filter(|place| Reach::of(split(place).0) == reach)
                .count()
        };
        [
            (Reach::Public, "public"),
            (Reach::Inner, "inner"),
            (Reach::Loopback, "loopback"),
            (Reach::Name, "by name"),
        ]
        .map(|(reach, name)| (count(reach), name))
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, name)| format!("{count} {name}"))
        .collect::<Vec<_>>()
        .join(", ")
    }

    fn page(&self, with_addresses: bool) -> String {
        let scheme = if self.vantage.is_https {
            "https"
        } else {
            "http"
        };
        if with_addresses {
            return format!("{scheme}://{}", self.vantage.host);
        }
        let kind = match Reach::of(&self.vantage.host) {
            Reach::Loopback => "a loopback address",
            Reach::Inner => "an inner address",
            Reach::Public => "a public address",
            Reach::Name => "a name",
        };
        format!("{scheme}, from {kind}")
    }
}

/// The way in a line.
fn way(path: &Path) -> String {
    if path.is_by_socket() {
        return "WebSocket".into();
    }
    format!(
        "{}, {}, this device {}, server {}, {}",
        family(path.family),
        path.protocol,
        kind(path.local),
        kind(path.remote),
        if path.is_relayed() {
            "relayed"
        } else {
            "direct"
        }
    )
}

fn place(address: Option<(IpAddr, u16)>) -> String {
    address.map_or_else(
        || UNKNOWN.into(),
        |(ip, port)| SocketAddr::from((ip, port)).to_string(),
    )
}

fn traffic(channel: &ChannelReport) -> String {
    format!(
        "{}; sent {} in {}, received {} in {}, {} queued{}",
        reliability(&channel.init),
        text::bytes(channel.sent.bytes),
        channel.sent.messages,
        text::bytes(channel.received.bytes),
        channel.received.messages,
        text::bytes(channel.queued.into()),
        if channel.is_open { "" } else { "; not open" }
    )
}

/// A name, and what there is to say of it, in a column of its own.
fn line(text: &mut String, width: usize, name: &str, value: &str) {
    // Writing to a string does not fail.
    let _ = writeln!(text, "{name:<width$}{value}");
}

/// A round trip as the page says it.
pub fn round_trip(time: Option<Duration>) -> String {
    time.map_or_else(
        || UNKNOWN.into(),
        |time| text::duration(time.as_secs_f64() * 1e3),
    )
}

/// What a family is called.
pub fn family(family: Family) -> &'static str {
    match family {
        Family::V4 => "IPv4",
        Family::V6 => "IPv6",
        Family::Unknown => UNKNOWN,
    }
}

/// What a kind of candidate is called (RFC 8839 section 5.1).
pub fn kind(kind: CandidateKind) -> &'static str {
    match kind {
        CandidateKind::Host => "host",
        CandidateKind::ServerReflexive => "server-reflexive",
        CandidateKind::PeerReflexive => "peer-reflexive",
        CandidateKind::Relay => "relay",
    }
}

/// What a channel promises.
pub fn reliability(init: &ChannelInit) -> String {
    let order = if init.ordered { "ordered" } else { "unordered" };
    match (init.max_retransmits, init.max_packet_life_time) {
        (Some(0), _) => format!("{order}, not sent again"),
        (Some(times), _) => format!("{order}, sent again {times} times at most"),
        (None, Some(time)) => format!("{order}, sent again for {time} ms at most"),
        (None, None) => format!("{order}, reliable"),
    }
}
