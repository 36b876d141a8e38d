//! HTTPS, as `[tls]` has it: with a certificate in files, or one that is asked for (ACME, RFC 8555).

use super::config::TlsConfig;
use futures_util::StreamExt;
use rustls_acme::caches::DirCache;
use rustls_acme::{AcmeConfig, AcmeState, EventError, EventOk};
use std::io;
use std::path::Path;
use std::sync::Arc;
use tickwire_server::tls::rustls::ServerConfig;
use tickwire_server::tls::{self, CHALLENGE, FilesError, TrustError, certificate_in};
use tracing::{info, warn};

/// Why HTTPS cannot be spoken.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A certificate without its key, or a key without a certificate, or that and names to ask for one by.
    #[error(
        "expected certificate and key, or acme, the names to ask for a certificate by; found {0}"
    )]
    Half(&'static str),
    /// The files cannot be used.
    #[error(transparent)]
    Files(#[from] FilesError),
    /// Whom to trust who signs certificates.
    #[error(transparent)]
    Trust(#[from] TrustError),
    /// What is asked for cannot be kept.
    #[error("the folder {0} cannot be had: {1}")]
    Folder(String, #[source] io::Error),
}

/// How HTTP is encrypted; not at all where the configuration does not say. A certificate that has to be asked for
/// comes later: until then no handshake succeeds, and the log says what is amiss.
///
/// # Errors
/// Where the configuration cannot be used, or a file that it names.
///
/// # Panics
/// Outside a Tokio runtime.
pub fn encryption(config: &TlsConfig) -> Result<Option<ServerConfig>, TlsError> {
    let is_asked = !config.acme.is_empty();
    match (&*config.certificate, &*config.key) {
        ("", "") if !is_asked => Ok(None),
        ("", "") => asked(config).map(Some),
        (_, "") => Err(TlsError::Half("a certificate without its key")),
        ("", _) => Err(TlsError::Half("a key without its certificate")),
        _ if is_asked => Err(TlsError::Half("both")),
        (certificate, key) => Ok(Some(tls::server(certificate_in(certificate, key)?))),
    }
}

/// One that is asked for at whoever signs, and again when two thirds of its time are over.
fn asked(config: &TlsConfig) -> Result<ServerConfig, TlsError> {
    let ca = (!config.ca.is_empty()).then(|| Path::new(&config.ca));
    let client = Arc::new(tls::client(ca)?);
    private(&config.cache).map_err(|cause| TlsError::Folder(config.cache.clone(), cause))?;
    let asking = AcmeConfig::new_with_client_config(&config.acme, client)
        .contact(&config.contact)
        .directory(&config.directory)
        .cache(DirCache::new(config.cache.clone()))
        .state();
    let mut encryption = tls::server(asking.resolver());
    encryption.alpn_protocols.push(CHALLENGE.to_vec());
    tokio::spawn(ask(asking, config.acme.join(", ")));
    Ok(encryption)
}

async fn ask(mut asking: AcmeState<io::Error>, names: String) {
    while let Some(event) = asking.next().await {
        match event {
            Ok(EventOk::DeployedCachedCert) => info!(names, "the certificate kept is in use"),
            Ok(EventOk::DeployedNewCert) => info!(names, "a new certificate is in use"),
            Ok(EventOk::CertCacheStore | EventOk::AccountCacheStore) => {}
            // It is tried again, after up to 18 hours.
            Err(cause @ (EventError::Order(_) | EventError::NewCertParse(_))) => {
                warn!(names, %cause, "no certificate could be had; it is tried again");
            }
            Err(cause) => warn!(names, %cause, "the certificate is not kept"),
        }
    }
}

/// Makes a folder that its owner alone may look into, where there is none.
fn private(folder: &str) -> io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}
