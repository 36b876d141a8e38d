//! Writes the answer to an offer that was understood (RFC 3264 section 6, RFC 9429 section 5.3).

use super::candidate;
use super::fingerprint::Fingerprint;
use super::offer::{Offer, Role, Section};
use super::section::{DATA_CHANNEL, Syntax};
use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// So many streams SCTP has, which the old syntax says beside the port.
const STREAMS: u16 = u16::MAX;
/// The port that stands for "not known yet" (RFC 8840 section 4.1.1), with the address 0.0.0.0.
const NO_PORT: u16 = 9;
/// More candidates are not named, as more are not taken in an offer.
const MAX_CANDIDATES: usize = 100;

/// What an answer says of this server. Its texts are the server's own and are not checked.
#[derive(Clone, Copy)]
pub struct Local<'a> {
    /// The ICE user name fragment: 4 to 256 letters, digits, `+` and `/`.
    pub ufrag: &'a str,
    /// The ICE password: 22 to 256 of the same.
    pub password: &'a str,
    /// The hash of the server's certificate.
    pub fingerprint: &'a Fingerprint,
    /// The server's SCTP port. See [`Offer::own_sctp_port`] for the old syntax.
    pub sctp_port: u16,
    /// The largest message that the server takes, in bytes. 0 would say: any.
    pub max_message_size: u32,
    /// Where the server is reached, the best first, none with port 0. At most 100 are named, and
    /// the first is also in the m= and c= lines.
    pub candidates: &'a [SocketAddr],
    /// Those of them at which it is reached by TCP too (RFC 6544).
    pub tcp: &'a [SocketAddr],
    /// The session's number, below 2^63 (RFC 9429 section 5.2.1).
    pub session_id: u64,
    /// The description's number, one more in each that differs.
    pub version: u64,
    /// Whether the server says that it is ICE-lite (RFC 8839 section 5.3).
    pub ice_lite: bool,
}

impl Offer {
    /// The answer: as many sections as in the offer, in its order, all but the data channel's
    /// rejected. Its lines end in CRLF.
    pub fn answer(&self, local: &Local<'_>) -> String {
        let mut text = format!(
            "v=0\r\no=- {} {} IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n",
            local.session_id, local.version
        );
        for section in &self.sections {
            // A group only where the offer has one, and of the section that goes on
            // (RFC 9143 section 7.3).
            if let (true, Some(_), Some(mid)) = (self.is_bundled, section.accepted, &section.mid) {
                line(&mut text, format_args!("a=group:BUNDLE {mid}"));
            }
        }
        if local.ice_lite {
            line(&mut text, format_args!("a=ice-lite"));
        }
        for section in &self.sections {
            match section.accepted {
                Some(syntax) => self.accept(&mut text, section, syntax, local),
                None => reject(&mut text, section),
            }
        }
        text
    }

    fn accept(&self, text: &mut String, section: &Section, syntax: Syntax, local: &Local<'_>) {
        let named = local.candidates.len().min(MAX_CANDIDATES);
        let candidates = local.candidates.get(..named).unwrap_or_default();
        let nowhere = SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), NO_PORT);
        let default = candidates.first().copied().unwrap_or(nowhere);
        head(text, section, default);
        candidate::write(text, candidates, local.tcp);
        line(text, format_args!("a=ice-ufrag:{}", local.ufrag));
        line(text, format_args!("a=ice-pwd:{}", local.password));
        line(text, format_args!("a=fingerprint:{}", local.fingerprint));
        let setup = match self.role() {
            Role::Server => "passive",
            Role::Client => "active",
        };
        line(text, format_args!("a=setup:{setup}"));
        let port = self.own_sctp_port(local.sctp_port);
        match syntax {
            Syntax::Current => line(text, format_args!("a=sctp-port:{port}")),
            Syntax::Old { .. } => line(
                text,
                format_args!("a=sctpmap:{port} {DATA_CHANNEL} {STREAMS}"),
            ),
        }
        let size = local.max_message_size;
        line(text, format_args!("a=max-message-size:{size}"));
    }
}

/// Port 0 rejects a section (RFC 3264 section 6). Audio and video have a direction.
fn reject(text: &mut String, section: &Section) {
    head(
        text,
        section,
        SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), 0),
    );
    if ["audio", "video"].contains(&section.kind.as_str()) {
        line(text, format_args!("a=inactive"));
    }
}

/// The lines that every section has. Firefox refuses an answer without the `c=` line.
fn head(text: &mut String, section: &Section, address: SocketAddr) {
    let Section {
        kind,
        proto,
        formats,
        mid,
        ..
    } = section;
    let port = address.port();
    line(text, format_args!("m={kind} {port} {proto} {formats}"));
    let family = match address.ip() {
        IpAddr::V4(_) => "IP4",
        IpAddr::V6(_) => "IP6",
    };
    line(text, format_args!("c=IN {family} {}", address.ip()));
    if let Some(mid) = mid {
        line(text, format_args!("a=mid:{mid}"));
    }
}

fn line(text: &mut String, content: std::fmt::Arguments<'_>) {
    // Writing to a string does not fail.
    let _ = write!(text, "{content}\r\n");
}
