//! Each way a session ends, 200 times, and nothing is left: no session, no task, no open file.
//!
//! One test function: what it counts is the process', and another test's would be among it.

mod support;

use serde_json::json;
use std::time::{Duration, Instant};
use support::{Client, OFFER_SDP, Server, config, open_files, until};
use tokio::task::JoinSet;

const SESSIONS: usize = 200;
/// Sessions that open at once.
const AT_ONCE: usize = 20;

async fn connect_all(url: &str) -> Vec<Client> {
    let mut clients = Vec::new();
    while clients.len() < SESSIONS {
        let mut opening = JoinSet::new();
        for _ in 0..AT_ONCE {
            let url = url.to_owned();
            opening.spawn(async move { Client::connect(&url).await });
        }
        clients.extend(opening.join_all().await);
    }
    clients
}

async fn close_all(clients: Vec<Client>) {
    for client in clients {
        client.connection.close().await.unwrap();
    }
}

/// UDP sockets that this process has open.
fn udp_sockets() -> usize {
    let inodes: Vec<String> = std::fs::read_dir("/proc/self/fd")
        .unwrap()
        .filter_map(|file| std::fs::read_link(file.unwrap().path()).ok())
        .filter_map(|target| {
            let target = target.to_str()?.strip_prefix("socket:[")?.to_owned();
            Some(target.trim_end_matches(']').to_owned())
        })
        .collect();
    ["/proc/net/udp", "/proc/net/udp6"]
        .iter()
        .flat_map(|table| {
            let table = std::fs::read_to_string(table).unwrap();
            let inode = |line: &str| line.split_whitespace().nth(9).map(str::to_owned);
            table.lines().filter_map(inode).collect::<Vec<_>>()
        })
        .filter(|inode| inodes.contains(inode))
        .count()
}

#[test]
fn every_way_a_session_ends_leaves_nothing_behind() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let files = open_files();
        let mut server = Server::start(config(|it| {
            it.session.open_timeout = Duration::from_secs(3);
            it.session.silence_timeout = Duration::from_secs(4);
            it.limit.pending_per_address = 1_000;
            it.limit.offers_per_second = 1_000;
        }))
        .await;
        // What the first session makes and keeps is no leak.
        close_all(vec![server.connect().await]).await;
        until("the first session to end", async || {
            server.sessions().await == 0
        })
        .await;
        let files_idle = open_files();
        let tasks_idle = server.tasks();
        let back_to_idle = async |server: &Server, way: &str| {
            until(way, async || server.sessions().await == 0).await;
            until(&format!("{way}: routes"), async || {
                server.routes().await == 0
            })
            .await;
            until(&format!("{way}: tasks"), async || {
                server.tasks() <= tasks_idle
            })
            .await;
            until(&format!("{way}: open files"), async || {
                open_files() <= files_idle
            })
            .await;
        };

        let sockets_idle = udp_sockets();
        let clients = connect_all(&server.url).await;
        assert_eq!(server.sessions().await, SESSIONS as u64);
        // Each client has a socket of its own; the server has none for it, and no other file.
        assert_eq!(udp_sockets(), sockets_idle + SESSIONS);
        // Connections of HTTP come and go beside them, before and after.
        until("the connections of the requests", async || {
            open_files() <= files_idle + SESSIONS
        })
        .await;
        for client in &clients {
            assert_eq!(server.delete(&client.id).await, 204);
        }
        for client in &clients {
            client.closed().await;
            assert_eq!(server.delete(&client.id).await, 404);
        }
        close_all(clients).await;
        back_to_idle(&server, "DELETE").await;

        close_all(connect_all(&server.url).await).await;
        back_to_idle(&server, "the browser closes the connection").await;

        let clients = connect_all(&server.url).await;
        for client in &clients {
            client.channel.close().await.unwrap();
        }
        until("the last channel closes", async || {
            server.sessions().await == 0
        })
        .await;
        close_all(clients).await;
        back_to_idle(&server, "the last channel closes").await;

        // Clients that vanish without a word: their runtime goes, and their sockets with it.
        let vanishing = tokio::runtime::Runtime::new().unwrap();
        let url = server.url.clone();
        let opening = vanishing.spawn(async move { connect_all(&url).await });
        let clients = opening.await.unwrap();
        vanishing.shutdown_background();
        drop(clients);
        back_to_idle(&server, "ICE fails").await;

        for _ in 0..SESSIONS {
            let answered = server
                .post(json!({"type": "offer", "sdp": OFFER_SDP}))
                .await;
            assert_eq!(answered.0, 201);
        }
        assert_eq!(server.sessions().await, SESSIONS as u64);
        back_to_idle(&server, "no check comes in time").await;

        let clients = connect_all(&server.url).await;
        let asked = Instant::now();
        server.stop().await;
        let took = asked.elapsed();
        for client in &clients {
            client.closed().await;
        }
        close_all(clients).await;
        until("shutdown: tasks", async || server.tasks() == 0).await;
        drop(server);
        until("shutdown: open files", async || open_files() <= files).await;
        // A promise of the server, with much room: it cuts off what is not closed after 4 s.
        assert!(took < Duration::from_secs(5), "{took:?}");
    });
}
