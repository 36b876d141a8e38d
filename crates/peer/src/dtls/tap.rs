//! Ciphers for `dimpl` whose keys can be taken over from it when the handshake of DTLS 1.2 is
//! done.
//!
//! `dimpl` keeps what a handshake needed for as long as a connection lives, 9 to 12 KB, and draws
//! GCM's nonces at random. It has no way to ask for the keys, but it asks its provider of
//! cryptography for each cipher: so the ciphers are made here, and note what they were used for.

use super::record::{Direction, Half, Nonces};
use aws_lc_rs::aead::{
    AES_128_GCM, AES_256_GCM, Aad as Associated, Algorithm, CHACHA20_POLY1305, LessSafeKey, Nonce,
    UnboundKey,
};
use dimpl::crypto::{
    Aad, Buf, Cipher, CryptoProvider, Dtls12CipherSuite, HashAlgorithm, Nonce as GivenNonce,
    SupportedDtls12CipherSuite, TmpBuf, aws_lc_rs::default_provider,
};
use dimpl::{CryptoError, CryptoOperation};
use std::cell::RefCell;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

/// A cipher that `dimpl` uses, and that can be had once `dimpl` is gone.
pub struct Tapped(Arc<Mutex<Half>>);

impl Tapped {
    /// What the cipher was used for so far.
    pub fn direction(&self) -> Option<Direction> {
        self.half().direction()
    }

    /// The cipher; `None` while somebody else may use it.
    pub fn into_half(self) -> Option<Half> {
        let half = Arc::into_inner(self.0)?;
        Some(half.into_inner().unwrap_or_else(PoisonError::into_inner))
    }

    fn half(&self) -> std::sync::MutexGuard<'_, Half> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

thread_local! {
    /// The ciphers that were made in the call that is under way: a suite is the same object for
    /// all connections, so it cannot say which of them asks.
    static MADE: RefCell<Vec<Tapped>> = const { RefCell::new(Vec::new()) };
}

/// The ciphers that are made while `work` runs.
pub fn during<R>(work: impl FnOnce() -> R) -> (R, Vec<Tapped>) {
    MADE.take();
    let result = work();
    (result, MADE.take())
}

/// What `dimpl` is given.
pub fn provider() -> CryptoProvider {
    CryptoProvider {
        cipher_suites: SUITES,
        ..default_provider()
    }
}

const SUITES: &[&dyn SupportedDtls12CipherSuite] = &[
    &Suite::Aes128Gcm,
    &Suite::Aes256Gcm,
    &Suite::ChaCha20Poly1305,
];

/// The suites of RFC 5289 and RFC 7905 with a certificate on an elliptic curve.
#[derive(Clone, Copy, Debug)]
enum Suite {
    Aes128Gcm,
    Aes256Gcm,
    ChaCha20Poly1305,
}

impl Suite {
    fn algorithm(self) -> &'static Algorithm {
        match self {
            Self::Aes128Gcm => &AES_128_GCM,
            Self::Aes256Gcm => &AES_256_GCM,
            Self::ChaCha20Poly1305 => &CHACHA20_POLY1305,
        }
    }

    fn nonces(self) -> Nonces {
        match self {
            Self::Aes128Gcm | Self::Aes256Gcm => Nonces::Explicit,
            Self::ChaCha20Poly1305 => Nonces::Mixed,
        }
    }
}

impl SupportedDtls12CipherSuite for Suite {
    fn suite(&self) -> Dtls12CipherSuite {
        match self {
            Self::Aes128Gcm => Dtls12CipherSuite::ECDHE_ECDSA_AES128_GCM_SHA256,
            Self::Aes256Gcm => Dtls12CipherSuite::ECDHE_ECDSA_AES256_GCM_SHA384,
            Self::ChaCha20Poly1305 => Dtls12CipherSuite::ECDHE_ECDSA_CHACHA20_POLY1305_SHA256,
        }
    }

    fn hash_algorithm(&self) -> HashAlgorithm {
        match self {
            Self::Aes256Gcm => HashAlgorithm::SHA384,
            Self::Aes128Gcm | Self::ChaCha20Poly1305 => HashAlgorithm::SHA256,
        }
    }

    fn key_lengths(&self) -> (usize, usize, usize) {
        let iv = match self.nonces() {
            Nonces::Explicit => 4,
            Nonces::Mixed => 12,
        };
        (0, self.algorithm().key_len(), iv)
    }

    fn explicit_nonce_len(&self) -> usize {
        match self.nonces() {
            Nonces::Explicit => 8,
            Nonces::Mixed => 0,
        }
    }

    fn tag_len(&self) -> usize {
        self.algorithm().tag_len()
    }

    fn create_cipher(&self, key: &[u8]) -> Result<Box<dyn Cipher>, CryptoError> {
        let key = UnboundKey::new(self.algorithm(), key)
            .map_err(|_| CryptoError::OperationFailed(CryptoOperation::CreateCipher))?;
        let half = Half::new(LessSafeKey::new(key), self.nonces());
        let half = Arc::new(Mutex::new(half));
        MADE.with_borrow_mut(|made| made.push(Tapped(half.clone())));
        Ok(Box::new(Tapped(half)))
    }
}

impl Cipher for Tapped {
    fn encrypt(
        &mut self,
        plaintext: &mut Buf,
        aad: Aad,
        nonce: GivenNonce,
    ) -> Result<(), CryptoError> {
        let failed = || CryptoError::OperationFailed(CryptoOperation::Encrypt);
        let mut half = self.half();
        let number = number(&aad).ok_or_else(failed)?;
        // Before it can fail: what was given out once is never given out again.
        half.used(Direction::Write, number, nonce.0);
        half.key()
            .seal_in_place_append_tag(
                Nonce::assume_unique_for_key(nonce.0),
                Associated::from(&aad[..]),
                plaintext,
            )
            .map_err(|_| failed())
    }

    fn decrypt(
        &mut self,
        ciphertext: &mut TmpBuf,
        aad: Aad,
        nonce: GivenNonce,
    ) -> Result<(), CryptoError> {
        let failed = || CryptoError::OperationFailed(CryptoOperation::Decrypt);
        let mut half = self.half();
        let number = number(&aad).ok_or_else(failed)?;
        let length = half
            .key()
            .open_in_place(
                Nonce::assume_unique_for_key(nonce.0),
                Associated::from(&aad[..]),
                ciphertext.as_mut(),
            )
            .map_err(|_| failed())?
            .len();
        ciphertext.truncate(length);
        half.used(Direction::Read, number, nonce.0);
        Ok(())
    }
}

/// The number of a record, epoch included: what is protected beside the data begins with it (RFC
/// 5246 section 6.2.3.3).
fn number(aad: &[u8]) -> Option<u64> {
    aad.first_chunk().copied().map(u64::from_be_bytes)
}

impl fmt::Debug for Tapped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tapped").finish_non_exhaustive()
    }
}
