use super::*;
use proptest::prelude::*;
use std::collections::BTreeMap;

const NEWEST: TopicId = 1;
const LOG: TopicId = 2;

fn outbox() -> Outbox {
    let mut outbox = Outbox::default();
    outbox.open_newest(NEWEST, 100);
    outbox.open_log(LOG);
    outbox
}

fn text(value: Option<&Value>) -> Option<String> {
    Some(String::from_utf8(value?.bytes.to_vec()).unwrap())
}

fn drain(outbox: &mut Outbox, now: Instant) -> Vec<Outgoing> {
    std::iter::from_fn(|| outbox.poll(now)).collect()
}

#[test]
fn of_what_is_put_while_a_value_is_under_way_the_newest_follows_it() {
    let (mut outbox, now) = (outbox(), Instant::now());
    outbox.put(NEWEST, "a", Some("1".into()), now).unwrap();
    let first = drain(&mut outbox, now);
    assert_eq!(first.len(), 1);
    for value in ["2", "3"] {
        outbox.put(NEWEST, "a", Some(value.into()), now).unwrap();
    }
    let number = outbox.last_number();
    assert_eq!(drain(&mut outbox, now), []);
    outbox.acknowledge(first[0].token, Reply::Stored(10));
    assert!(!outbox.is_stored(NEWEST, number) && outbox.own(NEWEST).is_empty());
    let second = drain(&mut outbox, now);
    assert_eq!(text(second[0].value.as_ref()).as_deref(), Some("3"));
    outbox.acknowledge(second[0].token, Reply::Stored(11));
    assert!(outbox.is_stored(NEWEST, number));
    assert_eq!(outbox.own(NEWEST), [("a".to_owned(), "3".into(), 11)]);
    // What another has put since is the newest.
    outbox.heard(NEWEST, "a", 12);
    assert!(outbox.is_unused(NEWEST));
}

#[test]
fn a_removal_leaves_nothing_behind_once_it_is_stored() {
    let (mut outbox, now) = (outbox(), Instant::now());
    for value in [Some("1".into()), None] {
        outbox.put(NEWEST, "a", value, now).unwrap();
        let sent = drain(&mut outbox, now);
        outbox.acknowledge(sent[0].token, Reply::Stored(10));
    }
    assert!(outbox.is_unused(NEWEST));
}

#[test]
fn what_is_refilled_gives_way_to_what_is_put() {
    let (mut outbox, now) = (outbox(), Instant::now());
    let refill = Refill {
        version: 5,
        expected: 0,
    };
    outbox.refill(NEWEST, "a", "old".into(), refill);
    outbox.refill(NEWEST, "b", "old".into(), refill);
    outbox.put(NEWEST, "a", Some("new".into()), now).unwrap();
    let sent = drain(&mut outbox, now);
    let sent: Vec<_> = sent
        .iter()
        .map(|it| (&*it.key, text(it.value.as_ref()).unwrap(), it.refill))
        .collect();
    assert_eq!(
        sent,
        [("a", "new".into(), None), ("b", "old".into(), Some(refill))]
    );
    outbox.lose();
    assert_eq!(drain(&mut outbox, now).len(), 2);
    // Another has been quicker.
    let token = outbox.last_token;
    outbox.acknowledge(token, Reply::Outdated);
    assert_eq!(outbox.pending(), 1);
}

#[test]
fn what_waits_is_bounded() {
    let (mut outbox, now) = (outbox(), Instant::now());
    for key in 0..100 {
        outbox
            .put(NEWEST, &key.to_string(), Some("x".into()), now)
            .unwrap();
    }
    let full = outbox.put(NEWEST, "more", Some("x".into()), now);
    assert_eq!(full, Err(NoRoom));
    for (version, sent) in (1..).zip(drain(&mut outbox, now)) {
        outbox.acknowledge(sent.token, Reply::Stored(version));
    }
    outbox.put(NEWEST, "more", Some("x".into()), now).unwrap();
    assert_eq!(outbox.own(NEWEST).len(), 99);
    for _ in 0..MAX_ENTRIES {
        outbox.put(LOG, "k", Some("x".into()), now).unwrap();
    }
    assert_eq!(outbox.put(LOG, "k", Some("x".into()), now), Err(NoRoom));
    assert_eq!(drain(&mut outbox, now).len(), WINDOW);
}

#[derive(Clone, Debug)]
enum Step {
    Put(u8, bool),
    Add,
    /// So many of what is under way come to the server.
    Arrive(u8),
    /// So many of what it says come back.
    Reply(u8),
    /// The link breaks: what is under way, either way, is lost.
    Break,
    /// The server is there and has no stream.
    Busy,
    Wait,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0..5_u8, prop::bool::weighted(0.8)).prop_map(|(key, is_put)| Step::Put(key, is_put)),
        3 => Just(Step::Add),
        4 => (1..8_u8).prop_map(Step::Arrive),
        4 => (1..8_u8).prop_map(Step::Reply),
        1 => Just(Step::Break),
        1 => Just(Step::Busy),
        1 => Just(Step::Wait),
    ]
}

/// What keeps topics, on the other side.
#[derive(Default)]
struct Server {
    sequence: u64,
    values: BTreeMap<String, Option<String>>,
    log: Vec<(u64, String)>,
}

impl Server {
    fn take(&mut self, it: &Outgoing) -> Reply {
        if let Some(entry) = it.entry {
            if !self.log.iter().any(|(known, _)| *known == entry) {
                self.log.push((entry, text(it.value.as_ref()).unwrap()));
            }
        } else {
            self.values.insert(it.key.clone(), text(it.value.as_ref()));
        }
        self.sequence += 1;
        Reply::Stored(self.sequence)
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// Whatever is lost, the server comes to have the newest of each key, and all entries in their order,
    /// once each; and what is said to be stored is.
    #[test]
    fn all_comes_to_the_server(steps in prop::collection::vec(step(), 0..80)) {
        let mut now = Instant::now();
        let (mut outbox, mut server) = (outbox(), Server::default());
        let (mut flying, mut replies) = (VecDeque::new(), VecDeque::new());
        let mut newest = BTreeMap::<String, (u64, Option<String>)>::new();
        let mut entries = Vec::new();
        let mut count = 0_u64;
        for step in steps.into_iter().map(Some).chain([None]) {
            flying.extend(drain(&mut outbox, now));
            match step {
                Some(Step::Put(key, is_put)) => {
                    count += 1;
                    let (key, value) = (format!("k{key}"), is_put.then(|| count.to_string()));
                    let put = value.clone().map(Value::from);
                    let number = outbox.put(NEWEST, &key, put, now).unwrap();
                    newest.insert(key, (number, value));
                }
                Some(Step::Add) => {
                    count += 1;
                    outbox.put(LOG, "k", Some(count.to_string().into()), now).unwrap();
                    entries.push(count.to_string());
                }
                Some(Step::Arrive(most)) => for _ in 0..most {
                    let Some(it) = flying.pop_front() else { break };
                    replies.push_back((it.token, server.take(&it)));
                },
                // The stream is away, and what is under way comes to know of that before it is back.
                Some(Step::Busy) => {
                    for it in flying.drain(..) {
                        replies.push_back((it.token, Reply::Busy));
                    }
                    for (token, reply) in replies.drain(..) {
                        outbox.acknowledge(token, reply);
                    }
                }
                Some(Step::Reply(most)) => for _ in 0..most {
                    let Some((token, reply)) = replies.pop_front() else { break };
                    outbox.acknowledge(token, reply);
                },
                Some(Step::Break) => {
                    flying.clear();
                    replies.clear();
                    outbox.lose();
                }
                Some(Step::Wait) => {
                    now += TIMEOUT;
                    if flying.is_empty() {
                        outbox.handle_timeout(now);
                    }
                }
                None => {
                    for _ in 0..10 {
                        for it in flying.drain(..) {
                            replies.push_back((it.token, server.take(&it)));
                        }
                        for (token, reply) in replies.drain(..) {
                            outbox.acknowledge(token, reply);
                        }
                        flying.extend(drain(&mut outbox, now));
                    }
                }
            }
            for (key, (number, value)) in &newest {
                if outbox.is_stored(NEWEST, *number) {
                    let stored = server.values.get(key).cloned().flatten();
                    prop_assert_eq!(value, &stored);
                }
            }
        }
        prop_assert_eq!(outbox.pending(), 0);
        prop_assert_eq!(outbox.poll_timeout(), None);
        let newest: BTreeMap<_, _> = newest.into_iter().map(|(key, (_, value))| (key, value)).collect();
        prop_assert_eq!(newest, server.values);
        let log: Vec<_> = server.log.into_iter().map(|(_, text)| text).collect();
        prop_assert_eq!(entries, log);
    }
}
