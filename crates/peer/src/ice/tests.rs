use super::*;
use crate::path::Remote;
use crate::stun::tests::{check, nomination};
use crate::stun::{Kind, Transaction};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// A client with several addresses, and the agent that it talks to.
struct Bench {
    agent: Agent,
    now: Instant,
    out: Datagrams,
}

fn credentials(name: &str) -> Credentials {
    Credentials {
        ufrag: name.to_owned(),
        password: format!("{name}'s password of some length"),
    }
}

fn path(port: u16) -> Path {
    Path {
        remote: Remote::udp(SocketAddr::from(([192, 0, 2, 1], port))),
        socket: 0,
        local: None,
    }
}

impl Bench {
    fn new() -> Self {
        let now = Instant::now();
        Self {
            agent: Agent::new(now, credentials("mine"), credentials("theirs")),
            now,
            out: Datagrams::default(),
        }
    }

    fn later(&mut self, seconds: f64) {
        self.now += Duration::from_secs_f64(seconds);
    }

    fn take(&mut self, port: u16, bytes: &[u8]) -> Checked {
        let message = Message::read(bytes).unwrap();
        let authentic = self.agent.authenticate(message).unwrap();
        self.out.clear();
        self.agent
            .check(self.now, path(port), authentic, bytes.len(), &mut self.out)
    }

    /// A check of this answer's, nominating or not, without an answer to the agent's own.
    fn only_check(&mut self, port: u16, name: &str, nominates: bool) -> Checked {
        let local = credentials(name);
        let username = format!("{name}:theirs");
        let make = if nominates {
            nomination
        } else {
            |name: &[u8], password: &[u8]| check(name, password, &[])
        };
        let bytes = make(username.as_bytes(), local.password.as_bytes());
        self.take(port, &bytes)
    }

    /// The transaction of the agent's own check, if there is one.
    fn asked(&self) -> Option<Transaction> {
        let messages = self
            .out
            .iter()
            .filter_map(|(_, bytes)| Message::read(bytes));
        messages
            .filter(|message| message.kind() == Kind::Request)
            .map(|message| message.transaction())
            .next()
    }

    /// Answers the agent's check, as the client does that has this password.
    fn answer(&mut self, port: u16, transaction: Transaction, password: &str) -> bool {
        let mut bytes = Vec::new();
        stun::write_success(
            &mut bytes,
            transaction,
            path(port).remote.address,
            password.as_bytes(),
        );
        let answer = Message::read(&bytes).unwrap();
        self.agent.answered(self.now, path(port), &answer)
    }

    /// A check, and an answer to the agent's own where there is one.
    fn check(&mut self, port: u16, nominates: bool) {
        self.only_check(port, "mine", nominates);
        if let Some(transaction) = self.asked() {
            self.answer(port, transaction, &credentials("theirs").password);
        }
    }

    fn port(&self) -> Option<u16> {
        self.agent.path().map(|path| path.remote.address.port())
    }
}

#[test]
fn a_check_is_answered_and_asked_back_once_until_the_path_is_proven() {
    let mut bench = Bench::new();
    assert_eq!(bench.port(), None);
    assert!(bench.only_check(1, "mine", false).has_moved);
    assert_eq!((bench.out.len(), bench.port()), (2, Some(1)));
    bench.only_check(1, "mine", false);
    assert_eq!(bench.out.len(), 2);
    let asked = bench.asked().unwrap();
    assert!(!bench.answer(1, asked, "another password of some length"));
    bench.only_check(1, "mine", false);
    assert_eq!(bench.out.len(), 2);
    let asked = bench.asked().unwrap();
    bench.answer(1, asked, &credentials("theirs").password);
    bench.only_check(1, "mine", false);
    assert_eq!(bench.out.len(), 1);
}

#[test]
fn before_a_nomination_the_path_is_that_of_the_last_check_and_then_the_nominated() {
    let mut bench = Bench::new();
    bench.check(1, false);
    bench.check(2, false);
    assert_eq!(bench.port(), Some(2));
    bench.check(1, true);
    assert_eq!(bench.port(), Some(1));
    bench.check(2, false);
    bench.check(3, false);
    assert_eq!(bench.port(), Some(1));
    bench.check(3, true);
    assert_eq!(bench.port(), Some(3));
    // What was nominated before has to be nominated again.
    bench.check(1, false);
    assert_eq!(bench.port(), Some(3));
    bench.check(1, true);
    assert_eq!(bench.port(), Some(1));
}

#[test]
fn a_recorded_check_that_is_sent_again_from_elsewhere_moves_nothing() {
    let mut bench = Bench::new();
    bench.check(1, true);
    for port in 2..1_000 {
        bench.only_check(port, "mine", true);
        assert_eq!(bench.port(), Some(1));
        assert!(bench.agent.paths().count() <= MAX_PATHS);
    }
    bench.later(10.0);
    bench.only_check(1_000, "mine", true);
    assert_eq!(bench.port(), Some(1));
}

#[test]
fn a_client_whose_address_has_changed_is_followed_whether_it_nominates_or_not() {
    for nominates in [true, false] {
        let mut bench = Bench::new();
        bench.check(1, true);
        for port in 2..52 {
            bench.later(5.0);
            bench.check(port, nominates);
            assert_eq!(bench.port(), Some(port));
        }
    }
}

#[test]
fn a_path_that_is_alive_is_not_left_for_a_check_elsewhere() {
    let mut bench = Bench::new();
    bench.check(1, true);
    for _ in 0..100 {
        bench.later(1.0);
        bench.agent.prolong(bench.now, path(1));
        bench.check(2, false);
        assert_eq!(bench.port(), Some(1));
    }
    // Data keeps a path alive, and does not choose it.
    bench.later(10.0);
    bench.agent.prolong(bench.now, path(2));
    assert_eq!(bench.port(), Some(1));
}

#[test]
fn an_ice_restart_changes_the_credentials_and_the_path_stays_until_another_is_nominated() {
    let mut bench = Bench::new();
    bench.check(1, true);
    let theirs = credentials("theirs");
    assert_eq!(
        bench.agent.restart(credentials("next"), theirs.clone()),
        None
    );
    assert_eq!(bench.port(), Some(1));
    // Checks for the earlier answer are answered as long as one is in between.
    bench.check(1, false);
    bench.only_check(2, "next", true);
    let asked = bench.asked().unwrap();
    assert!(bench.answer(2, asked, &theirs.password));
    assert_eq!(bench.port(), Some(2));
    bench.check(1, true);
    assert_eq!(
        bench.port(),
        Some(2),
        "the earlier answer's nomination counts no more"
    );
    let forgotten = bench.agent.restart(credentials("last"), theirs);
    assert_eq!(forgotten.as_deref(), Some("mine"));
    let gone = check(b"mine:theirs", credentials("mine").password.as_bytes(), &[]);
    let gone = bench.agent.authenticate(Message::read(&gone).unwrap());
    assert_eq!(gone.unwrap_err(), CheckError::UnknownUfrag);
}

#[test]
fn three_times_what_came_leaves_at_most_until_somebody_answers() {
    let mut bench = Bench::new();
    let mut received = 0;
    let mut sent = 0;
    for _ in 0..20 {
        let bytes = check(b"mine:theirs", credentials("mine").password.as_bytes(), &[]);
        received += bytes.len();
        bench.take(1, &bytes);
        sent += bench
            .out
            .iter()
            .map(|(_, bytes)| bytes.len())
            .sum::<usize>();
        while bench.agent.leave(100).is_some() {
            sent += 100;
        }
        assert!(sent <= 3 * received, "{sent} for {received}");
    }
    let asked = bench.asked().unwrap();
    bench.answer(1, asked, &credentials("theirs").password);
    assert!((0..1_000).all(|_| bench.agent.leave(1_200).is_some()));
}

#[test]
fn a_short_check_against_a_long_ufrag_gets_no_more_than_three_times_its_size() {
    let mut bench = Bench::new();
    let remote = Credentials {
        ufrag: "t".repeat(256),
        password: credentials("theirs").password,
    };
    bench.agent = Agent::new(bench.now, credentials("mine"), remote);
    let forged = check(b"mine:", credentials("mine").password.as_bytes(), &[]);
    let (mut received, mut sent) = (0, 0);
    for _ in 0..20 {
        received += forged.len();
        bench.take(1, &forged);
        sent += bench
            .out
            .iter()
            .map(|(_, bytes)| bytes.len())
            .sum::<usize>();
        assert!(sent <= 3 * received, "{sent} for {received}");
    }
    // An honest client's check carries its own ufrag, and is asked at once.
    let name = format!("mine:{}", "t".repeat(256));
    let honest = check(
        name.as_bytes(),
        credentials("mine").password.as_bytes(),
        &[],
    );
    bench.take(2, &honest);
    assert!(bench.asked().is_some());
}

#[test]
fn who_takes_itself_for_the_controlled_side_is_told_of_the_conflict() {
    let mut bench = Bench::new();
    let password = credentials("mine").password;
    let bytes = check(b"mine:theirs", password.as_bytes(), &[(0x8029, vec![0; 8])]);
    assert_eq!(bench.take(1, &bytes), Checked::default());
    let (_, answer) = bench.out.iter().next().unwrap();
    let answer = Message::read(answer).unwrap();
    assert_eq!(answer.kind(), Kind::Error);
    assert!(answer.is_authentic(password.as_bytes()));
    assert_eq!(bench.port(), None);
}

#[test]
fn an_answer_comes_from_the_address_that_was_asked() {
    let mut bench = Bench::new();
    bench.check(1, true);
    let other = Path {
        local: Some(IpAddr::from([198, 51, 100, 7])),
        socket: 1,
        ..path(1)
    };
    let bytes = nomination(b"mine:theirs", credentials("mine").password.as_bytes());
    let authentic = bench.agent.authenticate(Message::read(&bytes).unwrap());
    let authentic = authentic.unwrap();
    bench.out.clear();
    let now = bench.now;
    bench
        .agent
        .check(now, other, authentic, bytes.len(), &mut bench.out);
    assert!(bench.out.iter().all(|(path, _)| path == other));
    assert_eq!(bench.agent.path(), Some(other));
}
