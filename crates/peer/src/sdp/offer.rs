//! An offer that was understood, and can be answered.

use super::error::OfferError;
use super::fingerprint::Fingerprint;
use super::lines::Description;
use super::section::{Data, Syntax, mid};
use std::fmt;

/// The part that this server plays in the DTLS handshake (RFC 8842 section 5.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// It waits for the ClientHello, and answers `a=setup:passive`.
    Server,
    /// It sends the ClientHello, and answers `a=setup:active`.
    Client,
}

/// A client's offer: what its data channels need, and what the answer has to repeat.
#[derive(Clone)]
pub struct Offer {
    ufrag: String,
    password: String,
    fingerprints: Vec<Fingerprint>,
    role: Role,
    sctp_port: u16,
    max_message_size: Option<u64>,
    is_tcp_only: bool,
    pub(super) sections: Vec<Section>,
    /// Whether the data channel's section is in a BUNDLE group. Then it has a mid.
    pub(super) is_bundled: bool,
}

/// What the answer repeats of a section: words of visible ASCII characters.
#[derive(Clone, Debug)]
pub(super) struct Section {
    pub(super) kind: String,
    pub(super) proto: String,
    pub(super) formats: String,
    pub(super) mid: Option<String>,
    /// The syntax in which the data channel is answered; `None` for each section that is
    /// rejected, so for all but one.
    pub(super) accepted: Option<Syntax>,
}

impl Offer {
    /// Reads a session description of at most 64 KiB and 64 media sections, with at most 100
    /// candidates and 16 fingerprints in the data channel's.
    ///
    /// # Errors
    /// Why no connection can come of it. What can be ignored is no error.
    pub fn read(sdp: &str) -> Result<Self, OfferError> {
        let description = Description::split(sdp)?;
        let data = Data::find(&description)?;
        if data.is_ice_lite() {
            return Err(OfferError::IceLite);
        }
        let is_tcp_only = data.is_tcp_only()?;
        let (ufrag, password) = data.credentials()?;
        let mut sections = Vec::with_capacity(description.sections.len());
        for media in &description.sections {
            let is_data = std::ptr::eq(media, data.media);
            sections.push(Section {
                kind: media.kind.into(),
                proto: media.proto.into(),
                formats: media.formats.join(" "),
                mid: mid(media)?.map(Into::into),
                accepted: is_data.then_some(data.syntax),
            });
        }
        Ok(Self {
            ufrag: ufrag.into(),
            password: password.into(),
            fingerprints: data.fingerprints()?,
            role: data.role()?,
            sctp_port: data.sctp_port()?,
            max_message_size: data.max_message_size()?,
            is_tcp_only,
            sections,
            is_bundled: data.is_bundled(),
        })
    }

    /// The client's ICE user name fragment: 4 to 256 visible ASCII characters, no colon.
    pub fn ufrag(&self) -> &str {
        &self.ufrag
    }

    /// The client's ICE password: 22 to 256 visible ASCII characters, no colon.
    pub fn password(&self) -> &str {
        &self.password
    }

    /// The hashes of the client's certificate that can be checked: 1 to 16, each once. The
    /// certificate must have one of them (RFC 8122 section 5.1).
    pub fn fingerprints(&self) -> &[Fingerprint] {
        &self.fingerprints
    }

    /// Whether all of its candidates are TCP, and none of UDP can follow.
    pub fn is_tcp_only(&self) -> bool {
        self.is_tcp_only
    }

    /// The part that this server plays in DTLS.
    pub fn role(&self) -> Role {
        self.role
    }

    /// The client's SCTP port, to which packets go. Not 0.
    pub fn sctp_port(&self) -> u16 {
        self.sctp_port
    }

    /// This server's SCTP port as the answer names it: `own`, except in the old syntax. There
    /// the port is the format, which the answer repeats, so the client's port is also ours.
    pub fn own_sctp_port(&self, own: u16) -> u16 {
        let accepted = self.sections.iter().find_map(|section| section.accepted);
        match accepted {
            Some(Syntax::Old { port }) => port,
            _ => own,
        }
    }

    /// The largest message that the client takes, in bytes. `None` where it takes any.
    pub fn max_message_size(&self) -> Option<u64> {
        self.max_message_size
    }
}

/// Without the password.
impl fmt::Debug for Offer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Offer")
            .field("ufrag", &self.ufrag)
            .field("role", &self.role)
            .field("sctp_port", &self.sctp_port)
            .field("max_message_size", &self.max_message_size)
            .field("sections", &self.sections)
            .finish_non_exhaustive()
    }
}
