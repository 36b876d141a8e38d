//! The one UDP port: real peers through it, and whatever else a network sends to it.

#[path = "support/check.rs"]
mod made;
#[path = "support/relay.rs"]
mod relay;
mod support;

use relay::Relay;
use std::net::{Ipv6Addr, SocketAddr, UdpSocket};
use support::{Client, Server, candidates, config, opened, unchanged, until};
use tickwire_server::Config;

fn everywhere(config: &mut Config) {
    let listen = ["0.0.0.0:0", "[::]:0"];
    config.port.listen = listen.map(|at| at.parse().unwrap()).into();
}

/// A check with PRIORITY and ICE-CONTROLLING, which it must have.
fn check(username: &str, password: &str) -> Vec<u8> {
    let others = [
        (0x0024, 1_000_u32.to_be_bytes().to_vec()),
        (0x802a, vec![7; 8]),
    ];
    made::check(username.as_bytes(), password.as_bytes(), &others)
}

fn username(client: &Client) -> String {
    format!("{}:stranger", client.attribute("ice-ufrag"))
}

#[tokio::test]
async fn ipv4_and_ipv6_lead_to_the_same_server() {
    let server = Server::start(config(everywhere)).await;
    for local in ["127.0.0.1:0", "[::1]:0"] {
        let client = Client::negotiate_from(local, &server.url, unchanged, unchanged).await;
        opened(&*client.channel).await;
        assert_eq!(client.echo(local).await, format!("Echo: {local}"));
    }
}

#[tokio::test]
async fn an_answer_names_the_port_at_each_address_once_and_loopback_last() {
    let server = Server::start(config(everywhere)).await;
    let client = server.connect().await;
    let candidates = client.candidates();
    let is_loopback: Vec<bool> = candidates.iter().map(|a| a.ip().is_loopback()).collect();
    assert!(is_loopback.is_sorted(), "{candidates:?}");
    assert!(is_loopback.contains(&true), "{candidates:?}");
    for family in [SocketAddr::is_ipv4, SocketAddr::is_ipv6] {
        let mut of_family: Vec<_> = candidates.iter().copied().filter(family).collect();
        assert!(
            of_family
                .windows(2)
                .all(|two| two[0].port() == two[1].port())
        );
        of_family.sort();
        let count = of_family.len();
        of_family.dedup();
        assert_eq!(of_family.len(), count, "{candidates:?}");
    }
}

#[tokio::test]
async fn what_is_advertised_is_what_an_answer_names() {
    let server = Server::start(config(|it| {
        everywhere(it);
        let advertise = ["192.0.2.7:4000", "2001:db8::7"];
        it.port.advertise = advertise.map(|at| at.parse().unwrap()).into();
    }))
    .await;
    let client = Client::negotiate(&server.url, unchanged, unchanged).await;
    let candidates = client.candidates();
    assert_eq!(candidates[0], SocketAddr::from(([192, 0, 2, 7], 4000)));
    assert_eq!(
        candidates[1].ip(),
        "2001:db8::7".parse::<Ipv6Addr>().unwrap()
    );
    assert_eq!(candidates.len(), 2);
}

#[tokio::test]
async fn a_session_that_ends_takes_its_routes_with_it() {
    let server = Server::start(config(|_| {})).await;
    let clients = [server.connect().await, server.connect().await];
    assert_eq!(server.routes().await, 2);
    assert_eq!(server.delete(&clients[0].id).await, 204);
    until("one route", async || server.routes().await == 1).await;
    clients[1].connection.close().await.unwrap();
    until("no route", async || server.routes().await == 0).await;
}

#[tokio::test]
async fn a_peer_opens_although_four_datagrams_in_ten_are_lost() {
    let server = Server::start(config(|_| {})).await;
    for _ in 0..10 {
        let relay = Relay::bind().await;
        let mut relaying = None;
        let client = Client::connect_with(&server.url, |answer| {
            let (direct, through) = (candidates(answer)[0], relay.address);
            relaying = Some(relay.run(direct));
            answer.replace(
                &format!(" {} {} ", direct.ip(), direct.port()),
                &format!(" {} {} ", through.ip(), through.port()),
            )
        })
        .await;
        let relaying = relaying.unwrap();
        relaying.lose_nothing();
        assert_eq!(client.echo("mine").await, "Echo: mine");
    }
}

#[tokio::test]
async fn strangers_leave_no_trace_but_a_count() {
    const DATAGRAMS: u64 = 100_000;
    let server = Server::start(config(|_| {})).await;
    let client = server.connect().await;
    let target = client.candidates()[0];
    let authentic = check(&username(&client), client.attribute("ice-pwd"));
    let before = server.routes().await;
    let flood = std::thread::spawn(move || {
        let mut strangers: Vec<UdpSocket> = Vec::new();
        for number in 0..DATAGRAMS {
            // A new port every hundred datagrams.
            if number % 100 == 0 {
                strangers.clear();
                strangers.push(UdpSocket::bind("127.0.0.1:0").unwrap());
            }
            let random = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
            let datagram = match number % 6 {
                0 => check(&format!("{random:x}:stranger"), "nobody's password"),
                1 => authentic[..(random % authentic.len() as u64) as usize].to_vec(),
                2 => lying(&authentic, random),
                3 => [&[23, 254, 253][..], &random.to_be_bytes()].concat(),
                4 => random.to_be_bytes().repeat(1 + (random % 150) as usize),
                _ => vec![(random % 256) as u8],
            };
            // The kernel may have no room for all of it, as on any network.
            let _ = strangers[0].send_to(&datagram, target);
        }
    });
    while !flood.is_finished() {
        assert_eq!(client.echo("still here").await, "Echo: still here");
    }
    flood.join().unwrap();
    assert_eq!(client.echo("still here").await, "Echo: still here");
    assert_eq!(server.routes().await, before);
    assert_eq!(server.sessions().await, 1);
    for reason in [
        "unknown_ufrag",
        "malformed_stun",
        "unknown_source",
        "not_for_us",
    ] {
        assert!(server.dropped(reason).await > 100, "{reason}");
    }
}

/// An authentic check with a length that is not its own, somewhere.
fn lying(authentic: &[u8], random: u64) -> Vec<u8> {
    let mut lying = authentic.to_vec();
    let at = [2, 3, 22, 23][(random % 4) as usize];
    lying[at] = lying[at].wrapping_add(1 + (random >> 8) as u8 % 250);
    lying
}

#[tokio::test]
async fn a_known_ufrag_without_its_password_steals_nothing() {
    let server = Server::start(config(|_| {})).await;
    let client = server.connect().await;
    let before = server.routes().await;
    let stranger = UdpSocket::bind("127.0.0.1:0").unwrap();
    let forged = check(&username(&client), "a password of the wrong sort");
    until("the forgeries to be counted", async || {
        for _ in 0..100 {
            stranger.send_to(&forged, client.candidates()[0]).unwrap();
        }
        server.dropped("not_authentic").await >= 1_000
    })
    .await;
    assert_eq!(server.routes().await, before);
    assert_eq!(client.echo("mine").await, "Echo: mine");
}

#[tokio::test]
async fn a_check_that_is_sent_again_from_elsewhere_takes_nothing_away() {
    let server = Server::start(config(|_| {})).await;
    let client = server.connect().await;
    let recorded = check(&username(&client), client.attribute("ice-pwd"));
    let target = client.candidates()[0];
    let strangers: Vec<UdpSocket> = (0..100)
        .map(|_| UdpSocket::bind("127.0.0.1:0").unwrap())
        .collect();
    for _ in 0..10 {
        for stranger in &strangers {
            stranger.send_to(&recorded, target).unwrap();
            // What follows it claims to be the peer's data.
            for garbage in [
                &[22, 254, 253, 0, 0][..],
                &[23; 60],
                &[21, 254, 253],
                &[20; 14],
            ] {
                stranger.send_to(garbage, target).unwrap();
            }
        }
        assert_eq!(client.echo("mine").await, "Echo: mine");
    }
    // Each takes the place of another, and none that of the address in use.
    assert!(server.routes().await > 1);
    assert!(server.routes().await <= 16);
    assert_eq!(client.echo("mine").await, "Echo: mine");
    assert_eq!(server.delete(&client.id).await, 204);
    until("no route", async || server.routes().await == 0).await;
}

#[tokio::test]
async fn a_handshake_in_endless_fragments_costs_its_sender_alone() {
    let server = Server::start(config(|_| {})).await;
    let client = server.connect().await;
    // A session of the stranger's own: whoever posts an offer has one.
    let relay = Relay::bind().await;
    let through = relay.address;
    let mut relaying = None;
    let _rude = Client::connect_with(&server.url, |answer| {
        let direct = candidates(answer)[0];
        let running = relay.run(direct);
        running.lose_nothing();
        relaying = Some(running);
        answer.replace(
            &format!(" {} {} ", direct.ip(), direct.port()),
            &format!(" {} {} ", through.ip(), through.port()),
        )
    })
    .await;
    let stranger = UdpSocket::bind("127.0.0.1:0").unwrap();
    for message in [16_000, 60_000] {
        for last in (0..message).rev().step_by(40) {
            let fragments = (last - 39..=last).rev();
            let datagram: Vec<u8> = fragments.flat_map(|at| fragment(message, at)).collect();
            stranger.send_to(&datagram, through).unwrap();
            if last % 400 == 399 {
                assert_eq!(client.echo("still here").await, "Echo: still here");
            }
        }
    }
    assert_eq!(client.echo("still here").await, "Echo: still here");
}

/// One byte of a handshake message, as a DTLS record (RFC 6347 sections 4.1 and 4.2.2). It is the
/// one after the six that a client's handshake has.
fn fragment(message: u32, at: u32) -> Vec<u8> {
    let number = |number: u32| number.to_be_bytes()[1..].to_vec();
    [
        &[22, 254, 253, 0, 0, 0, 0, 0][..],
        &number(message - at),
        &[0, 13, 1],
        &number(message),
        &[0, 6],
        &number(at),
        &number(1),
        b"x",
    ]
    .concat()
}

#[tokio::test]
async fn another_peers_datagrams_are_not_taken_for_ones_own() {
    let server = Server::start(config(|_| {})).await;
    let clients = [server.connect().await, server.connect().await];
    // Who has one peer's password can make no check for another's ufrag with it.
    let mixed = check(&username(&clients[1]), clients[0].attribute("ice-pwd"));
    let stranger = UdpSocket::bind("127.0.0.1:0").unwrap();
    stranger
        .send_to(&mixed, clients[0].candidates()[0])
        .unwrap();
    until("the mixture to be refused", async || {
        stranger
            .send_to(&mixed, clients[0].candidates()[0])
            .unwrap();
        server.dropped("not_authentic").await > 0
    })
    .await;
    for client in &clients {
        assert_eq!(client.echo("mine").await, "Echo: mine");
    }
}
