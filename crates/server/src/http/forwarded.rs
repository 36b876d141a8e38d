//! The address of a client behind proxies.

use crate::config::HttpConfig;
use axum::extract::ConnectInfo;
use axum::http::{Extensions, HeaderMap, header};
use std::net::{IpAddr, SocketAddr};

/// The address that a request came from, where the server was told to keep it: that of the
/// connection, or, of one from a trusted proxy, what that says of it: `X-Forwarded-For`, or `Forwarded`
/// (RFC 7239) where there is no other. A proxy that adds to the first, as most do, hands the second on as
/// the client has made it up.
pub fn client(http: &HttpConfig, headers: &HeaderMap, extensions: &Extensions) -> Option<IpAddr> {
    let ConnectInfo(from) = extensions.get::<ConnectInfo<SocketAddr>>()?;
    let from = from.ip().to_canonical();
    if !http.is_trusted(from) {
        return Some(from);
    }
    // Each proxy adds whom it was asked by, so the last that none of ours has added is the client.
    let mut client = from;
    for address in told(headers).into_iter().rev() {
        match address {
            Some(address) => client = address,
            // What a proxy hides, or a stranger has made up, says nothing, and nothing before it does.
            None => break,
        }
        if !http.is_trusted(client) {
            break;
        }
    }
    Some(client)
}

/// The addresses that are told, in order; `None` for what is none.
fn told(headers: &HeaderMap) -> Vec<Option<IpAddr>> {
    let lines = headers.get_all("x-forwarded-for").iter();
    let entries = lines.flat_map(|it| it.as_bytes().split(|byte| *byte == b','));
    let entries: Vec<_> = entries.map(|it| node(str::from_utf8(it).ok()?)).collect();
    if !entries.is_empty() {
        return entries;
    }
    let forwarded = headers.get_all(header::FORWARDED).iter();
    let elements = forwarded.flat_map(|it| it.as_bytes().split(|byte| *byte == b','));
    elements.map(forwarded_for).collect()
}

/// `for=` of one element (RFC 7239 section 4).
fn forwarded_for(element: &[u8]) -> Option<IpAddr> {
    let element = str::from_utf8(element).ok()?;
    let mut pairs = element.split(';').filter_map(|pair| pair.split_once('='));
    let (_, value) = pairs.find(|(name, _)| name.trim().eq_ignore_ascii_case("for"))?;
    node(value.trim().trim_matches('"'))
}

/// An address, with a port or without (RFC 7239 section 6).
fn node(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let bare = text.strip_prefix('[').and_then(|it| it.strip_suffix(']'));
    let address = bare.unwrap_or(text).parse().ok();
    let with_port = || Some(text.parse::<SocketAddr>().ok()?.ip());
    Some(address.or_else(with_port)?.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn client_of(from: &str, headers: &[(&'static str, &'static str)]) -> String {
        let http = HttpConfig {
            trusted_proxies: vec!["10.0.0.0/8".parse().unwrap()],
            ..HttpConfig::default()
        };
        let mut extensions = Extensions::new();
        let from: IpAddr = from.parse().unwrap();
        extensions.insert(ConnectInfo(SocketAddr::new(from, 1)));
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, HeaderValue::from_static(value));
        }
        client(&http, &map, &extensions).unwrap().to_string()
    }

    #[test]
    fn a_trusted_proxy_is_believed_and_nobody_else() {
        let told = [("x-forwarded-for", "192.0.2.7")];
        assert_eq!(client_of("10.0.0.1", &told), "192.0.2.7");
        assert_eq!(client_of("198.51.100.1", &told), "198.51.100.1");
        assert_eq!(client_of("::ffff:10.0.0.1", &told), "192.0.2.7");
        assert_eq!(client_of("10.0.0.1", &[]), "10.0.0.1");
    }

    #[test]
    fn what_a_client_made_up_before_the_last_stranger_is_passed_over() {
        let told = [
            ("x-forwarded-for", "203.0.113.9, 192.0.2.7"),
            ("x-forwarded-for", "10.0.0.2"),
        ];
        assert_eq!(client_of("10.0.0.1", &told), "192.0.2.7");
        let all_ours = [("x-forwarded-for", "10.0.0.3, 10.0.0.2")];
        assert_eq!(client_of("10.0.0.1", &all_ours), "10.0.0.3");
        let garbage = [("x-forwarded-for", "192.0.2.7, nobody")];
        assert_eq!(client_of("10.0.0.1", &garbage), "10.0.0.1");
    }

    #[test]
    fn forwarded_is_read_in_all_its_forms_where_there_is_no_other() {
        for (line, expected) in [
            ("for=192.0.2.43", "192.0.2.43"),
            (r#"For="[2001:db8:cafe::17]:4711""#, "2001:db8:cafe::17"),
            (
                r#"proto=https; for="192.0.2.43:80";by=10.0.0.1"#,
                "192.0.2.43",
            ),
            (r#"for=198.51.100.9, for="[2001:db8::1]""#, "2001:db8::1"),
            ("for=_hidden", "10.0.0.1"),
            ("for=unknown", "10.0.0.1"),
            ("", "10.0.0.1"),
        ] {
            let told = [("forwarded", line)];
            assert_eq!(client_of("10.0.0.1", &told), expected, "{line}");
        }
        let made_up = [
            ("forwarded", "for=203.0.113.9"),
            ("x-forwarded-for", "192.0.2.7"),
        ];
        assert_eq!(client_of("10.0.0.1", &made_up), "192.0.2.7");
    }
}
