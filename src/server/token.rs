//! `tickwire token`: makes a token, for trying and for programs without a library of their own.

use super::config::AuthConfig;
use std::fs;
use std::time::SystemTime;
use tickwire_auth::{Grant, Patterns, Signer};

/// What it takes, for people.
pub const USAGE: &str = "\
Usage: tickwire token --sub NAME --for TIME [--subscribe PATTERNS] [--publish PATTERNS] [--feeds PATTERNS]
                      [--sessions N] [--aud AUDIENCE] [--key FILE] [--kid ID]

PATTERNS are names of topics, or of feeds, with blanks between; * stands for one part of a name, and ** for
all that follow. What is not named is not allowed. The token is signed with the secret in [auth], or with the
private key in a file (PEM, PKCS #8).";

/// The token that these arguments ask for.
///
/// # Errors
/// What is wrong with them, for people.
pub fn token(config: &AuthConfig, arguments: &[String], now: SystemTime) -> Result<String, String> {
    let (pairs, rest) = arguments.as_chunks::<2>();
    if let [lonely] = rest {
        return Err(format!("{lonely}: expected a value behind it.\n\n{USAGE}"));
    }
    let mut grant = Grant::new("", now);
    let (mut signer, mut lasts) = (None, None);
    for [name, value] in pairs {
        let wrong = |cause: &dyn std::fmt::Display| format!("{name}: {cause}.");
        let patterns = || {
            let patterns: Vec<&str> = value.split_whitespace().collect();
            Patterns::parse(&patterns).map_err(|cause| wrong(&cause))
        };
        match name.as_str() {
            "--sub" => grant.sub = value.clone(),
            "--for" => {
                lasts = Some(humantime::parse_duration(value).map_err(|cause| wrong(&cause))?);
            }
            "--subscribe" => grant.subscribe = patterns()?,
            "--publish" => grant.publish = patterns()?,
            "--feeds" => grant.feeds = patterns()?,
            "--sessions" => {
                grant.sessions = Some(value.parse().map_err(|_| wrong(&"expected a number"))?);
            }
            "--aud" => grant.aud = vec![value.clone()],
            "--kid" => grant.kid = Some(value.clone()),
            "--key" => {
                let text = fs::read_to_string(value).map_err(|cause| wrong(&cause))?;
                signer = Some(Signer::pem(&text).map_err(|cause| wrong(&cause))?);
            }
            _ => return Err(format!("{name} is not known.\n\n{USAGE}")),
        }
    }
    let (false, Some(lasts)) = (grant.sub.is_empty(), lasts) else {
        return Err(format!("Expected --sub and --for.\n\n{USAGE}"));
    };
    grant.exp = now + lasts;
    if grant.aud.is_empty() && !config.audience.is_empty() {
        grant.aud = vec![config.audience.clone()];
    }
    let signer = match signer {
        Some(signer) => signer,
        None if config.secret.is_empty() => {
            return Err("Expected a secret in [auth] of Leptos.toml, or --key.".into());
        }
        None => Signer::hmac(config.secret.as_bytes()).map_err(|cause| cause.to_string())?,
    };
    signer
        .sign(&grant)
        .map_err(|cause| format!("No token is made: {cause}."))
}
