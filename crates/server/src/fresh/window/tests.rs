//! The window on a simulated path: a link of some rate and delay, and a receiver that
//! acknowledges each second packet, or after 200 ms (RFC 9260 section 6.2).

use super::*;
use std::collections::VecDeque;

const MESSAGE: usize = 20;
const DELAYED_ACK: f64 = 0.2;
/// The steps of the simulation, in seconds.
const STEP: f64 = 0.0005;

#[derive(Clone, Copy)]
struct Path {
    /// Bytes a second, each way.
    rate: f64,
    /// One way, in seconds.
    delay: f64,
    /// Of how many packets one is lost; 0 for none.
    loses_one_in: u64,
}

/// Messages on their way together.
#[derive(Clone, Copy)]
struct Packet {
    at: f64,
    messages: usize,
    is_lost: bool,
}

/// What came of a sender that always has a newer value of each key.
#[derive(Debug)]
struct Outcome {
    /// How many messages left in each second.
    sent: Vec<usize>,
    /// How much of the link's rate was used.
    used: f64,
    /// How long packets waited for the link, in seconds: the mean, and of 95 in 100.
    waited: f64,
    waited_p95: f64,
}

struct Simulation {
    origin: Instant,
    time: f64,
    window: Window,
    sent: VecDeque<Sent>,
    arriving: VecDeque<Packet>,
    /// How often acknowledgements have told of each lost packet.
    missing: Vec<(usize, Packet)>,
    /// How many packets, and messages in them, the receiver has not acknowledged yet, and since
    /// when.
    received: Option<(usize, usize, f64)>,
    acknowledging: VecDeque<(f64, usize)>,
    link_is_free: f64,
    random: u64,
}

impl Simulation {
    fn new() -> Self {
        let origin = Instant::now();
        Self {
            origin,
            time: 0.0,
            window: Window::new(origin),
            sent: VecDeque::new(),
            arriving: VecDeque::new(),
            missing: Vec::new(),
            received: None,
            acknowledging: VecDeque::new(),
            link_is_free: 0.0,
            random: 1,
        }
    }

    /// Goes on for so many seconds, with so many keys, and watches the second half.
    fn run(&mut self, path: Path, keys: usize, seconds: f64) -> Outcome {
        let begin = self.time;
        let mut sent = vec![0; seconds as usize + 1];
        let (mut waits, mut busy) = (Vec::new(), 0.0);
        while self.time < begin + seconds {
            self.receive();
            self.acknowledge(path);
            let messages = self.send(keys);
            sent[(self.time - begin) as usize] += messages;
            // SCTP puts into a packet what leaves at once.
            let full = (MAX_PACKET - MESSAGE) / (MESSAGE + CHUNK) + 1;
            for first in (0..messages).step_by(full) {
                let (waited, takes) = self.carry(path, full.min(messages - first));
                if self.time > begin + seconds / 2.0 {
                    waits.push(waited);
                    busy += takes;
                }
            }
            self.time += STEP;
        }
        waits.sort_by(f64::total_cmp);
        sent.truncate(seconds as usize);
        Outcome {
            sent,
            used: busy / (seconds / 2.0),
            waited: waits.iter().sum::<f64>() / waits.len() as f64,
            waited_p95: waits[waits.len() * 95 / 100],
        }
    }

    /// Goes on for so many seconds with a new value each `every` seconds. Returns for how long one
    /// was held up at most.
    fn run_slowly(&mut self, path: Path, every: f64, seconds: f64) -> f64 {
        let (end, mut due) = (self.time + seconds, self.time);
        let (mut waiting, mut held_up) = (None, 0.0_f64);
        while self.time < end {
            self.receive();
            self.acknowledge(path);
            if self.time >= due {
                waiting.get_or_insert(due);
                due += every;
            }
            if let Some(since) = waiting
                && self.send(1) == 1
            {
                held_up = held_up.max(self.time - since);
                waiting = None;
                self.carry(path, 1);
            }
            self.time += STEP;
        }
        held_up
    }

    /// A packet of so many messages takes the path. Returns for how long it waits for the link and
    /// how long it takes, in seconds.
    fn carry(&mut self, path: Path, messages: usize) -> (f64, f64) {
        let bytes = PACKET + messages * (MESSAGE + CHUNK);
        let takes = bytes as f64 / path.rate;
        let starts = self.link_is_free.max(self.time);
        self.link_is_free = starts + takes;
        let is_lost = self.loses(path.loses_one_in);
        self.arriving.push_back(Packet {
            at: self.link_is_free + path.delay,
            messages,
            is_lost,
        });
        (starts - self.time, takes)
    }

    fn loses(&mut self, one_in: u64) -> bool {
        self.random = self
            .random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        one_in > 0 && (self.random >> 33).is_multiple_of(one_in)
    }

    fn receive(&mut self) {
        while let Some(&packet) = self.arriving.front()
            && packet.at <= self.time
        {
            self.arriving.pop_front();
            if packet.is_lost {
                self.missing.push((0, packet));
                continue;
            }
            let (packets, messages, since) = self.received.unwrap_or((0, 0, self.time));
            self.received = Some((packets + 1, messages + packet.messages, since));
            for (reports, _) in &mut self.missing {
                *reports += 1;
            }
        }
    }

    fn acknowledge(&mut self, path: Path) {
        // A lost packet is given up after three that arrived, or after a second.
        let time = self.time;
        let mut given_up = 0;
        self.missing.retain(|(reports, packet)| {
            let is_kept = *reports < 3 && time - packet.at < 1.0;
            given_up += if is_kept { 0 } else { packet.messages };
            is_kept
        });
        if given_up > 0 {
            let (packets, messages, since) = self.received.unwrap_or((0, 0, time));
            self.received = Some((packets + 1, messages + given_up, since));
        }
        // A receiver that misses one acknowledges each (RFC 9260 section 6.2).
        if let Some((packets, messages, since)) = self.received
            && (packets >= 2 || !self.missing.is_empty() || time - since >= DELAYED_ACK)
        {
            let bytes = PACKET + CHUNK;
            let at = time + path.delay + bytes as f64 / path.rate;
            self.acknowledging.push_back((at, messages));
            self.received = None;
        }
        while let Some(&(at, messages)) = self.acknowledging.front()
            && at <= time
        {
            self.acknowledging.pop_front();
            let released: Vec<Sent> = self.sent.drain(..messages).collect();
            for message in &released {
                self.window.release(*message);
            }
            let now = self.now();
            let cost = released.iter().map(|message| message.cost).sum();
            let (oldest, newest) = (released[0], *released.last().unwrap());
            self.window.released(now, oldest, newest, cost);
        }
    }

    /// Sends what the window lets out, as the gate does.
    fn send(&mut self, keys: usize) -> usize {
        let now = self.now();
        for count in 0..keys {
            if !self.window.has_room(now, MESSAGE) {
                if now < self.window.probe_at() {
                    return count;
                }
                self.window.probed();
            }
            self.sent.push_back(self.window.send(now, MESSAGE));
        }
        keys
    }

    fn now(&self) -> Instant {
        self.origin + Duration::from_secs_f64(self.time)
    }
}

fn path(kilobits: f64, delay: f64, loses_one_in: u64) -> Path {
    Path {
        rate: kilobits * 125.0,
        delay,
        loses_one_in,
    }
}

/// How long a packet of one message takes.
fn transmission(path: Path) -> f64 {
    (PACKET + CHUNK + MESSAGE) as f64 / path.rate
}

#[test]
fn on_a_narrow_link_little_waits_and_little_is_left_unused() {
    for (kilobits, delay) in [(32.0, 0.1), (64.0, 0.025), (64.0, 0.1), (256.0, 0.025)] {
        let path = path(kilobits, delay, 0);
        let outcome = Simulation::new().run(path, 1, 60.0);
        let wait = transmission(path).max(0.01);
        let note = format!("{kilobits} kbit/s, {delay} s: {outcome:?}");
        assert!(outcome.used > 0.92, "{note}");
        assert!(outcome.waited < 0.35 * wait, "{note}");
        assert!(outcome.waited_p95 < wait, "{note}");
    }
}

/// Where a queue is there from the beginning, the shortest round trip is longer than the path.
#[test]
fn a_queue_that_was_always_there_is_found() {
    let path = path(64.0, 0.025, 0);
    let mut simulation = Simulation::new();
    simulation.link_is_free = 0.05;
    let outcome = simulation.run(path, 1, 20.0);
    assert!(outcome.waited < 0.005, "{outcome:?}");
}

/// What else is sent now and then makes a queue that does not grow. The path has not become
/// narrower by that.
#[test]
fn a_queue_of_others_is_waited_out_and_not_made_up_for() {
    let mut simulation = Simulation::new();
    let path = path(64.0, 0.025, 0);
    simulation.run(path, 1, 10.0);
    for _ in 0..10 {
        simulation.link_is_free += 3.0 * transmission(path);
        let outcome = simulation.run(path, 1, 2.0);
        assert!(outcome.used > 0.85, "{outcome:?}");
        assert!(outcome.waited < 0.5 * transmission(path), "{outcome:?}");
    }
}

/// What is known to leave beside makes no queue at all: the next message waits for it.
#[test]
fn what_leaves_beside_is_waited_for() {
    let mut simulation = Simulation::new();
    let path = path(64.0, 0.025, 0);
    simulation.run(path, 1, 10.0);
    let mut waited = 0.0;
    for _ in 0..20 {
        let bytes = 250;
        simulation.link_is_free = simulation.link_is_free.max(simulation.time);
        simulation.link_is_free += bytes as f64 / path.rate;
        let now = simulation.now();
        simulation.window.beside(now, bytes);
        waited += simulation.run(path, 1, 0.5).waited / 20.0;
    }
    assert!(waited < 0.003, "{waited} s");
}

#[test]
fn whatever_leaves_beside_messages_go_on() {
    let mut window = Window::new(Instant::now());
    let now = Instant::now();
    for _ in 0..10_000 {
        window.beside(now, 1_000);
    }
    assert!(window.has_room(now + 2 * MAX_BESIDE, MESSAGE));
}

#[test]
fn on_a_wide_link_throughput_is_let_through() {
    for (megabits, delay) in [(1.0, 0.025), (10.0, 0.005), (10.0, 0.025), (50.0, 0.025)] {
        let path = path(megabits * 1_000.0, delay, 0);
        let outcome = Simulation::new().run(path, 1_000, 20.0);
        let note = format!("{megabits} Mbit/s, {delay} s: {outcome:?}");
        assert!(outcome.used > 0.85, "{note}");
        assert!(outcome.waited < 0.02, "{note}");
    }
}

#[test]
fn losses_are_not_taken_for_a_queue() {
    for (kilobits, keys) in [(64.0, 1), (1_000.0, 1), (1_000.0, 100), (10_000.0, 100)] {
        let path = path(kilobits, 0.025, 20);
        let outcome = Simulation::new().run(path, keys, 60.0);
        let note = format!("{kilobits} kbit/s, {keys} keys: {outcome:?}");
        assert!(outcome.used > 0.6, "{note}");
        assert!(outcome.waited < transmission(path).max(0.04), "{note}");
    }
}

/// What leaves at once is one packet, which a receiver acknowledges only after its delay. A
/// window that cannot tell that from a round trip stays at one packet.
#[test]
fn it_opens_at_once_though_few_messages_are_one_packet() {
    let outcome = Simulation::new().run(path(1_000.0, 0.025, 0), 100, 10.0);
    assert!(outcome.sent[0] > 300, "{outcome:?}");
    for sent in &outcome.sent[1..] {
        assert!(*sent > 1_000, "{outcome:?}");
    }
}

#[test]
fn it_opens_again_after_the_path_was_gone() {
    let mut simulation = Simulation::new();
    let there = path(1_000.0, 0.025, 0);
    simulation.run(there, 100, 10.0);
    simulation.run(path(1_000.0, 0.025, 1), 100, 5.0);
    let outcome = simulation.run(there, 100, 10.0);
    for sent in &outcome.sent[3..] {
        assert!(*sent > 1_000, "{outcome:?}");
    }
}

#[test]
fn it_follows_a_path_that_changes() {
    let mut simulation = Simulation::new();
    simulation.run(path(1_000.0, 0.025, 0), 100, 10.0);
    let narrower = simulation.run(path(100.0, 0.025, 0), 100, 20.0);
    assert!(narrower.waited < 0.03, "{narrower:?}");
    assert!(narrower.used > 0.8, "{narrower:?}");
    let wider = simulation.run(path(1_000.0, 0.025, 0), 100, 20.0);
    assert!(wider.used > 0.85, "{wider:?}");
    let longer = simulation.run(path(1_000.0, 0.1, 0), 100, 20.0);
    assert!(longer.used > 0.7, "{longer:?}");
    let shorter = simulation.run(path(1_000.0, 0.01, 0), 100, 20.0);
    assert!(shorter.used > 0.8, "{shorter:?}");
    assert!(shorter.waited < 0.03, "{shorter:?}");
}

/// What was on its way while there was no path comes late or is given up, which says nothing of
/// the path that there is then.
#[test]
fn nothing_is_held_up_on_a_new_path() {
    for every in [0.05, 0.1, 0.25, 1.0] {
        let there = path(10_000.0, 0.0005, 0);
        let mut simulation = Simulation::new();
        simulation.run_slowly(there, every, 5.0);
        simulation.run_slowly(path(10_000.0, 0.0005, 1), every, 2.0);
        let now = simulation.now();
        simulation.window.begin_path(now);
        let held_up = simulation.run_slowly(there, every, 10.0);
        assert!(held_up < 0.02, "each {every} s: {held_up} s");
    }
}

/// On a connection of TCP: so many messages 10 ms apart, each heard of after 50 ms, and then none. Returns how many
/// more leave in the 200 ms in which nothing is heard.
fn leave_while_it_stands_still(is_stream: bool) -> usize {
    let start = Instant::now();
    let mut window = Window::new(start);
    window.set_stream(is_stream);
    let ms = |at| start + Duration::from_millis(at);
    let mut outstanding = VecDeque::new();
    let mut left = 0;
    for now in (0..2_200).step_by(5) {
        let is_still = now >= 2_000;
        while let Some(&(sent_at, sent)) = outstanding.front()
            && sent_at + 50 <= now
            && !is_still
        {
            outstanding.pop_front();
            window.release(sent);
            window.released(ms(now), sent, sent, sent.cost);
        }
        if now % 10 == 0 && window.has_room(ms(now), MESSAGE) {
            outstanding.push_back((now, window.send(ms(now), MESSAGE)));
            left += usize::from(is_still);
        }
    }
    left
}

#[test]
fn what_is_new_leaves_though_a_stream_stands_still() {
    let (stream, datagrams) = (
        leave_while_it_stands_still(true),
        leave_while_it_stands_still(false),
    );
    // The window alone has room for a few; the rest would be told of as late as the path goes on.
    assert!(stream >= 18 && datagrams < 15, "{stream} {datagrams}");
}
