//! What the tool is told.

use lexopt::{Arg, Parser, ValueExt};
use std::time::Duration;

pub const HELP: &str = "\
Opens peers at a server that speaks POST /sdp, counts the time messages that they are pushed, has
them echo, closes them, and says what that cost.

usage: load [URL] [options]

  URL              the server (http://127.0.0.1:8080)
  --peers N        peers to open (100)
  --at-once N      offers under way at once (16)
  --hold TIME      how long only the pushed time flows (10s)
  --echo TIME      how long the peers echo; 0s leaves it out (5s)
  --size BYTES     size of an echo, 8 to 65536 (64)
  --window N       echoes in flight for a peer (1)
  --active N       peers that echo, or to which the topic's values come (all)
  --flood          one more peer, which sends 1 KiB as fast as it can while the others hold
  --label TEXT     label of the data channel (data)
  --topic NAME     peers read this topic in place of the time; its values are put over HTTP
  --keys N         its keys (100)
  --rate N         how often a second each has a new value (10)
  --batches N      in how many batches they are put, one after another in that time (1)
  --producers N    so many more put values into the topic \"offered\", as fast as they are taken
  --way WAY        by what data comes: udp or tcp (data channels), websocket, or plain, where the server is
                   load's other program, whose clients read all values by a WebSocket as it is (udp)
  --spread         each offer says by X-Forwarded-For that it comes from an address of its own
  --api-key TEXT   the key with which they are put
  --put-at URL     values are put at this server, of several that have the same topics (URL)
  --drain-to URL   has the process of --pid drain, and its readers of --topic move to the server here
  --pid N          the server's process here: its processor time, memory and files are told too
  --json           one line of JSON in place of the table";

/// By what data comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// Data channels by UDP.
    Udp,
    /// The same by TCP (RFC 6544).
    Tcp,
    /// The WebSocket of a Tickwire server.
    WebSocket,
    /// That of load's other program.
    Plain,
}

#[derive(Clone, Debug)]
pub struct Args {
    pub url: String,
    pub peers: usize,
    pub at_once: usize,
    pub hold: Duration,
    pub echo: Duration,
    pub size: usize,
    pub window: usize,
    pub active: usize,
    pub flood: bool,
    pub label: String,
    pub topic: Option<String>,
    pub keys: usize,
    pub rate: usize,
    pub batches: usize,
    pub producers: usize,
    pub way: Way,
    pub spread: bool,
    pub api_key: String,
    pub put_at: Option<String>,
    pub drain_to: Option<String>,
    pub pid: Option<u32>,
    pub json: bool,
}

impl Default for Args {
    fn default() -> Self {
        Self {
            url: "http://127.0.0.1:8080".into(),
            peers: 100,
            at_once: 16,
            hold: Duration::from_secs(10),
            echo: Duration::from_secs(5),
            size: 64,
            window: 1,
            active: usize::MAX,
            flood: false,
            label: "data".into(),
            topic: None,
            keys: 100,
            rate: 10,
            batches: 1,
            producers: 0,
            way: Way::Udp,
            spread: false,
            api_key: String::new(),
            put_at: None,
            drain_to: None,
            pid: None,
            json: false,
        }
    }
}

/// Reads the command line; `None` where it asks for help.
pub fn parse(mut parser: Parser) -> Result<Option<Args>, lexopt::Error> {
    let mut args = Args::default();
    while let Some(arg) = parser.next()? {
        match arg {
            Arg::Long("help") | Arg::Short('h') => return Ok(None),
            Arg::Long("peers") => args.peers = within(&mut parser, 1, 100_000)?,
            Arg::Long("at-once") => args.at_once = within(&mut parser, 1, 1_000)?,
            Arg::Long("hold") => args.hold = time(&mut parser)?,
            Arg::Long("echo") => args.echo = time(&mut parser)?,
            // The first eight bytes say when it was sent.
            Arg::Long("size") => args.size = within(&mut parser, 8, 65_536)?,
            Arg::Long("window") => args.window = within(&mut parser, 1, 1_000)?,
            Arg::Long("active") => args.active = within(&mut parser, 1, 100_000)?,
            Arg::Long("flood") => args.flood = true,
            Arg::Long("label") => args.label = parser.value()?.string()?,
            Arg::Long("topic") => args.topic = Some(parser.value()?.string()?),
            Arg::Long("keys") => args.keys = within(&mut parser, 1, 100_000)?,
            Arg::Long("rate") => args.rate = within(&mut parser, 1, 1_000)?,
            Arg::Long("batches") => args.batches = within(&mut parser, 1, 1_000)?,
            Arg::Long("producers") => args.producers = within(&mut parser, 0, 1_000)?,
            Arg::Long("spread") => args.spread = true,
            Arg::Long("way") => args.way = way(&parser.value()?.string()?)?,
            Arg::Long("api-key") => args.api_key = parser.value()?.string()?,
            Arg::Long("pid") => args.pid = Some(parser.value()?.parse()?),
            Arg::Long("json") => args.json = true,
            Arg::Long("put-at") => args.put_at = Some(address(&parser.value()?.string()?)),
            Arg::Long("drain-to") => args.drain_to = Some(address(&parser.value()?.string()?)),
            Arg::Value(url) => args.url = address(&url.string()?),
            other => return Err(other.unexpected()),
        }
    }
    if args.drain_to.is_some() && (args.pid.is_none() || args.topic.is_none()) {
        return Err("--drain-to needs --pid and --topic".into());
    }
    Ok(Some(args))
}

fn way(name: &str) -> Result<Way, lexopt::Error> {
    match name {
        "udp" => Ok(Way::Udp),
        "tcp" => Ok(Way::Tcp),
        "websocket" => Ok(Way::WebSocket),
        "plain" => Ok(Way::Plain),
        _ => Err(format!("expected udp, tcp, websocket or plain, found \"{name}\"").into()),
    }
}

/// A server's, without what is below it.
fn address(url: &str) -> String {
    url.trim_end_matches('/').trim_end_matches("/sdp").into()
}

fn within(parser: &mut Parser, min: usize, max: usize) -> Result<usize, lexopt::Error> {
    let number = parser.value()?.parse()?;
    if (min..=max).contains(&number) {
        Ok(number)
    } else {
        Err(format!("expected a number from {min} to {max}, found {number}").into())
    }
}

fn time(parser: &mut Parser) -> Result<Duration, lexopt::Error> {
    let text = parser.value()?.string()?;
    humantime::parse_duration(&text).map_err(|cause| {
        format!("expected a time such as \"10s\", found \"{text}\": {cause}").into()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(args: &[&str]) -> Result<Option<Args>, String> {
        parse(Parser::from_args(args)).map_err(|cause| cause.to_string())
    }

    #[test]
    fn arguments_are_read_and_the_rest_has_its_default() {
        let args = read(&["http://h:1/sdp", "--peers", "7", "--hold=90s", "--flood"])
            .unwrap()
            .unwrap();
        assert_eq!(args.url, "http://h:1");
        assert_eq!(
            (args.peers, args.hold, args.flood),
            (7, Duration::from_secs(90), true)
        );
        assert_eq!(args.at_once, 16);
        assert!(read(&["--help"]).unwrap().is_none());
    }

    #[test]
    fn what_cannot_be_is_refused_with_what_can() {
        for (args, expected) in [
            (&["--peers", "0"][..], "from 1 to 100000"),
            (&["--hold", "soon"], "such as \"10s\""),
            (&["--way", "pigeon"], "udp, tcp, websocket or plain"),
            (&["--pears", "1"], "--pears"),
            (&["--size"], "--size"),
        ] {
            let refusal = read(args).unwrap_err();
            assert!(refusal.contains(expected), "{refusal}");
        }
    }
}
