//! One request.

use crate::MAX_SET;
use std::sync::Arc;
use std::time::Duration;
use ureq::config::Config;
use ureq::http::{HeaderMap, Uri, header::CACHE_CONTROL};
use ureq::tls::{RootCerts, TlsConfig};

/// How long it takes at most, with all redirects.
pub const TIMEOUT: Duration = Duration::from_secs(10);
/// How many redirects are followed.
const REDIRECTS: u32 = 3;

/// What was got.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetched {
    /// The text, which is a set of keys if all is well.
    pub text: String,
    /// How long it may be kept, as `Cache-Control` says: zero where it may not.
    pub max_age: Option<Duration>,
}

/// Gets the text at an address, for [`Keys::jwks`](crate::Keys::jwks). It blocks, at most for [`TIMEOUT`],
/// and reads at most [`MAX_SET`] bytes.
///
/// The address is one of HTTPS, whose server has a certificate that this machine trusts, and so is each
/// of at most 3 that it redirects to. It may be one of HTTP on this machine itself: `localhost`,
/// 127.0.0.0/8 or `[::1]`; then there are no redirects.
///
/// # Errors
///
/// Where the address is another, or the text cannot be got.
pub fn get(address: &str) -> Result<Fetched, FetchError> {
    let address: Uri = address.parse().map_err(|_| FetchError::Address)?;
    let own = is_own(&address);
    if !own && address.scheme_str() != Some("https") {
        return Err(FetchError::Address);
    }
    let agent = agent(own);
    let mut response = agent.get(address).call().map_err(FetchError::of)?;
    if !response.status().is_success() {
        return Err(FetchError::Status(response.status().as_u16()));
    }
    let max_age = max_age(response.headers());
    let body = response.body_mut().with_config().limit(MAX_SET as u64);
    let body = body.read_to_vec().map_err(FetchError::of)?;
    let text = String::from_utf8(body).map_err(|_| FetchError::NoText)?;
    Ok(Fetched { text, max_age })
}

/// What would go over no network.
fn is_own(address: &Uri) -> bool {
    let host = address.host().unwrap_or_default();
    let ip = host.trim_matches(['[', ']']).parse::<std::net::IpAddr>();
    let loopback = ip.map_or(host.eq_ignore_ascii_case("localhost"), |it| {
        it.is_loopback()
    });
    address.scheme_str() == Some("http") && loopback
}

fn agent(own: bool) -> ureq::Agent {
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    let tls = TlsConfig::builder()
        .root_certs(RootCerts::PlatformVerifier)
        .unversioned_rustls_crypto_provider(Arc::new(provider))
        .build();
    let config = Config::builder()
        .https_only(!own)
        .max_redirects(if own { 0 } else { REDIRECTS })
        .http_status_as_error(false)
        .timeout_global(Some(TIMEOUT))
        .user_agent(concat!("tickwire/", env!("CARGO_PKG_VERSION")))
        .tls_config(tls);
    let config = if own { config.proxy(None) } else { config };
    config.build().new_agent()
}

/// RFC 9111 section 5.2.2: `max-age`, and what forbids to keep it.
fn max_age(headers: &HeaderMap) -> Option<Duration> {
    let values = headers.get_all(CACHE_CONTROL).into_iter();
    let texts = values.filter_map(|it| it.to_str().ok());
    let mut shortest = None;
    for directive in texts.flat_map(|it| it.split(',')).map(str::trim) {
        let (name, value) = directive.split_once('=').unwrap_or((directive, ""));
        let age = match name.to_ascii_lowercase().as_str() {
            "no-cache" | "no-store" => Some(0),
            "max-age" => value.trim_matches('"').parse().ok(),
            _ => None,
        };
        let age = age.map(Duration::from_secs);
        shortest = shortest.into_iter().chain(age).min();
    }
    shortest
}

/// Why keys were not got.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// It is no address that is fetched from.
    #[error("keys are fetched from an address of https, or of http on this machine itself")]
    Address,
    /// The server answers with another status than success; 3xx is a redirect that is not followed.
    #[error("the server of the keys answers with status {0}: 200 is expected")]
    Status(u16),
    /// It has more than [`MAX_SET`] bytes.
    #[error("the set of keys has more than {MAX_SET} bytes")]
    TooLong,
    /// It is no UTF-8.
    #[error("the set of keys is no text in UTF-8")]
    NoText,
    /// No connection, no trust, no end within [`TIMEOUT`], or something else.
    #[error("the keys could not be fetched: {0}")]
    Failed(#[source] Box<ureq::Error>),
}

impl FetchError {
    fn of(cause: ureq::Error) -> Self {
        match cause {
            ureq::Error::BodyExceedsLimit(_) => Self::TooLong,
            cause => Self::Failed(Box::new(cause)),
        }
    }
}
