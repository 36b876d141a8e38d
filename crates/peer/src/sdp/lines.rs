//! Splits a session description into its levels and attributes (RFC 8866 section 5).

use super::error::{OfferError, shown};

/// Longer texts are refused. An offer of audio, video and data with all candidates has 10 KiB.
const MAX_BYTES: usize = 64 * 1024;
/// More sections are refused: each comes back in the answer.
const MAX_SECTIONS: usize = 64;
/// A word that comes back in the answer may be so long. Mids are the longest: some are UUIDs.
const MAX_WORD: usize = 128;

/// An `a=` line.
#[derive(Clone, Copy, Debug)]
pub(super) struct Attribute<'a> {
    /// What stands before the colon.
    pub(super) name: &'a str,
    /// What stands after it, without spaces around. Empty where there is no colon.
    pub(super) value: &'a str,
    /// The line's number, from 1.
    pub(super) line: usize,
}

impl Attribute<'_> {
    /// The error of this line.
    pub(super) fn bad(&self, expected: &'static str) -> OfferError {
        let Self { name, value, line } = *self;
        OfferError::BadSdp {
            line,
            found: shown(&format!("a={name}:{value}")),
            expected,
        }
    }
}

/// The attributes of a level, in their order.
#[derive(Debug, Default)]
pub(super) struct Attributes<'a>(Vec<Attribute<'a>>);

impl<'a> Attributes<'a> {
    /// Each of this name.
    pub(super) fn all(&self, name: &str) -> impl Iterator<Item = Attribute<'a>> {
        self.0
            .iter()
            .copied()
            .filter(move |attribute| attribute.name == name)
    }

    /// The first of this name.
    pub(super) fn first(&self, name: &str) -> Option<Attribute<'a>> {
        self.all(name).next()
    }

    /// Whether there is one of this name.
    pub(super) fn has(&self, name: &str) -> bool {
        self.first(name).is_some()
    }
}

/// An `m=` line with the attributes below it. Its words are checked: see [`is_word`].
#[derive(Debug)]
pub(super) struct Media<'a> {
    pub(super) kind: &'a str,
    /// 0 says that the section is switched off, or has the transport of another.
    pub(super) port: u16,
    pub(super) proto: &'a str,
    /// At least one.
    pub(super) formats: Vec<&'a str>,
    pub(super) attributes: Attributes<'a>,
    /// The line's number, from 1.
    pub(super) line: usize,
}

/// A session description, split. Lines other than `m=` and `a=` are not kept: nothing here
/// needs them.
#[derive(Debug)]
pub(super) struct Description<'a> {
    pub(super) session: Attributes<'a>,
    pub(super) sections: Vec<Media<'a>>,
}

impl<'a> Description<'a> {
    /// Splits the text.
    ///
    /// What people's editors and templates do to a description is forgiven: a byte order mark,
    /// bare LF, empty lines, spaces at either end of a line or value (RFC 8866 section 5 asks for
    /// some of this). None of it can be meant.
    pub(super) fn split(text: &'a str) -> Result<Self, OfferError> {
        if text.len() > MAX_BYTES {
            return Err(OfferError::TooLarge {
                found: text.len(),
                max: MAX_BYTES,
            });
        }
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let mut lines = (1..)
            .zip(text.split('\n'))
            .map(|(number, line)| (number, line.trim_matches([' ', '\t', '\r'])))
            .filter(|(_, line)| !line.is_empty());
        let (number, first) = lines.next().unwrap_or((1, ""));
        if first != "v=0" {
            return Err(bad(number, first, "v=0 at the start (RFC 8866)"));
        }
        let mut description = Self {
            session: Attributes::default(),
            sections: Vec::new(),
        };
        for (number, line) in lines {
            description.take(number, line)?;
        }
        Ok(description)
    }

    fn take(&mut self, number: usize, line: &'a str) -> Result<(), OfferError> {
        let expected = "a letter, = and a value, such as \"s=-\" (RFC 8866)";
        let wrong = || bad(number, line, expected);
        let (letter, value) = line.split_once('=').ok_or_else(wrong)?;
        match letter {
            "m" if self.sections.len() == MAX_SECTIONS => {
                return Err(OfferError::TooManySections { max: MAX_SECTIONS });
            }
            "m" => self.sections.push(media(number, value).ok_or_else(|| {
                let expected = "a media line, such as \"m=application 9 UDP/DTLS/SCTP webrtc-datachannel\" (RFC 8866)";
                bad(number, line, expected)
            })?),
            "a" => {
                let (name, value) = value.split_once(':').unwrap_or((value, ""));
                let level = self
                    .sections
                    .last_mut()
                    .map_or(&mut self.session, |media| &mut media.attributes);
                level.0.push(Attribute {
                    name: name.trim(),
                    value: value.trim(),
                    line: number,
                });
            }
            _ if letter.len() == 1 && letter.bytes().all(|byte| byte.is_ascii_lowercase()) => {}
            _ => return Err(wrong()),
        }
        Ok(())
    }
}

/// Reads what stands after `m=`: the kind, the port, the proto and the formats.
fn media(line: usize, value: &str) -> Option<Media<'_>> {
    let mut words = value.split_ascii_whitespace();
    let (kind, port, proto) = (words.next()?, words.next()?, words.next()?);
    let formats: Vec<&str> = words.collect();
    // A number of ports may stand after a slash. Data channels have one.
    let (port, _) = port.split_once('/').unwrap_or((port, ""));
    let sound = !formats.is_empty()
        && [kind, proto]
            .iter()
            .chain(&formats)
            .all(|word| is_word(word));
    sound.then_some(Media {
        kind,
        port: number(port)?,
        proto,
        formats,
        attributes: Attributes::default(),
        line,
    })
}

/// Whether a word may come back in an answer: 1 to 128 visible ASCII characters. That is more
/// than RFC 8866 section 9 calls a token, but nothing that ends a word or a line.
pub(super) fn is_word(word: &str) -> bool {
    (1..=MAX_WORD).contains(&word.len()) && word.bytes().all(|byte| byte.is_ascii_graphic())
}

/// A number of digits alone: Rust would take a sign too.
pub(super) fn number<N: std::str::FromStr>(text: &str) -> Option<N> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| digits)
}

fn bad(line: usize, found: &str, expected: &'static str) -> OfferError {
    OfferError::BadSdp {
        line,
        found: shown(found),
        expected,
    }
}
