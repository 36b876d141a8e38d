//! Changes of a session that is open: ICE restarts, and channels that are added.

mod support;

use serde_json::{Value, json};
use std::time::Duration;
use support::{Client, OFFER_SDP, Server, closed, config, next_text, patch, until, within};
use tickwire_server::feeds::echo;
use tickwire_server::{Channel, Feeds, Reliability, SendError};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

/// Counts, as fast as a stream does.
async fn count(channel: Channel) -> Result<(), SendError> {
    for number in 0_u32.. {
        channel.send(number.to_string()).await?;
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    Ok(())
}

fn feeds() -> Feeds {
    Feeds::new().feed("count", count).feed("data", echo)
}

fn offer(sdp: &str) -> Value {
    json!({"type": "offer", "sdp": sdp})
}

async fn number(client: &Client) -> u32 {
    client.next(|_| true).await.parse().unwrap()
}

/// The same offer as from a browser that restarts ICE.
fn restarting() -> String {
    let restarting: Vec<String> = OFFER_SDP
        .lines()
        .map(|line| match line.split_once(':') {
            Some((key @ "a=ice-ufrag", value)) | Some((key @ "a=ice-pwd", value)) => {
                format!("{key}:{}", value.chars().rev().collect::<String>())
            }
            _ => line.to_owned(),
        })
        .collect();
    assert_ne!(restarting.join("\r\n"), OFFER_SDP.trim_end());
    restarting.join("\r\n") + "\r\n"
}

async fn open_one(server: &Server) -> String {
    let (status, answer) = server.post(offer(OFFER_SDP)).await;
    assert_eq!(status, 201);
    answer["id"].as_str().unwrap().to_owned()
}

/// The header fields `Link` of an answer to the offer in `body`.
async fn links(method: &'static str, url: String, body: Value) -> Vec<String> {
    let asking = move || {
        let request = axum::http::Request::builder().method(method).uri(url);
        let request = request.header("content-type", "application/json");
        let request = request.header("if-match", "*").body(body.to_string());
        let response = support::agent().run(request.unwrap()).unwrap();
        assert!(response.status().is_success(), "{}", response.status());
        let links = response.headers().get_all("link").iter();
        links.map(|it| it.to_str().unwrap().to_owned()).collect()
    };
    tokio::task::spawn_blocking(asking).await.unwrap()
}

#[tokio::test]
async fn answers_to_offers_name_the_turn_servers() {
    let without = Server::start(config(|_| {})).await;
    let url = format!("{}/sdp", without.url);
    assert!(links("POST", url, offer(OFFER_SDP)).await.is_empty());
    let server = Server::start(config(|it| {
        it.turn.urls = vec!["turn:a.example".into(), "turns:b.example:443".into()];
        it.turn.secret = "shared".into();
    }))
    .await;
    let are_both = |links: &[String]| {
        assert_eq!(links.len(), 2);
        assert!(links[0].starts_with(r#"<turn:a.example>; rel="ice-server"; username=""#));
        assert!(links[1].starts_with(r#"<turns:b.example:443>; rel="ice-server"; username=""#));
        assert!(links.iter().all(|it| !it.contains("shared")), "{links:?}");
    };
    are_both(&links("POST", format!("{}/sdp", server.url), offer(OFFER_SDP)).await);
    let id = open_one(&server).await;
    let url = format!("{}/sdp/{id}", server.url);
    are_both(&links("PATCH", url.clone(), offer(&restarting())).await);
    // Whoever asks for less is told of none.
    let more = json!({"channels": [{"label": "data", "id": 9}]});
    assert!(links("PATCH", url, more).await.is_empty());
}

#[tokio::test]
async fn a_stream_goes_on_over_a_restart_and_misses_nothing() {
    let server = Server::start_with(config(|_| {}), feeds()).await;
    let channels = json!([{"label": "count", "id": 0}]);
    let client = Client::connect_channels(&server.url, channels, support::unchanged).await;
    let ufrag = client.attribute("ice-ufrag").to_owned();
    // The first came before the client listened.
    let mut expected = number(&client).await + 1;
    for _ in 0..3 {
        for _ in 0..20 {
            assert_eq!(number(&client).await, expected);
            expected += 1;
        }
        let restart = client.restart_offer().await;
        let body = offer(&restart.sdp);
        let (status, tag, answer) = server.patch(&client.id, Some("*"), body).await;
        assert_eq!(status, 200, "{answer}");
        assert_eq!(answer["type"], "answer");
        assert_eq!(answer["id"], client.id);
        assert!(!answer["sdp"].as_str().unwrap().contains(&ufrag));
        let tag = tag.unwrap();
        assert!(
            answer["sdp"]
                .as_str()
                .unwrap()
                .contains(tag.trim_matches('"')),
            "{tag}"
        );
        client.accept(restart, &answer).await;
    }
    for _ in 0..200 {
        assert_eq!(number(&client).await, expected);
        expected += 1;
    }
    assert_eq!(server.sessions().await, 1);
}

#[tokio::test]
async fn a_change_names_the_ice_session_that_it_is_about() {
    let server = Server::start(config(|_| {})).await;
    let id = open_one(&server).await;
    let (status, first, answer) = server.patch(&id, Some("*"), offer(&restarting())).await;
    assert_eq!(status, 200, "{answer}");
    let first = first.unwrap();
    let (status, second, _) = server.patch(&id, Some(&first), offer(OFFER_SDP)).await;
    assert_eq!(status, 200);
    let second = second.unwrap();
    assert_ne!(first, second);

    for (if_match, status, code) in [
        (Some(&*first), 412, "precondition-failed"),
        (Some("\"\""), 412, "precondition-failed"),
        (Some("garbage"), 412, "precondition-failed"),
        (None, 428, "precondition-required"),
    ] {
        let refused = server.patch(&id, if_match, offer(&restarting())).await;
        assert_eq!((refused.0, &refused.2["code"]), (status, &json!(code)));
    }
    // The same credentials again are no restart.
    let (status, third, _) = server.patch(&id, Some(&second), offer(OFFER_SDP)).await;
    assert_eq!((status, third), (200, Some(second)));
}

#[tokio::test]
async fn what_cannot_be_done_is_refused_and_the_session_goes_on() {
    let server = Server::start(config(|it| it.channel.max = 3)).await;
    let client = server.connect().await;
    let other_certificate = {
        let sdp = client.restart_offer().await.sdp;
        let (start, rest) = sdp.split_once("a=fingerprint:sha-256 ").unwrap();
        format!("{start}a=fingerprint:sha-256 00{}", &rest[2..])
    };
    let channel = |id: u16| json!({"label": "echo", "id": id});
    let cases = [
        (json!({}), 400, "bad-json"),
        (json!([1]), 400, "bad-json"),
        (json!({"channels": []}), 400, "bad-json"),
        (json!({"type": "offer"}), 400, "bad-json"),
        (json!({"sdp": OFFER_SDP}), 400, "bad-json"),
        (json!({"channels": [{"label": "echo"}]}), 400, "bad-json"),
        (
            json!({"type": "answer", "sdp": OFFER_SDP}),
            400,
            "not-an-offer",
        ),
        (offer("v=0\r\n"), 400, "no-data-channel"),
        (offer(&other_certificate), 409, "conflict"),
        (
            json!({"channels": [channel(1), channel(1)]}),
            400,
            "bad-channel",
        ),
        (json!({"channels": [channel(65_535)]}), 400, "bad-channel"),
        (
            json!({"channels": [channel(1), channel(2), channel(3)]}),
            400,
            "bad-channel",
        ),
        (
            json!({"channels": [{"label": "x".repeat(70_000), "id": 1}]}),
            413,
            "too-large",
        ),
    ];
    for (body, status, code) in cases {
        let what = format!(
            "{code}: {}",
            &body.to_string().chars().take(90).collect::<String>()
        );
        let refused = server.patch(&client.id, Some("*"), body).await;
        assert_eq!(
            (refused.0, &refused.2["code"]),
            (status, &json!(code)),
            "{what}"
        );
        assert!(refused.2["message"].as_str().unwrap().len() > 20, "{what}");
    }
    for id in ["0123", "%00%ff"] {
        let refused = server.patch(id, Some("*"), offer(OFFER_SDP)).await;
        assert_eq!((refused.0, &refused.2["code"]), (404, &json!("not-found")));
    }
    assert_eq!(client.echo("still here").await, "Echo: still here");
}

#[tokio::test]
async fn changes_at_once_are_made_one_after_the_other() {
    let server = Server::start(config(|_| {})).await;
    let id = open_one(&server).await;
    let mut all = JoinSet::new();
    for index in 0..8 {
        let sdp = if index % 2 == 0 {
            &restarting()
        } else {
            OFFER_SDP
        };
        let url = format!("{}/sdp/{id}", server.url);
        all.spawn(patch(url, Some("*".into()), offer(sdp)));
    }
    let mut tags = Vec::new();
    for (status, tag, body) in within("all", all.join_all()).await {
        match status {
            200 => {
                let tag = tag.unwrap();
                assert!(
                    body["sdp"]
                        .as_str()
                        .unwrap()
                        .contains(tag.trim_matches('"'))
                );
                tags.push(tag);
            }
            // More of them waited than may.
            503 => assert_eq!(body["code"], "busy"),
            _ => panic!("{status} {body}"),
        }
    }
    assert!(tags.len() >= 4, "{tags:?}");
    let (status, tag, _) = server.patch(&id, Some("*"), offer(&restarting())).await;
    assert_eq!(status, 200);
    assert!(tag.is_some());
    assert_eq!(server.delete(&id).await, 204);
    until("the session to end", async || server.sessions().await == 0).await;
}

#[tokio::test]
async fn a_channel_that_is_added_is_as_reliable_as_it_was_chosen() {
    let (reliability, mut told) = mpsc::unbounded_channel();
    let feeds = feeds().feed("echo", move |channel: Channel| {
        let _ = reliability.send(channel.reliability());
        echo(channel)
    });
    let server = Server::start_with(config(|_| {}), feeds).await;
    let client = server.connect().await;
    for (id, choice, expected) in [
        (1, json!({}), (true, None, None)),
        (
            5,
            json!({"ordered": false, "maxRetransmits": 0}),
            (false, Some(0), None),
        ),
        (
            8,
            json!({"maxPacketLifeTime": 150}),
            (true, None, Some(150)),
        ),
    ] {
        let mut channel = choice;
        channel["label"] = "echo".into();
        channel["id"] = id.into();
        let body = json!({"channels": [channel]});
        let (status, tag, _) = server.patch(&client.id, Some("*"), body.clone()).await;
        assert_eq!(status, 204);
        assert!(tag.is_some());
        let (ordered, max_retransmits, life_time) = expected;
        let chosen = within("the reliability", told.recv()).await.unwrap();
        assert_eq!(
            chosen,
            Reliability {
                ordered,
                max_retransmits,
                max_packet_life_time: life_time.map(Duration::from_millis),
            }
        );
        // Its id is taken now.
        let again = server.patch(&client.id, Some("*"), body).await;
        assert_eq!((again.0, &again.2["code"]), (409, &json!("conflict")));

        let half = client.add(&channel).await;
        half.send_text("hello").await.unwrap();
        assert_eq!(next_text(&*half, |_| true).await, "hello");
        half.close().await.unwrap();
        closed(&*half).await;
    }
    client.channel.send_text("others go on").await.unwrap();
    assert_eq!(client.next(|_| true).await, "others go on");
}
