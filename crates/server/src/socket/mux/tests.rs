//! Any order of what a client and the feeds may do.

use super::*;
use proptest::prelude::*;

const LIMITS: Limits = Limits {
    channels: 6,
    unread: 1_000,
    refusals: 1_000_000,
    has_topics: true,
};
const ROOM: usize = 300;

#[derive(Clone, Debug)]
enum Step {
    /// The client opens a channel of this number.
    Open(u16),
    ClientSends(u16, usize),
    ClientCloses(u16),
    /// So many of those that have left, or more than there are.
    Received(u64),
    Garbage(Vec<u8>),
    Sends(u16, usize),
    SendsValues(usize),
    Takes(u16),
    Closes(u16),
    Leaves,
}

fn step() -> impl Strategy<Value = Step> {
    let id = || 0_u16..10;
    let size = || 0_usize..400;
    prop_oneof![
        (2_u16..20).prop_map(Step::Open),
        (id(), size()).prop_map(|(id, size)| Step::ClientSends(id, size)),
        id().prop_map(Step::ClientCloses),
        (0_u64..30).prop_map(Step::Received),
        prop::collection::vec(any::<u8>(), 0..12).prop_map(Step::Garbage),
        (id(), size()).prop_map(|(id, size)| Step::Sends(id, size)),
        size().prop_map(Step::SendsValues),
        id().prop_map(Step::Takes),
        id().prop_map(Step::Closes),
        Just(Step::Leaves),
    ]
}

/// What is counted agrees with what is there.
fn holds(mux: &Mux) {
    let unread = mux.channels.values().flat_map(|side| &side.inbox);
    let unread: usize = unread.map(|it| it.data.len() + MESSAGE).sum();
    assert_eq!(mux.unread, unread);
    let on_its_way: usize = mux.on_its_way.iter().map(|it| it.bytes).sum();
    assert_eq!(mux.on_its_way_bytes, on_its_way);
    let values: usize = mux.values.iter().map(Bytes::len).sum();
    assert_eq!(mux.values_bytes, values);
    assert!(mux.channels.len() <= LIMITS.channels);
    for (id, side) in &mux.channels {
        let sent = mux.on_its_way.iter().map(|it| (it.id, it.bytes));
        let waiting = mux.waiting.iter().map(|it| (it.id, it.bytes));
        let of_id = sent.chain(waiting).filter(|(of, _)| of == id);
        let outstanding: usize = of_id.map(|(_, bytes)| bytes).sum();
        assert_eq!(side.outstanding, outstanding, "{id}");
        assert!(outstanding <= ROOM.max(400));
        assert_eq!(side.unread_since.is_some(), !side.inbox.is_empty());
    }
}

proptest! {
    #[test]
    fn counts_hold_and_messages_keep_their_order(steps in prop::collection::vec(step(), 0..200)) {
        let now = Instant::now();
        let mut mux = Mux::new(LIMITS);
        mux.begin();
        let mut number = 0_u8;
        // What was sent on each channel, and what of that has left.
        let mut sent: BTreeMap<u16, Vec<u8>> = BTreeMap::new();
        let mut left = sent.clone();
        for step in steps {
            match step {
                Step::Open(id) => {
                    let (label, protocol) = ("echo", "");
                    let frame = Frame::Open { id, label, protocol }.write();
                    let before = mux.channels.len();
                    let effects = mux.take(now, Incoming::Binary(&frame)).unwrap();
                    prop_assert_eq!(effects.len(), mux.channels.len() - before);
                }
                Step::ClientSends(id, size) => {
                    let bytes = vec![0; size];
                    mux.take(now, Incoming::Binary(&Frame::Binary(id, &bytes).write())).unwrap();
                }
                Step::ClientCloses(id) => {
                    mux.take(now, Incoming::Binary(&Frame::Close(id).write())).unwrap();
                    prop_assert!(mux.is_closed(id));
                }
                Step::Received(more) => {
                    let count = mux.received + more;
                    let may = more <= mux.on_its_way.len() as u64;
                    let before = mux.refusals;
                    mux.take(now, Incoming::Binary(&Frame::Received(count).write())).unwrap();
                    prop_assert_eq!(mux.refusals == before, may);
                }
                Step::Garbage(bytes) => {
                    mux.take(now, Incoming::Binary(&bytes)).unwrap();
                }
                Step::Sends(id, size) => {
                    number = number.wrapping_add(1);
                    let mut bytes = vec![0; size.max(1)];
                    // On `control`, an entry of a log.
                    bytes[0] = if id > VALUES_ID { number } else { 2 };
                    let is_closed = mux.is_closed(id);
                    let was_sent = mux.send(id, Kind::Binary, &bytes.into(), ROOM);
                    prop_assert_eq!(was_sent.is_none(), is_closed);
                    if was_sent == Some(true) && id > VALUES_ID {
                        sent.entry(id).or_default().push(number);
                    }
                }
                Step::SendsValues(size) => {
                    mux.send_values(&vec![0; size].into(), ROOM);
                }
                Step::Takes(id) => {
                    mux.recv(now, id);
                }
                Step::Closes(id) => {
                    mux.close(id);
                    prop_assert!(mux.is_closed(id));
                }
                Step::Leaves => {
                    let has_values = !mux.values.is_empty();
                    let leaves = mux.next(now);
                    if let Some(Outgoing::Binary(bytes)) = &leaves && !has_values
                        && let Ok(Frame::Binary(id, bytes)) = Frame::read(bytes)
                    {
                        left.entry(id).or_default().push(bytes[0]);
                    }
                }
            }
            holds(&mux);
        }
        // The rest leaves as it is received.
        for _ in 0..1_000 {
            while let Some(leaves) = mux.next(now) {
                if let Outgoing::Binary(bytes) = leaves
                    && let Ok(Frame::Binary(id, bytes)) = Frame::read(&bytes)
                {
                    left.entry(id).or_default().push(bytes[0]);
                }
            }
            let count = mux.received + mux.on_its_way.len() as u64;
            mux.take(now, Incoming::Binary(&Frame::Received(count).write())).unwrap();
        }
        holds(&mux);
        prop_assert_eq!(sent, left);
        prop_assert!(mux.channels.values().all(|side| side.outstanding == 0));
    }
}
