//! What the sections of an offer mean: which is the data channel's, and what stands in it.

use super::error::{OfferError, shown};
use super::fingerprint::{Fingerprint, Hash};
use super::lines::{Attribute, Description, Media, is_word, number};
use super::offer::Role;

/// The format of data channels (RFC 8841 section 4.3), and their name in the old syntax.
pub(super) const DATA_CHANNEL: &str = "webrtc-datachannel";
/// RFC 8841 section 6.1: what a peer takes that does not say it, in bytes.
const DEFAULT_MESSAGE_SIZE: u64 = 65_536;
/// RFC 8841 section 5.2: where a peer listens that does not say it.
const DEFAULT_SCTP_PORT: u16 = 5_000;
/// More candidates than any client lists: one for each interface, protocol and STUN server.
const MAX_CANDIDATES: usize = 100;
/// More fingerprints than anyone has hashes and certificates.
const MAX_FINGERPRINTS: usize = 16;

/// How the offer says that a section is the data channel's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Syntax {
    /// The format is `webrtc-datachannel` (RFC 8841), the SCTP port an attribute.
    Current,
    /// The format is the SCTP port, and `a=sctpmap` names the protocol
    /// (draft-ietf-mmusic-sctp-sdp-07). RFC 9429 section 5.1.2 wants its proto to be taken.
    Old {
        /// The SCTP port.
        port: u16,
    },
}

impl Syntax {
    /// The syntax of a data channel section, `None` for another section.
    pub(super) fn of(media: &Media<'_>) -> Option<Self> {
        let protos = ["UDP/DTLS/SCTP", "TCP/DTLS/SCTP", "DTLS/SCTP"];
        let is_sctp = media.kind.eq_ignore_ascii_case("application")
            && protos
                .iter()
                .any(|proto| proto.eq_ignore_ascii_case(media.proto));
        if !is_sctp {
            return None;
        }
        if media.formats.contains(&DATA_CHANNEL) {
            return Some(Self::Current);
        }
        let format = *media.formats.first()?;
        let port = number(format).filter(|port| *port != 0)?;
        let is_other = media.attributes.all("sctpmap").any(|map| {
            let mut words = map.value.split_ascii_whitespace();
            words.next() == Some(format) && words.next() != Some(DATA_CHANNEL)
        });
        (!is_other).then_some(Self::Old { port })
    }
}

/// A data channel section that is switched on, with the description that it stands in.
#[derive(Clone, Copy)]
pub(super) struct Data<'a> {
    pub(super) description: &'a Description<'a>,
    pub(super) media: &'a Media<'a>,
    pub(super) syntax: Syntax,
}

impl<'a> Data<'a> {
    /// The first data channel section that is switched on.
    pub(super) fn find(description: &'a Description<'a>) -> Result<Self, OfferError> {
        let sections = description.sections.iter();
        let mut all = sections.filter_map(|media| {
            let syntax = Syntax::of(media)?;
            Some(Self {
                description,
                media,
                syntax,
            })
        });
        let first = all.next().ok_or_else(|| OfferError::NoDataChannel {
            found: description.sections.first().map_or_else(
                || "no section at all".into(),
                |media| {
                    let (kind, proto) = (shown(media.kind), shown(media.proto));
                    format!("\"m={kind} {} {proto}\"", media.port)
                },
            ),
        })?;
        let mut live = std::iter::once(first)
            .chain(all)
            .filter(|data| data.media.port != 0);
        live.next()
            .ok_or_else(|| match first.bearer().filter(|_| first.is_bundle_only()) {
                Some(bearer) => media_offered(bearer),
                None => OfferError::DataChannelRejected {
                    line: first.media.line,
                },
            })
    }

    fn is_bundle_only(&self) -> bool {
        self.media.attributes.has("bundle-only")
    }

    /// Whether the section is in a BUNDLE group (RFC 9143).
    pub(super) fn is_bundled(&self) -> bool {
        self.bundle().is_some()
    }

    /// The mids of the BUNDLE group that the section is in.
    fn bundle(&self) -> Option<impl Iterator<Item = &'a str>> {
        let mid = self.media.attributes.first("mid")?.value;
        self.description.session.all("group").find_map(|group| {
            let mut words = group.value.split_ascii_whitespace();
            let is_bundle = words.next()?.eq_ignore_ascii_case("BUNDLE");
            (is_bundle && words.clone().any(|word| word == mid)).then_some(words)
        })
    }

    /// The section of another kind whose transport the group uses: the first of the group's mids
    /// with a port (RFC 9143 section 7.2.1).
    fn bearer(&self) -> Option<&'a Media<'a>> {
        self.bundle()?
            .filter_map(|mid| {
                let named = |media: &&Media<'_>| {
                    let own = media.attributes.first("mid");
                    own.is_some_and(|own| own.value == mid)
                };
                self.description.sections.iter().find(named)
            })
            .find(|media| media.port != 0)
            .filter(|media| Syntax::of(media).is_none())
    }

    /// The section's attribute of this name, or else the session's.
    fn value(&self, name: &str) -> Option<Attribute<'a>> {
        let own = self.media.attributes.first(name);
        own.or_else(|| self.description.session.first(name))
    }

    /// Whether the offer's agent never checks. RFC 8839 section 5.3 puts that at the session
    /// level; some write it below.
    pub(super) fn is_ice_lite(&self) -> bool {
        self.value("ice-lite").is_some()
    }

    /// Whether all candidates are TCP, and no UDP can follow: after `end-of-candidates` (RFC 8840 section
    /// 8.1), or without trickling. Refuses more of them than any client lists.
    ///
    /// What does not look like a candidate, and a name that does not resolve, is one candidate
    /// less and no error (RFC 8839 section 5.1).
    pub(super) fn is_tcp_only(&self) -> Result<bool, OfferError> {
        let found = self.media.attributes.all("candidate").count();
        if found > MAX_CANDIDATES {
            return Err(OfferError::TooManyCandidates {
                found,
                max: MAX_CANDIDATES,
            });
        }
        let mut candidates = self.media.attributes.all("candidate");
        let only_tcp = found > 0
            && candidates.all(|candidate| {
                let transport = candidate.value.split_ascii_whitespace().nth(2);
                transport.is_some_and(|transport| transport.eq_ignore_ascii_case("tcp"))
            });
        let trickles = self.value("ice-options").is_some_and(|options| {
            let mut options = options.value.split([' ', ',']);
            options.any(|option| option == "trickle")
        });
        let is_complete = self.value("end-of-candidates").is_some() || !trickles;
        Ok(only_tcp && is_complete)
    }

    /// The ICE user name fragment and password (RFC 8839 section 5.4).
    pub(super) fn credentials(&self) -> Result<(&'a str, &'a str), OfferError> {
        let ufrag = self.credential("ice-ufrag", 4)?;
        let password = self.credential("ice-pwd", 22)?;
        Ok((ufrag, password))
    }

    /// One of them, of `min` to 256 characters.
    ///
    /// Visible characters that the RFC does not list are taken: they do no harm in a STUN
    /// message, and implementations exist that use some. Not so the colon, which ends a fragment
    /// there (RFC 8445 section 7.2.2).
    fn credential(&self, name: &'static str, min: usize) -> Result<&'a str, OfferError> {
        let max = 256;
        let value = self
            .value(name)
            .map(|attribute| attribute.value)
            .filter(|value| !value.is_empty())
            .ok_or_else(|| match self.bearer() {
                Some(bearer) => media_offered(bearer),
                None => OfferError::NoIceCredentials { missing: name },
            })?;
        let sound = |byte: u8| byte.is_ascii_graphic() && byte != b':';
        let length = value.chars().count();
        let wrong = if !value.bytes().all(sound) {
            ", one of which is not allowed"
        } else if !(min..=max).contains(&length) {
            ""
        } else {
            return Ok(value);
        };
        Err(OfferError::BadIceCredentials {
            name,
            found: format!("{length} characters{wrong}"),
            min,
            max,
        })
    }

    /// The fingerprints that can be checked, each once: those of the section if it has any, else
    /// the session's (RFC 8122 section 5). A known hash with a broken value is an error; an
    /// unknown hash is only skipped while there is a known one.
    pub(super) fn fingerprints(&self) -> Result<Vec<Fingerprint>, OfferError> {
        let level = if self.media.attributes.has("fingerprint") {
            &self.media.attributes
        } else {
            &self.description.session
        };
        let found = level.all("fingerprint").count();
        if found > MAX_FINGERPRINTS {
            return Err(OfferError::TooManyFingerprints {
                found,
                max: MAX_FINGERPRINTS,
            });
        }
        let mut usable = Vec::new();
        let mut unusable = None;
        for line in level.all("fingerprint") {
            let bad = || line.bad("a fingerprint, such as \"sha-256 7B:8B:…\" (RFC 8122)");
            let (name, bytes) = line.value.split_once([' ', '\t']).ok_or_else(bad)?;
            let Some(hash) = Hash::named(name) else {
                unusable.get_or_insert(name);
                continue;
            };
            let fingerprint = Fingerprint::read(hash, bytes.trim()).ok_or_else(bad)?;
            if !usable.contains(&fingerprint) {
                usable.push(fingerprint);
            }
        }
        match unusable {
            _ if !usable.is_empty() => Ok(usable),
            Some(name) => Err(OfferError::UnusableFingerprint { found: shown(name) }),
            None => Err(OfferError::NoFingerprint),
        }
    }

    /// The part in DTLS that this server plays. An offer that names none is active (RFC 4145
    /// section 4.1).
    pub(super) fn role(&self) -> Result<Role, OfferError> {
        let Some(setup) = self.value("setup") else {
            return Ok(Role::Server);
        };
        let is = |role: &str| setup.value.eq_ignore_ascii_case(role);
        if is("actpass") || is("active") {
            Ok(Role::Server)
        } else if is("passive") {
            Ok(Role::Client)
        } else {
            Err(OfferError::BadSetup {
                found: shown(setup.value),
            })
        }
    }

    /// The client's SCTP port.
    pub(super) fn sctp_port(&self) -> Result<u16, OfferError> {
        let attribute = match self.syntax {
            Syntax::Old { port } => return Ok(port),
            Syntax::Current => self.media.attributes.first("sctp-port"),
        };
        attribute.map_or(Ok(DEFAULT_SCTP_PORT), |attribute| {
            let port = number(attribute.value).filter(|port| *port != 0);
            port.ok_or_else(|| attribute.bad("a=sctp-port with a number from 1 to 65535"))
        })
    }

    /// The largest message that the client takes, in bytes. `None` where it takes any, which it
    /// says with 0 (RFC 8841 section 6.1).
    pub(super) fn max_message_size(&self) -> Result<Option<u64>, OfferError> {
        let Some(attribute) = self.media.attributes.first("max-message-size") else {
            return Ok(Some(DEFAULT_MESSAGE_SIZE));
        };
        let value = attribute.value;
        let digits = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
        if !digits {
            return Err(attribute.bad("a=max-message-size with a number of bytes"));
        }
        // Digits fail only by being too many for the type.
        let size = value.parse().unwrap_or(u64::MAX);
        Ok((size != 0).then_some(size))
    }
}

/// A section's mid (RFC 5888 section 4). It is optional outside of groups.
pub(super) fn mid<'a>(media: &Media<'a>) -> Result<Option<&'a str>, OfferError> {
    let attribute = media.attributes.first("mid");
    attribute.map_or(Ok(None), |attribute| {
        let sound = is_word(attribute.value).then_some(attribute.value);
        let expected = "a=mid with 1 to 128 visible ASCII characters (RFC 5888)";
        sound.map(Some).ok_or_else(|| attribute.bad(expected))
    })
}

/// The refusal of a data channel that a section of another kind carries.
///
/// That section would be rejected, and then no section is left whose transport the group can
/// use: RFC 9143 section 7.3.1 takes the first that is accepted and has a port, which a
/// `bundle-only` section has not. To answer with that transport all the same would leave it to
/// the client whether it survives the section that it was offered for.
fn media_offered(bearer: &Media<'_>) -> OfferError {
    OfferError::MediaOffered {
        media: shown(bearer.kind),
    }
}
