//! Fingerprints of certificates (RFC 8122 section 5).

use sha2::{Digest, Sha256, Sha384, Sha512};
use std::fmt;

/// A hash function that a certificate can be checked with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Hash {
    /// 32 bytes.
    Sha256,
    /// 48 bytes.
    Sha384,
    /// 64 bytes.
    Sha512,
}

impl Hash {
    /// The function of this name, in any case. `None` for one that is not checked here.
    pub(super) fn named(name: &str) -> Option<Self> {
        [Self::Sha256, Self::Sha384, Self::Sha512]
            .into_iter()
            .find(|hash| hash.name().eq_ignore_ascii_case(name))
    }

    /// Its name in a session description, such as `sha-256`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sha256 => "sha-256",
            Self::Sha384 => "sha-384",
            Self::Sha512 => "sha-512",
        }
    }

    /// How many bytes it gives.
    pub fn size(self) -> usize {
        match self {
            Self::Sha256 => 32,
            Self::Sha384 => 48,
            Self::Sha512 => 64,
        }
    }
}

/// A certificate's hash. Displayed as in a session description: `sha-256 7B:8B:…`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Fingerprint {
    hash: Hash,
    bytes: Box<[u8]>,
}

impl Fingerprint {
    /// The hash of a certificate. `None` unless there are [`Hash::size`] bytes.
    pub fn new(hash: Hash, bytes: &[u8]) -> Option<Self> {
        (bytes.len() == hash.size()).then(|| Self {
            hash,
            bytes: bytes.into(),
        })
    }

    /// That of this certificate, in DER.
    pub fn of(hash: Hash, certificate: &[u8]) -> Self {
        let bytes = match hash {
            Hash::Sha256 => Sha256::digest(certificate).to_vec(),
            Hash::Sha384 => Sha384::digest(certificate).to_vec(),
            Hash::Sha512 => Sha512::digest(certificate).to_vec(),
        };
        Self {
            hash,
            bytes: bytes.into(),
        }
    }

    /// Whether it is that of this certificate, in DER.
    pub fn is_of(&self, certificate: &[u8]) -> bool {
        *self == Self::of(self.hash, certificate)
    }

    /// Reads bytes in hexadecimal, of either case, with colons between them.
    pub(super) fn read(hash: Hash, text: &str) -> Option<Self> {
        let mut bytes = Vec::with_capacity(hash.size());
        for pair in text.split(':').take(hash.size() + 1) {
            let digits = pair.len() == 2 && pair.bytes().all(|digit| digit.is_ascii_hexdigit());
            bytes.push(u8::from_str_radix(pair, 16).ok().filter(|_| digits)?);
        }
        Self::new(hash, &bytes)
    }

    /// The function.
    pub fn hash(&self) -> Hash {
        self.hash
    }

    /// What it gave for the certificate in DER: [`Hash::size`] bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.hash.name())?;
        for (index, byte) in self.bytes.iter().enumerate() {
            let separator = if index == 0 { ' ' } else { ':' };
            write!(formatter, "{separator}{byte:02X}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_is_read_in_any_case_and_written_in_capitals() {
        let bytes: Vec<u8> = (0x9a..0xba).collect();
        let fingerprint = Fingerprint::new(Hash::Sha256, &bytes).unwrap();
        let text = fingerprint.to_string();
        assert!(text.starts_with("sha-256 9A:9B:9C:"), "{text}");
        assert!(text.ends_with(":B8:B9"), "{text}");
        let (name, digits) = text.split_once(' ').unwrap();
        for digits in [digits.to_owned(), digits.to_lowercase()] {
            assert_eq!(
                Fingerprint::read(Hash::Sha256, &digits).as_ref(),
                Some(&fingerprint)
            );
        }
        assert_eq!(Hash::named(name), Some(Hash::Sha256));
        assert_eq!(Hash::named("SHA-384"), Some(Hash::Sha384));
        assert_eq!(Hash::named("sha-1"), None);
        assert_eq!(fingerprint.bytes(), bytes);
        assert_eq!(fingerprint.hash(), Hash::Sha256);
    }

    #[test]
    fn a_certificate_is_told_from_another_by_each_hash() {
        for hash in [Hash::Sha256, Hash::Sha384, Hash::Sha512] {
            let fingerprint = Fingerprint::of(hash, b"a certificate");
            assert_eq!(fingerprint.bytes().len(), hash.size());
            assert!(fingerprint.is_of(b"a certificate"));
            assert!(!fingerprint.is_of(b"another"));
        }
        // FIPS 180-4's own example.
        let known = Fingerprint::of(Hash::Sha256, b"abc").to_string();
        assert!(
            known.starts_with("sha-256 BA:78:16:BF:8F:01:CF:EA:"),
            "{known}"
        );
    }

    #[test]
    fn bytes_of_another_number_or_form_are_no_fingerprint() {
        assert_eq!(Fingerprint::new(Hash::Sha384, &[0; 32]), None);
        let good = vec!["0F"; 32].join(":");
        assert!(Fingerprint::read(Hash::Sha256, &good).is_some());
        for bad in [
            "",
            "0F",
            &good[1..],
            &good[3..],
            &format!("{good}:"),
            &format!("{good}:0F"),
            &good.replace(':', " "),
            &good.replacen("0F", "+F", 1),
            &good.replacen("0F", "é", 1),
        ] {
            assert_eq!(Fingerprint::read(Hash::Sha256, bad), None, "{bad}");
        }
    }
}
