//! Where clients find TURN servers, and by which credentials they are let in there.

use crate::config::TurnConfig;
use crate::sessions::Sessions;
use axum::http::{HeaderMap, HeaderValue, header};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac};
use sha1::Sha1;
use std::time::SystemTime;

/// Adds the TURN servers to an answer (RFC 9725 section 4.6), with credentials that hold for a time: coturn's
/// REST API, draft-uberti-behave-turn-rest-00.
pub fn add_turn_servers(sessions: &Sessions, headers: &mut HeaderMap) {
    let config = sessions.turn();
    if config.urls.is_empty() {
        return;
    }
    let until = SystemTime::now() + config.lifetime;
    let until = until.duration_since(SystemTime::UNIX_EPOCH);
    let username = until.unwrap_or_default().as_secs().to_string();
    for link in links(config, &username) {
        // What stands in it was checked when the configuration was read.
        if let Ok(mut link) = HeaderValue::try_from(link) {
            link.set_sensitive(true);
            headers.append(header::LINK, link);
        }
    }
}

fn links(config: &TurnConfig, username: &str) -> impl Iterator<Item = String> {
    let mut code = Hmac::<Sha1>::new_from_slice(config.secret.as_bytes())
        .expect("HMAC takes a key of any length");
    code.update(username.as_bytes());
    let credential = STANDARD.encode(code.finalize().into_bytes());
    config.urls.iter().map(move |url| {
        format!(
            r#"<{url}>; rel="ice-server"; username="{username}"; credential="{credential}"; credential-type="password""#
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As coturn's documentation computes it: `echo -n 1433895918 | openssl dgst -binary -sha1 -hmac
    /// north | openssl base64`.
    #[test]
    fn credentials_are_those_of_the_shared_secret() {
        let config = TurnConfig {
            urls: vec!["turn:turn.example.com?transport=udp".into()],
            secret: "north".into(),
            ..TurnConfig::default()
        };
        let links: Vec<String> = links(&config, "1433895918").collect();
        assert_eq!(
            links,
            [
                r#"<turn:turn.example.com?transport=udp>; rel="ice-server"; username="1433895918"; credential="3dkl8uIBelQlraT8v9eCSJTyt+U="; credential-type="password""#
            ]
        );
    }
}
