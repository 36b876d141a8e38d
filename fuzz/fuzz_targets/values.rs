//! Values and their acknowledgements: what a reader sends to who has values, and what a server sends to
//! who reads them.

#![no_main]

use std::time::{Duration, Instant};
use tickwire_values::{Limits, Policy, Published, Publisher, Receiver, Sender, ToSay, Topic, Wanted};
use tickwire_wire::control::{Position, ToServer};
use tickwire_wire::values::LogEntry;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let mut now = Instant::now();
    let policies = [
        Policy::Latest,
        Policy::Deadline(Duration::from_millis(100)),
        Policy::Log { epoch: 1 },
    ];
    let topics = policies.map(|policy| Topic::new(policy, Limits::new(8)));
    let mut sender = Sender::new(now, 4, 100);
    let mut receiver = Receiver::new();
    let (mut published, mut publisher) = (Published::default(), Publisher::new());
    for (id, topic) in (0..).zip(&topics) {
        let after = Some(Position { epoch: 1, position: 3 });
        let _ = sender.subscribe(id, topic.clone(), Wanted { after, ..Wanted::default() });
        receiver.subscribe(id);
    }
    let mut rest = bytes;
    while let [kind, length, after @ ..] = rest {
        let (message, after) = after.split_at(after.len().min(usize::from(*length)));
        rest = after;
        now += Duration::from_millis(u64::from(*length));
        let text = String::from_utf8_lossy(message);
        match kind % 8 {
            0 => drop(sender.acknowledge(now, message)),
            1 => drop(receiver.handle(now, message)),
            2 => drop(ToServer::parse(&text)),
            3 => drop(LogEntry::read(message)),
            4 => drop(publisher.acknowledge(now, message)),
            5 => {
                if let Ok((publication, _)) = published.handle(message) {
                    for entry in publication.entries {
                        match entry.value {
                            Some(value) => drop(publisher.put(entry.topic, entry.key, Some(value.to_vec()))),
                            None => drop(publisher.put(entry.topic, entry.key, None)),
                        }
                    }
                }
            }
            _ => {
                for topic in &topics {
                    let _ = topic.put(now, &text, message.to_vec());
                }
            }
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
        while let Some(said) = sender.poll_to_say(now) {
            if let ToSay::Entry(entry) = said {
                assert!(LogEntry::read(&entry).is_ok());
            }
        }
        if let Some(publication) = publisher.poll(now) {
            assert!(Published::default().handle(&publication).is_ok());
        }
        if let Some(acknowledgement) = receiver.poll_acknowledgement(now) {
            assert!(acknowledgement.len() < 1_100);
        }
    }
});
