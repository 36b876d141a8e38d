use super::*;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

/// RFC 9000 appendix A.1.
#[test]
fn the_rfcs_numbers_are_read_and_written() {
    for (number, bytes) in [
        (
            151_288_809_941_952_652,
            &[0xc2, 0x19, 0x7c, 0x5e, 0xff, 0x14, 0xe8, 0x8c][..],
        ),
        (494_878_333, &[0x9d, 0x7f, 0x3e, 0x7d]),
        (15_293, &[0x7b, 0xbd]),
        (37, &[0x25]),
    ] {
        assert_eq!(Reader::new(bytes).number(), Ok(number));
        let mut writer = Writer::new(8);
        writer.number(number);
        assert_eq!(writer.finish(), bytes);
    }
    // A longer form than is needed is read all the same.
    assert_eq!(Reader::new(&[0x40, 0x25]).number(), Ok(37));
}

#[test]
fn what_is_cut_short_or_cannot_be_is_refused_in_words() {
    let kind = FrameError::Kind {
        expected: 0,
        found: Some(9),
    };
    assert_eq!(
        kind.to_string(),
        "expected a message that begins with 0, but found Some(9)"
    );
    assert_eq!(Packet::read(&[9]), Err(kind));
    assert_eq!(Packet::read(&[0]), Err(FrameError::Short));
    assert_eq!(Packet::read(&[0, 1, 32]), Err(FrameError::Flags(32)));
    // A key that is not UTF-8.
    assert_eq!(
        Packet::read(&[0, 1, 2, 0, 0, 1, 0xff]),
        Err(FrameError::Text)
    );
    // Packets 3 to -1, and below 0.
    assert_eq!(
        Acknowledgement::read(&[1, 3, 0, 4]),
        Err(FrameError::Ranges)
    );
    assert_eq!(
        Acknowledgement::read(&[1, 3, 0, 1, 1, 0]),
        Err(FrameError::Ranges)
    );
    let many = [&[1, 63, 0, 0][..], &[0, 0].repeat(MAX_RANGES)].concat();
    assert_eq!(Acknowledgement::read(&many), Err(FrameError::Ranges));
}

fn numbers() -> impl Strategy<Value = u64> {
    prop_oneof![0..100_u64, 0..100_000_u64, 0..=MAX_NUMBER]
}

type Owned = (
    u64,
    u64,
    Option<String>,
    u64,
    u64,
    [bool; 2],
    [String; 2],
    Option<Vec<u8>>,
);

fn abouts() -> impl Strategy<Value = [String; 2]> {
    prop_oneof![
        Just([String::new(), String::new()]),
        ["[a-z/]{0,20}", "[0-9a-f]{0,16}"]
    ]
}

fn entries() -> impl Strategy<Value = Vec<Owned>> {
    let entry = (
        numbers(),
        numbers(),
        option::of("[a-zß∂/]{0,20}"),
        numbers(),
        numbers(),
        any::<[bool; 2]>(),
        abouts(),
        option::of(vec(any::<u8>(), 0..200)),
    );
    vec(entry, 0..20)
}

proptest! {
    #[test]
    fn a_packet_is_read_as_it_was_written(number in numbers(), entries in entries()) {
        let entries: Vec<Entry> = entries
            .iter()
            .map(|(subscription, alias, name, version, age, [is_snapshot, is_event], [content_type, by], value)| Entry {
                subscription: *subscription,
                alias: *alias,
                name: name.as_deref(),
                version: *version,
                age: *age,
                is_snapshot: *is_snapshot,
                is_event: *is_event,
                about: About { content_type, by },
                value: value.as_deref(),
            })
            .collect();
        let mut writer = Packet::begin(number, 0);
        for entry in &entries {
            let before = writer.len();
            entry.write(&mut writer);
            prop_assert_eq!(writer.len() - before, entry.size());
        }
        let message = writer.finish();
        prop_assert_eq!(Packet::read(&message), Ok(Packet { number, entries }));
        for end in 1..message.len() {
            // What is cut off is never taken for something else.
            let _ = Packet::read(&message[..end]);
        }
    }

    #[test]
    fn a_publication_is_read_as_it_was_written(
        number in numbers(),
        entries in vec((".{0,20}", ".{0,20}", option::of(vec(any::<u8>(), 0..40))), 0..6),
    ) {
        let mut writer = Publication::begin(number, 0);
        let entries: Vec<_> = entries
            .iter()
            .map(|(topic, key, value)| Published { topic, key, value: value.as_deref() })
            .collect();
        let before = writer.len();
        let most: usize = entries.iter().map(Published::written_len).sum();
        entries.iter().for_each(|entry| entry.write(&mut writer));
        prop_assert!(writer.len() - before <= most);
        let message = writer.finish();
        prop_assert_eq!(Publication::read(&message), Ok(Publication { number, entries }));
    }

    #[test]
    fn a_logs_entry_is_read_as_it_was_written(
        subscription in numbers(),
        position in numbers(),
        age in numbers(),
        key in "[a-zß∂/]{0,20}",
        [content_type, by] in abouts(),
        value in vec(any::<u8>(), 0..200),
    ) {
        let about = About { content_type: &content_type, by: &by };
        let entry = LogEntry { subscription, position, age, key: &key, about, value: &value };
        let message = entry.write();
        prop_assert_eq!(LogEntry::read(&message), Ok(entry));
        for end in 0..message.len() - value.len() {
            prop_assert!(LogEntry::read(&message[..end]).is_err());
        }
    }

    #[test]
    fn an_acknowledgement_is_read_as_it_was_written(
        held in numbers(),
        first in 0..1_000_000_u64,
        steps in vec((0..50_u64, 2..50_u64), 1..=MAX_RANGES),
    ) {
        let mut ranges = Vec::new();
        let mut next = first;
        for (length, gap) in steps {
            ranges.push((next, next + length));
            next += length + gap;
        }
        ranges.reverse();
        let acknowledgement = Acknowledgement { held, ranges };
        prop_assert_eq!(Acknowledgement::read(&acknowledgement.write()), Ok(acknowledgement));
    }

    #[test]
    fn garbage_is_an_error_and_nothing_worse(mut message in vec(any::<u8>(), 0..300), kind in 0..4_u8) {
        if let Some(first) = message.first_mut() {
            *first = kind;
        }
        if let Ok(packet) = Packet::read(&message) {
            // Each entry takes more than nothing, so there are no more of them than bytes.
            prop_assert!(packet.entries.len() <= message.len());
        }
        let _ = LogEntry::read(&message);
        if let Ok(acknowledgement) = Acknowledgement::read(&message) {
            for pair in acknowledgement.ranges.windows(2) {
                prop_assert!(pair[0].0 > pair[1].1 + 1);
            }
        }
    }
}

/// The JavaScript client is tested with the same file.
#[test]
fn the_vectors_are_read_and_written() {
    let vectors = include_str!("../../vectors/values.json");
    let vectors: serde_json::Value = serde_json::from_str(vectors).unwrap();
    let bytes = |hex: &serde_json::Value| -> Vec<u8> {
        let hex = hex.as_str().unwrap();
        let byte = |at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
        (0..hex.len()).step_by(2).map(byte).collect()
    };
    let about = |expected: &serde_json::Value, found: About<'_>| {
        let text = |name: &str| expected[name].as_str().unwrap_or_default();
        assert_eq!(
            (text("contentType"), text("by")),
            (found.content_type, found.by)
        );
    };
    for vector in vectors["packets"].as_array().unwrap() {
        let message = bytes(&vector["hex"]);
        let (packet, expected) = (Packet::read(&message).unwrap(), &vector["packet"]);
        assert_eq!(expected["number"], packet.number);
        let entries = expected["entries"].as_array().unwrap();
        assert_eq!(entries.len(), packet.entries.len());
        for (entry, expected) in packet.entries.iter().zip(entries) {
            assert_eq!(expected["subscription"], entry.subscription);
            assert_eq!(expected["alias"], entry.alias);
            assert_eq!(expected["name"].as_str(), entry.name);
            assert_eq!(expected["version"], entry.version);
            assert_eq!(expected["age"], entry.age);
            assert_eq!(expected["isSnapshot"], entry.is_snapshot);
            assert_eq!(expected["isEvent"], entry.is_event);
            about(expected, entry.about);
            let value = &expected["value"];
            assert_eq!(
                (!value.is_null()).then(|| bytes(value)).as_deref(),
                entry.value
            );
        }
        let mut writer = Packet::begin(packet.number, 0);
        packet
            .entries
            .iter()
            .for_each(|entry| entry.write(&mut writer));
        assert_eq!(writer.finish(), message);
    }
    for vector in vectors["acknowledgements"].as_array().unwrap() {
        let message = bytes(&vector["hex"]);
        let acknowledgement = Acknowledgement::read(&message).unwrap();
        let expected = &vector["acknowledgement"];
        assert_eq!(expected["held"], acknowledgement.held);
        let ranges = serde_json::to_value(&acknowledgement.ranges).unwrap();
        assert_eq!(expected["ranges"], ranges);
        assert_eq!(acknowledgement.write(), message);
    }
    for vector in vectors["logEntries"].as_array().unwrap() {
        let (message, expected) = (bytes(&vector["hex"]), &vector["entry"]);
        let entry = LogEntry::read(&message).unwrap();
        assert_eq!(expected["subscription"], entry.subscription);
        assert_eq!(expected["position"], entry.position);
        assert_eq!(expected["age"], entry.age);
        assert_eq!(expected["key"], entry.key);
        about(expected, entry.about);
        assert_eq!(bytes(&expected["value"]), entry.value);
        assert_eq!(entry.write(), message);
    }
    for vector in vectors["publications"].as_array().unwrap() {
        let (message, expected) = (bytes(&vector["hex"]), &vector["publication"]);
        let publication = Publication::read(&message).unwrap();
        assert_eq!(expected["number"], publication.number);
        let entries = expected["entries"].as_array().unwrap();
        assert_eq!(entries.len(), publication.entries.len());
        let mut writer = Publication::begin(publication.number, 0);
        for (entry, expected) in publication.entries.iter().zip(entries) {
            assert_eq!(expected["topic"], entry.topic);
            assert_eq!(expected["key"], entry.key);
            let value = &expected["value"];
            let value = (!value.is_null()).then(|| bytes(value));
            assert_eq!(value.as_deref(), entry.value);
            entry.write(&mut writer);
        }
        assert_eq!(writer.finish(), message);
    }
    for bad in vectors["bad"].as_array().unwrap() {
        assert!(Packet::read(&bytes(bad)).is_err(), "{bad}");
    }
}
