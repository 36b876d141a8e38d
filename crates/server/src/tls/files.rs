//! A certificate with its key in files, which are read again when they change.

use super::{provider, rustls};
use crate::lock::lock;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;
use tokio::task::spawn_blocking;
use tokio::time::sleep;
use tracing::{info, warn};

/// How often the files are looked at. A whole certificate is a few kilobytes.
const LOOK: Duration = Duration::from_secs(2);

/// Why files are no certificate with its key.
#[derive(Debug, thiserror::Error)]
pub enum FilesError {
    /// One cannot be read.
    #[error("{} cannot be read: {cause}", path.display())]
    Unreadable { path: PathBuf, cause: io::Error },
    /// One is not what it should be.
    #[error("{}: expected {expected} in PEM, {found}", path.display())]
    Unknown {
        path: PathBuf,
        expected: &'static str,
        found: String,
    },
    /// They do not belong together, or are of a kind that is not known.
    #[error("{} and {} cannot be used together: {cause}", certificate.display(), key.display())]
    Pair {
        certificate: PathBuf,
        key: PathBuf,
        cause: rustls::Error,
    },
}

/// The certificate in `certificate`, with those between it and who is trusted after it, and the key in `key`, both
/// PEM. They are looked at every 2 s for as long as what is returned is kept; where they then cannot be used, the
/// log says so, and those before stay.
///
/// # Errors
/// Where they cannot be used now.
///
/// # Panics
/// Outside a Tokio runtime.
pub fn certificate_in(
    certificate: impl Into<PathBuf>,
    key: impl Into<PathBuf>,
) -> Result<Arc<dyn ResolvesServerCert>, FilesError> {
    let (certificate, key) = (certificate.into(), key.into());
    let read = Read::now(&certificate, &key)?;
    let newest = Arc::new(Newest(Mutex::new(Arc::new(read.used(&certificate, &key)?))));
    tokio::spawn(watch(Arc::downgrade(&newest), read, certificate, key));
    Ok(newest)
}

#[derive(Debug)]
struct Newest(Mutex<Arc<CertifiedKey>>);

impl ResolvesServerCert for Newest {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(lock(&self.0).clone())
    }
}

/// What stands in both files.
#[derive(PartialEq)]
struct Read {
    certificate: Vec<u8>,
    key: Vec<u8>,
}

impl Read {
    fn now(certificate: &Path, key: &Path) -> Result<Self, FilesError> {
        let read = |path: &Path| {
            std::fs::read(path).map_err(|cause| FilesError::Unreadable {
                path: path.to_owned(),
                cause,
            })
        };
        Ok(Self {
            certificate: read(certificate)?,
            key: read(key)?,
        })
    }

    fn used(&self, certificate: &Path, key: &Path) -> Result<CertifiedKey, FilesError> {
        let unknown = |path: &Path, expected, found| FilesError::Unknown {
            path: path.to_owned(),
            expected,
            found,
        };
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&self.certificate).collect();
        let chain = chain.map_err(|cause| cause.to_string());
        let chain = chain.and_then(|it| match it.is_empty() {
            true => Err("found none".into()),
            false => Ok(it),
        });
        let chain = chain.map_err(|found| unknown(certificate, "certificates", found))?;
        let secret = PrivateKeyDer::from_pem_slice(&self.key);
        let secret = secret.map_err(|cause| unknown(key, "a private key", cause.to_string()))?;
        CertifiedKey::from_der(chain, secret, &provider()).map_err(|cause| FilesError::Pair {
            certificate: certificate.to_owned(),
            key: key.to_owned(),
            cause,
        })
    }
}

async fn watch(newest: Weak<Newest>, mut last: Read, certificate: PathBuf, key: PathBuf) {
    let mut is_unreadable = false;
    loop {
        sleep(LOOK).await;
        let Some(newest) = newest.upgrade() else {
            return;
        };
        // A network may be between here and them.
        let paths = (certificate.clone(), key.clone());
        let reading = spawn_blocking(move || Read::now(&paths.0, &paths.1));
        let Ok(read) = reading.await else {
            return;
        };
        let read = match read {
            Ok(read) => read,
            Err(cause) => {
                if !is_unreadable {
                    warn!(%cause, "the certificate in use stays");
                }
                is_unreadable = true;
                continue;
            }
        };
        is_unreadable = false;
        if read == last {
            continue;
        }
        // While one of them is written already and the other is not, they do not belong together.
        match read.used(&certificate, &key) {
            Ok(used) => {
                *lock(&newest.0) = Arc::new(used);
                info!(certificate = %certificate.display(), "another certificate is in use");
            }
            Err(cause) => warn!(%cause, "the certificate in use stays"),
        }
        last = read;
    }
}
