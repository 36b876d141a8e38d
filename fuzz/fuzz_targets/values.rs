//! Values and their acknowledgements: what a reader sends to who has values, and what a server sends to
//! who reads them.

#![no_main]

use std::time::{Duration, Instant};
use tickwire_values::{Receiver, Sender, Topic, Wanted};
use tickwire_wire::control::ToServer;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let mut now = Instant::now();
    let topic = Topic::latest(8);
    let mut sender = Sender::new(now, 4, 100);
    let mut receiver = Receiver::new();
    for id in 0..2 {
        let _ = sender.subscribe(id, topic.clone(), Wanted::default());
        receiver.subscribe(id);
    }
    let mut rest = bytes;
    while let [kind, length, after @ ..] = rest {
        let (message, after) = after.split_at(after.len().min(usize::from(*length)));
        rest = after;
        now += Duration::from_millis(u64::from(*length));
        match kind % 4 {
            0 => drop(sender.acknowledge(now, message)),
            1 => drop(receiver.handle(now, message)),
            2 => drop(ToServer::parse(&String::from_utf8_lossy(message))),
            _ => drop(topic.put(now, &String::from_utf8_lossy(message), message.to_vec())),
        }
        sender.handle_timeout(now);
        let mut packets = 0;
        while let Some(packet) = sender.poll(now) {
            // What our own sender makes can be read, whatever it was told.
            let mut other = Receiver::new();
            other.subscribe(0);
            assert!(other.handle(now, &packet).is_ok());
            packets += 1;
            assert!(packets < 100);
        }
        while sender.poll_complete().is_some() {}
        if let Some(acknowledgement) = receiver.poll_acknowledgement(now) {
            assert!(acknowledgement.len() < 1_100);
        }
    }
});
