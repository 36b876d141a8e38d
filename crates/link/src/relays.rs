//! TURN servers, by which a client goes whom nothing else gets through to the server.

/// One that an answer names, and what lets the client in there for a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TurnServer {
    pub url: String,
    pub username: String,
    pub credential: String,
}

/// Those of an answer's header fields `Link` (RFC 9725 section 4.6).
pub fn turn_servers(link: &str) -> Vec<TurnServer> {
    let read = |link: &str| {
        let (url, parameters) = link.split_once('>')?;
        let parameter = |name: &str| {
            let (_, rest) = parameters.split_once(&format!("; {name}=\""))?;
            Some(rest.split_once('"')?.0.to_owned())
        };
        let is_turn = url.starts_with("turn:") || url.starts_with("turns:");
        (is_turn && parameter("rel")? == "ice-server").then_some(())?;
        Some(TurnServer {
            url: url.to_owned(),
            username: parameter("username")?,
            credential: parameter("credential")?,
        })
    };
    link.split('<').filter_map(read).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turn_servers_are_read_and_other_links_are_not() {
        let server = |url: &str| TurnServer {
            url: url.into(),
            username: "1433895918".into(),
            credential: "a+b/c=".into(),
        };
        let link = r#"</help>; rel="help", <turn:a.example?transport=udp>; rel="ice-server"; username="1433895918"; credential="a+b/c="; credential-type="password", <stun:a.example>; rel="ice-server", <turns:b.example>; rel="ice-server"; username="1433895918"; credential="a+b/c="; credential-type="password""#;
        let expected = [
            server("turn:a.example?transport=udp"),
            server("turns:b.example"),
        ];
        assert_eq!(turn_servers(link), expected);
        for other in [
            "",
            "<turn:a",
            "<turn:a>",
            r#"<turn:a>; rel="next"; username="a"; credential="b""#,
            r#"<turn:a>; rel="ice-server"; username="a"#,
        ] {
            assert_eq!(turn_servers(other), [], "{other}");
        }
    }
}
