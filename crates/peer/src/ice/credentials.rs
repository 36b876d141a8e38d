//! What both sides of a connection prove themselves with.

/// A ufrag and a password (RFC 8445 section 5.3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credentials {
    pub ufrag: String,
    pub password: String,
}

impl Credentials {
    /// Credentials that are not to be guessed: 60 random bits name the peer, 144 are its secret
    /// (RFC 8839 section 5.4 asks for 24 and 128).
    pub fn random() -> Self {
        const CHARACTERS: &[u8; 64] =
            b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let random = |length: usize| -> String {
            let mut bytes = vec![0_u8; length];
            rand::fill(&mut bytes[..]);
            let characters = bytes.iter().map(|byte| CHARACTERS[usize::from(byte & 63)]);
            characters.map(char::from).collect()
        };
        Self {
            ufrag: random(10),
            password: random(24),
        }
    }
}
