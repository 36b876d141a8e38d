//! Tokens, as the configuration has their keys.

use super::config::AuthConfig;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;
use tickwire_auth::fetch::{self, FetchError, Refresh};
use tickwire_auth::{KeyError, Keys, Options, Verifier};
use tickwire_server::auth::{Authentication, tokens};
use tokio::sync::Notify;
use tokio::time::sleep_until;
use tracing::{info, warn};

/// Why the keys of a configuration cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum AuthError {
    /// One in the configuration is none.
    #[error("[auth] secret: {0}")]
    Secret(#[source] KeyError),
    /// A file cannot be read.
    #[error("[auth] key-files: {0} cannot be read: {1}")]
    File(PathBuf, #[source] std::io::Error),
    /// A file has no key.
    #[error("[auth] key-files: {0}: {1}")]
    Key(PathBuf, #[source] KeyError),
    /// The set of keys cannot be fetched.
    #[error("[auth] jwks-url: {0}")]
    Fetch(#[from] FetchError),
    /// What was fetched is no set of keys.
    #[error("[auth] jwks-url: {0}")]
    Fetched(#[source] KeyError),
    /// There are too many of them.
    #[error("[auth]: {0}")]
    Together(#[source] KeyError),
}

/// The keys that are in the configuration and in files; none where there are none.
///
/// # Errors
/// For the first that cannot be had.
pub fn own_keys(config: &AuthConfig) -> Result<Option<Keys>, AuthError> {
    let mut all = None;
    if !config.secret.is_empty() {
        all = Some(Keys::hmac(config.secret.as_bytes()).map_err(AuthError::Secret)?);
    }
    for path in &config.key_files {
        let text = fs::read_to_string(path).map_err(|it| AuthError::File(path.clone(), it))?;
        let is_set = text.trim_start().starts_with('{');
        let keys = if is_set {
            Keys::jwks(&text)
        } else {
            Keys::pem(&text)
        };
        let keys = keys.map_err(|cause| AuthError::Key(path.clone(), cause))?;
        all = Some(joined(all, keys)?);
    }
    Ok(all)
}

fn joined(keys: Option<Keys>, others: Keys) -> Result<Keys, AuthError> {
    match keys {
        Some(keys) => keys.and(others).map_err(AuthError::Together),
        None => Ok(others),
    }
}

/// Who is let in: everybody where the configuration has no key.
///
/// # Errors
/// Where a key cannot be had; of a set that is published, the first time.
pub async fn authentication(config: &AuthConfig) -> Result<Authentication, AuthError> {
    if !config.is_on() {
        return Ok(Authentication::default());
    }
    let own = own_keys(config)?;
    let options = Options {
        audience: Some(config.audience.clone()).filter(|it| !it.is_empty()),
        leeway: config.leeway.0,
    };
    let url = &config.jwks_url;
    let mut refresh = Refresh::new(Instant::now());
    let keys = match own {
        Some(own) if url.is_empty() => own,
        own => joined(own, fetched(url, &mut refresh).await?)?,
    };
    info!(keys = keys.len(), "tokens are asked for");
    let verifier = Arc::new(Verifier::new(keys, options));
    let unknown_key = Arc::new(Notify::new());
    if !url.is_empty() {
        let refreshing = (url.clone(), refresh, unknown_key.clone());
        tokio::spawn(refresh_keys(config.clone(), refreshing, verifier.clone()));
    }
    let hook = tokens(verifier, move || unknown_key.notify_one());
    Ok(Authentication::new(hook))
}

/// Fetches the set at an address.
async fn fetched(url: &str, refresh: &mut Refresh) -> Result<Keys, AuthError> {
    let url = url.to_owned();
    let fetching = tokio::task::spawn_blocking(move || fetch::get(&url));
    // It panics nowhere, and is not cancelled.
    let fetched = fetching.await.expect("an answer or an error");
    let read = fetched.map_err(AuthError::from).and_then(|fetched| {
        let keys = Keys::jwks(&fetched.text).map_err(AuthError::Fetched)?;
        Ok((keys, fetched.max_age))
    });
    match read {
        Ok((keys, max_age)) => {
            refresh.fetched(Instant::now(), max_age);
            Ok(keys)
        }
        Err(cause) => {
            refresh.failed(Instant::now());
            Err(cause)
        }
    }
}

/// Fetches the set when it is time, for as long as the process lives. Where that fails, those before stay.
async fn refresh_keys(
    config: AuthConfig,
    (url, mut refresh, unknown_key): (String, Refresh, Arc<Notify>),
    verifier: Arc<Verifier>,
) {
    loop {
        tokio::select! {
            () = sleep_until(refresh.next().into()) => {}
            () = unknown_key.notified() => {
                refresh.unknown_key_seen(Instant::now());
                continue;
            }
        }
        let keys = match fetched(&url, &mut refresh).await {
            Ok(keys) => own_keys(&config).and_then(|own| joined(own, keys)),
            Err(cause) => Err(cause),
        };
        match keys {
            Ok(keys) => verifier.set_keys(keys),
            Err(cause) => warn!(%cause, "the keys of tokens stay as they were"),
        }
    }
}
