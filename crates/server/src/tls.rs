//! HTTP that is encrypted: a certificate in files, and whom a client of TLS trusts.
//!
//! With what is here the server encrypts by aws-lc; a program whose configuration of rustls is another gives
//! that to [`serve`](crate::serve).

mod files;

pub use files::{FilesError, certificate_in};
pub use tokio_rustls::rustls;

use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::server::ResolvesServerCert;
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The protocol by which one who signs certificates asks whether a name is this server's (RFC 8737 section 3). A
/// connection that has chosen it is a question alone, and never comes to the router.
pub const CHALLENGE: &[u8] = b"acme-tls/1";

/// A file with certificates of others cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("the certificates in {} cannot be read: {cause}", path.display())]
pub struct TrustError {
    path: PathBuf,
    cause: String,
}

/// How a client speaks TLS that trusts whom the system trusts, and whose certificates are in the file `ca` (PEM).
///
/// # Errors
/// Where that cannot be read, or has no certificate.
pub fn client(ca: Option<&Path>) -> Result<ClientConfig, TrustError> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if let Some(path) = ca {
        let unreadable = |cause: String| TrustError {
            path: path.to_owned(),
            cause,
        };
        let read =
            CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
        let certificates = read.map_err(|cause| unreadable(cause.to_string()))?;
        if certificates.is_empty() {
            return Err(unreadable(
                "expected certificates in PEM, found none".into(),
            ));
        }
        for certificate in certificates {
            let added = roots.add(certificate);
            added.map_err(|cause| unreadable(cause.to_string()))?;
        }
    }
    let config =
        ClientConfig::builder_with_provider(provider()).with_safe_default_protocol_versions();
    let config = config.expect("the provider has what both versions of TLS need");
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}

/// How the server speaks TLS with the certificates that this gives.
pub fn server(certificates: Arc<dyn ResolvesServerCert>) -> ServerConfig {
    let config =
        ServerConfig::builder_with_provider(provider()).with_safe_default_protocol_versions();
    let config = config.expect("the provider has what both versions of TLS need");
    let mut config = config
        .with_no_client_auth()
        .with_cert_resolver(certificates);
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    config
}

/// Named wherever it is used: the whole program may have two who could.
fn provider() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}
